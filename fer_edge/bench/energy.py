"""Energy of an inference, from windows in which the board does one thing many times. See docs/energy.md."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from fer_edge.bench.device import Device, Window
from fer_edge.bench.meters.meter import Meter, Reading
from fer_edge.bench.protocol import Activity
from fer_edge.bench.result import Drift, Energy, Mean, OperationEnergy, WindowEnergy
from fer_edge.errors import BoardError
from fer_edge.figure import Figure, Kind
from fer_edge.frame import Phase

MIN_REPEATS = 100
MIN_SECONDS = 1.0
MARGIN = 1.02
"""Windows are planned so much longer than `MIN_SECONDS`, as the next may run a little faster."""
DRIFT_LIMIT = 0.02
NAMES = {
    Activity.IDLE: "idle",
    Activity.LOAD_WEIGHTS: "load_weights",
    Activity.LOAD_INPUT: "load_input",
    Activity.INFER: "infer",
}
Round = dict[Activity, tuple[Window, Reading]]


def measure(device: Device, meter: Meter, image: np.ndarray, latency: float, pace: float) -> Energy:
    """Energy of one inference.

    The board runs the windows `meter` wants, as often as it wants them; for a meter that observes, a round before them,
    that is thrown away, tells how many repeats fill a window. `image` as for `Device.infer`; `latency`: seconds,
    accelerator start to done; `pace`: seconds an inference may take on the host's clock.

    Net energy is what remains when the idle power of the same round is taken off.
    """
    device.infer(image)  # the one that is loaded and inferred again and again
    meter.expect(latency)
    rounds = _run(device, meter, pace)
    windows = {NAMES[kind]: _window(rounds, kind, meter) for kind in meter.windows}
    inference = [_inference(r, latency) for r in rounds]
    whole = [_per_operation(r, Activity.INFER) for r in rounds]
    last, reading = rounds[-1][Activity.INFER]
    return Energy(
        meter=meter.name,
        boundary=meter.boundary,
        source=meter.source,
        settings=meter.settings(),
        rounds=len(rounds),
        windows=windows,
        power=_power([r[Activity.INFER] for r in rounds], meter),
        inference=OperationEnergy(
            _what(meter, last, reading, latency), *_energy(inference, meter), *_inference_bounds(last, reading)
        ),
        whole=OperationEnergy(
            "one inference with its image loaded and its logits read: infer window ÷ inferences",
            *_energy(whole, meter),
            *_bounds(reading, last.seconds / last.count),
        ),
        phases=_phases(windows, _energy(inference, meter)[0], latency, device.link.pseudo_terminal),
        drift=_drift(rounds) if len(rounds) > 1 else None,
        trace=reading.trace,
    )


def _run(device: Device, meter: Meter, pace: float) -> list[Round]:
    """All windows of all rounds but the first, which, with a meter that observes, only tells how long things take."""
    counts = {kind: 1000 if kind == Activity.IDLE else MIN_REPEATS for kind in meter.windows}
    waits = dict.fromkeys(meter.windows, 30.0 + 2 * MIN_REPEATS * pace)
    trial = meter.observes
    windows: list[Window] = []
    with tqdm(
        total=len(meter.windows) * (meter.rounds + trial), desc="energy", unit="window", disable=None if trial else True
    ) as bar:
        for number in range(meter.rounds + trial):
            for kind in meter.windows:
                meter.start()
                began = time.monotonic()
                window = device.window(kind, counts[kind], meter.flags, waits[kind])
                elapsed = time.monotonic() - began
                if not window.count or not window.seconds:
                    raise BoardError(
                        f"The board did nothing in the {NAMES[kind]} window.", "Run the same command again."
                    )
                meter.stop(window)
                windows.append(window)
                bar.update()
                if trial and number == 0 and kind != Activity.IDLE:
                    counts[kind] = repeats(window.seconds / window.count)
                waits[kind] = 10.0 + 3 * elapsed * counts[kind] / window.count
    pairs = list(zip(windows, meter.readings(), strict=True))
    size = len(meter.windows)
    rounds = [{w.activity: (w, r) for w, r in pairs[i : i + size]} for i in range(0, len(pairs), size)]
    return rounds[trial:]


def repeats(seconds: float) -> int:
    """How many operations of `seconds` fill a window: at least `MIN_SECONDS` and `MIN_REPEATS`."""
    return max(MIN_REPEATS, math.ceil(MIN_SECONDS * MARGIN / seconds))


def _per_operation(measured: Round, kind: Activity) -> tuple[float, float | None]:
    """Joules of one operation, total and net of the same round's idle power."""
    window, reading = measured[kind]
    total = reading.energy_j / window.count
    if Activity.IDLE not in measured:
        return total, None
    _, idle = measured[Activity.IDLE]
    return total, total - idle.energy_j / idle.seconds * reading.seconds / window.count


def _inference(measured: Round, latency: float) -> tuple[float, float | None]:
    """The accelerator's part: where the meter knows it; without loading the image where that was measured; else power ×
    time."""
    total, net = _per_operation(measured, Activity.INFER)
    window, reading = measured[Activity.INFER]
    if reading.inference_j is not None:
        return reading.inference_j[1] / window.count, None
    if Activity.LOAD_INPUT in measured:
        load_total, load_net = _per_operation(measured, Activity.LOAD_INPUT)
        return total - load_total, None if net is None or load_net is None else net - load_net
    share = latency * window.count / reading.seconds
    return total * share, None if net is None else net * share


