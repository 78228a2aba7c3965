"""The networks meant for the MAX78000, as blueprints: everything but the weights.

All take a 48×48 grey face folded to 4×24×24, because four input channels cost the accelerator no more than one, and
use 3×3 kernels with a bias throughout. Max pooling is done by the layer after it, at no extra layer. The classifier
is a 3×3 convolution on a 3×3 map: cheaper than flattening, and the form the vendor's ONNX loader takes.

- `fernet-nano` is small and fast.
- `fernet` fills the weight memory. That memory belongs to processors, hence its widths: the 60 outputs of the first
  layer lie beside the four processors that read the image, so that the first two layers share the same columns.
- `fernet-res` has residual blocks, their sums fused with the next convolution or by themselves, and average pooling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from fer_edge.errors import FerEdgeError
from fer_edge.faces import CLASSES
from fer_edge.network import INPUT, WEIGHT_RANGE, IntegerNetwork, Layer

INPUT_SHAPE = (4, 24, 24)
FOLD = 2


def names() -> tuple[str, ...]:
    """The networks that have a blueprint."""
    return tuple(ARCHITECTURES)


def blueprint(name: str, weight_bits: str = "8") -> IntegerNetwork:
    """The network with zero weights.

    `weight_bits` is what `parse_weight_bits` takes. FerEdgeError if name or weight bits make no sense, NetworkError
    if the accelerator has no room for the network.
    """
    if name not in ARCHITECTURES:
        raise FerEdgeError(f"there is no architecture {name!r}.", f"Use one of: {', '.join(ARCHITECTURES)}.")
    layers = ARCHITECTURES[name]()
    weighted = [layer.name for layer in layers if layer.weight is not None]
    bits = parse_weight_bits(weight_bits, weighted)
    layers = [replace(layer, weight_bits=bits.get(layer.name, layer.weight_bits)) for layer in layers]
    return IntegerNetwork(name, INPUT_SHAPE, tuple(layers), fold=FOLD)


def parse_weight_bits(text: str, layers: Sequence[str]) -> dict[str, int]:
    """Weight bits of each of `layers` from text such as ``4``, ``conv4=4,conv5=2`` or ``4,conv1=8``.

    A number by itself is for all layers not named; it is 8 where none is given. FerEdgeError says what is wrong.
    """
    default, named = 8, {}
    for part in text.split(","):
        layer, _, number = part.rpartition("=")
        bits = {str(bits): bits for bits in WEIGHT_RANGE}.get(number.strip())
        if bits is None:
            raise FerEdgeError(
                f"--weight-bits {text}: {part.strip()!r} gives no number of bits.",
                "Use 1, 2, 4 or 8, for all layers (4) or by name (conv4=4,conv5=2).",
            )
        if layer:
            named[layer.strip()] = bits
        else:
            default = bits
    if unknown := [layer for layer in named if layer not in layers]:
        raise FerEdgeError(
            f"--weight-bits {text}: the network has no layer {', '.join(unknown)}.", f"It has {', '.join(layers)}."
        )
    return {layer: named.get(layer, default) for layer in layers}


class _Builder:
    """Layers one after another. Each method appends one that reads the layers `inputs` and returns its index."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.channels = {INPUT: INPUT_SHAPE[0]}

    def conv(self, out_channels: int, *inputs: int, max_pool: bool = False) -> int:
        """The sum of the inputs, each pooled 2×2 if `max_pool`; 3×3 convolution, ReLU."""
        return self._append("conv", out_channels, inputs, pool="max" if max_pool else None, pad=1, activation="relu")

    def classifier(self, source: int, *, max_pool: bool = False) -> int:
        """3×3 convolution of a 3×3 map (6×6 before `max_pool`) to a logit for each class."""
        return self._append("conv", len(CLASSES), (source,), pool="max" if max_pool else None, output_width=32)

    def copy(self, source: int) -> int:
        """The same again, because an operand of an add can have no other reader."""
        return self._append("copy", None, (source,))

    def mean_add(self, *inputs: int) -> int:
        """The sum of the inputs, each averaged 2×2."""
        return self._append("add", None, inputs, pool="avg")

    def _append(
        self, kind: str, out_channels: int | None, inputs: tuple[int, ...], *, pool: str | None = None, **settings: Any
    ) -> int:
        in_channels = self.channels[inputs[0]]
        if out_channels is not None:
            settings["weight"] = np.zeros((out_channels, in_channels, 3, 3), np.int8)
            settings["bias"] = np.zeros(out_channels, np.int8)
        if pool is not None:
            settings |= {"pool": pool, "pool_size": (2, 2), "pool_stride": 2}
        index = len(self.layers)
        name = f"{kind}{1 + sum(layer.name.startswith(kind) for layer in self.layers)}"
        operator: Literal["conv", "pass"] = "pass" if out_channels is None else "conv"
        self.layers.append(Layer(name, operator, inputs, **settings))
        self.channels[index] = out_channels or in_channels
        return index


def chain(stages: Sequence[Sequence[int]]) -> list[Layer]:
    """Convolutions of the widths given; max pooling between stages and before the classifier."""
    net, x = _Builder(), INPUT
    for stage, widths in enumerate(stages):
        for position, width in enumerate(widths):
            x = net.conv(width, x, max_pool=stage > 0 and position == 0)
    net.classifier(x, max_pool=True)
    return net.layers


def residual() -> list[Layer]:
    """Blocks ``x + conv(x)``: at 24×24, two at 12×12, at 6×6; the last sum averaged down to 3×3."""
    net = _Builder()
    x = net.conv(32, INPUT)
    for width, max_pool in ((64, True), (64, False), (64, True)):
        x = net.conv(width, *_block(net, x), max_pool=max_pool)
    x = net.mean_add(*_block(net, x))
    net.classifier(x)
    return net.layers


def _block(net: _Builder, x: int) -> tuple[int, int]:
    """The two operands of ``x + conv(x)``."""
    return net.copy(x), net.conv(net.channels[x], x)


ARCHITECTURES: dict[str, Callable[[], list[Layer]]] = {
    "fernet-nano": lambda: chain(((32, 32), (36, 36, 36), (40, 32))),
    "fernet": lambda: chain(((60, 64, 48), (64, 64, 64, 64), (128, 128))),
    "fernet-res": residual,
}
