"""`fer-edge bench --rate` and `--modes`: inferences at a rate, and what the chip draws with the rest between them."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from fer_edge.bench.device import Device, DutyReply, Window
from fer_edge.bench.meters.meter import Meter, Reading
from fer_edge.bench.protocol import DEEP, DUTY_CYCLE_SECONDS, Activity, ClockSetting, Rest, Wait
from fer_edge.bench.result import BreakEven, DutyCycle, DutyCycles
from fer_edge.errors import BoardError, FerEdgeError
from fer_edge.estimate import copy_us
from fer_edge.figure import Figure, Kind, readable
from fer_edge.frame import Phase, battery_life, phase
from fer_edge.network import IntegerNetwork
from fer_edge.power import BOUNDARY, PHASES, waiting
from fer_edge.registers import IPO_HZ, ISO_HZ, PCLK_DIVIDER
from fer_edge.simulate import infer

RATES = (0.1, 1.0, 5.0, 15.0, 30.0)
"""Frames a second that `--modes` shows."""
MAX_RATE = 1e6
"""The board counts a period in whole microseconds."""
MIN_FRAMES = 3
MIN_SECONDS = 2.0
"""Of a duty cycle that an instrument measures."""
MEGAHERTZ = {
    setting: (hz // 10**6, hz // PCLK_DIVIDER // 10**6)
    for setting, hz in {ClockSetting.IPO: IPO_HZ, ClockSetting.ISO: ISO_HZ}.items()
}
"""Processor and accelerator."""
TIMEOUT_SECONDS, TIMEOUT_FRAME_SECONDS = 30.0, 20.0
"""The host waits so long beyond the run, and for each frame, as a virtual board takes its time to load weights."""


@dataclass(frozen=True)
class Mode:
    """How processor and accelerator wait, and their clocks."""

    wait: Wait
    rest: Rest
    clock: ClockSetting

    @property
    def names(self) -> tuple[str, str, int]:
        """As `power.waiting` has them."""
        return self.wait.name.lower(), self.rest.name.lower(), MEGAHERTZ[self.clock][0]


def rests(wait: Wait) -> tuple[Rest, Rest]:
    """The accelerator's choice: its clock on or off; where it loses its power, its weights kept or loaded again."""
    return (Rest.RETAINED, Rest.OFF) if wait in DEEP else (Rest.ON, Rest.GATED)


MODES = tuple(Mode(wait, rest, clock) for clock in ClockSetting for wait in Wait for rest in rests(wait))
"""What `--modes` runs through."""


@dataclass(frozen=True)
class DutyConfig:
    """Which rates, in frames a second, in which modes; `battery`: milliampere-hours and volts."""

    rates: tuple[float, ...]
    modes: tuple[Mode, ...]
    battery: tuple[float, float] | None = None


def configure(
    rates: Sequence[float],
    sweep: bool,
    wait: str | None,
    rest: str | None,
    clock: str | None,
    battery: float | None,
    battery_volts: float | None,
) -> DutyConfig | None:
    """What the options of `fer-edge bench` ask for, None if nothing. FerEdgeError where they do not go together."""
    chosen = {"--wait": wait, "--rest": rest, "--clock": clock}
    given = [name for name, value in chosen.items() if value is not None]
    if sweep and given:
        raise FerEdgeError(f"--modes runs through all modes, and {given[0]} names one.", "Give one of the two.")
    if (battery is None) != (battery_volts is None):
        raise FerEdgeError(
            "--battery and --battery-volts belong together.", "Give both: --battery 500 --battery-volts 3.7."
        )
    if not rates and not sweep:
        if given or battery is not None:
            name = given[0] if given else "--battery"
            raise FerEdgeError(f"{name} says nothing without a rate.", "Give --rate HZ or --modes, too.")
        return None
    for value, name in (
        *((rate, "--rate") for rate in rates),
        (battery, "--battery"),
        (battery_volts, "--battery-volts"),
    ):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise FerEdgeError(f"{name} {value:g} is not a positive number.", "Give one above zero.")
    if slow := [rate for rate in rates if MIN_FRAMES / rate > DUTY_CYCLE_SECONDS]:
        raise FerEdgeError(
            f"--rate {slow[0]:g} would take {MIN_FRAMES / slow[0]:,.0f} s for {MIN_FRAMES} frames.",
            f"Give {MIN_FRAMES / DUTY_CYCLE_SECONDS:g} or more.",
        )
    if fast := [rate for rate in rates if rate > MAX_RATE]:
        raise FerEdgeError(f"--rate {fast[0]:,.10g} is above {MAX_RATE:,.0f} frames a second.", "Give a lower one.")
    modes = MODES if sweep else _modes(Wait[(wait or "sleep").upper()], rest, clock)
    pair = None if battery is None or battery_volts is None else (battery, battery_volts)
    return DutyConfig(tuple(rates) or RATES, modes, pair)


