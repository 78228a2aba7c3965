"""Random networks of every kind the accelerator runs, for property tests."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from fer_edge.faces.dataset import MAX_CLASSES
from fer_edge.network import INPUT, MAX_FLATTEN, MAX_POOL, WEIGHT_RANGE, IntegerNetwork, Layer, Operator, passes
from fer_edge.registers import WEIGHT_BYTES

CHANNELS = st.one_of(st.integers(1, 12), st.sampled_from([16, 33, 64, 65, 72, 130]))


@st.composite
def networks(draw: st.DrawFn, max_layers: int = 5, channels: st.SearchStrategy[int] = CHANNELS) -> IntegerNetwork:
    """A valid random network: convolutions of both sizes, all paddings and weight widths, both poolings, plain and
    fused residual adds of two to four operands, multi-pass, linear layers on maps, on one pixel and on a map pooled to
    one, 8- and 32-bit outputs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.sampled_from([1, 3, 4, 5])), draw(st.integers(3, 14)), draw(st.integers(3, 14)))
    layers: list[Layer] = []
    current, source = shape, INPUT
    for _ in range(draw(st.integers(1, max_layers))):
        kind = draw(st.sampled_from(["conv", "conv", "conv", "conv", "passthrough", "residual"]))
        if kind == "residual" and source != INPUT and passes(current[0])[0] <= 2:
            current = _residual(draw, rng, layers, source, current, channels)
        elif kind == "passthrough" and passes(current[0])[0] == 1:
            current = _append(layers, draw(_pooled(current, source, Operator.PASSTHROUGH)), current)
        else:
            layer = draw(_pooled(current, source, Operator.CONV))
            layer |= _conv(draw, rng, current[0], draw(channels), *_after_pool(layer, current))
            current = _append(layers, layer, current)
        source = len(layers) - 1
    if draw(st.booleans()) or layers[-1].operator == Operator.PASSTHROUGH:
        _classifier(draw, rng, layers, source, current)
    assume(sum(layer.weight_bytes for layer in layers) <= WEIGHT_BYTES)
    network = IntegerNetwork(
        "random", shape, tuple(layers), fold=2 if shape[0] == 4 else 1, avg_pool_rounding=draw(st.booleans())
    )
    outputs = math.prod(network.output_shape)
    named = draw(st.booleans()) and outputs <= MAX_CLASSES
    return replace(network, classes=tuple(f"class “{i}”" for i in range(outputs))) if named else network


def _after_pool(layer: dict[str, Any], shape: tuple[int, int, int]) -> tuple[int, int]:
    size, stride = layer.get("pool_size", (1, 1)), layer.get("pool_stride", 1)
    return (shape[1] + stride - size[0]) // stride, (shape[2] + stride - size[1]) // stride


@st.composite
def _pooled(draw: st.DrawFn, shape: tuple[int, int, int], source: int, operator: Operator) -> dict[str, Any]:
    layer: dict[str, Any] = {"operator": operator, "inputs": (source,)}
    if draw(st.booleans()):
        size = (draw(st.integers(1, min(4, shape[1]))), draw(st.integers(1, min(4, shape[2]))))
        layer |= {
            "pool": draw(st.sampled_from(["max", "avg"])),
            "pool_size": size,
            "pool_stride": draw(st.integers(1, 3)),
        }
    return layer


def _conv(
    draw: st.DrawFn, rng: np.random.Generator, inputs: int, outputs: int, rows: int, columns: int
) -> dict[str, Any]:
    kernel = draw(st.sampled_from([1, 3]))
    pad = draw(st.integers(0, 2)) if kernel == 3 else 0
    if min(rows, columns) + 2 * pad < kernel:
        kernel, pad = 1, 0
    return _weights(draw, rng, (outputs, inputs, kernel, kernel)) | {
        "pad": pad,
        "activation": draw(st.sampled_from(["relu", "abs", None])),
    }


