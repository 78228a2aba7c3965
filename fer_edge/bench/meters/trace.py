"""A current trace that any instrument has recorded, as CSV with a trigger column."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_edge.bench.device import Window
from fer_edge.bench.meters.meter import Meter, Reading, check_length, integrate
from fer_edge.bench.units import MOST, column, quantity, scale
from fer_edge.errors import DataError
from fer_edge.files import check_input
from fer_edge.terminal import shown

COLUMNS = {
    "time": ("s", ("time", "timestamp", "t")),
    "current": ("A", ("current", "i")),
    "voltage": ("V", ("voltage", "v")),
}
TRIGGERS = ("trigger", "d0")
WAIT_SECONDS = 600.0
POLL_SECONDS = 0.2


class TraceMeter(Meter):
    """A recording of the whole measurement, cut into windows where the trigger (P1.6, J4.4) is high.

    `path` is read after the last window, and waited for; the header of one that exists is looked at before the first.
    `voltage` stands in for a missing voltage column.

    DataError for a header that lacks a column or a unit.
    """

    name = "csv"
    boundary = "not stated: whoever recorded the trace knows which supply it is of, and what that feeds"

    def __init__(self, path: Path, voltage: str | None = None) -> None:
        check_input(path)
        self._path = path
        self._volts = None if voltage is None else quantity(voltage, "V", "--voltage")
        self._windows: list[Window] = []
        if path.is_file() and path.stat().st_size:
            with _open_rows(path) as rows:
                _columns(path, rows, needs_volts=self._volts is None)
        self.source = f"recorded samples of {path.name}, V × I integrated" + (
            f"; voltage {voltage} as typed, not observed" if voltage else ""
        )

    def stop(self, window: Window) -> None:
        self._windows.append(window)

    def readings(self) -> list[Reading]:
        deadline = time.monotonic() + WAIT_SECONDS
        if not self._path.is_file():
            print(shown(f"All windows have run. Save the recording as {self._path} (waiting)."), file=sys.stderr)
        while not self._path.is_file() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        found = read_windows(self._path, self._volts)
        if len(found) != len(self._windows):
            raise DataError(
                f"{self._path} has {len(found)} pulses of the trigger, but {len(self._windows)} windows have run.",
                "Record from before the bench to after it, with P1.6 (J4.4) as trigger; then run the same command.",
            )
        for reading, window in zip(found, self._windows, strict=True):
            check_length(self._path.name, reading.seconds, window)
        return found


def read_windows(path: Path, volts: float | None = None) -> list[Reading]:
    """A reading for each time the trigger is high, in a CSV file whose header names columns with their units.

    Columns: time, current, voltage (unless `volts` is given) and trigger (0 or 1), in any order.
    DataError for a column or unit that is missing, an odd row, or time that does not grow.
    """
    try:
        with _open_rows(path) as rows:
            indices, factors = _columns(path, rows, needs_volts=volts is None)
            values = np.array([[float(row[i]) for i in indices] for row in rows if row], np.float64)
    except (ValueError, IndexError) as error:
        raise DataError(
            f"{path} has a row that is no numbers ({error}).", "Save it with a header and numbers."
        ) from error
    values = values.reshape(-1, len(indices)) * factors
    if len(odd := np.flatnonzero(~np.isfinite(values).all(1) | (np.abs(values[:, 1:]) > MOST).any(1))):
        raise DataError(
            f"{path}: {len(odd):,} rows hold no figures that can be, the first of them row {odd[0] + 2}.",
            f"Save the trace with finite numbers, up to {MOST:,.0f} A and V.",
        )
    seconds, amperes, trigger = values[:, 0], values[:, 1], values[:, -1] > 0.5
    if (np.diff(seconds) <= 0).any():
        row = int((np.diff(seconds) <= 0).argmax()) + 3
        raise DataError(f"{path}: time does not grow in row {row}.", "Save the trace in order of time.")
    return [
        integrate(seconds[a:b], values[a:b, 2] if volts is None else volts, amperes[a:b]) for a, b in pulses(trigger)
    ]


def pulses(trigger: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where the trigger is high: first sample of each pulse, and one past its last; pulses cut off are left out."""
    edges = np.flatnonzero(np.diff(trigger.astype(np.int8))) + 1
    if len(trigger) and trigger[0]:
        edges = edges[1:]
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=False) if b - a > 1]


@contextmanager
def _open_rows(path: Path) -> Iterator[Iterator[list[str]]]:
    """The rows of a CSV file. DataError if it is none."""
    check_input(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield csv.reader(file)
    except (OSError, UnicodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read ({error}).", "Save the trace as CSV text.") from error


def _columns(path: Path, rows: Iterator[list[str]], needs_volts: bool) -> tuple[list[int], list[float]]:
    """From the header: index of each column wanted, and the factor that brings it to s, A and V."""
    header = [column(name) for name in next(rows, [])]
    names = [name for name, _ in header]
    indices, factors = [], []
    for what, (base, aliases) in COLUMNS.items():
        if what == "voltage" and not needs_volts:
            continue
        index = next((i for i, name in enumerate(names) if name in aliases), None)
        if index is None:
            cure = "or give --voltage." if what == "voltage" else "such as `time [s],current [mA],voltage [V],trigger`."
            raise DataError(f"{path} has no column {what}; its header is {', '.join(names)}.", f"Add it, {cure}")
        factor = scale(header[index][1], base)
        if factor is None:
            unit = header[index][1] or "none"
            raise DataError(
                f"{path}: column {what} has unit {unit}.", f"Name its unit in the header: {what} [m{base}]."
            )
        indices.append(index)
        factors.append(factor)
    trigger = next((i for i, name in enumerate(names) if name in TRIGGERS), None)
    if trigger is None:
        raise DataError(f"{path} has no column trigger.", "Record P1.6 (J4.4) as well, 0 or 1, and name it `trigger`.")
    return [*indices, trigger], [*factors, 1.0]
