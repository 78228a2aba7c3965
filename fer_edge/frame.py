"""What a network costs in use: a whole frame, so many times a second, from the picture to the sleep until the next.

A frame is a chain of phases, each power × time. The powers are the vendor's (`fer_edge.power`), of the core rail alone;
weights stay in the accelerator from frame to frame, and the processor sleeps with the accelerator's clock running.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from fer_edge.errors import FerEdgeError
from fer_edge.estimate import WORD_CYCLES, Estimate, copy_us
from fer_edge.figure import Figure, Kind, readable
from fer_edge.network import IntegerNetwork
from fer_edge.power import ACTIVE, BOUNDARY, CAPTURE, CAPTURE_MS, INACTIVE, INPUT_LOAD, ModePower

COPY_SOURCE = f"{WORD_CYCLES} processor cycles per word, as for weights (assumed)"


@dataclass(frozen=True)
class Phase:
    """A part of a frame in which power is taken to be constant. `time` in µs, `power` in mW, `energy` in µJ."""

    name: str
    time: Figure
    power: Figure
    energy: Figure


@dataclass(frozen=True)
class Battery:
    """A battery and how many hours it lasts."""

    milliampere_hours: float
    volts: float
    life: Figure


@dataclass(frozen=True)
class Frame:
    """A frame's phases in order, their sum in µJ, and the mean power in mW at `rate` frames a second."""

    network: str
    rate: float
    phases: tuple[Phase, ...]
    energy: Figure
    power: Figure
    battery: Battery | None
    boundary: str = BOUNDARY

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts, for JSON."""
        return asdict(self)


def frame(
    network: IntegerNetwork,
    cost: Estimate,
    rate: float,
    *,
    camera: bool = False,
    battery: tuple[float, float] | None = None,
) -> Frame:
    """One frame of `network`, whose cost is `cost`, `rate` times a second; `battery`: milliampere-hours and volts.

    FerEdgeError for figures that are not positive, and for a frame longer than its period.
    """
    for value, what in ((rate, "--rate"), *zip(battery or (), ("--battery", "--battery-volts"), strict=False)):
        if not (math.isfinite(value) and value > 0):
            raise FerEdgeError(f"{what} {value:g} is not a positive number.", "Give one above zero.")
    channels, rows, columns = network.input_shape
    loaded = 4 * -(-channels // 4) * rows * columns  # a word has the same pixel of up to four channels
    read = math.prod(network.shapes[-1].output) * network.layers[-1].output_width // 8
    busy = [
        phase("load", copy_us(loaded), INPUT_LOAD, "estimated", COPY_SOURCE),
        phase("infer", cost.latency.value, ACTIVE, "estimated", cost.latency.source),
        phase("read", copy_us(read), INPUT_LOAD, "estimated", f"{COPY_SOURCE}; power as for loading (assumed)"),
    ]
    if camera:
        source = "length of the vendor's capture of 200×150, measured; assumed for this camera"
        busy.insert(0, phase("capture", 1e3 * CAPTURE_MS, CAPTURE, "assumed", source))
    took = sum(phase.time.value for phase in busy)
    left = 1e6 / rate - took
    if left < 0:
        raise FerEdgeError(
            f"A frame of {network.name} takes {readable(took / 1e3)} ms, longer than {readable(1e3 / rate)} ms, its "
            f"share at {rate:g} frames a second.",
            f"Give --rate {_at_most(1e6 / took)} or less.",
        )
    sleep = phase(
        "sleep", left, INACTIVE, "estimated", "what is left until the next frame; weights kept, no deeper mode"
    )
    phases = (*busy, sleep)
    kind: Kind = "assumed" if camera else "estimated"
    energy = sum(phase.energy.value for phase in phases)
    power = Figure(energy * rate * 1e-3, "mW", kind, "energy of a frame × frames a second")
    return Frame(
        network=network.name,
        rate=rate,
        phases=phases,
        energy=Figure(energy, "µJ", kind, "sum of the phases"),
        power=power,
        battery=None if battery is None else battery_life(*battery, power.value),
    )


def captured(network: str, period_us: float, compute_us: float, infer_us: float, kind: Kind, source: str) -> Frame:
    """One frame of a camera that never pauses: while the network computes one picture, the next is captured.

    period_us, compute_us, infer_us : from frame to frame, of that from a picture to its logits, and of that the
        accelerator's part; as a board told them, which is their `kind` and `source`.
    """
    prepare = f"{source}; luma, window, contrast, input and logits; power as for loading the input (assumed)"
    phases = (
        phase("prepare", compute_us - infer_us, INPUT_LOAD, kind, prepare),
        phase("infer", infer_us, ACTIVE, kind, source),
        phase("capture", period_us - compute_us, CAPTURE, kind, f"{source}; the rest of the period, processor asleep"),
    )
    energy, rate = sum(phase.energy.value for phase in phases), 1e6 / period_us
    return Frame(
        network=network,
        rate=rate,
        phases=phases,
        energy=Figure(energy, "µJ", "estimated", "sum of the phases"),
        power=Figure(energy * rate * 1e-3, "mW", "estimated", "energy of a frame × frames a second"),
        battery=None,
    )


def phase(name: str, microseconds: float, mode: ModePower, kind: Kind, source: str) -> Phase:
    """So long in a mode; `kind` and `source`: of the time. Energy is no better than the power, measured elsewhere."""
    energy_kind: Kind = "assumed" if "assumed" in (kind, mode.kind) else "estimated"
    return Phase(
        name,
        Figure(microseconds, "µs", kind, source),
        Figure(mode.mw, "mW", mode.kind, f"{mode.words}; assumed for this network"),
        Figure(mode.mw * microseconds * 1e-3, "µJ", energy_kind, "power × time"),
    )


def battery_life(milliampere_hours: float, volts: float, milliwatts: float) -> Battery:
    """How long a battery feeds so much, on average."""
    source = "capacity × voltage / mean power; assumed: all of the capacity, regulators without loss, nothing else fed"
    return Battery(milliampere_hours, volts, Figure(milliampere_hours * volts / milliwatts, "h", "assumed", source))


def _at_most(rate: float) -> str:
    """`rate` in three digits, rounded down, so that what an error advises is accepted."""
    step = 10.0 ** (math.floor(math.log10(rate)) - 2)
    return f"{math.floor(rate / step) * step:g}"


def summary(whole: Frame) -> str:
    """The frame as lines for the terminal, every figure with its kind."""
    lines = [f"a frame, {whole.rate:g} a second"]
    for phase in whole.phases:
        share = phase.energy.value / whole.energy.value
        lines.append(
            f"  {phase.name:<8} {phase.time.value / 1e3:>11,.3f} ms × {phase.power.value:>5.2f} mW = "
            f"{phase.energy.value:>11,.2f} µJ  {100 * share:>5.1f} %  ({phase.energy.kind})  {phase.time.source}"
        )
    lines += [
        f"  energy   {whole.energy} per frame",
        f"  power    {whole.power} on average; boundary: {whole.boundary}",
    ]
    if whole.battery:
        life = whole.battery.life
        what = f"{whole.battery.milliampere_hours:g} mAh at {whole.battery.volts:g} V"
        lines.append(f"  battery  {life}, {readable(life.value / 24, 3)} days, from {what}: {life.source}")
    return "\n".join(lines)