def _weights(draw: st.DrawFn, rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Any]:
    bits = draw(st.sampled_from([8, 8, 4, 2, 1]))
    low, high = WEIGHT_RANGE[bits]
    fan_in = int(np.prod(shape[1:]))
    # A shift that leaves the outputs neither all zero nor all saturated.
    shift = int(np.clip(7 - np.log2(max(1, abs(low)) * np.sqrt(fan_in)) + draw(st.integers(-1, 1)), -15, 15 - 8 + bits))
    return {
        "weight": rng.integers(low, high + 1, shape, np.int8),
        "bias": rng.integers(-128, 128, shape[0], np.int8) if draw(st.booleans()) else None,
        "weight_bits": bits,
        "output_shift": max(shift, -15 - 8 + bits),
    }


def _append(layers: list[Layer], values: dict[str, Any], shape: tuple[int, int, int]) -> tuple[int, int, int]:
    rows, columns = _after_pool(values, shape)
    layer = Layer(name=f"layer{len(layers)}", **values)
    layers.append(layer)
    if layer.weight is None:
        return shape[0], rows, columns
    if layer.operator == Operator.LINEAR:
        return len(layer.weight), 1, 1
    grow = 2 * layer.pad - layer.kernel_size + 1
    return len(layer.weight), rows + grow, columns + grow


def _residual(
    draw: st.DrawFn,
    rng: np.random.Generator,
    layers: list[Layer],
    source: int,
    shape: tuple[int, int, int],
    channels: st.SearchStrategy[int],
) -> tuple[int, int, int]:
    """copy(x) + conv(x) + …, then plain or fused with a convolution, with or without pooling."""
    _append(layers, {"operator": Operator.PASSTHROUGH, "inputs": (source,)}, shape)
    convolutions = draw(st.sampled_from([1, 1, 1, 2, 3]))
    for _ in range(convolutions):
        same = _weights(draw, rng, (shape[0], shape[0], 3, 3)) | {
            "pad": 1,
            "activation": draw(st.sampled_from(["relu", None])),
        }
        _append(layers, {"operator": Operator.CONV, "inputs": (source,)} | same, shape)
    operands = tuple(range(len(layers) - 1 - convolutions, len(layers)))
    multi = passes(shape[0])[0] > 1
    layer = draw(_pooled(shape, source, Operator.PASSTHROUGH)) if not multi else {"operator": Operator.PASSTHROUGH}
    layer |= {"inputs": operands, "pool_first": convolutions > 1 or draw(st.booleans())}
    if draw(st.booleans()) and not multi:
        layer |= {"operator": Operator.CONV} | _conv(draw, rng, shape[0], draw(channels), *_after_pool(layer, shape))
    return _append(layers, layer, shape)


def _classifier(
    draw: st.DrawFn, rng: np.random.Generator, layers: list[Layer], source: int, shape: tuple[int, int, int]
) -> None:
    channels, rows, columns = shape
    wide = draw(st.sampled_from([8, 32]))
    if max(rows, columns) <= MAX_POOL and draw(st.booleans()):
        whole = {"pool": draw(st.sampled_from(["max", "avg"])), "pool_size": (rows, columns), "pool_stride": 1}
        values = {"operator": Operator.LINEAR} | whole | _weights(draw, rng, (7, channels))
    elif passes(channels)[0] * rows * columns <= MAX_FLATTEN:
        values = {"operator": Operator.LINEAR} | _weights(draw, rng, (7, channels * rows * columns))
        values["flatten"] = draw(st.booleans())
    else:
        values = {"operator": Operator.CONV} | _weights(draw, rng, (7, channels, 1, 1))
    _append(layers, values | {"inputs": (source,), "output_width": wide}, shape)


def overfull() -> IntegerNetwork:
    """Within every limit of its own, but processor 0 would need 64 + 11 · 64 + 4 of 768 mask columns."""
    shapes = [(64, 1), *[(64, 64)] * 11, (4, 64)]
    layers = [
        Layer(f"c{i}", Operator.CONV, (i - 1,), np.ones((*shape, 3, 3), np.int8), pad=1)
        for i, shape in enumerate(shapes)
    ]
    return IntegerNetwork("overfull", (1, 4, 4), tuple(layers))


def inputs_for(network: IntegerNetwork, count: int = 2, seed: int = 0) -> np.ndarray:
    """Random int8 inputs, extremes included."""
    inputs = np.random.default_rng(seed).integers(-128, 128, (count, *network.input_shape), np.int8)
    inputs[0, :, 0, 0] = -128
    return inputs
