"""A network beside its own mirror image: what a face and its mirror image tell is added up, in one inference.

A face is as often seen from the left as from the right, and a network is a little wrong on either in its own way. The
mirror image of a network, its kernels mirrored, gives for a face what the network gives for the mirrored face. So the
sum of both, which is ten-crop's cheaper half, takes twice the weights and cycles, and no training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fer_edge.errors import NetworkError
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator


def with_mirror(network: IntegerNetwork) -> IntegerNetwork:
    """`network`, its mirror image, and its last layer once, on the mean of what both give it.

    For a network whose last layer sees one position, as after global max pooling, so that left and right are nothing
    to it, and whose pooling leaves out no column on one side. The outputs of the layer before the last are halved, so
    that their sum saturates no sooner than they did. NetworkError if the network is not so.
    """
    *body, last = network.layers
    if problems := list(_obstacles(network)):
        raise NetworkError(
            f"Network {network.name!r} cannot be joined with its mirror image:",
            problems,
            "Use an architecture `global_…`.",
        )
    body[-1] = replace(body[-1], output_shift=body[-1].output_shift - 1)
    size = len(body)
    mirrored = [_mirrored(layer, network.fold, size) for layer in body]
    joined = replace(last, inputs=(size - 1, 2 * size - 1))
    return replace(network, layers=(*body, *mirrored, joined))


def _obstacles(network: IntegerNetwork) -> Iterator[str]:
    *body, last = network.layers
    shape = network.shapes[-1]
    if (shape.pooled_rows, shape.pooled_columns) != (1, 1):
        yield f"the last layer, {last.name}, sees {shape.pooled_rows}×{shape.pooled_columns} positions, not one."
    if last.inputs != (len(body) - 1,) or len(body) < 1:
        yield f"the last layer, {last.name}, does not read the one before it alone."
    for layer, its in zip(body, network.shapes, strict=False):
        if layer.operator == Operator.LINEAR:
            yield f"{layer.name} is linear before the end."
        if (its.columns - layer.pool_size[1]) % layer.pool_stride:
            yield f"{layer.name} leaves out columns on one side when it pools {its.columns} of them."


def _mirrored(layer: Layer, fold: int, offset: int) -> Layer:
    """The layer with its kernels mirrored, `offset` layers later; where it reads a folded face, its columns too."""
    weight = None if layer.weight is None else layer.weight[..., ::-1]
    if weight is not None and INPUT in layer.inputs and fold > 1:
        outputs, _, *kernel = weight.shape
        phases = weight.reshape(outputs, fold, fold, -1, *kernel)  # row and column within a fold, channel
        weight = phases[:, :, ::-1].reshape(weight.shape)
    inputs = tuple(source if source == INPUT else source + offset for source in layer.inputs)
    weight = None if weight is None else np.ascontiguousarray(weight)
    return replace(layer, name=f"{layer.name}m", inputs=inputs, weight=weight)
