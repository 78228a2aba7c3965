"""`fer-edge bench`: a data set through a board, every logit compared with the simulator, the result as a report."""

from __future__ import annotations

import hashlib
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fer_edge import __version__, filenames, timeline
from fer_edge.bench import camera, duty, pool, ports, report
from fer_edge.bench.answers import AnswerFile, Record, Sight
from fer_edge.bench.device import Device, Hello
from fer_edge.bench.energy import measure
from fer_edge.bench.link import Link, PortGone
from fer_edge.bench.meters import MeterConfig, open_meter
from fer_edge.bench.meters.board import no_sensor
from fer_edge.bench.meters.meter import Meter
from fer_edge.bench.probe import first_differing_layer, placed_as
from fer_edge.bench.protocol import BAUD_RATE, Sensor, WindowFlag
from fer_edge.bench.result import (
    FORMAT,
    BenchResult,
    Board,
    Difference,
    Energy,
    Latency,
    Logits,
    Misread,
    MisreadFace,
    Network,
    ThroughCamera,
)
from fer_edge.bench.screen import Screen
from fer_edge.bench.virtual import virtual_board, virtual_port
from fer_edge.board import VirtualBoard
from fer_edge.errors import BoardError, FerEdgeError
from fer_edge.estimate import OVERHEAD_US
from fer_edge.faces import Faces, Selection, load, scenes
from fer_edge.faces.lens import Lens
from fer_edge.figure import Figure, Kind
from fer_edge.files import check_output, file_name, refusal
from fer_edge.load import load_network
from fer_edge.metrics import by_class, check_classes, score, simulate_faces, softmax
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import logit_unit, predictions
from fer_edge.synth.synthesize import estimate_placed
from fer_edge.terminal import shown

VIRTUAL, AUTO = pool.VIRTUAL, "auto"
CHUNK = 256
"""Images sent without a pause; in between a baud rate that was given up is tried again."""
RAISES = 3
"""Times a higher baud rate is tried."""
RETURN_SECONDS = 30.0
"""Seconds that a port which went away is waited for."""
RETURN_POLL_SECONDS = 0.2
OUTPUT = Path("bench_out")
"""Where a run without an `output_dir` gets a folder of its own."""
HASH_SHOWN = 8
"""Hexadecimal digits of a network's or run's hash where people read it."""
MISREAD_LISTED = 24
"""Misread faces that the report shows, at most."""
MISMATCHES_LISTED = 20
MISMATCHES_TRACED = 3
"""Images with wrong logits for which the board is asked layer by layer where it went wrong."""


@dataclass(frozen=True)
class BenchConfig:
    """What to run on what.

    port : serial port, pyserial URL, `virtual`, or `auto` for the one that looks like a MAX78000FTHR; `virtual:N` for N
        virtual boards that share the faces
    others : further ports, whose boards take part
    network : folder that `fer-edge synth` wrote, or quantized checkpoint
    data, split, limit, seed : which faces, see `faces.load`
    output_dir : where answers and report go; default ``bench_out/<network>-<hash>-<run>``, where ``run`` tells apart
        what `_identity` does
    meter : what measures energy
    through_camera : whether the board's camera is shown the faces, too
    lens : what they go through before, as `Lens.parse` reads it; by default `moderate` on the virtual board, and before
        a real lens nothing
    trace : where what the virtual board did is written, see `timeline`
    duty : duty cycles to run besides
    mirror : whether the firmware infers each face twice, as it is and mirrored, as `firmware.build` can make it; a
        virtual board is given such firmware
    """

    port: str
    network: Path
    data: str
    labels: Path | None = None
    split: str = "test"
    limit: int | None = None
    seed: int = 0
    output_dir: Path | None = None
    meter: MeterConfig = field(default_factory=MeterConfig)
    through_camera: bool = False
    lens: str | None = None
    trace: Path | None = None
    duty: duty.DutyConfig | None = None
    others: tuple[str, ...] = ()
    mirror: bool = False

    @property
    def lens_name(self) -> str:
        """The lens in words."""
        return self.lens or ("moderate" if self.port == VIRTUAL else "none")


