"""What measures energy: one interface, whatever instrument is behind it.

A window is a time in which the board does one thing over and over with a quiet serial line. The caller starts the
meter, lets the board work and stops the meter, which answers with a `Window`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from fer_edge.estimate import POWER_HIGH_MW, POWER_LOW_MW, POWER_MW


@dataclass(frozen=True)
class Window:
    """Energy of one window; `low` and `high` bound what is known of it. Volt and ampere are None where not observed."""

    seconds: float
    energy_j: float
    low_j: float
    high_j: float
    mean_volts: float | None
    mean_amperes: float | None
    samples: int
    kind: Literal["measured", "estimated"]
    source: str


class Meter(Protocol):
    """An instrument. `boundary` says in words what the energy it counts pays for."""

    name: str
    boundary: str

    def start(self) -> None:
        """Begin a window."""

    def stop(self, seconds: float) -> Window:
        """End the window. `seconds`: how long the board says it worked; instruments have a clock of their own."""


class EstimatorMeter:
    """No instrument: an assumed power times the time the board took."""

    name = "estimator"
    boundary = (
        "the MAX78000 alone (accelerator, processor, memories); not the board's regulators, debugger, LED or USB, "
        "and the power is a literature value, not this board's"
    )

    def start(self) -> None:
        """Nothing to start."""

    def stop(self, seconds: float) -> Window:
        """Assumed power × `seconds`."""
        low, middle, high = (power * 1e-3 * seconds for power in (POWER_LOW_MW, POWER_MW, POWER_HIGH_MW))
        return Window(
            seconds=seconds,
            energy_j=middle,
            low_j=low,
            high_j=high,
            mean_volts=None,
            mean_amperes=None,
            samples=0,
            kind="estimated",
            source=f"{POWER_MW:g} mW, assumed (published: {POWER_LOW_MW:g}–{POWER_HIGH_MW:g} mW), × time",
        )
