"""Networks, their descriptions and sample inputs, from files and from names (zoo:NAME)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_edge import checkpoint as checkpoints
from fer_edge import filenames, zoo
from fer_edge.errors import CheckpointError
from fer_edge.files import MAX_SMALL_BYTES, check_input
from fer_edge.network import IntegerNetwork
from fer_edge.registers import MAX_DIMENSION
from fer_edge.synth import vendor_yaml
from fer_edge.synth.placement import PartialPlacement, PlacedNetwork
from fer_edge.synth.placer import place


def load_network(path: Path | str) -> IntegerNetwork:
    """A network from a folder of `synthesize` or of qat-train, a quantized checkpoint of ours, or a shipped one
    (zoo:NAME)."""
    path = Path(path)
    if str(path).startswith(zoo.PREFIX):
        path = zoo.path(str(path).removeprefix(zoo.PREFIX))
    if path.is_dir() and (path / filenames.QUANTIZED).is_file():
        path /= filenames.QUANTIZED
    if path.is_dir():
        model, description = path / filenames.ONNX, path / filenames.YAML
        if not model.is_file() or not description.is_file():
            raise CheckpointError(
                f"{path} holds neither model.onnx and model.yaml nor quantized.pth.tar.",
                "Give a folder that `synth` or `qat-train` wrote.",
            )
        return load_described(model, description)[0]
    return checkpoints.integer_network(checkpoints.read(path))


def load_described(
    weights: Path | str,
    description: Path | str,
    *,
    sample: np.ndarray | None = None,
    avg_pool_rounding: bool = False,
    say: Callable[[str], object] = warnings.warn,
) -> tuple[IntegerNetwork, PartialPlacement]:
    """A network, and what is said of its placement, from weights (`.onnx` or `.pth.tar`) and a YAML description.

    `sample` (channels, rows, columns) tells the input's shape where the YAML does not. `say` gets a line about weights
    of a checkpoint that the description leaves out.
    """
    described = vendor_yaml.read(description)
    shape = None if sample is None else sample.shape
    if Path(weights).suffix == ".onnx":
        from fer_edge.synth import onnx_graph, onnx_model

        layers, fold, rounding, classes, model = onnx_model.read(weights)
        vendor_yaml.require_scales(described, layers)
        rounding = rounding or avg_pool_rounding
        built = vendor_yaml.build(described, layers, sample_shape=shape, fold=fold, avg_pool_rounding=rounding)
        onnx_graph.check(model, built[0], weights)
        return replace(built[0], classes=classes), built[1]
    checkpoint = checkpoints.read(weights)
    if checkpoint.arch and checkpoint.arch.lower() != described.arch.lower():
        raise CheckpointError(
            f"{weights} holds network {checkpoint.arch!r}, {description} describes {described.arch!r}.",
            "Give the two that belong together.",
        )
    count = vendor_yaml.weighted(described)
    layers = checkpoints.quantized_layers(checkpoint, count)
    if left_out := checkpoints.weight_names(checkpoint)[count:]:
        say(f"{weights}: weights that {description} does not describe are left out: {', '.join(left_out)}.")
    fold, rounding, classes = _stored_options(checkpoint.extras)
    network, placement = vendor_yaml.build(
        described, layers, sample_shape=shape, fold=fold, avg_pool_rounding=avg_pool_rounding or rounding
    )
    return replace(network, classes=classes), placement


def load_for_synthesis(
    checkpoint: Path,
    *,
    description: Path | None = None,
    sample_path: Path | None = None,
    avg_pool_rounding: bool = False,
    say: Callable[[str], object] = warnings.warn,
) -> tuple[PlacedNetwork, np.ndarray | None]:
    """What `fer-edge synth` is given: a network, placed as the YAML tells if there is one; a known-answer input if any.

    CheckpointError for files that cannot be read or do not belong together.
    """
    sample = None if sample_path is None else read_sample(sample_path)
    given = None
    if description is not None:
        network, given = load_described(
            checkpoint, description, sample=sample, avg_pool_rounding=avg_pool_rounding, say=say
        )
    elif checkpoint.suffix == ".onnx":
        raise CheckpointError(f"{checkpoint} needs its network description.", "Give it with --yaml.")
    else:
        network = load_network(checkpoint)
        if avg_pool_rounding:
            network = replace(network, avg_pool_rounding=True)
    if sample is not None and sample.shape != network.input_shape:
        raise CheckpointError(
            f"{sample_path} has shape {sample.shape}; the network takes {network.input_shape}.",
            "Save an input of that shape.",
        )
    return place(network, given), sample


def _stored_options(extras: Mapping[str, object]) -> tuple[int, bool, tuple[str, ...]]:
    """Folding, rounding and classes from the description our own checkpoints carry (1, False and none otherwise)."""
    network = extras.get("network")
    if not isinstance(network, Mapping):
        return 1, False, ()
    fold = network.get("fold", 1)
    if not isinstance(fold, int) or not 1 <= fold <= MAX_DIMENSION:
        raise CheckpointError("The checkpoint's own description of its network is malformed.", "Quantize it again.")
    classes = network.get("classes", [])
    return fold, network.get("avg_pool_rounding") is True, tuple(classes if isinstance(classes, list) else ())


def read_sample(path: Path) -> np.ndarray:
    """A known-answer input: integers −128…127 of three dimensions, as int8."""
    check_input(path, MAX_SMALL_BYTES)
    try:
        sample = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: a header cannot ask for more than there is
    except Exception as error:  # a damaged header raises almost anything
        raise CheckpointError(f"{path} is not a readable .npy array.", "Save integers with numpy.save.") from error
    good = isinstance(sample, np.ndarray) and sample.ndim == 3 and sample.dtype.kind in "iu" and sample.size
    if not good or sample.min() < -128 or sample.max() > 127:
        raise CheckpointError(
            f"{path} is not an input: it must hold integers −128…127 as (channels, rows, columns).",
            "Save pixel − 128.",
        )
    return np.asarray(sample, np.int8)