def run_bench(config: BenchConfig) -> BenchResult:
    """Run the bench, write ``report.json``, ``report.html`` and ``answers.jsonl``, and return what they say.

    Interrupted, it keeps the answers it has, and the same call goes on from there. Logits that differ from the
    simulator's do not stop it: see `logits.images_differing` of the result.

    Raises
    ------
    BoardError : the port, the line, the board or the meter fails, or the board runs another network.
    FerEdgeError : faces or network cannot be read, the network has not one output per class, or the report of another
        run lies in the output folder.
    """
    names = _names(config)
    config = replace(config, port=names[0][1])
    check_output(config.output_dir or OUTPUT, folder=True)
    network = load_network(config.network)
    selected = (config.data, config.split, config.limit, config.seed, config.labels)
    faces = load(*selected)
    data = Selection.of(faces, *selected)
    check_classes(network.name, math.prod(network.output_shape), network.classes, faces.classes)
    expected, runs = estimate_placed(placed_as(network, config.network))[1], 1 + config.mirror
    shown = None
    if config.through_camera:
        shown = scenes.through(faces.images, Lens.parse(config.lens_name), config.seed)
    with (
        open_meter(config.meter, runs * expected.latency.value * 1e-6) as meter,
        ExitStack() as stack,
    ):
        sensor = bool(meter.flags & WindowFlag.SENSOR)
        members = [stack.enter_context(_member(config, name, network, sensor, shown)) for name in names]
        device = members[0].device
        hello = _alike(members, network, runs)
        if config.duty:
            duty.check_meter(meter)
        if meter.flags & WindowFlag.SENSOR and hello.sensor == Sensor.NONE:
            raise no_sensor()
        virtual = device.link.pseudo_terminal
        if virtual:
            meter.on_virtual_board()
        if shown is not None and virtual and members[0].virtual is None:
            raise FerEdgeError(
                f"The camera of the virtual board on {config.port} sees only what that was started with.",
                f"Give --port {VIRTUAL}, which starts one for these faces.",
            )
        run = {
            "format": FORMAT,
            "network": network.content_hash.hex(),
            "data": data.fingerprint,
            "firmware": hello.firmware,
            "virtual": virtual,
            "runs": runs,
        }
        identity = _identity(config, meter, run)
        folder = _folder(config.output_dir, network, identity)
        answers = stack.enter_context(closing(AnswerFile(folder, run, Record)))
        sights = None
        if shown is not None:
            lens = {"lens": config.lens_name, "seed": config.seed}
            sights = stack.enter_context(closing(AnswerFile(folder, run | lens, Sight)))
        with _keeping(members, faces, answers, sights):
            if len(members) > 1:
                pool.share(members, network, faces, answers)
                device = _measured(members, meter)
            else:
                _stream(device, network, config.port, faces, answers, runs)
            records = answers.records
            baud_rate = device.link.baud_rate
            seen = None
            if sights is not None and shown is not None:
                seen = _through_camera(members[0], network, config, faces, shown, sights)
            logits = _compare(records, simulate_faces(network, faces, config.mirror), network.classes or faces.classes)
            kind: Kind = "estimated" if virtual else "measured"
            result = BenchResult(
                output_dir=str(folder),
                run=identity,
                tool=f"fer-edge {__version__}",
                finished=datetime.now(UTC).isoformat(timespec="seconds"),
                network=Network(network.name, network.content_hash.hex(), network.weight_bytes, network.bias_bytes),
                board=_board(hello, config.port, virtual, baud_rate),
                data=data,
                classes=list(faces.classes),
                scores=score(faces, _logits(records), network.classes),
                misread=_misread(logit_unit(network) / runs, network, records, faces),
                logits=_traced(device, network, config.network, faces, logits),
                latency=_latency(records, kind),
                throughput=_throughput(records, kind),
                retries=sum(r.retries for r in records),
                energy=_energy(device, meter, network, faces, records, len(members)),
                estimate=expected,
                camera=seen,
                duty=duty.run(device, meter, config.duty, network, faces.images[0], config.mirror)
                if config.duty
                else None,
                boards=tuple(member.share() for member in members) if len(members) > 1 else (),
            )
            report.write(result, faces, folder)
            answers.finish()
            if sights is not None:
                sights.finish()
            else:  # of an earlier run, which got no report
                (folder / filenames.SIGHTS).unlink(missing_ok=True)
    return result


def _names(config: BenchConfig) -> list[tuple[str, str]]:
    """What each board is called in the report, and its port. FerEdgeError for what one board alone can do."""
    found = pool.names((config.port, *config.others))
    if len(found) > 1 and (config.trace is not None or config.through_camera):
        option = "--trace" if config.trace is not None else "--through-camera"
        raise FerEdgeError(f"{option} takes one board, not {len(found)}.", "Name a single --port.")
    if len(found) == 1:
        return [(found[0], found[0])]
    return [(f"{VIRTUAL} {found[: n + 1].count(VIRTUAL)}" if p == VIRTUAL else p, p) for n, p in enumerate(found)]


