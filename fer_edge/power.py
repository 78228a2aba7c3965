"""What the MAX78000 draws in each mode: the one table of powers, each with its source and spread.

All of them were measured by the vendor: Analog Devices, application note AN7417, EV kit, core rail VCOREA, processor at
100 MHz, accelerator at 50 MHz, or 60 and 30. None was measured on a network of ours or on a MAX78000FTHR: that another
network draws as much is assumed, so whatever is computed from them is estimated; and assumed where the note has no row
for a mode and another stands in (`ModePower.kind`). Each is the power of the whole rail, so that what a phase adds is
(its power − `INACTIVE`) × time.
"""

from __future__ import annotations

from dataclasses import dataclass

from fer_edge.figure import Kind


@dataclass(frozen=True)
class ModePower:
    """Milliwatts in one mode; `low_mw` and `high_mw` are the least and most of the vendor's rows at these clocks."""

    mw: float
    low_mw: float
    high_mw: float
    source: str
    kind: Kind = "estimated"
    """Of what is computed from it for another network."""

    def __str__(self) -> str:
        return f"{self.mw:g} mW ({self.words})"

    @property
    def words(self) -> str:
        """How it came about."""
        return f"assumed: {self.source}" if self.kind == "assumed" else f"measured by the vendor: {self.source}"


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

_SLOW = "FaceID in LPM, 60 and 30 MHz"
PHASES: dict[int, dict[str, ModePower]] = {
    100: {"weights": WEIGHT_LOAD, "input": INPUT_LOAD, "active": ACTIVE},
    60: {
        "weights": ModePower(13.5, 13.29, 13.5, f"{_SLOW}, loading weights"),
        "input": ModePower(12.61, 12.61, 13.06, f"{_SLOW}, loading the input"),
        "active": ModePower(24.1, 24.1, 24.1, f"{_SLOW}, input and inference"),
    },
}
"""While the chip works, by the processor's clock in MHz."""

_TABLE = "table of modes, processor's clock 60 MHz"
_MEASURED: dict[tuple[str, str, int], ModePower] = {
    ("busy", "on", 100): ModePower(7.03, 7.03, 7.2, "FaceID, ACTIVE around its phases"),
    ("sleep", "on", 100): INACTIVE,
    ("lpm", "on", 60): ModePower(4.6, 4.6, 5.33, f"{_SLOW}, around its phases"),
    ("busy", "gated", 60): ModePower(4.41, 4.41, 4.41, f"ACTIVE, {_TABLE}"),
    ("sleep", "gated", 60): ModePower(2.1, 2.1, 2.1, f"SLEEP, {_TABLE}"),
    ("lpm", "gated", 60): ModePower(1.56, 1.56, 1.56, f"LPM, {_TABLE}"),
    ("upm", "retained", 60): ModePower(0.387, 0.387, 0.387, "UPM with the weights kept"),
    ("upm", "off", 60): ModePower(0.172, 0.11, 0.172, "UPM without the weights; 0.11 mW in the table of modes"),
    ("standby", "off", 60): ModePower(0.0015, 0.0015, 0.0015, "STANDBY, table of modes"),
}


def waiting(wait: str, rest: str, mhz: int) -> ModePower:
    """Power while the chip waits: by the processor's mode, what becomes of the accelerator, and the processor's clock.

    wait : ``busy``, ``sleep``, ``lpm``, ``upm`` or ``standby``. rest : ``on`` or ``gated``, its clock; ``retained`` or
    ``off``, its power. mhz : 100 or 60.

    Where the note has no row, what stands in errs upwards: the accelerator's clock at 60 MHz draws what it does at 100;
    a power at 60 MHz is at 100 MHz proportionally more, though not more than with the accelerator's clock running.
    """
    if wait in ("busy", "sleep", "lpm") and rest in ("retained", "off"):
        gated = waiting(wait, "gated", mhz)
        return ModePower(gated.mw, 0.0, gated.high_mw, f"as with its clock gated ({gated.source})", "assumed")
    if (wait, rest, mhz) in _MEASURED:
        return _MEASURED[wait, rest, mhz]
    if wait == "standby" and rest == "retained":
        return _retained_in_standby()
    if wait in ("lpm", "upm", "standby") and rest != "on":  # the processor's clock is off
        return _MEASURED[wait, rest, 60]
    if wait == "lpm":
        row = _MEASURED["lpm", "on", 60]
        return ModePower(row.mw, row.low_mw, row.high_mw, f"as at 60 MHz ({row.source})", "assumed")
    on, gated = _MEASURED[wait, "on", 100], _MEASURED[wait, "gated", 60]
    if rest == "on":
        return ModePower(on.mw, gated.mw, on.high_mw, f"as at 100 MHz ({on.source})", "assumed")
    scaled = min(gated.mw * 100 / 60, on.mw)
    source = f"{gated.source}, times 100 / 60, at most as with the accelerator's clock ({on.source})"
    return ModePower(scaled, gated.mw, on.high_mw, source, "assumed")


def _retained_in_standby() -> ModePower:
    kept, off, standby = _MEASURED["upm", "retained", 60], _MEASURED["upm", "off", 60], _MEASURED["standby", "off", 60]
    added = kept.mw - off.mw
    source = f"STANDBY, and what keeping the weights adds to UPM, {added:g} mW"
    return ModePower(standby.mw + added, standby.mw, kept.mw, source, "assumed")
