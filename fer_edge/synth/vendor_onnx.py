"""Which networks the vendor's ONNX reader takes, and how they are written for it.

The reader (`izer/onnxcp.py` of ai8x-synthesis) takes weights and biases of the Conv and Gemm nodes, in order, and all
else from the YAML. Two habits of its decide what it can take:

- It notes a kernel size for each stored input of a node, so two for a convolution with bias, but compares the n-th
  layer with the n-th note. A convolution without the attribute `kernel_shape`, which is optional, leaves no note.
- It looks `quantization` and `output_shift` up by counting layers with weights, where the YAML counts all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from fer_edge.network import WEIGHT_RANGE, IntegerNetwork, Layer, Operator


def kernel_shapes(network: IntegerNetwork) -> tuple[bool, ...] | None:
    """For each layer with weights, whether `kernel_shape` is to be written; None where no choice makes the reader
    compare like with like. It is written everywhere if it can, else left out as soon as possible."""
    layers = _weighted(network)
    everywhere = (True,) * len(layers)
    return everywhere if _compares_alike(layers, everywhere) else _choose(layers)


def refusal(network: IntegerNetwork) -> str | None:
    """Why the reader does not take the network as `onnx_model` and `vendor_yaml` write it, or takes it wrong; None if
    it takes it, with the same results as from a checkpoint."""
    if kernel_shapes(network) is None:
        return "it counts two kernel sizes for a convolution with bias, and compares a later layer with the wrong one"
    layers = _weighted(network)
    for index, layer in enumerate(network.layers):
        if index < len(layers):
            weight = _weight(layers[index])
            if layer.weight is None and _detected_bits(weight) != 8:
                return f"layer {index} ({layer.name}) has no weights, but gets the shift of narrow ones, and is refused"
            if layer.weight is not None and not _fits(weight, layer.weight_bits):
                return f"it checks the weights of {layers[index].name} against the width of those of {layer.name}"
        elif layer.weight is not None and layer.weight_bits != 8 and layer.output_width == 8:
            return f"layer {index} ({layer.name}) is shifted as if its weights had 8 bits, and its outputs are wrong"
    return None


def _weighted(network: IntegerNetwork) -> list[Layer]:
    return [layer for layer in network.layers if layer.weight is not None]


def _weight(layer: Layer) -> np.ndarray:
    assert layer.weight is not None
    return layer.weight


def _compares_alike(layers: Sequence[Layer], written: Sequence[bool]) -> bool:
    """Whether the n-th note is the n-th layer's kernel size, and there already when it is looked at."""
    notes: list[int] = []
    for index, (layer, noted) in enumerate(zip(layers, written, strict=True)):
        notes += [layer.kernel_size] * noted
        if notes[index : index + 1] != [layer.kernel_size]:
            return False
        notes += [layer.kernel_size] * (noted and layer.bias is not None)
    return True


def _choose(layers: Sequence[Layer]) -> tuple[bool, ...] | None:
    """Notes ahead of the layers are all of one size: that of the layers since the last time there were none."""

    @cache
    def rest(index: int, ahead: int) -> tuple[bool, ...] | None:
        if index == len(layers):
            return ()
        layer = layers[index]
        if ahead and layer.kernel_size != layers[index - 1].kernel_size:
            return None
        if ahead and layer.operator == Operator.CONV and (found := rest(index + 1, ahead - 1)) is not None:
            return (False, *found)
        found = rest(index + 1, ahead + (layer.bias is not None))
        return None if found is None else (True, *found)

    return rest(0, 0)


def _fits(weight: np.ndarray, bits: int) -> bool:
    return bool(-(1 << (bits - 1)) <= weight.min() and weight.max() < 1 << (bits - 1))


def _detected_bits(weight: np.ndarray) -> int:
    """The width the reader takes from the weights where the YAML has none: 2, 4 or 8."""
    return next(bits for bits in sorted(WEIGHT_RANGE)[1:] if _fits(weight, bits))
