"""What a virtual board did, as a timeline: for Perfetto and Chrome, and as signals for GTKWave and PulseView.

The board records states (`fer_edge.board.recorder`) and knows nothing of power. Here a state is given the power that
the vendor measured in one like it (`fer_edge.power`): so a recording becomes a chain of phases, and their powers and
times are the estimated energy. The trace is in the Trace Event Format, with times in µs.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple

from fer_edge.board.recorder import (
    ACCELERATOR,
    ACCELERATOR_HZ,
    CALLS,
    CAMERA,
    DATA_READ,
    DATA_WRITTEN,
    FORMAT,
    INFERENCE,
    INTERRUPT,
    MASKS_POWERED,
    MEMORY,
    PROCESSOR,
    PROCESSOR_HZ,
    QUADRANTS_POWERED,
    RUNNING,
    SLEEP,
    WEIGHTS_WRITTEN,
    layer_name,
)
from fer_edge.errors import FerEdgeError, not_installed
from fer_edge.files import atomic_save
from fer_edge.power import BOUNDARY, CAPTURE, ModePower, waiting
from fer_edge.power import PHASES as POWERS
from fer_edge.registers import IPO_HZ, ISO_HZ

PHASES, POWER, ENERGY = "phase (estimated)", "estimated power [mW]", "estimated energy [µJ]"
"""Names of what is added to the board's own tracks."""
POWER_SOURCE = (
    "estimated: powers that the vendor measured, each of the mode and clock most like the state, × virtual time; "
    f"boundary: {BOUNDARY}"
)
_FIRST = (PHASES, PROCESSOR, ACCELERATOR, MEMORY, INTERRUPT, CALLS, CAMERA)
_PROCESS = 1  # Perfetto wants a number


class Span(NamedTuple):
    """A state or an activity, from tick to tick."""

    track: str
    name: str
    start: int
    end: int


class Value(NamedTuple):
    """What a signal is from a tick on."""

    track: str
    time: int
    number: int


class Mark(NamedTuple):
    """Something without duration; `data` may be empty."""

    track: str
    time: int
    name: str
    data: bytes


@dataclass(frozen=True)
class Recording:
    """All that was recorded, each kind in the order of time; spans of a track do not overlap, or nest."""

    ticks_per_second: int
    spans: tuple[Span, ...]
    values: tuple[Value, ...]
    marks: tuple[Mark, ...]

    @property
    def end(self) -> int:
        """The last tick of which something is known."""
        last = [span.end for span in self.spans] + [value.time for value in self.values]
        return max(last + [mark.time for mark in self.marks], default=0)


class Phase(NamedTuple):
    """A stretch in which power is taken to be constant: ticks, mW, and from start to end µJ (estimated)."""

    name: str
    start: int
    end: int
    power: ModePower
    energy: float


def read(path: Path) -> Recording:
    """A recording; what is behind a line that is not whole, as a board that was killed may leave it, is not read.

    FerEdgeError for a file that is none.
    """
    kinds: dict[str, list[Any]] = {"span": [], "value": [], "mark": []}
    with path.open(encoding="utf-8") as lines:
        try:
            head = json.loads(next(lines, ""))
            rate = int(head["ticks_per_second"]) if head["format"] == FORMAT else 0
        except (ValueError, KeyError, TypeError):
            rate = 0
        if rate <= 0:
            raise FerEdgeError(f"{path} is no recording of a virtual board.", "Record anew.")
        for line in lines:
            if not line.endswith("\n"):
                break
            kind, *fields = json.loads(line)
            kinds[kind].append(fields)
    return Recording(
        rate,
        tuple(sorted((Span(*fields) for fields in kinds["span"]), key=lambda span: (span.start, -span.end))),
        tuple(sorted((Value(*fields) for fields in kinds["value"]), key=lambda value: value.time)),
        tuple(
            sorted(
                (Mark(track, at, name, bytes.fromhex(data)) for track, at, name, data in kinds["mark"]),
                key=lambda mark: mark.time,
            )
        ),
    )


# --- power ---------------------------------------------------------------------------------------------------


def phases(recording: Recording) -> list[Phase]:
    """The board's states as phases, one after the other, from the start to the end."""
    tracks = (PROCESSOR, ACCELERATOR, MEMORY, CAMERA)
    signals = (PROCESSOR_HZ, ACCELERATOR_HZ, QUADRANTS_POWERED, MASKS_POWERED)
    changes: list[tuple[int, str, str | float | None]] = [
        (value.time, value.track, value.number) for value in recording.values if value.track in signals
    ]
    for track, name, start, end in recording.spans:
        if track in tracks and (track != ACCELERATOR or name == INFERENCE):
            changes += [(start, track, name), (end, track, None)]
    changes.sort(key=lambda change: (change[0], change[2] is not None))  # what ends, before what begins
    found: list[Phase] = []
    states: dict[str, Any] = {}
    since = 0
    for time, track, state in [*changes, (recording.end, "", None)]:
        if time > since:
            _append(found, *_power(states), since, time, recording.ticks_per_second)
            since = time
        states[track] = state
    return found


