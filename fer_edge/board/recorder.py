"""Recordings: what a board did in virtual time, as lines of JSON.

The first line is an object: ``format``, and ``ticks_per_second`` of all times. The others are lists:

- ``["span", track, name, start, end]``: a state, or an activity; the spans of a track do not overlap, or nest,
- ``["value", track, time, number]``: what a signal is from then on,
- ``["mark", track, time, name, bytes]``: something without duration; bytes in hexadecimal.

A span is written when it ends; what is open at the end is ended then. So the lines are in the order of their last
times. Names of tracks are of the board's; the power of a state is none of its business.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from fer_edge.errors import BoardError

FORMAT = "fer-edge recording 1"
PROCESSOR, INTERRUPT, ACCELERATOR, MEMORY = "processor", "interrupt", "accelerator", "accelerator memory"
CAMERA, RESET, CALLS, UART0 = "camera", "reset", "function", "UART0"
"""Tracks of the board."""
RUNNING, SLEEP = "running", "SLEEP"
"""Of the processor, beside its deeper modes."""
PROCESSOR_HZ, ACCELERATOR_HZ = "processor clock [Hz]", "accelerator clock [Hz]"
QUADRANTS_POWERED, MASKS_POWERED = "accelerator quadrants powered", "accelerator masks powered"
"""Signals: clocks, 0 where off; a bit for each quadrant."""
INFERENCE = "inference"
"""Of the accelerator; its layers lie within."""
WEIGHTS_WRITTEN, DATA_WRITTEN, DATA_READ = "weights written", "data written", "data read"
"""What the processor does to the accelerator's memory, while it does it again and again."""


def layer_name(number: int) -> str:
    """The span of a layer."""
    return f"layer {number}"


def pin_name(port: int, pin: int) -> str:
    """The signal of a pin."""
    return f"pin P{port}.{pin}"


class Recorder:
    """Writes a recording.

    Parameters
    ----------
    path : file to write. OSError if it cannot be.
    ticks_per_second : unit of all times.
    now : the present time.
    """

    def __init__(self, path: Path, ticks_per_second: int, now: Callable[[], int]) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8")
        self._now = now
        self._states: dict[str, tuple[str, int]] = {}
        self._open: dict[str, list[tuple[str, int]]] = {}
        self._values: dict[str, int] = {}
        self._data: dict[tuple[str, str], tuple[int, bytearray]] = {}  # bytes of one moment
        self._line({"format": FORMAT, "ticks_per_second": ticks_per_second})

    def _line(self, content: Any) -> None:
        try:
            self._file.write(json.dumps(content, separators=(",", ":")) + "\n")
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> BoardError:
        return BoardError(f"{self._file.name}: {error.strerror}; the recording ends there.", "Free some space.")

    def span(self, track: str, name: str, start: int, end: int) -> None:
        """Something that is over."""
        self._line(["span", track, name, start, end])

    def state(self, track: str, name: str | None) -> None:
        """What a track is in from now on; None for nothing. What takes no time is left out."""
        before, since = self._states.get(track, (None, 0))
        if before == name:
            return
        now = self._now()
        if before is not None and now > since:
            self.span(track, before, since, now)
        self._states.pop(track, None)
        if name is not None:
            self._states[track] = name, now

    def begin(self, track: str, name: str) -> None:
        """Begin a span within those that are open on a track."""
        self._open.setdefault(track, []).append((name, self._now()))

    def end(self, track: str) -> None:
        """End the innermost span of a track."""
        name, since = self._open[track].pop()
        self.span(track, name, since, self._now())

    def value(self, track: str, number: int, before: tuple[int, int] | None = None) -> None:
        """What a signal is from now on. `before`: since when it was what, should this be the first word of it."""
        if before is not None and track not in self._values:
            self._line(["value", track, *before])
        if self._values.get(track) != number:
            self._values[track] = number
            self._line(["value", track, self._now(), number])

    def mark(self, track: str, name: str) -> None:
        """Something happens now."""
        self._line(["mark", track, self._now(), name, ""])

    def data(self, track: str, name: str, data: bytes) -> None:
        """Bytes pass now; those of one moment are one mark."""
        now = self._now()
        since, kept = self._data.get((track, name), (now, bytearray()))
        if kept and since != now:
            self._line(["mark", track, since, name, kept.hex()])
            kept = bytearray()
        self._data[track, name] = now, kept + data

    def restart(self) -> None:
        """End what is open: the board is reset, or its recording over."""
        for (track, name), (since, kept) in self._data.items():
            self._line(["mark", track, since, name, kept.hex()])
        self._data.clear()
        for track in list(self._states):
            self.state(track, None)
        for track, spans in self._open.items():
            while spans:
                self.end(track)

    def close(self) -> None:
        """`restart`, and let go of the file."""
        if self._file.closed:
            return
        try:
            self.restart()
        finally:
            try:
                self._file.close()
            except OSError as error:
                raise self._refused(error) from error
