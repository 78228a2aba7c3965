"""The file that keeps every answer as it comes, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fer_edge import filenames
from fer_edge.errors import FerEdgeError
from fer_edge.files import atomic_write


@dataclass(frozen=True)
class Record:
    """The board's answer to one image.

    `image` counts from 0 in the order of the data; `seconds` is the host's clock since the reply before (requests
    overlap), and `retries` how many requests were sent again meanwhile.
    """

    image: int
    name: str
    label: int
    predicted: int
    logits: tuple[int, ...]
    cycles: int
    microseconds: int
    seconds: float
    retries: int


class AnswerFile:
    """JSON lines: what the run is, then one `Record` a line, in order.

    `run` says all that must be equal for answers to belong together; it goes into the name of the unfinished file, so
    another network, data selection or board never resumes this one's. `finish` renames it to ``answers.jsonl``.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any]) -> None:
        heading = json.dumps(run, sort_keys=True).encode() + b"\n"
        self._heading = heading
        self.path = folder / f"answers-{hashlib.sha256(heading).hexdigest()[:12]}.unfinished.jsonl"
        self.records: list[Record] = []
        self._open()
        self._read()

    def append(self, record: Record) -> None:
        """Keep an answer; from here on it survives a kill of this process. OSError if it cannot be kept."""
        if not os.fstat(self._file.fileno()).st_nlink:  # the file has been removed, with its folder perhaps
            self.close()
            self._open()
            self._write(self._lines())
        self._write(_line(record))
        self.records.append(record)

    def finish(self) -> Path:
        """Close the file and give it its final name, which is returned."""
        path = self.path.with_name(filenames.ANSWERS)
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
                record = _record(line)
                if record is None or record.image != len(self.records):
                    break
                self.records.append(record)
            kept += len(line)
        self._file.truncate(kept)
        if kept == 0:
            self._write(self._heading)


def _line(record: Record) -> bytes:
    return json.dumps(asdict(record)).encode() + b"\n"


def _record(line: bytes) -> Record | None:
    """A line as a record, or None if it is damaged."""
    try:
        fields = json.loads(line)
        return Record(**{**fields, "logits": tuple(fields["logits"])}) if line.endswith(b"\n") else None
    except (ValueError, TypeError, KeyError):
        return None
