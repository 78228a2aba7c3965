"""The networks meant for the MAX78000, as blueprints: everything but the weights.

All but `unfolded_…` take a 48×48 grey face folded to 4×24×24, because four input channels cost the accelerator no more
than one. All use 3×3 kernels with a bias throughout. Max pooling is done by the layer after it, at no extra layer. The
classifier is a 3×3 convolution on a 3×3 map: cheaper than flattening, and the form the vendor's ONNX loader takes.

- `fernet-nano` is small and fast.
- `fernet-fast` is as fast, with six times the weights: few outputs where maps are large, many where they are small.
- `fernet` fills the weight memory and takes its time. That memory belongs to processors, hence its widths: the 60
  outputs of the first layer lie beside the four processors that read the image, so that the first two layers share
  the same columns.
- `fernet-res` has residual blocks, their sums fused with the next convolution or by themselves, and average pooling.

Others are described by their own names: `chain_48_64-64-64_128-128_64` is a chain of convolutions of these widths,
with max pooling where `_` stands, `res_…` the same with residual blocks, and `global_…` the same chain with a
classifier that sees the maximum of each map only, wherever it is. `unfolded_48_64-64_128_128-128` has one stage more:
it begins on the 48×48 pixels themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fer_edge.errors import FerEdgeError
from fer_edge.faces.dataset import CLASSES, SIDE
from fer_edge.network import INPUT, WEIGHT_RANGE, IntegerNetwork, Layer, Operator

FOLD = 2
CLASSIFIER_SIDE = 3
"""Rows and columns of the map that the classifier sees, which its kernel covers."""


def names() -> tuple[str, ...]:
    """The networks that have a blueprint."""
    return tuple(ARCHITECTURES)


def is_deployable(name: str) -> bool:
    """Whether `blueprint` knows the name, be it of a network or the description of one."""
    return name in ARCHITECTURES or _DESCRIBED.fullmatch(name) is not None


def blueprint(name: str, weight_bits: str = "8", classes: Sequence[str] = CLASSES) -> IntegerNetwork:
    """The network with zero weights and an output for each of `classes`.

    `name` is one of `names()` or describes a chain (see the module's text); `weight_bits` is what `parse_weight_bits`
    takes. FerEdgeError if either makes no sense, NetworkError if the accelerator has no room for the network.
    """
    fold = FOLD
    if described := _DESCRIBED.fullmatch(name):
        kind = described["kind"]
        stages = [[int(width) for width in stage.split("-")] for stage in described["stages"].split("_")]
        fold = 1 if kind == "unfolded" else FOLD
        if SIDE // fold >> (len(stages) - 1) not in (CLASSIFIER_SIDE, 2 * CLASSIFIER_SIDE):
            raise FerEdgeError(
                f"{name} has {len(stages)} stages.", "Give three or four, or for `unfolded_` four or five."
            )
        layers = chain(stages, len(classes), fold=fold, residual=kind == "res", global_pool=kind == "global")
    elif name in ARCHITECTURES:
        layers = ARCHITECTURES[name](len(classes))
    else:
        raise FerEdgeError(
            f"There is no architecture {name!r}.",
            f"Use one of: {', '.join(ARCHITECTURES)}, or describe one: chain_48_64-64-64_128-128_64.",
        )
    weighted = [layer.name for layer in layers if layer.weight is not None]
    bits = parse_weight_bits(weight_bits, weighted)
    layers = [replace(layer, weight_bits=bits.get(layer.name, layer.weight_bits)) for layer in layers]
    first = layers[0].weight
    assert first is not None
    shape = (first.shape[1], SIDE // fold, SIDE // fold)
    return IntegerNetwork(name, shape, tuple(layers), fold=fold, classes=tuple(classes))


def parse_weight_bits(text: str, layers: Sequence[str]) -> dict[str, int]:
    """Weight bits of each of `layers` from text such as ``4``, ``conv4=4,conv5=2`` or ``4,conv1=8``.

    A number by itself is for all layers not named; it is 8 where none is given. FerEdgeError says what is wrong.
    """
    given: dict[str, int] = {}
    for part in text.split(","):
        layer, _, number = part.rpartition("=")
        bits = {str(bits): bits for bits in WEIGHT_RANGE}.get(number.strip())
        if bits is None:
            raise FerEdgeError(
                f"--weight-bits {text}: {part.strip()!r} gives no number of bits.",
                "Use 1, 2, 4 or 8, for all layers (4) or by name (conv4=4,conv5=2).",
            )
        name = layer.strip()
        if given.setdefault(name, bits) != bits:
            raise FerEdgeError(
                f"--weight-bits {text}: {name or 'all layers'} is given {given[name]} bits and {bits}.", "Give one."
            )
    default = given.pop("", 8)
    if unknown := [layer for layer in given if layer not in layers]:
        raise FerEdgeError(
            f"--weight-bits {text}: the network has no layer {', '.join(unknown)}.", f"It has {', '.join(layers)}."
        )
    return {layer: given.get(layer, default) for layer in layers}


class _Builder:
    """Layers one after another. Each method appends one that reads the layers `inputs` and returns its index."""

    def __init__(self, classes: int, fold: int = FOLD, channels: int = 1) -> None:
        self.classes = classes
        self.layers: list[Layer] = []
        self.channels = {INPUT: channels * fold * fold}

    def conv(self, out_channels: int, *inputs: int, max_pool: bool = False) -> int:
        """The sum of the inputs, each pooled 2×2 if `max_pool`; 3×3 convolution, ReLU."""
        return self._append("conv", out_channels, inputs, pool="max" if max_pool else None, pad=1, activation="relu")

    def classifier(self, *inputs: int, max_pool: bool = False) -> int:
        """3×3 convolution of a 3×3 map (6×6 before `max_pool`), or of a sum of them, to a logit for each class."""
        return self._append("conv", self.classes, inputs, pool="max" if max_pool else None, output_width=32)

    def global_classifier(self, source: int, size: int) -> int:
        """A logit for each class from the maxima of maps of size × size."""
        pooled = {"pool": "max", "pool_size": (size, size), "pool_stride": size}
        return self._append("conv", self.classes, (source,), kernel=1, output_width=32, **pooled)

    def copy(self, source: int) -> int:
        """The same again, because an operand of an add can have no other reader."""
        return self._append("copy", None, (source,))

    def mean_add(self, *inputs: int) -> int:
        """The sum of the inputs, each averaged 2×2."""
        return self._append("add", None, inputs, pool="avg")

    def _append(
        self, kind: str, out_channels: int | None, inputs: tuple[int, ...], *, kernel: int = 3, **settings: Any
    ) -> int:
        in_channels = self.channels[inputs[0]]
        if out_channels is not None:
            settings["weight"] = np.zeros((out_channels, in_channels, kernel, kernel), np.int8)
            settings["bias"] = np.zeros(out_channels, np.int8)
        if settings.get("pool"):
            settings = {"pool_size": (2, 2), "pool_stride": 2} | settings
        index = len(self.layers)
        name = f"{kind}{1 + sum(layer.name.startswith(kind) for layer in self.layers)}"
        operator = Operator.PASSTHROUGH if out_channels is None else Operator.CONV
        self.layers.append(Layer(name, operator, inputs, **settings))
        self.channels[index] = out_channels or in_channels
        return index


def chain(
    stages: Sequence[Sequence[int]],
    classes: int,
    *,
    fold: int = FOLD,
    channels: int = 1,
    residual: bool = False,
    global_pool: bool = False,
) -> list[Layer]:
    """Convolutions of the widths given, max pooling between stages, on maps of 48×48 / fold, half of that, and so on.

    `channels` are those of the image, before folding.

    The last stage is on 6×6, pooled for the classifier, or on 3×3. In a `residual` chain a convolution as
    wide as what it reads is a block ``x + conv(x)``, unless it pools or reads a sum: the next one fuses the addition.
    With `global_pool` the classifier sees the maximum of each map only.
    """
    net = _Builder(classes, fold, channels)
    last_side = SIDE // fold >> (len(stages) - 1)
    x: tuple[int, ...] = (INPUT,)
    for stage, widths in enumerate(stages):
        for position, width in enumerate(widths):
            max_pool = stage > 0 and position == 0
            block = residual and not max_pool and len(x) == 1 and width == net.channels[x[0]]
            x = _block(net, x[0]) if block else (net.conv(width, *x, max_pool=max_pool),)
    if global_pool:
        net.global_classifier(x[0], last_side)
    else:
        net.classifier(*x, max_pool=last_side > CLASSIFIER_SIDE)
    return net.layers


def residual(classes: int) -> list[Layer]:
    """Blocks ``x + conv(x)``: at 24×24, two at 12×12, at 6×6; the last sum averaged down to 3×3."""
    net = _Builder(classes)
    x = net.conv(32, INPUT)
    for width, max_pool in ((64, True), (64, False), (64, True)):
        x = net.conv(width, *_block(net, x), max_pool=max_pool)
    x = net.mean_add(*_block(net, x))
    net.classifier(x)
    return net.layers


def _block(net: _Builder, x: int) -> tuple[int, int]:
    """The two operands of ``x + conv(x)``."""
    return net.copy(x), net.conv(net.channels[x], x)


ARCHITECTURES: dict[str, Callable[[int], list[Layer]]] = {
    "fernet-nano": lambda classes: chain(((32, 32), (36, 36, 36), (40, 32)), classes),
    "fernet-fast": lambda classes: chain(((32,), (64, 64, 64, 60), (124, 128), (60,)), classes),
    "fernet": lambda classes: chain(((60, 64, 48), (64, 64, 64, 64), (128, 128)), classes),
    "fernet-res": residual,
}

_STAGE = r"[1-9][0-9]{0,2}(?:-[1-9][0-9]{0,2})*"
_DESCRIBED = re.compile(rf"(?P<kind>chain|res|global|unfolded)_(?P<stages>{_STAGE}(?:_{_STAGE}){{2,4}})")