@contextmanager
def _member(
    config: BenchConfig, name: tuple[str, str], network: IntegerNetwork, sensor: bool, shown: np.ndarray | None
) -> Iterator[pool.Member]:
    """A board behind its port. If it has been lost meanwhile, that it has crashed is no news in the end."""
    member, failure = None, None
    try:
        with _port(replace(config, port=name[1]), network, sensor, shown) as (path, virtual), Link(path) as link:
            member = pool.Member(name[0], Device(link), virtual)
            try:
                yield member
            except BaseException as error:
                failure = error
                raise
    except BoardError:
        if member is None or member.lost is None:
            raise
        if failure is not None:
            raise failure from None


def _alike(members: list[pool.Member], network: IntegerNetwork, runs: int) -> Hello:
    """What the first board says of itself. BoardError if not all run `network` by the same firmware, `runs` times."""
    hellos = [same_network(m.device.hello(), network, m.name, runs) for m in members]
    for member, hello in zip(members, hellos, strict=True):
        if hello.firmware != hellos[0].firmware:
            raise BoardError(
                f"{member.name} has firmware {hello.firmware}, {members[0].name} {hellos[0].firmware}.",
                "Flash all of them with `fer-edge flash`.",
            )
    if len({m.device.link.pseudo_terminal for m in members}) > 1:
        raise BoardError("Virtual and real boards do not go together: their times differ in kind.", "Name one kind.")
    return hellos[0]


def _measured(members: list[pool.Member], meter: Meter) -> Device:
    """The board whose energy is taken: the first, to which an instrument is wired, or without one the first left."""
    left = [m for m in members if m.lost is None]
    if meter.observes and left[0] is not members[0]:
        raise BoardError(
            f"{members[0].name}, to which the meter {meter.name} belongs, is lost: {members[0].lost}", "Mend it."
        )
    return left[0].device


@contextmanager
def _port(
    config: BenchConfig, network: IntegerNetwork, sensor: bool, shown: np.ndarray | None
) -> Iterator[tuple[str, VirtualBoard | None]]:
    """As `board_port`, also with the virtual board it starts, whose camera sees `shown`."""
    if config.port == VIRTUAL:
        layers = [layer.name for layer in network.layers]
        with (
            nullcontext() if shown is None else scenes.saved(shown) as pictures,
            timeline.recorded(config.trace, layers=layers) as recording,
        ):
            board = virtual_board(network, config.network, sensor, pictures, recording, config.mirror)
            with board as path:
                yield path, board
    elif config.trace is not None:
        raise FerEdgeError(
            f"Only --port {VIRTUAL} leaves a trace, not {config.port}.", f"Leave --trace out, or take --port {VIRTUAL}."
        )
    else:
        with board_port(config.port, network, config.network, sensor) as path:
            yield path, None


def _through_camera(
    member: pool.Member,
    network: IntegerNetwork,
    config: BenchConfig,
    faces: Faces,
    shown: np.ndarray,
    answers: AnswerFile[Sight],
) -> ThroughCamera:
    """The pictures `shown`, one for each face, seen by the board's camera: a virtual one's own, else from a screen."""
    virtual = member.virtual
    with nullcontext(virtual) if virtual else Screen(shown) as screen:
        frames = camera.VIRTUAL_FRAMES if virtual else camera.SCREEN_FRAMES
        full_rate = camera.look(member.device, network, faces, screen.show, frames, answers, config.mirror)
    return camera.result(network, faces, config.lens_name, answers.records, full_rate, virtual is not None)


@contextmanager
def board_port(port: str, network: IntegerNetwork, source: Path, sensor: bool = False) -> Iterator[str]:
    """The device or URL that `port` means; `virtual` starts a board with `network`, which came from `source`.

    `sensor`: whether a virtual board shall have a simulated current sensor.
    """
    if port == VIRTUAL:
        with virtual_port(network, source, sensor) as path:
            yield path
    else:
        yield ports.find(ports.BOARD) if port == AUTO else port