def _modes(wait: Wait, rest: str | None, clock: str | None) -> tuple[Mode, ...]:
    if rest is not None and wait in DEEP and Rest[rest.upper()] not in rests(wait):
        raise FerEdgeError(
            f"In {wait.name} the accelerator has no power, and --rest {rest} is not to be had.",
            "Give --rest retained or --rest off.",
        )
    setting = next(s for s, (mhz, _) in MEGAHERTZ.items() if mhz == int(clock or 100))
    return tuple(Mode(wait, kind, setting) for kind in ((Rest[rest.upper()],) if rest else rests(wait)))


def check_meter(meter: Meter) -> None:
    """FerEdgeError for an instrument that cannot take a duty cycle."""
    if meter.observes and not meter.takes_any_window:
        raise FerEdgeError(
            f"The meter {meter.name} cannot measure a duty cycle.", "Take --meter ppk2, or the estimator with --rate."
        )


def run(
    device: Device, meter: Meter, config: DutyConfig, network: IntegerNetwork, face: np.ndarray, mirror: bool = False
) -> DutyCycles:
    """The duty cycles of `config`, each run by the board: measured by `meter`, or its phases with the vendor's powers.

    `face`: uint8, and `mirror`, as for `simulate.infer`. Without an instrument a mode runs once, at the lowest
    rate; the times of its phases are those at every rate.

    Raises
    ------
    BoardError : the board fails, or its logits differ from the simulator's after a rest.
    """
    device.infer(network.device_input(face[None])[0])
    crc = zlib.crc32(infer(network, face[None], mirror).astype("<i4").tobytes())
    virtual = device.link.pseudo_terminal
    observed = meter.observes and not virtual
    rates = config.rates if observed else (min(config.rates),)
    cycles = []
    with tqdm(total=len(config.modes) * len(rates), desc="duty cycles", unit="run", disable=None) as bar:
        for mode in config.modes:
            replies: dict[float, tuple[DutyReply, Reading | None]] = {}
            for rate in rates:
                reply, reading = _measure(device, meter if observed else None, mode, rate, crc)
                replies[rate] = _loaded_slowly(reply, mode, network) if virtual else reply, reading
                bar.update()
            for rate in config.rates:
                reply, reading = replies[rate if observed else rates[0]]
                cycles.append(
                    _cycle(mode, rate, reply, reading, config.battery, "estimated" if virtual else "measured")
                )
    return DutyCycles(
        cycles=tuple(cycles),
        break_even=tuple(_break_even(cycles)),
        battery=config.battery,
        source=meter.source if observed else "the board's times × the vendor's powers by mode, on another network",
        boundary=meter.boundary if observed else BOUNDARY,
    )


def _loaded_slowly(reply: DutyReply, mode: Mode, network: IntegerNetwork) -> DutyReply:
    """The virtual board copies a word in fewer cycles than the chip was seen to take (`estimate.WORD_CYCLES`)."""
    if mode.rest != Rest.OFF:
        return reply
    fast, _ = MEGAHERTZ[ClockSetting.IPO]
    load_us = copy_us(network.weight_bytes) * fast / MEGAHERTZ[mode.clock][0]
    return replace(reply, wake_us=max(reply.wake_us, load_us))


def _measure(
    device: Device, meter: Meter | None, mode: Mode, rate: float, crc: int
) -> tuple[DutyReply, Reading | None]:
    seconds = MIN_SECONDS if meter else 0.0
    frames = max(MIN_FRAMES, math.ceil(rate * seconds))
    timeout = frames / rate + TIMEOUT_SECONDS + TIMEOUT_FRAME_SECONDS * frames
    if meter:
        meter.start()
    reply = device.duty_cycle(1 / rate, frames, mode.wait, mode.rest, mode.clock, timeout)
    if reply.differing or reply.logits_crc != crc:
        raise BoardError(
            f"The board's logits are not the simulator's in {mode.wait.name} with the accelerator {mode.rest.name}.",
            "Run `fer-edge bench` without --rate; if that is right, weights or registers do not outlast this mode.",
        )
    if meter is None:
        return reply, None
    meter.stop(Window(Activity.INFER, reply.frames, reply.seconds, None))
    return reply, meter.readings()[-1]


def _phases(mode: Mode, reply: DutyReply, period_us: float, kind: Kind) -> tuple[Phase, ...]:
    wait, rest, mhz = mode.names
    powers = PHASES[mhz]
    source = "virtual time; loading weights as the vendor measured" if kind == "estimated" else "the board's timer"
    reloading = mode.rest == Rest.OFF
    busy = [
        phase("wake", reply.wake_us, powers["weights" if reloading else "input"], kind, source),
        phase("load", reply.load_us, powers["input"], kind, source),
        phase("infer", reply.infer_us, powers["active"], kind, source),
        phase("read", reply.read_us, powers["input"], kind, source),
    ]
    left = max(0.0, period_us - sum(part.time.value for part in busy))
    return (*busy, phase(wait, left, waiting(wait, rest, mhz), kind, "what is left of the period"))


