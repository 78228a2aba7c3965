"""The networks meant for the MAX78000, as blueprints: everything but the weights.

All take a 48×48 grey face folded to 4×24×24, because four input channels cost the accelerator no more than one, and
use 3×3 kernels with a bias throughout. Max pooling is done by the layer after it, at no extra layer. The classifier
is a 3×3 convolution on a 3×3 map: cheaper than flattening, and the form the vendor's ONNX loader takes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fer_edge.errors import FerEdgeError
from fer_edge.faces import CLASSES
from fer_edge.network import IntegerNetwork, Layer

INPUT_SHAPE = (4, 24, 24)
FOLD = 2

# Channels of the layers at 24×24, 12×12 and 6×6.
STAGES: dict[str, tuple[tuple[int, ...], ...]] = {
    "fernet-nano": ((32, 32), (36, 36, 36), (40, 32)),
}


def names() -> tuple[str, ...]:
    """The networks that have a blueprint."""
    return tuple(STAGES)


def blueprint(name: str) -> IntegerNetwork:
    """The network with zero weights. FerEdgeError if unknown, NetworkError if the accelerator has no room for it."""
    if name not in STAGES:
        raise FerEdgeError(f"there is no architecture {name!r}.", f"Use one of: {', '.join(STAGES)}.")
    return chain(name, STAGES[name])


def chain(name: str, stages: Sequence[Sequence[int]]) -> IntegerNetwork:
    """3×3 convolutions with ReLU; 2×2 max pooling between stages and before the classifier."""
    layers: list[Layer] = []

    def add(out_channels: int, pool: bool, classifier: bool) -> None:
        in_channels = _outputs(layers[-1]) if layers else INPUT_SHAPE[0]
        layers.append(
            Layer(
                name=f"conv{len(layers) + 1}",
                operator="conv",
                inputs=(len(layers) - 1,),
                weight=np.zeros((out_channels, in_channels, 3, 3), np.int8),
                bias=np.zeros(out_channels, np.int8),
                pad=0 if classifier else 1,
                pool="max" if pool else None,
                pool_size=(2, 2) if pool else (1, 1),
                pool_stride=2 if pool else 1,
                activation=None if classifier else "relu",
                output_width=32 if classifier else 8,
            )
        )

    for stage, widths in enumerate(stages):
        for position, width in enumerate(widths):
            add(width, pool=stage > 0 and position == 0, classifier=False)
    add(len(CLASSES), pool=True, classifier=True)
    return IntegerNetwork(name, INPUT_SHAPE, tuple(layers), fold=FOLD)


def _outputs(layer: Layer) -> int:
    assert layer.weight is not None
    return len(layer.weight)
