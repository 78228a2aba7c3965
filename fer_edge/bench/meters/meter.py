"""What every meter has in common.

A window is a time in which the board does one thing over and over with a quiet serial line. The caller starts the
meter, lets the board work and stops the meter; when all windows are over, the meter gives a `Reading` for each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_edge.bench.device import Window
from fer_edge.bench.protocol import Activity, WindowFlag
from fer_edge.errors import BoardError, FerEdgeError
from fer_edge.figure import Kind

ROUNDS = 5
TOLERANCE = 0.05
"""Share by which instrument and board may differ on how long a window was; beyond it they mean different windows."""
TRACE_POINTS = 300


@dataclass(frozen=True)
class Reading:
    """Energy of one window. Volt and ampere are means, None where not observed; `low` and `high` bound the energy where
    it is not measured. `trace`: see `envelope`. `inference_j`: the accelerator's part of
    `low_j`, `energy_j` and `high_j`, where it is known by itself."""

    seconds: float
    energy_j: float
    mean_volts: float | None
    mean_amperes: float | None
    samples: int
    low_j: float | None = None
    high_j: float | None = None
    trace: list[list[float]] | None = None
    inference_j: tuple[float, float, float] | None = None


class Meter(ABC):
    """An instrument, or what stands in for one; a context manager that lets go of it.

    Attributes
    ----------
    name : as the user names it
    boundary : what the energy it counts pays for, in words
    source : what was observed, and how
    kind : `measured`; `estimated` where the power is not observed in this run, `assumed` where it is typed or made up
    power_kind : how the power came about that it takes for granted where it does not observe any
    observes : whether it samples power in the windows, which then have to be long enough
    windows : the windows it needs, in this order
    rounds : how often it needs them; an instrument's readings scatter, and that is to be seen
    flags : what the board shall do besides in the windows
    takes_any_window : whether it measures whatever the trigger pin marks, one window at a time
    """

    name: str
    boundary: str
    source: str
    kind: Kind = "measured"
    power_kind: Kind = "assumed"
    observes: bool = True
    windows: tuple[Activity, ...] = tuple(Activity)
    rounds: int = ROUNDS
    flags: WindowFlag = WindowFlag(0)
    takes_any_window: bool = False

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 (most have nothing to let go of)
        """Let go of the instrument."""

    def expect(self, latency: float) -> None:  # noqa: B027 (most need no word of it)
        """The accelerator takes `latency` seconds for an inference, start to done; told before the first window."""

    def start(self) -> None:  # noqa: B027 (most need no word of it)
        """The board is about to begin a window."""

    @abstractmethod
    def stop(self, window: Window) -> None:
        """The board has ended a window, and tells how long it was by its clock."""

    @abstractmethod
    def readings(self) -> list[Reading]:
        """One for each window so far."""

    def on_virtual_board(self) -> None:
        """The board is a virtual one, with nothing to be measured on it. FerEdgeError for an instrument."""
        if self.observes:
            raise FerEdgeError(
                f"The meter {self.name} is an instrument, and a virtual board draws nothing that it could measure.",
                "Leave --meter out for an estimate, or take --meter board, whose sensor is simulated.",
            )
        self.source = f"the board is virtual; {self.source}"

    def settings(self) -> dict[str, Any]:
        """How the instrument was set up, for the report."""
        return {}


def integrate(
    seconds: NDArray[np.float64], volts: NDArray[np.float64] | float, amperes: NDArray[np.float64]
) -> Reading:
    """Samples of one window as a reading: volts × amperes, sample by sample, over time (trapezoids)."""

    def area(values: NDArray[np.float64]) -> float:
        return float(((values[1:] + values[:-1]) * np.diff(seconds)).sum() / 2)

    length = float(seconds[-1] - seconds[0])
    return Reading(
        seconds=length,
        energy_j=area(volts * amperes),
        mean_volts=area(volts) / length if isinstance(volts, np.ndarray) else volts,
        mean_amperes=area(amperes) / length,
        samples=len(seconds),
        trace=envelope(seconds - seconds[0], amperes),
    )


def envelope(seconds: NDArray[np.float64], amperes: NDArray[np.float64]) -> list[list[float]]:
    """A current trace for a picture, at most `TRACE_POINTS` long: [ms, lowest mA, mean mA, highest mA] each."""
    parts = np.array_split(np.arange(len(seconds)), min(TRACE_POINTS, len(seconds)))
    return [
        [
            round(float(value), 6)
            for value in (1e3 * seconds[p].mean(), *(1e3 * f(amperes[p]) for f in (np.min, np.mean, np.max)))
        ]
        for p in parts
    ]


def check_length(meter: str, seconds: float, window: Window) -> None:
    """BoardError if instrument and board disagree about how long the window was."""
    if abs(seconds - window.seconds) > TOLERANCE * window.seconds:
        raise BoardError(
            f"{meter} saw a window of {seconds * 1e3:.4g} ms, the board one of {window.seconds * 1e3:.4g} ms.",
            "Check the trigger wire, and that the instrument recorded these very windows; then run the same command.",
        )
