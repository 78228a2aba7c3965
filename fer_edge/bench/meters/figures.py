"""Energy without an instrument in the loop: powers the vendor measured, or figures read off elsewhere and typed."""

from __future__ import annotations

from fer_edge.bench.device import Window
from fer_edge.bench.meters.meter import Meter, Reading
from fer_edge.bench.protocol import Activity
from fer_edge.bench.units import quantity
from fer_edge.errors import FerEdgeError
from fer_edge.power import ACTIVE, BOUNDARY, INPUT_LOAD, WIDE_HIGH_MW, WIDE_LOW_MW

SUSPICIOUS = 4.0
"""A typed time this many times longer or shorter than the estimate is taken for a wrong unit."""


class EstimatorMeter(Meter):
    """No instrument: the powers the vendor measured on another network times the times the board took.

    One power holds while the accelerator computes, another while the processor works, which is loading the input for
    the most part.
    """

    name = "estimator"
    boundary = f"{BOUNDARY}; and the power is the vendor's on another board and network, not this board's"
    source = (
        f"{ACTIVE.mw:g} mW computing, {INPUT_LOAD.mw:g} mW else, measured by the vendor on FaceID, assumed for this "
        f"network (published: {WIDE_LOW_MW:g}–{WIDE_HIGH_MW:g} mW), × time"
    )
    kind = "estimated"
    power_kind = "estimated"
    observes = False
    windows = (Activity.LOAD_INPUT, Activity.INFER)
    rounds = 1

    def __init__(self) -> None:
        self._latency = 0.0
        self._readings: list[Reading] = []

    def expect(self, latency: float) -> None:
        self._latency = latency

    def stop(self, window: Window) -> None:
        computing = 1e-3 * (self._latency * window.count if window.activity == Activity.INFER else 0.0)
        around = 1e-3 * window.seconds - computing
        inferences = WIDE_LOW_MW * computing, ACTIVE.mw * computing, WIDE_HIGH_MW * computing
        rest = INPUT_LOAD.low_mw * around, INPUT_LOAD.mw * around, INPUT_LOAD.high_mw * around
        low, energy, high = (a + b for a, b in zip(inferences, rest, strict=True))
        self._readings.append(Reading(window.seconds, energy, None, None, 0, low, high, inference_j=inferences))

    def readings(self) -> list[Reading]:
        return self._readings


class TypedMeter(Meter):
    """Volt, ampere and, if given, seconds per inference, as somebody read them off an instrument: taken on their word,
    so assumed.

    `expected`: estimated seconds per inference, against which a typed time is held. FerEdgeError for figures without
    unit, and for a time that cannot be this network's.
    """

    name = "typed"
    boundary = "not stated: whoever typed the figures knows which supply was measured, and what it feeds"
    kind = "assumed"
    observes = False
    rounds = 1

    def __init__(
        self,
        current: str,
        voltage: str,
        inference_time: str | None = None,
        idle_current: str | None = None,
        *,
        expected: float,
    ) -> None:
        self._amperes = {Activity.INFER: quantity(current, "A", "--current")}
        self._volts = quantity(voltage, "V", "--voltage")
        self._seconds = None if inference_time is None else quantity(inference_time, "s", "--inference-time")
        typed = [current, voltage]
        if idle_current is not None:
            self._amperes[Activity.IDLE] = quantity(idle_current, "A", "--idle-current")
            typed.append(f"idle {idle_current}")
        if self._amperes.get(Activity.IDLE, 0.0) > self._amperes[Activity.INFER]:
            raise FerEdgeError(f"--idle-current {idle_current} exceeds --current {current}.", "Check the units.")
        if self._seconds is not None:
            _question(self._seconds, expected, str(inference_time))
            typed.append(f"{inference_time} per inference")
        self.windows = tuple(kind for kind in Activity if kind in self._amperes)
        self.source = f"typed by hand, not observed in this run: {', '.join(typed)}"
        self._readings: list[Reading] = []

    def stop(self, window: Window) -> None:
        seconds, amperes = window.seconds, self._amperes[window.activity]
        if window.activity == Activity.INFER and self._seconds is not None:
            seconds = self._seconds * window.count
        self._readings.append(Reading(seconds, self._volts * amperes * seconds, self._volts, amperes, 0))

    def readings(self) -> list[Reading]:
        return self._readings


def _question(seconds: float, expected: float, typed: str) -> None:
    ratio = seconds / expected
    if 1 / SUSPICIOUS < ratio < SUSPICIOUS:
        return
    meant = next((f for f in (1e3, 1e-3, 1e6, 1e-6) if 1 / SUSPICIOUS < ratio * f < SUSPICIOUS), None)
    guess = f" Is {seconds * meant * 1e3:.4g}ms meant?" if meant else ""
    times = f"{ratio:,.3g} times longer" if ratio > 1 else f"{1 / ratio:,.3g} times shorter"
    raise FerEdgeError(
        f"--inference-time {typed} is {times} than this network's estimate, {expected * 1e3:.4g} ms.{guess}",
        "Give the time of one inference of this network.",
    )
