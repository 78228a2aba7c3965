"""IntegerNetwork × images → the integers the accelerator gives, bit for bit.

The sums run as float32 matrix products (BLAS), which are exact while every partial sum stays below 2^24; a layer
whose weights could exceed that bound runs in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fer_edge.network import FLOAT32_EXACT, INPUT, IntegerNetwork, Layer

CHUNK = 32
"""Images computed at once: enough for BLAS, little enough for the cache."""


def simulate(
    network: IntegerNetwork, inputs: np.ndarray, *, progress: Callable[[int], object] | None = None
) -> np.ndarray:
    """Outputs of the last layer.

    `inputs`: int8 (N, channels, rows, columns), see `IntegerNetwork.device_input`.
    Returns int32 (N, outputs), in C, H, W order. `progress` is called with the number of images done since last time.
    """
    logits = np.empty((len(inputs), int(np.prod(network.output_shape))), np.int32)
    for start in range(0, len(inputs), CHUNK):
        chunk = inputs[start : start + CHUNK]
        for data in _layers(network, chunk):
            output = data
        logits[start : start + CHUNK] = output.transpose(0, 3, 1, 2).reshape(len(chunk), -1)
        if progress:
            progress(len(chunk))
    return logits


def activations(network: IntegerNetwork, inputs: np.ndarray) -> list[np.ndarray]:
    """Outputs of every layer, int32 (N, channels, rows, columns) each; for inputs as `simulate` takes them."""
    return [output.transpose(0, 3, 1, 2).astype(np.int32) for output in _layers(network, inputs)]


def predictions(logits: np.ndarray) -> np.ndarray:
    """The class of each row: the largest logit, the first on ties. int64 (N,)."""
    return logits.argmax(axis=1)


def _layers(network: IntegerNetwork, inputs: np.ndarray) -> Iterator[np.ndarray]:
    """Output of each layer in turn: integers in float32 (or float64), (N, rows, columns, channels)."""
    image = np.ascontiguousarray(inputs.transpose(0, 2, 3, 1), np.float32)
    last_use = {source: i for i, layer in enumerate(network.layers) for source in layer.inputs}
    outputs: dict[int, np.ndarray] = {INPUT: image}
    for index, layer in enumerate(network.layers):
        operands = [outputs[source] for source in layer.inputs]
        data = _pool_and_add(layer, operands, network.avg_pool_rounding)
        if layer.weight is not None:
            exact = network.accumulator_bound(index) < FLOAT32_EXACT
            data = _finish(layer, _accumulate(layer, data.astype(np.float32 if exact else np.float64, copy=False)))
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


def _accumulate(layer: Layer, x: np.ndarray) -> np.ndarray:
    """``Σ w·x + 128·bias``; x and result (N, rows, columns, channels)."""
    assert layer.weight is not None
    count = len(x)
    if layer.operator == "linear":
        rows = x.transpose(0, 3, 1, 2).reshape(count, -1)  # PyTorch's flatten order
        accumulator = (rows @ layer.weight.T.astype(x.dtype)).reshape(count, 1, 1, -1)
    else:
        out_channels, channels, k, _ = layer.weight.shape
        if layer.pad:
            x = np.pad(x, ((0, 0), (layer.pad, layer.pad), (layer.pad, layer.pad), (0, 0)))
        x = np.ascontiguousarray(x)
        height, width = x.shape[1] - k + 1, x.shape[2] - k + 1
        n, h, w, c = x.strides
        # A window's row is k·channels neighbours in memory, so the copy moves long runs.
        patches = np.lib.stride_tricks.as_strided(
            x, (count, height, width, k, k * channels), (n, h, w, h, c), writeable=False
        ).reshape(count * height * width, k * k * channels)
        weight = layer.weight.transpose(2, 3, 1, 0).reshape(k * k * channels, out_channels)
        accumulator = (patches @ weight.astype(x.dtype)).reshape(count, height, width, out_channels)
    if layer.bias is not None:
        accumulator += 128 * layer.bias.astype(x.dtype)
    return accumulator


def _finish(layer: Layer, accumulator: np.ndarray) -> np.ndarray:
    if layer.output_width == 32:
        return accumulator
    # Scaling by a power of two and adding one half are exact for every value that does not saturate anyway.
    y = np.multiply(accumulator, 2.0 ** (layer.shift - 7), out=accumulator)
    y += 0.5
    np.floor(y, out=y)
    np.clip(y, -128, 127, out=y)
    if layer.activation == "relu":
        np.maximum(y, 0, out=y)
    elif layer.activation == "abs":
        np.minimum(np.abs(y, out=y), 127, out=y)
    return y.astype(np.float32, copy=False)