def _append(found: list[Phase], name: str, power: ModePower, start: int, end: int, rate: int) -> None:
    if found and (found[-1].name, found[-1].power) == (name, power):
        start = found.pop().start
    found.append(Phase(name, start, end, power, power.mw * 1e3 * (end - start) / rate))


def _power(states: dict[str, Any]) -> tuple[str, ModePower]:
    """What a state is called, and the published power of the state most like it. A processor at work is taken to draw
    what it does while it loads an input, whatever it does."""
    mhz = (IPO_HZ if states.get(PROCESSOR_HZ, IPO_HZ) >= IPO_HZ else ISO_HZ) // 10**6
    memory, mode = states.get(MEMORY), states.get(PROCESSOR) or SLEEP
    if states.get(ACCELERATOR):
        return "infer", POWERS[mhz]["active"]
    if memory == WEIGHTS_WRITTEN:
        return "load weights", POWERS[mhz]["weights"]
    if mode == RUNNING:
        return {DATA_WRITTEN: "load", DATA_READ: "read"}.get(memory or "", "run"), POWERS[mhz]["input"]
    if states.get(CAMERA):
        return "capture", CAPTURE
    return "sleep" if mode == SLEEP else mode, waiting(mode.lower(), _rest(states, mode), mhz)


def _rest(states: dict[str, Any], mode: str) -> str:
    """What the accelerator does meanwhile, as `power.waiting` has it; in UPM and STANDBY its power is not published."""
    if states.get(QUADRANTS_POWERED, 1) and mode not in ("UPM", "STANDBY"):
        return "on" if states.get(ACCELERATOR_HZ, 1) else "gated"
    return "retained" if states.get(MASKS_POWERED, 1) else "off"


# --- Trace Event Format --------------------------------------------------------------------------------------


def write_trace(stream: IO[bytes], recording: Recording, layers: Sequence[str] = ()) -> None:
    """The recording in the Trace Event Format; `layers`: the names of the accelerator's layers."""
    text = TextIOWrapper(stream, encoding="utf-8", write_through=True)
    text.write('{"displayTimeUnit":"ms","otherData":' + json.dumps({"energy": POWER_SOURCE}) + ',\n"traceEvents":[\n')
    for number, event in enumerate(trace_events(recording, layers)):
        text.write((",\n" if number else "") + json.dumps(event, separators=(",", ":"), ensure_ascii=False))
    text.write("\n]}\n")
    text.detach()