def _what(meter: Meter, window: Window, reading: Reading, latency: float) -> str:
    if meter.observes:
        return "infer window − load-input window, per inference: accelerator and reading its logits"
    power = "power of the infer window"
    if reading.inference_j is not None:
        power = f"{1e3 * reading.inference_j[1] / (window.count * latency):.4g} mW while the accelerator computes"
    return f"{power} × median latency, accelerator start to done"


def _energy(joules: Sequence[tuple[float, float | None]], meter: Meter) -> tuple[Mean, Mean | None]:
    """Total and net energy over the rounds."""
    net = [n for _, n in joules if n is not None]
    return _microjoules([t for t, _ in joules], meter), _microjoules(net, meter) if net else None


def _microjoules(joules: Sequence[float], meter: Meter) -> Mean:
    return Mean(float(np.mean(joules)) * 1e6, "µJ", meter.kind, meter.source, standard_error(joules, 1e6))


def standard_error(values: Sequence[float], factor: float = 1.0) -> float | None:
    """Of the mean of `values`, times `factor`; None for less than two."""
    if len(values) < 2:
        return None
    return float(np.std(values, ddof=1)) / math.sqrt(len(values)) * factor


def _inference_bounds(window: Window, reading: Reading) -> tuple[float | None, float | None]:
    """`_bounds` of the accelerator's part."""
    if reading.inference_j is None:
        return None, None
    low, _, high = reading.inference_j
    return 1e6 * low / window.count, 1e6 * high / window.count


def _bounds(reading: Reading, seconds: float) -> tuple[float | None, float | None]:
    """What an estimate may be off by: lowest and highest µJ in `seconds`."""
    if reading.low_j is None or reading.high_j is None:
        return None, None
    factor = seconds / reading.seconds * 1e6
    return reading.low_j * factor, reading.high_j * factor


def _window(rounds: list[Round], kind: Activity, meter: Meter) -> WindowEnergy:
    """One kind of window over all rounds."""
    pairs = [r[kind] for r in rounds]
    window, reading = pairs[-1]
    volts = [r.mean_volts for _, r in pairs if r.mean_volts is not None]
    amperes = [r.mean_amperes for _, r in pairs if r.mean_amperes is not None]
    idle = kind == Activity.IDLE
    energy, net = (None, None) if idle else _energy([_per_operation(r, kind) for r in rounds], meter)
    return WindowEnergy(
        count=window.count,
        seconds=float(np.mean([w.seconds for w, _ in pairs])),
        mean_volts=float(np.mean(volts)) if volts else None,
        mean_amperes=float(np.mean(amperes)) if amperes else None,
        samples=reading.samples,
        power=_power(pairs, meter),
        energy=energy,
        net=net,
    )


def _phases(windows: dict[str, WindowEnergy], inference: Mean, latency: float, virtual: bool) -> tuple[Phase, ...]:
    """One pass of the infer window, by what is known of its parts: its load-input window, and the accelerator's time.

    An instrument tells loading from the rest alone; without a load-input window, what is not the accelerator's is one.
    """
    clock: Kind = "estimated" if virtual else "measured"
    whole, load = windows["infer"], windows.get("load_input")
    assert whole.energy is not None
    left, energy = whole.seconds / whole.count, whole.energy.value

    def part(name: str, seconds: float, microjoules: float, source: str) -> Phase:
        nonlocal left, energy
        left, energy = left - seconds, energy - microjoules
        kind = whole.power.kind
        return Phase(
            name,
            Figure(1e6 * seconds, "µs", clock, source),
            Figure(1e-3 * microjoules / seconds, "mW", kind, "energy / time"),
            Figure(microjoules, "µJ", inference.kind, inference.source),
        )

    parts = []
    if load is not None and load.energy is not None and load.seconds / load.count < left:
        parts.append(part("load", load.seconds / load.count, load.energy.value, "the board's clock, load-input window"))
    source = "the board's clock, infer window less the others"
    if latency >= left * (1 - 1e-9):
        return (*parts, part("infer", left, energy, source))
    if inference.value >= energy * (1 - 1e-9):
        return (*parts, part("infer and read", left, energy, source))
    parts.append(part("infer", latency, inference.value, "the board's timer, accelerator start to done"))
    return (*parts, part("read" if len(parts) > 1 else "load and read", left, energy, source))


def _power(pairs: Sequence[tuple[Window, Reading]], meter: Meter) -> Mean:
    """Mean power, of the meter's own kind where no instrument reads it."""
    watts = [reading.energy_j / reading.seconds for _, reading in pairs]
    kind = meter.kind if meter.observes else meter.power_kind
    return Mean(float(np.mean(watts)) * 1e3, "mW", kind, meter.source, standard_error(watts, 1e3))


def _drift(rounds: list[Round]) -> Drift:
    """How far power moved along a fitted line."""
    idle, infer = (
        _slope([r[kind][1].energy_j / r[kind][1].seconds for r in rounds]) for kind in (Activity.IDLE, Activity.INFER)
    )
    return Drift(idle, infer, DRIFT_LIMIT, steady=max(abs(idle), abs(infer)) <= DRIFT_LIMIT)


def _slope(values: Sequence[float]) -> float:
    slope = float(np.polyfit(np.arange(len(values)), values, 1)[0])
    return slope * (len(values) - 1) / float(np.mean(values))
