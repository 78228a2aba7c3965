"""`fer-edge compare`: networks of any kind on the same faces, in one table. Imports torch only for unquantized ones."""

from __future__ import annotations

import math
import os
import platform
import string
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from fer_edge import checkpoint, faces, filenames, models
from fer_edge.bench.harness import VIRTUAL
from fer_edge.errors import CheckpointError, FerEdgeError
from fer_edge.estimate import OVERHEAD_US
from fer_edge.faces.dataset import SIDE
from fer_edge.figure import Figure
from fer_edge.load import load_network
from fer_edge.metrics import by_class, check_classes, mcnemar, percent, score, simulate_faces
from fer_edge.network import IntegerNetwork
from fer_edge.power import WIDE_HIGH_MW, WIDE_LOW_MW
from fer_edge.simulate import predictions, simulate
from fer_edge.synth.synthesize import estimate_placed
from fer_edge.training import evaluate
from fer_edge.training.host_energy import HostEnergy

if TYPE_CHECKING:
    from torch import nn

IMAGE_SHAPE = (1, SIDE, SIDE)
WARM_UP, RUNS = 5, 25
"""Images inferred one by one before latency is taken, and while it is."""
SPIKE_FACES = 64
"""Faces whose spikes are counted."""
MIN_SECONDS = 1.0
"""Shorter runs have no energy: RAPL counters move only about once a millisecond."""

FIGURES = {
    "parameters": "parameters",
    "model_bytes": "model size",
    "macs": "MACs per image",
    "synops": "synaptic operations per image",
    "firing_rate": "firing rate",
    "host_latency": "host latency, batch 1",
    "throughput": "host throughput",
    "host_energy": "host energy per image",
    "convention_energy": "energy by convention",
    "chip_cycles": "MAX78000 cycles",
    "chip_latency": "MAX78000 latency",
    "chip_energy": "MAX78000 energy",
    "board_differing": "virtual board, faces unlike the simulator",
    "board_cycles": "virtual board, cycles",
    "board_latency": "virtual board, latency",
}
"""What `Compared.figures` may hold, in the order of the table."""


@dataclass(frozen=True)
class Compared:
    """One network's column.

    letter : how rows and remarks call it.
    arithmetic : `integer` is what the accelerator computes.
    published : accuracy in percent that others have published for this architecture, and how they came by it.
    scores : `metrics.scores`, with `macro_precision` and `macro_recall`; measured.
    figures : by key of `FIGURES`; `absent` says for others why there is none, where that is worth saying.
    right : bool (N,), faces it names correctly.
    """

    letter: str
    name: str
    source: str
    arithmetic: Literal["float", "integer"]
    published: tuple[float, str] | None
    scores: dict[str, Any]
    figures: dict[str, Figure]
    absent: dict[str, str]
    right: NDArray[np.bool_] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "letter": self.letter,
            "name": self.name,
            "source": self.source,
            "arithmetic": self.arithmetic,
            "published": None if self.published is None else list(self.published),
            "scores": self.scores,
            "figures": {key: asdict(figure) for key, figure in self.figures.items()},
            "absent": self.absent,
        }


@dataclass(frozen=True)
class Neighbours:
    """Two networks face by face: how many only `a`, only `b` got right; `p` of the exact McNemar test."""

    a: str
    b: str
    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True)
class Comparison:
    """Networks on the same faces. `data` says which, `host` on what computer latency and energy were measured.

    missing : sources that were not reached before Ctrl-C.
    """

    data: faces.Selection
    host: str
    networks: tuple[Compared, ...]
    neighbours: tuple[Neighbours, ...]
    missing: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "data": asdict(self.data),
            "host": self.host,
            "networks": [network.to_dict() for network in self.networks],
            "neighbours": [asdict(pair) for pair in self.neighbours],
            "missing": list(self.missing),
        }


