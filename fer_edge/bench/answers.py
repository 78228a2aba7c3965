"""The file that keeps every answer as it comes, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from fer_edge import filenames
from fer_edge.errors import FerEdgeError
from fer_edge.files import atomic_write


@dataclass(frozen=True)
class Record:
    """The board's answer to one image.

    `image` counts from 0 in the order of the data; `seconds` is the host's clock since the reply before (requests
    overlap), and `retries` how many requests were sent again meanwhile.
    """

    FILE: ClassVar[str] = filenames.ANSWERS

    image: int
    name: str
    label: int
    predicted: int
    logits: tuple[int, ...]
    cycles: int
    microseconds: int
    seconds: float
    retries: int


@dataclass(frozen=True)
class Sight:
    """The board's answer to one image that its camera was shown.

    `pixels` is the picture the network was given, row by row in base64, and `expected` the simulator's logits of that.
    """

    FILE: ClassVar[str] = filenames.SIGHTS

    image: int
    name: str
    label: int
    predicted: int
    logits: tuple[int, ...]
    expected: tuple[int, ...]
    pixels: str


R = TypeVar("R", Record, Sight)


class AnswerFile(Generic[R]):
    """JSON lines: what the run is, then one record a line, in order.

    `run` says all that must be equal for answers to belong together; it goes into the name of the unfinished file, so
    another network, data selection or board never resumes this one's. `finish` renames it to the record's `FILE`.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any], kind: type[R]) -> None:
        heading = json.dumps(run, sort_keys=True).encode() + b"\n"
        self._heading = heading
        self._kind: type[R] = kind
        self.path = folder / f"{Path(kind.FILE).stem}-{hashlib.sha256(heading).hexdigest()[:12]}.unfinished.jsonl"
        self.records: list[R] = []
        self._open()
        self._read()

    def append(self, record: R) -> None:
        """Keep an answer; from here on it survives a kill of this process. OSError if it cannot be kept."""
        if not os.fstat(self._file.fileno()).st_nlink:  # the file has been removed, with its folder perhaps
            self.close()
            self._open()
            self._write(self._lines())
        self._write(_line(record))
        self.records.append(record)

    def finish(self) -> Path:
        """Close the file and give it its final name, which is returned."""
        path = self.path.with_name(self._kind.FILE)
        if os.fstat(self._file.fileno()).st_nlink:
            self.path.replace(path)
        else:
            atomic_write(path, self._lines())
        self.close()
        return path

    def kept(self) -> int:
        """How many answers the file holds, as it lies there now."""
        return max(self.path.read_bytes().count(b"\n") - 1, 0) if self.path.is_file() else 0

    def close(self) -> None:
        """Close the file, to be resumed later."""
        self._file.close()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise FerEdgeError(
                f"Another bench is writing to {self.path}.", "Let it end, or give another --output-dir."
            ) from error

    def _lines(self) -> bytes:
        return self._heading + b"".join(map(_line, self.records))

    def _write(self, data: bytes) -> None:
        """All of it; a full disk takes a part, and refuses the rest."""
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def _read(self) -> None:
        """Take the lines that are whole and in order, and cut off the rest: half a line may be left behind."""
        self._file.seek(0)
        kept = 0
        for line in self._file.readall().splitlines(keepends=True):
            if kept == 0 and line != self._heading:
                break
            if kept:
                record = self._record(line)
                if record is None or record.image != len(self.records):
                    break
                self.records.append(record)
            kept += len(line)
        self._file.truncate(kept)
        if kept == 0:
            self._write(self._heading)

    def _record(self, line: bytes) -> R | None:
        """A line as a record, or None if it is damaged."""
        try:
            fields: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in json.loads(line).items()}
            return self._kind(**fields) if line.endswith(b"\n") else None
        except (ValueError, TypeError, AttributeError):
            return None


def _line(record: Record | Sight) -> bytes:
    return json.dumps(asdict(record)).encode() + b"\n"