def _identity(config: BenchConfig, meter: Meter, run: dict[str, Any]) -> str:
    """A hash (hexadecimal) of what tells a run's report from another's: `run`, the meter, and what runs besides."""
    told = run | {
        "meter": [meter.name, meter.source, meter.boundary],
        "camera": [config.lens_name, config.seed] if config.through_camera else None,
        "duty": config.duty and asdict(config.duty),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _folder(given: Path | None, network: IntegerNetwork, identity: str) -> Path:
    """Where results go. FerEdgeError where the report of another run lies."""
    name = f"{file_name(network.name)}-{network.content_hash.hex()[:HASH_SHOWN]}-{identity[:HASH_SHOWN]}"
    folder = given or OUTPUT / name
    if report.run_of(folder) not in (None, identity):
        raise FerEdgeError(
            f"{folder} holds the report of another run: of other faces, another network, board or firmware, or with "
            "other options.",
            "Give another --output-dir.",
        )
    return folder


def same_network(hello: Hello, network: IntegerNetwork, port: str, runs: int = 1) -> Hello:
    """`hello`, if it is of a board that runs `network`, and so often for an image; BoardError if not."""
    if hello.runs != runs:
        raise BoardError(
            f"The firmware on {port} runs the network {hello.runs} × for a face, not {runs} ×.",
            "For 2, `fer-edge firmware` and `fer-edge bench` take --mirror; all else is for firmware without it.",
        )
    if hello.network_hash != network.content_hash:
        raise BoardError(
            f"The board on {port} runs {hello.network_name} ({hello.network_hash.hex()[:HASH_SHOWN]}), "
            f"not {network.name} ({network.content_hash.hex()[:HASH_SHOWN]}).",
            f"Flash {network.name} (`fer-edge firmware`, `fer-edge flash`), or give the network it runs.",
        )
    return hello


def _stream(
    device: Device, network: IntegerNetwork, port: str, faces: Faces, answers: AnswerFile[Record], runs: int
) -> None:
    """Send the images not yet answered, and keep each answer as it comes. A port that goes away is waited for."""
    right = sum(r.predicted == r.label for r in answers.records)
    raises = 0
    usb = ports.serial_number(device.link.port) if port == AUTO else None
    lost, deadline = -1, 0.0  # where the port last went away, and until when it is waited for
    with tqdm(
        total=len(faces), initial=len(answers.records), desc="bench", unit="img", dynamic_ncols=True, disable=None
    ) as bar:
        while (start := len(answers.records)) < len(faces):
            try:
                if device.link.baud_rate == BAUD_RATE and raises < RAISES:
                    device.link.raise_baud_rate()
                    raises += 1
                images = network.device_input(faces.images[start : start + CHUNK])
                for record in _ask(device, faces, start, images):
                    answers.append(record)
                    right += record.predicted == record.label
                    bar.set_postfix_str(f"accuracy {right / len(answers.records):.2%}", refresh=False)
                    bar.update()
            except PortGone:
                if port == VIRTUAL:  # it has crashed
                    raise
                if lost != len(answers.records):  # else it went away again before it answered anything
                    lost, deadline = len(answers.records), time.monotonic() + RETURN_SECONDS
                raises = 0
                _await_return(device, network, runs, usb, deadline, bar)


@contextmanager
def _keeping(
    members: Sequence[pool.Member], faces: Faces, answers: AnswerFile[Record], sights: AnswerFile[Sight] | None
) -> Iterator[None]:
    """Say what is kept, whatever ends the run."""

    def kept(then: str) -> str:
        seen = "" if sights is None else f", and {sights.kept():,} through the camera,"
        return f"{answers.kept():,} of {len(faces):,} answers{seen} are kept in {answers.path.parent}. {then}"

    try:
        yield
    except KeyboardInterrupt:
        tqdm.write(shown(kept("The same command goes on from there.")), file=sys.stderr)
        raise
    except BoardError as error:
        for member in members:
            error = member.explained(error)
        raise BoardError(error.what, f"{error.cure} {kept('Then the same command goes on from there.')}") from error
    except OSError as error:
        refused = refusal(error)
        cure = f"{refused.cure} {kept('Then the same command goes on from there.')}"
        raise FerEdgeError(refused.what, cure) from error


def _await_return(
    device: Device, network: IntegerNetwork, runs: int, usb: str | None, deadline: float, bar: tqdm[Any]
) -> None:
    """Open the port again once it is there: the same one or, with its `usb` serial number known, wherever that is.

    BoardError if it is not there by `deadline` (of `time.monotonic`), or has come back with another network.
    """
    link = device.link
    bar.set_description_str(f"{link.port} went away, waiting for it")
    while True:
        with suppress(PortGone):
            port = ports.with_serial_number(usb) if usb else link.port
            if port and _opens(link, port):
                same_network(device.hello(), network, port, runs)
                bar.set_description_str("bench")
                return
        if time.monotonic() > deadline:
            raise BoardError(
                f"{link.port} went away, and did not come back within {RETURN_SECONDS:g} s.", "Plug the board in again."
            )
        time.sleep(RETURN_POLL_SECONDS)


def _opens(link: Link, port: str) -> bool:
    try:
        link.reopen(port)
    except BoardError:
        return False
    return True


def _ask(device: Device, faces: Faces, start: int, images: np.ndarray) -> Iterator[Record]:
    """The board's answers to `images`, which are `faces` from `start` on."""
    retries, since = device.link.retries, time.perf_counter()
    for index, answer in enumerate(device.infer_all(images), start):
        retried, now = device.link.retries, time.perf_counter()
        yield pool.record(faces, index, answer, round(now - since, 6), retried - retries)
        retries, since = retried, now


def _board(hello: Hello, port: str, virtual: bool, baud_rate: int) -> Board:
    return Board(
        port=port,
        virtual=virtual,
        firmware=hello.firmware,
        network=hello.network_name,
        classes=list(hello.classes),
        sensor=hello.sensor.name,
        runs=hello.runs,
        stack_bytes=hello.stack_bytes,
        last_start=hello.reset_cause.name,
        baud_rate=baud_rate,
    )


def _logits(records: list[Record]) -> np.ndarray:
    """The board's logits, int32 (images, outputs)."""
    return np.array([r.logits for r in records], np.int32)


def _misread(unit: float, network: IntegerNetwork, records: list[Record], faces: Faces) -> Misread:
    """`unit`: of the logits."""
    logits = by_class(_logits(records), network.classes, faces.classes)
    right = predictions(logits) == np.array([r.label for r in records])
    wrong = [(record, row) for record, row, good in zip(records, logits, right, strict=True) if not good]
    scores = softmax(np.array([row for _, row in wrong]).reshape(len(wrong), len(faces.classes)) * unit)
    surest = sorted(zip(wrong, scores, strict=True), key=lambda pair: (-pair[1].max(), pair[0][0].image))
    listed = [
        MisreadFace(
            image=record.image,
            name=record.name,
            label=faces.classes[record.label],
            predicted=faces.classes[int(row.argmax())],
            scores=dict(zip(faces.classes, row.tolist(), strict=True)),
        )
        for (record, _), row in surest[:MISREAD_LISTED]
    ]
    return Misread(len(wrong), listed)


def _compare(records: list[Record], expected: np.ndarray, classes: Sequence[str]) -> Logits:
    """How the board's logits and classes differ from the simulator's."""
    differing = [
        Difference(
            image=record.image,
            name=record.name,
            board=list(record.logits),
            simulator=row.tolist(),
            board_class=classes[record.predicted] if record.predicted < len(classes) else record.predicted,
            simulator_class=classes[best],
        )
        for record, row, best in zip(records, expected, predictions(expected), strict=True)
        if record.logits != tuple(row.tolist()) or record.predicted != best
    ]
    return Logits(int(expected.size), len(differing), differing[:MISMATCHES_LISTED])


def _traced(device: Device, network: IntegerNetwork, source: Path, faces: Faces, logits: Logits) -> Logits:
    """Of the first images that differ, also which layer is the first to do so."""

    def trace(difference: Difference) -> Difference:
        image = network.device_input(faces.images[difference.image, None])[0]
        return replace(difference, layer=first_differing_layer(device, placed_as(network, source), image))

    first = logits.first_differing
    traced = [trace(difference) for difference in first[:MISMATCHES_TRACED]]
    return replace(logits, first_differing=[*traced, *first[MISMATCHES_TRACED:]])


def _latency(records: list[Record], kind: Kind) -> Latency:
    """The accelerator's time, as the board reports it."""
    microseconds = np.array([r.microseconds for r in records])
    source = f"the board's timer, accelerator start to done, {len(records):,} images"
    if kind == "estimated":
        source = f"virtual time, {source}; a real board takes about {OVERHEAD_US:g} µs more to start and stop"
    values, counts = np.unique(microseconds, return_counts=True)

    def latency(value: float) -> Figure:
        return Figure(float(value), "µs", kind, source)

    return Latency(
        min=latency(microseconds.min()),
        median=latency(float(np.median(microseconds))),
        max=latency(microseconds.max()),
        cycles_median=Figure(float(np.median([r.cycles for r in records])), "cycles", kind, source),
        microseconds=list(zip(values.tolist(), counts.tolist(), strict=True)),
    )


def _throughput(records: list[Record], kind: Kind) -> Figure:
    """By the host's clock."""
    source = "the host's clock, from reply to reply" + ("" if kind == "measured" else "; the board is virtual")
    return Figure(len(records) / sum(r.seconds for r in records), "images/s", "measured", source)


def _energy(
    device: Device, meter: Meter, network: IntegerNetwork, faces: Faces, records: list[Record], boards: int
) -> Energy:
    microseconds = float(np.median([r.microseconds for r in records]))
    pace = boards * max(r.seconds for r in records)  # a virtual board may take longer than it says
    return measure(device, meter, network.device_input(faces.images[:1])[0], microseconds * 1e-6, pace)