def compare(
    sources: Sequence[str | Path],
    data: str | Path,
    split: str = "test",
    limit: int | None = None,
    seed: int = 0,
    port: str | None = None,
    labels: Path | None = None,
) -> Comparison:
    """Every network on the same faces, see `faces.load`.

    Of `sources` each is a folder or checkpoint of `fer-edge train` or `qat-train`, a quantized checkpoint, a folder of
    `fer-edge synth`, or ``zoo:NAME``. A folder of training stands for its result; a quantization-aware checkpoint for
    the integers it amounts to. With `port` ``virtual``, quantized networks run on the virtual board too.

    Raises
    ------
    CheckpointError : a source that is none of these, or whose network does not classify these faces.
    FerEdgeError : no or too many sources, faces that cannot be read, a virtual board that fails.
    """
    if not 1 <= len(sources) <= len(string.ascii_uppercase):
        raise FerEdgeError(f"{len(sources)} networks are not a table.", "Give 1 to 26 networks.")
    if port not in (None, VIRTUAL):
        raise FerEdgeError(
            f"Networks are compared on the {VIRTUAL} board only, not on {port}.", "Use `fer-edge bench`."
        )
    candidates = [_load(str(source)) for source in sources]
    wanted = faces.classes(data, labels)
    for candidate in candidates:
        if isinstance(candidate.network, IntegerNetwork):
            outputs = math.prod(candidate.network.output_shape)
            check_classes(f"{candidate.source}: {candidate.name}", outputs, candidate.classes, wanted)
    images = faces.load(data, split, limit, seed, labels)
    networks: list[Compared] = []
    try:
        for letter, candidate in zip(
            string.ascii_uppercase,
            tqdm(candidates, "comparing", unit="network", leave=False, disable=None),
            strict=False,
        ):
            networks.append(_measure(letter, candidate, images, port))
    except KeyboardInterrupt:
        if not networks:
            raise
    return Comparison(
        data=faces.Selection.of(images, data, split, limit, seed, labels),
        host=_host(),
        networks=tuple(networks),
        neighbours=tuple(_face_by_face(a, b) for a, b in pairwise(networks)),
        missing=tuple(candidate.source for candidate in candidates[len(networks) :]),
    )


@dataclass(frozen=True)
class _Candidate:
    """A network that has been found: of integers, or of torch."""

    name: str
    source: str
    network: IntegerNetwork | nn.Module
    classes: tuple[str, ...]


def _load(source: str) -> _Candidate:
    path = Path(source)
    if path.is_dir() and not (path / filenames.ONNX).exists():
        results = [path / name for name in (filenames.QUANTIZED, filenames.BEST) if (path / name).exists()]
        if not results:
            raise CheckpointError(
                f"{source} holds no quantized.pth.tar, best.pth.tar or model.onnx.",
                "Give a folder that `fer-edge train`, `qat-train` or `synth` wrote.",
            )
        path = results[0]
    if path.is_file():
        content = checkpoint.read(path)
        mode = evaluate.stored_mode(content)
        if mode == "float":
            return _Candidate(
                content.arch, str(path), evaluate.load_model(path, "float"), evaluate.stored_classes(content)
            )
        network = evaluate.integer_network(path) if mode == "qat" else load_network(path)
    else:
        network = load_network(source)
    if network.image_shape != IMAGE_SHAPE:
        raise CheckpointError(
            f"{source}: {network.name} takes images {network.image_shape}; these faces are {IMAGE_SHAPE}.",
            "Compare networks of one task.",
        )
    return _Candidate(network.name, str(path) if path.exists() else source, network, network.classes)


def _measure(letter: str, candidate: _Candidate, images: faces.Faces, port: str | None) -> Compared:
    network = candidate.network
    integer = isinstance(network, IntegerNetwork)
    figures = _latency(network, images)  # first, because it warms up
    logits, throughput, absent = _infer_all(network, images)
    figures |= throughput
    if isinstance(network, IntegerNetwork):
        figures |= _chip(network)
        if port is not None:
            figures |= _virtual_board(network, candidate.source, images, logits)
    else:
        figures |= _operations(network, images)
    scored = score(images, logits, candidate.classes)
    return Compared(
        letter=letter,
        name=candidate.name,
        source=candidate.source,
        arithmetic="integer" if integer else "float",
        published=models.get(candidate.name).published if candidate.name in models.names() else None,
        scores={**scored, **_macro(scored)},
        figures={key: figures[key] for key in FIGURES if key in figures},
        absent=absent,
        right=predictions(by_class(logits, candidate.classes, images.classes)) == images.labels,
    )


