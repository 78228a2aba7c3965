"""The file that keeps every answer as it comes, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fer_edge.errors import FerEdgeError


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
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"answers-{hashlib.sha256(heading).hexdigest()[:12]}.unfinished.jsonl"
        self.records: list[Record] = []
        self._file = self.path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise FerEdgeError(
                f"Another bench is writing to {self.path}.", "Let it end, or give another --output-dir."
            ) from error
        self._read(heading)

    def append(self, record: Record) -> None:
        """Keep an answer; from here on it survives a kill of this process."""
        self._write(json.dumps(asdict(record)).encode() + b"\n")
        self.records.append(record)

    def finish(self) -> Path:
        """Close the file and give it its final name, which is returned."""
        self.close()
        return self.path.replace(self.path.with_name("answers.jsonl"))

    def close(self) -> None:
        """Close the file, to be resumed later."""
        self._file.close()

    def _write(self, line: bytes) -> None:
        self._file.write(line)
        self._file.flush()

    def _read(self, heading: bytes) -> None:
        """Take the lines that are whole and in order, and cut off the rest: a kill may leave half a line."""
        self._file.seek(0)
        kept = 0
        for line in self._file.readlines():
            if kept == 0 and line != heading:
                break
            if kept:
                record = _record(line)
                if record is None or record.image != len(self.records):
                    break
                self.records.append(record)
            kept += len(line)
        self._file.truncate(kept)
        if kept == 0:
            self._write(heading)


def _record(line: bytes) -> Record | None:
    """A line as a record, or None if it is damaged."""
    try:
        fields = json.loads(line)
        return Record(**{**fields, "logits": tuple(fields["logits"])}) if line.endswith(b"\n") else None
    except (ValueError, TypeError, KeyError):
        return None
