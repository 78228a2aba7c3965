"""What the MAX78000 draws in each mode: the one table of powers, each with its source and spread.

All of them were measured by the vendor: Analog Devices, application note AN7417, EV kit, core rail VCOREA, processor at
100 MHz, accelerator at 50 MHz. None was measured on a network of ours or on a MAX78000FTHR: that another network draws
as much is assumed, so whatever is computed from them is estimated. Each is the power of the whole rail, so that what a
phase adds is (its power − `INACTIVE`) × time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModePower:
    """Milliwatts in one mode; `low_mw` and `high_mw` are the least and most of the vendor's rows at these clocks."""

    mw: float
    low_mw: float
    high_mw: float
    source: str

    def __str__(self) -> str:
        return f"{self.mw:g} mW (measured by the vendor: {self.source})"


_FACEID = "FaceID, processor asleep while it waits"
INACTIVE = ModePower(7.22, 7.02, 7.22, f"{_FACEID}, around its phases")
WEIGHT_LOAD = ModePower(20.01, 19.8, 24.94, f"{_FACEID}, loading weights")
INPUT_LOAD = ModePower(17.93, 17.91, 19.33, f"{_FACEID}, loading the input")
ACTIVE = ModePower(38.0, 27.73, 38.19, f"{_FACEID}, input and inference")
CAPTURE = ModePower(6.95, 6.95, 6.95, "FaceID demo, camera capture of 200×150")
"""Of the core rail: the sensor is on another, for which no published figure is known."""
CAPTURE_MS = 171.0
"""Length of that capture, published with its power; another sensor setting takes another time."""

WIDE_MW, WIDE_LOW_MW, WIDE_HIGH_MW = 35.0, 28.0, 64.0
"""While the accelerator computes: assumed, derived from one published network; least and most of published means, whose
boundaries differ."""
BOUNDARY = "the core rail of the MAX78000; not regulators, camera sensor, serial line, debugger or LED"
