"""What measures energy: one interface (`meter.Meter`), whatever instrument is behind it. `METERS` lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_edge.errors import FerEdgeError

if TYPE_CHECKING:
    from fer_edge.bench.meters.meter import Meter

FIGURES = ("current", "voltage", "idle_current", "inference_time")
"""Figures a user may type; each meter takes its own."""


@dataclass(frozen=True)
class MeterConfig:
    """Which meter, and what a user types about it.

    meter : a name of `METERS`, and after a colon the port or file; without it `typed` if `current` is given, else
        `estimator`
    current, voltage, idle_current, inference_time : figures with their units
    boundary : what the measured supply feeds, in words
    """

    meter: str | None = None
    current: str | None = None
    voltage: str | None = None
    idle_current: str | None = None
    inference_time: str | None = None
    boundary: str | None = None


@dataclass(frozen=True)
class MeterKind:
    """A row of `METERS`.

    open : makes the meter; takes what stands behind the colon, the configuration and the estimated seconds of an
        inference.
    where : what may stand behind the colon, in brackets if it may be left out.
    figures : those of `FIGURES` that it takes.
    """

    open: Callable[[str, MeterConfig, float], Meter]
    where: str = ""
    figures: tuple[str, ...] = ()


# The drivers are imported as needed: each brings libraries of its own along.


def _estimator(where: str, config: MeterConfig, expected: float) -> Meter:
    from fer_edge.bench.meters.figures import EstimatorMeter

    return EstimatorMeter()


def _typed(where: str, config: MeterConfig, expected: float) -> Meter:
    from fer_edge.bench.meters.figures import TypedMeter

    if config.current is None or config.voltage is None:
        raise FerEdgeError("Typed figures need --current and --voltage.", "Give both, with units.")
    return TypedMeter(config.current, config.voltage, config.inference_time, config.idle_current, expected=expected)


def _board(where: str, config: MeterConfig, expected: float) -> Meter:
    from fer_edge.bench.meters.board import BoardMeter

    return BoardMeter()


def _ppk2(where: str, config: MeterConfig, expected: float) -> Meter:
    from fer_edge.bench import ports
    from fer_edge.bench.meters.ppk2 import Ppk2Meter

    if config.voltage is None:
        raise FerEdgeError("The PPK2 does not measure voltage.", "Give that of the supply: --voltage 5V.")
    return Ppk2Meter(where or ports.find(ports.PPK2), config.voltage)


def _evkit(where: str, config: MeterConfig, expected: float) -> Meter:
    from fer_edge.bench import ports
    from fer_edge.bench.meters.evkit import EvkitMeter

    return EvkitMeter(where or ports.find(ports.EVKIT))


def _csv(where: str, config: MeterConfig, expected: float) -> Meter:
    from fer_edge.bench.meters.trace import TraceMeter

    return TraceMeter(Path(where), config.voltage)


METERS = {
    "estimator": MeterKind(_estimator),
    "typed": MeterKind(_typed, figures=FIGURES),
    "board": MeterKind(_board),
    "ppk2": MeterKind(_ppk2, where="[:PORT]", figures=("voltage",)),
    "evkit": MeterKind(_evkit, where="[:PORT]"),
    "csv": MeterKind(_csv, where=":FILE", figures=("voltage",)),
}
METER_FORMS = ", ".join(name + kind.where for name, kind in METERS.items())
"""Meters as the option `--meter` takes them."""


def open_meter(config: MeterConfig, expected: float) -> Meter:
    """The meter of `config`. `expected`: estimated seconds per inference, to question typed figures with.

    Raises
    ------
    FerEdgeError : unknown meter, or a figure that is missing, has no unit or does not belong to it.
    BoardError : the instrument cannot be opened or is something else.
    """
    name, _, where = (config.meter or ("typed" if config.current else "estimator")).partition(":")
    kind = METERS.get(name)
    if kind is None or (kind.where.startswith(":") and not where) or (where and not kind.where):
        raise FerEdgeError(f"There is no meter {config.meter}.", f"Choose one of: {METER_FORMS}.")
    for figure in FIGURES:  # one that would be left unused is a misunderstanding
        if getattr(config, figure) is not None and figure not in kind.figures:
            option = "--" + figure.replace("_", "-")
            other = "give --current too" if config.meter is None else "take --meter typed"
            raise FerEdgeError(f"{option} means nothing to the meter {name}.", f"Leave it out, or {other}.")
    meter = kind.open(where, config, expected)
    if config.boundary:
        meter.boundary = config.boundary
    return meter