def _infer_all(
    network: IntegerNetwork | nn.Module, images: faces.Faces
) -> tuple[NDArray[Any], dict[str, Figure], dict[str, str]]:
    """Logits (N, classes), throughput and energy of the processor for it; and why a figure is missing."""
    started = time.perf_counter()
    with HostEnergy(gpu=False) as energy:
        if isinstance(network, IntegerNetwork):
            logits: NDArray[Any] = simulate_faces(network, images)
        else:
            logits = evaluate.model_logits(network, images)
    seconds = time.perf_counter() - started
    how = f"{len(images):,} faces in large batches; {_threads(network)}"
    figures = {"throughput": Figure(len(images) / seconds, "images/s", "measured", how)}
    present = [reading for reading in energy.readings if reading.joules is not None]
    if not present:
        return logits, figures, {"host_energy": " ".join(reading.absent for reading in energy.readings)}
    if seconds < MIN_SECONDS:
        return logits, figures, {"host_energy": f"All faces took {seconds:.2g} s, too short to measure. Give more."}
    joules = sum(reading.joules or 0.0 for reading in present)
    covers = "; ".join(f"{reading.source}: {reading.boundary}" for reading in present)
    figures["host_energy"] = Figure(1e3 * joules / len(images), "mJ", "measured", f"{covers}; idle included; {how}")
    return logits, figures, {}


def _latency(network: IntegerNetwork | nn.Module, images: faces.Faces) -> dict[str, Figure]:
    """Median time of one image by itself."""
    infer = _one_by_one(network)
    seconds = []
    for run in tqdm(range(-WARM_UP, RUNS), "latency", unit="img", leave=False, delay=2, disable=None):
        image = images.images[run % len(images)][None]
        started = time.perf_counter()
        infer(image)
        if run >= 0:
            seconds.append(time.perf_counter() - started)
    how = f"median of {RUNS} images after {WARM_UP} to warm up; {_threads(network)}"
    return {"host_latency": Figure(1e3 * float(np.median(seconds)), "ms", "measured", how)}


def _one_by_one(network: IntegerNetwork | nn.Module) -> Callable[[NDArray[np.uint8]], object]:
    if isinstance(network, IntegerNetwork):
        return lambda pixels: simulate(network, network.device_input(pixels))
    import torch

    from fer_edge.training.loop import normalize

    def infer(pixels: NDArray[np.uint8]) -> None:
        with torch.inference_mode():
            network(normalize(torch.from_numpy(pixels)[:, None]))

    return infer


def _threads(network: IntegerNetwork | nn.Module) -> str:
    """What computes, for a figure's source."""
    if isinstance(network, IntegerNetwork):
        return f"the simulator, not the chip: numpy, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}"
    import torch

    return f"torch on the processor, threads: {torch.get_num_threads()}"


def _operations(network: nn.Module, images: faces.Faces) -> dict[str, Figure]:
    """Size of a torch network, and what it computes for an image."""
    import torch

    from fer_edge.models import spikes
    from fer_edge.models.snn import SpikingNet
    from fer_edge.training.loop import normalize, tensors

    parameters = sum(p.numel() for p in network.parameters())
    state = sum(values.numel() * values.element_size() for values in network.state_dict().values())
    figures = {
        "parameters": Figure(parameters, "", "measured", "counted: all parameters"),
        "model_bytes": Figure(state, "B", "measured", "counted: parameters and buffers in memory"),
    }
    if not isinstance(network, SpikingNet):
        macs = spikes.macs(network)
        return figures | {
            "macs": Figure(macs, "", "measured", "counted: convolutions and linear layers"),
            "convention_energy": spikes.energy(macs),
        }
    some = images.take(np.arange(min(SPIKE_FACES, len(images))))
    found = spikes.spike_metrics(network, normalize(tensors(some, torch.device("cpu"))[0]))
    published = percent(spikes.PUBLISHED_RATE)
    counted = f"mean of {found.images} faces, {found.steps} steps each"
    return figures | {
        "macs": Figure(found.macs, "", "measured", "counted: the layer that sees pixels, once per image"),
        "synops": Figure(round(found.synops), "", "measured", f"counted spike by spike, {counted}"),
        "firing_rate": Figure(100 * found.rate, "%", "measured", f"{counted}; {published} is published for another"),
        "convention_energy": found.energy,
    }