def trace_events(recording: Recording, layers: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Metadata first, then the events in the order of time; begins and ends are balanced within each thread."""
    parts = phases(recording)
    names = {layer_name(number): f"{number}: {name}" for number, name in enumerate(layers)}
    spans = [Span(PHASES, part.name, part.start, part.end) for part in parts] + list(recording.spans)
    of_track: dict[str, list[Span]] = {}
    for span in spans:
        named = names.get(span.name, span.name) if span.track == ACCELERATOR else span.name
        of_track.setdefault(span.track, []).append(span._replace(name=named))
    tracks = sorted({*of_track, *(mark.track for mark in recording.marks)}, key=_rank)
    threads = {track: number for number, track in enumerate(tracks, 1)}
    yield {"ph": "M", "name": "process_name", "pid": _PROCESS, "args": {"name": "virtual MAX78000FTHR"}}
    for track, number in threads.items():
        place = {"ph": "M", "pid": _PROCESS, "tid": number}
        yield place | {"name": "thread_name", "args": {"name": track}}
        yield place | {"name": "thread_sort_index", "args": {"sort_index": number}}
    timed = _counters(recording, parts)
    for track, number in threads.items():
        timed += ((time, event | {"tid": number}) for time, event in _begins_and_ends(of_track.get(track, [])))
    for mark in recording.marks:
        args = {"args": {"bytes": len(mark.data), "hex": mark.data.hex()}} if mark.data else {}
        timed.append((mark.time, {"ph": "i", "s": "t", "name": mark.name, "tid": threads[mark.track]} | args))
    timed.sort(key=lambda pair: pair[0])  # stable: within a thread the order stays
    for time, event in timed:
        yield event | {"pid": _PROCESS, "ts": round(time * 1e6 / recording.ticks_per_second, 4)}


def _rank(track: str) -> tuple[int, str]:
    return _FIRST.index(track) if track in _FIRST else len(_FIRST), track


def _counters(recording: Recording, parts: Sequence[Phase]) -> list[tuple[int, dict[str, Any]]]:
    """Signals as counters, and power and energy, which rises at the end of each phase."""

    def count(name: str, value: float) -> dict[str, Any]:
        return {"ph": "C", "name": name, "args": {"value": value}}

    timed = [(value.time, count(value.track, value.number)) for value in recording.values]
    energy = 0.0
    for part in parts:
        timed += [(part.start, count(POWER, part.power.mw)), (part.start, count(ENERGY, energy))]
        energy += part.energy
    timed.append((recording.end, count(ENERGY, energy)))
    return timed


def _begins_and_ends(spans: Sequence[Span]) -> Iterator[tuple[int, dict[str, Any]]]:
    """One thread's spans, sorted, as pairs that nest."""
    open_until: list[int] = []
    for span in spans:
        while open_until and open_until[-1] <= span.start:
            yield open_until.pop(), {"ph": "E"}
        end = min([span.end, *open_until[-1:]])  # never beyond what it lies in
        open_until.append(end)
        yield span.start, {"ph": "B", "name": span.name}
    while open_until:
        yield open_until.pop(), {"ph": "E"}


# --- Value Change Dump ---------------------------------------------------------------------------------------


def write_vcd(stream: IO[bytes], recording: Recording) -> None:
    """The recording as signals: a wire for each state, high while it lasts; numbers; bytes of a serial line as they
    pass, and how many did; power and energy. Times in ns.
    """
    from vcd import VCDWriter

    changes = sorted(_changes(recording), key=lambda change: change[0])
    widths: dict[tuple[str, str], int] = {}
    for _, signal, value in changes:
        widths[signal] = 64 if isinstance(value, float) else max(widths.get(signal, 1), value.bit_length())
    text = TextIOWrapper(stream, encoding="utf-8", write_through=True)
    comment = POWER_SOURCE.replace("×", "x")  # the format knows ASCII alone
    with VCDWriter(text, timescale="1 ns", comment=comment) as writer:
        variables = {}
        for (scope, name), width in sorted(widths.items()):
            real = scope == _ESTIMATED
            kind, size, first = ("real", 64, 0.0) if real else ("wire", width, 0)
            variables[scope, name] = writer.register_var(_identifier(scope), _identifier(name), kind, size, first)
        for time, signal, value in changes:
            writer.change(variables[signal], time * 1_000_000_000 // recording.ticks_per_second, value)
    text.detach()


_ESTIMATED = "estimated"
_Change = tuple[int, tuple[str, str], int | float]


def _changes(recording: Recording) -> Iterator[_Change]:
    """Every change of a signal: when, which, to what."""
    lasting = [span for span in recording.spans if span.end > span.start]
    steps = [(time, up, span) for span in lasting for time, up in ((span.start, 1), (span.end, -1))]
    level: dict[tuple[str, str], int] = {}
    for time, up, span in sorted(steps, key=lambda step: step[:2]):
        signal = span.track, span.name
        level[signal] = level.get(signal, 0) + up
        yield time, signal, int(level[signal] > 0)
    for value in recording.values:
        name = value.track.removeprefix("pin ")
        yield value.time, ("pins" if name != value.track else "clocks and power", name), value.number
    passed: dict[tuple[str, str], int] = {}
    for mark in recording.marks:
        signal = mark.track, mark.name
        passed[signal] = passed.get(signal, 0) + max(1, len(mark.data))
        yield mark.time, (mark.track, f"{mark.name} count"), passed[signal]
        if mark.data:
            yield mark.time, signal, mark.data[-1]
    energy = 0.0
    for part in phases(recording):
        yield part.start, (_ESTIMATED, "power mW"), part.power.mw
        yield part.start, (_ESTIMATED, "energy uJ"), energy
        energy += part.energy
    yield recording.end, (_ESTIMATED, "energy uJ"), energy


def _identifier(name: str) -> str:
    """A name that every viewer takes."""
    return re.sub(r"\W+", "_", name).strip("_")


# --- from run to file ----------------------------------------------------------------------------------------


@contextmanager
def recorded(trace: Path | None, vcd: Path | None = None, layers: Sequence[str] = ()) -> Iterator[str | None]:
    """Where a board shall record to; None if neither file is wanted. Afterwards, however it ended, the files are
    written. `layers`: as for `write_trace`. ToolError where `vcd` is wanted without pyvcd."""
    if vcd is not None and importlib.util.find_spec("vcd") is None:
        raise not_installed("vcd")  # before the run, not behind it
    if trace is None and vcd is None:
        yield None
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recording.jsonl"
        try:
            yield str(path)
        finally:
            if path.exists():
                recording = read(path)
                if trace is not None:
                    atomic_save(trace, lambda stream: write_trace(stream, recording, layers))
                if vcd is not None:
                    atomic_save(vcd, lambda stream: write_vcd(stream, recording))