def _cycle(
    mode: Mode,
    rate: float,
    reply: DutyReply,
    reading: Reading | None,
    battery: tuple[float, float] | None,
    time_kind: Kind,
) -> DutyCycle:
    phases = _phases(mode, reply, 1e6 / rate, time_kind)
    energy = power = life = None
    if sum(part.time.value for part in phases) <= 1e6 / rate * (1 + 1e-9):
        if reading is None:
            kind: Kind = "assumed" if any(part.energy.kind == "assumed" for part in phases) else "estimated"
            energy = Figure(sum(part.energy.value for part in phases), "µJ", kind, "sum of the phases")
            power = Figure(energy.value * rate * 1e-3, "mW", kind, "energy of a frame × frames a second")
        else:
            power = Figure(1e3 * reading.energy_j / reading.seconds, "mW", "measured", f"{reply.frames} frames")
            energy = Figure(1e6 * reading.energy_j / reply.frames, "µJ", "measured", f"{reply.frames} frames")
        life = battery_life(*battery, power.value).life if battery else None
    wait, rest, _ = mode.names
    return DutyCycle(rate, wait, rest, *MEGAHERTZ[mode.clock], phases, energy, power, life)


def _break_even(cycles: Sequence[DutyCycle]) -> list[BreakEven]:
    """By the phases of a frame with the weights kept and of one that loads them again, where there are both."""
    found = []
    kept = {(c.wait, c.processor_mhz): c.phases for c in cycles if c.rest == "retained"}
    for key, reloaded in {(c.wait, c.processor_mhz): c.phases for c in cycles if c.rest == "off"}.items():
        if key in kept:
            seconds, kind = break_even_seconds(kept[key], reloaded)
            source = "energy of the phases with the weights kept = with the weights loaded again"
            at = Figure(seconds, "s", kind, source)
            found.append(BreakEven(*key, at, Figure(1 / seconds, "frames/s", kind, source)))
    return found


def break_even_seconds(kept: Sequence[Phase], reloaded: Sequence[Phase]) -> tuple[float, Kind]:
    """Seconds between frames at which both cost the same, and of what kind that is; the last phase is the waiting.

    With E and t the energy and time of what comes before it and P its power: (E' − P'·t' − E + P·t) / (P − P'), where
    the prime marks the frame that loads the weights again.
    """

    def above(phases: Sequence[Phase]) -> float:  # µJ beyond what waiting would have taken
        return sum(part.energy.value - 1e-3 * phases[-1].power.value * part.time.value for part in phases[:-1])

    saved = kept[-1].power.value - reloaded[-1].power.value
    kinds = {part.energy.kind for part in (*kept, *reloaded)}
    return 1e-3 * (above(reloaded) - above(kept)) / saved, "assumed" if "assumed" in kinds else "estimated"


def table(duty: DutyCycles) -> tuple[list[float], list[list[DutyCycle]]]:
    """The rates in their order, and for each mode its cycles at these."""
    rates = sorted({cycle.rate for cycle in duty.cycles})
    rows: dict[tuple[str, str, int], dict[float, DutyCycle]] = {}
    for cycle in duty.cycles:
        rows.setdefault((cycle.wait, cycle.rest, cycle.processor_mhz), {})[cycle.rate] = cycle
    return rates, [[row[rate] for rate in rates] for row in rows.values()]


def summary(duty: DutyCycles) -> str:
    """The table for the terminal: a row a mode, a column a rate."""
    rates, rows = table(duty)
    lines = []
    for what, unit in (("energy", "µJ a frame"), ("power", "mW on average"), ("battery", "h of battery")):
        if what == "battery" and duty.battery is None:
            continue
        lines.append(f"  {unit:<26}" + "".join(f"{f'{rate:g}/s':>12}" for rate in rates))
        for row in rows:
            cells = [getattr(cycle, what) for cycle in row]
            numbers = "".join(f"{'–' if cell is None else readable(cell.value):>12}" for cell in cells)
            kinds = ", ".join(sorted({cell.kind for cell in cells if cell is not None})) or "too slow"
            lines.append(f"    {row[0].wait:<8}{row[0].rest:<9}{row[0].processor_mhz:>4} MHz {numbers}  ({kinds})")
    for even in duty.break_even:
        rate, seconds = readable(even.rate.value, 3), readable(even.seconds.value, 3)
        lines.append(
            f"  keeping the weights in {even.wait.upper()} at {even.processor_mhz} MHz pays from {rate} "
            f"frames a second on, {seconds} s between two ({even.rate.kind})"
        )
    return "\n".join([*lines, f"    {duty.source}; boundary: {duty.boundary}"])