def _chip(network: IntegerNetwork) -> dict[str, Figure]:
    """Size of a quantized network, and what it costs on the accelerator."""
    cost = estimate_placed(network)[1]
    low, high = cost.energy_low.value, cost.energy_high.value
    of_power = f"µJ at {WIDE_LOW_MW:g} to {WIDE_HIGH_MW:g} mW"
    parameters = sum(
        values.size for layer in network.layers for values in (layer.weight, layer.bias) if values is not None
    )
    return {
        "parameters": Figure(parameters, "", "measured", "counted: weights and biases"),
        "model_bytes": Figure(cost.weight_bytes + cost.bias_bytes, "B", "measured", "counted: weights and biases"),
        "macs": Figure(cost.macs, "", "measured", "counted: convolutions and linear layers"),
        "chip_cycles": Figure(cost.cycles, "cycles", "estimated", "vendor's cycle formula"),
        "chip_latency": cost.latency,
        "chip_energy": replace(cost.energy, source=f"{cost.energy.source}; {low:.1f} to {high:.1f} {of_power}"),
    }


def _virtual_board(
    network: IntegerNetwork, source: str, images: faces.Faces, logits: NDArray[np.int32]
) -> dict[str, Figure]:
    """The same faces through the firmware: how many have other logits, and the times it reports."""
    from fer_edge.bench.device import Device
    from fer_edge.bench.harness import same_network
    from fer_edge.bench.link import Link
    from fer_edge.bench.virtual import virtual_port

    with virtual_port(network, Path(source)) as port, Link(port) as link:
        device = Device(link)
        same_network(device.hello(), network, port)
        link.raise_baud_rate()
        inputs = network.device_input(images.images)
        answers = list(
            tqdm(device.infer_all(inputs), "virtual board", len(inputs), unit="img", leave=False, disable=None)
        )
    differing = int((np.array([answer.logits for answer in answers]) != logits).any(axis=1).sum())
    where = f"the firmware on the virtual board, {len(answers):,} faces"
    return {
        "board_differing": Figure(differing, f"of {len(answers):,}", "measured", f"{where}; every logit compared"),
        "board_cycles": Figure(
            float(np.median([answer.cycles for answer in answers])), "cycles", "estimated", f"{where}; median"
        ),
        "board_latency": Figure(
            float(np.median([answer.microseconds for answer in answers])),
            "µs",
            "estimated",
            f"{where}; median of virtual time; a real board takes about {OVERHEAD_US:g} µs more to start and stop",
        ),
    }


def _macro(scores: dict[str, Any]) -> dict[str, float]:
    """Means over the classes that occur, as for macro F1."""
    confusion = np.array(scores["confusion"])
    present = confusion.sum(axis=0) + confusion.sum(axis=1) > 0
    return {
        f"macro_{rate}": float(np.array([c[rate] for c in scores["per_class"].values()])[present].mean())
        for rate in ("precision", "recall")
    }


def _face_by_face(a: Compared, b: Compared) -> Neighbours:
    only_a, only_b = int((a.right & ~b.right).sum()), int((b.right & ~a.right).sum())
    return Neighbours(a.letter, b.letter, only_a, only_b, mcnemar(only_a, only_b))


def _host() -> str:
    """The computer, in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{(names or [platform.processor() or platform.machine()])[0]}, {os.cpu_count()} cores"
