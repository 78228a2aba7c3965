"""What measures energy: one interface (`Meter`), whatever instrument is behind it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fer_edge.bench import ports
from fer_edge.bench.meters.meter import Meter, Reading
from fer_edge.errors import FerEdgeError

__all__ = ["Meter", "MeterConfig", "Reading", "open_meter"]

METERS = "estimator, typed, board, ppk2[:PORT], evkit[:PORT], csv:FILE"


@dataclass(frozen=True)
class MeterConfig:
    """Which meter, and what a user types about it.

    meter : one of `METERS`; without it `typed` if `current` is given, else `estimator`
    current, voltage, idle_current, inference_time : figures with their units
    boundary : what the measured supply feeds, in words
    """

    meter: str | None = None
    current: str | None = None
    voltage: str | None = None
    idle_current: str | None = None
    inference_time: str | None = None
    boundary: str | None = None


def open_meter(config: MeterConfig, expected: float) -> Meter:
    """The meter of `config`. `expected`: estimated seconds per inference, to question typed figures with.

    Raises
    ------
    FerEdgeError : unknown meter, or a figure that is missing, has no unit or does not belong to it.
    BoardError : the instrument cannot be opened or is something else.
    """
    name, _, where = (config.meter or ("typed" if config.current else "estimator")).partition(":")
    _check_figures(config, name)
    meter = _open(name, where, config, expected)
    if config.boundary:
        meter.boundary = config.boundary
    return meter


def _open(name: str, where: str, config: MeterConfig, expected: float) -> Meter:
    # Imported as needed: each brings its own drivers along.
    if name == "estimator":
        from fer_edge.bench.meters.figures import EstimatorMeter

        return EstimatorMeter()
    if name == "typed":
        from fer_edge.bench.meters.figures import TypedMeter

        if config.current is None or config.voltage is None:
            raise FerEdgeError("Typed figures need --current and --voltage.", "Give both, with units.")
        return TypedMeter(config.current, config.voltage, config.inference_time, config.idle_current, expected=expected)
    if name == "board":
        from fer_edge.bench.meters.board import BoardMeter

        return BoardMeter()
    if name == "ppk2":
        from fer_edge.bench.meters.ppk2 import Ppk2Meter

        if config.voltage is None:
            raise FerEdgeError("The PPK2 does not measure voltage.", "Give that of the supply: --voltage 5V.")
        return Ppk2Meter(where or ports.find(ports.PPK2), config.voltage)
    if name == "evkit":
        from fer_edge.bench.meters.evkit import EvkitMeter

        return EvkitMeter(where or ports.find(ports.EVKIT))
    if name == "csv" and where:
        from fer_edge.bench.meters.trace import TraceMeter

        return TraceMeter(Path(where), config.voltage)
    raise FerEdgeError(f"There is no meter {config.meter}.", f"Choose one of: {METERS}.")


def _check_figures(config: MeterConfig, name: str) -> None:
    """Figures that the meter would leave unused are a misunderstanding."""
    takes = {
        "typed": ("current", "voltage", "idle_current", "inference_time"),
        "ppk2": ("voltage",),
        "csv": ("voltage",),
    }
    for figure in ("current", "voltage", "idle_current", "inference_time"):
        if getattr(config, figure) is not None and figure not in takes.get(name, ()):
            option = "--" + figure.replace("_", "-")
            raise FerEdgeError(f"{option} means nothing to the meter {name}.", "Leave it out, or give --current too.")
