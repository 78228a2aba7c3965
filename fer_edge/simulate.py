"""IntegerNetwork × images → the integers the accelerator gives, bit for bit.

The sums run as float32 matrix products (BLAS), which are exact while every partial sum stays below 2^24; a layer
whose weights could exceed that bound runs in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from fer_edge.network import FLOAT32_EXACT, INPUT, IntegerNetwork, Layer, Operator

CHUNK = 16
"""Images computed at once: enough for BLAS, little enough for the cache."""


def simulate(
    network: IntegerNetwork, inputs: np.ndarray, *, progress: Callable[[int], object] | None = None
) -> np.ndarray:
    """Outputs of the last layer.

    `inputs`: int8 (N, channels, rows, columns), see `IntegerNetwork.device_input`.
    Returns int32 (N, outputs), in C, H, W order. `progress` is called with the number of images done since last time.
    """
    products = _products(network)
    logits = np.empty((len(inputs), int(np.prod(network.output_shape))), np.int32)
    for start in range(0, len(inputs), CHUNK):
        chunk = inputs[start : start + CHUNK]
        for data in _layers(network, products, chunk):
            output = data
        logits[start : start + CHUNK] = output.transpose(0, 3, 1, 2).reshape(len(chunk), -1)
        if progress:
            progress(len(chunk))
    return logits


def infer(
    network: IntegerNetwork,
    pixels: np.ndarray,
    mirror: bool = False,
    *,
    progress: Callable[[int], object] | None = None,
) -> np.ndarray:
    """Outputs of the last layer for uint8 `pixels` as `IntegerNetwork.device_input` takes them; int32 (N, outputs).

    With `mirror` the sums of those of each image and of its mirror image, which firmware built for that answers.
    """
    logits = simulate(network, network.device_input(pixels), progress=progress)
    if mirror:
        logits += simulate(network, network.device_input(np.ascontiguousarray(pixels[..., ::-1])))
    return logits


def activations(network: IntegerNetwork, inputs: np.ndarray) -> list[np.ndarray]:
    """Outputs of every layer, int32 (N, channels, rows, columns) each; for inputs as `simulate` takes them."""
    return [output.transpose(0, 3, 1, 2).astype(np.int32) for output in _layers(network, _products(network), inputs)]


def predictions(logits: np.ndarray) -> np.ndarray:
    """The class of each row: the largest logit, the first on ties. int64 (N,)."""
    result: np.ndarray = logits.argmax(axis=1)
    return result


@dataclass(frozen=True)
class _Product:
    """A layer as ``x @ matrix + offset``: weights with the shift folded in, bias, and the half that rounds.

    Scaling by a power of two is exact, and so is adding the half, for every value that does not saturate anyway.
    """

    matrix: np.ndarray
    offset: np.ndarray


def _products(network: IntegerNetwork) -> list[_Product | None]:
    products: list[_Product | None] = []
    for index, layer in enumerate(network.layers):
        if layer.weight is None:
            products.append(None)
            continue
        kind = np.float32 if network.accumulator_bound(index) < FLOAT32_EXACT else np.float64
        scale, half = (2.0 ** (layer.shift - 7), 0.5) if layer.output_width == 8 else (1.0, 0.0)
        weight = layer.weight.transpose(0, 2, 3, 1) if layer.operator == Operator.CONV else layer.weight
        bias = np.zeros(len(weight)) if layer.bias is None else 128 * layer.bias.astype(np.float64)
        matrix = weight.reshape(len(weight), -1).T.astype(np.float64) * scale
        products.append(_Product(matrix.astype(kind, order="C"), (bias * scale + half).astype(kind)))
    return products


def _layers(network: IntegerNetwork, products: list[_Product | None], inputs: np.ndarray) -> Iterator[np.ndarray]:
    """Output of each layer in turn: integers in float32 (or float64), (N, rows, columns, channels)."""
    image = np.ascontiguousarray(inputs.transpose(0, 2, 3, 1), np.float32)
    last_use = {source: i for i, layer in enumerate(network.layers) for source in layer.inputs}
    outputs: dict[int, np.ndarray] = {INPUT: image}
    for index, (layer, product) in enumerate(zip(network.layers, products, strict=True)):
        operands = [outputs[source] for source in layer.inputs]
        data = _pool_and_add(layer, operands, network.avg_pool_rounding)
        if product is not None:
            data = _convolve(layer, product, data)
        for source in layer.inputs:
            if last_use[source] == index:
                outputs.pop(source, None)
        outputs[index] = data
        yield data


def _pool_and_add(layer: Layer, operands: list[np.ndarray], rounding: bool) -> np.ndarray:
    def pool(x: np.ndarray) -> np.ndarray:
        return _pool(layer, x, rounding) if layer.pool else x

    if len(operands) == 1:
        return pool(operands[0])
    if layer.pool_first:
        return np.clip(sum(map(pool, operands)), -128, 127)
    return pool(np.clip(sum(operands), -128, 127))


def _pool(layer: Layer, x: np.ndarray, rounding: bool) -> np.ndarray:
    (height, width), stride = layer.pool_size, layer.pool_stride
    rows = (x.shape[1] + stride - height) // stride
    columns = (x.shape[2] + stride - width) // stride
    windows = [
        x[:, i : i + stride * (rows - 1) + 1 : stride, j : j + stride * (columns - 1) + 1 : stride]
        for i in range(height)
        for j in range(width)
    ]
    pooled = windows[0].copy()
    if layer.pool == "max":
        for window in windows[1:]:
            np.maximum(pooled, window, out=pooled)
        return pooled
    for window in windows[1:]:
        pooled += window
    mean = pooled / np.float32(height * width)
    # Nearest, ties away from zero, or towards zero: as the reference computes it (see docs/arithmetic.md).
    return np.clip(np.copysign(np.floor(np.abs(mean) + 0.5), mean), -128, 127) if rounding else np.trunc(mean)


def _convolve(layer: Layer, product: _Product, x: np.ndarray) -> np.ndarray:
    """The layer's products, shifted, rounded, saturated and activated; x and result (N, rows, columns, channels)."""
    count, x = len(x), x.astype(product.matrix.dtype, copy=False)
    match layer.operator:
        case Operator.CONV:
            rows, height, width = _windows(layer, x)
        case Operator.LINEAR:
            rows, height, width = x.transpose(0, 3, 1, 2).reshape(count, -1), 1, 1  # PyTorch's flatten order
        case Operator.PASSTHROUGH:
            return x
        case _:
            assert_never(layer.operator)
    y = rows @ product.matrix
    y += product.offset
    if layer.output_width == 8:
        np.floor(y, out=y)
        np.clip(y, 0 if layer.activation == "relu" else -128, 127, out=y)
        if layer.activation == "abs":
            np.minimum(np.abs(y, out=y), 127, out=y)
        y = y.astype(np.float32, copy=False)
    result: np.ndarray = y.reshape(count, height, width, -1)
    return result


def _windows(layer: Layer, x: np.ndarray) -> tuple[np.ndarray, int, int]:
    """What the kernel sees of x (N, rows, columns, channels) at each place, a row each; and the output's rows and
    columns."""
    k, channels = layer.kernel_size, x.shape[3]
    if layer.pad:
        x = np.pad(x, ((0, 0), (layer.pad, layer.pad), (layer.pad, layer.pad), (0, 0)))
    x = np.ascontiguousarray(x)
    height, width = x.shape[1] - k + 1, x.shape[2] - k + 1
    n, h, w, c = x.strides
    # A window's row is k·channels neighbours in memory, so the copy moves long runs.
    windows = np.lib.stride_tricks.as_strided(
        x, (len(x), height, width, k, k * channels), (n, h, w, h, c), writeable=False
    )
    return windows.reshape(len(x) * height * width, k * k * channels), height, width


def logit_unit(network: IntegerNetwork) -> float:
    """One step of the outputs, in the logits that training sees."""
    return 2.0**-network.logit_fraction
