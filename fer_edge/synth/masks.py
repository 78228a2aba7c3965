"""Mask RAM (weights) and bias RAM: what each byte holds.

Every processor has 768 columns of nine bytes, filled from the least significant byte b8 of a column upwards. A layer's
kernels stand one after another, output by output and inside it pass by pass, each from its last tap to its first;
sub-byte weights share bytes, consecutive kernels from the low bits up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fer_edge.errors import NetworkError
from fer_edge.network import IntegerNetwork
from fer_edge.registers import (
    BIAS_BYTES_PER_QUADRANT,
    MASK_COLUMN_BYTES,
    MASK_COLUMNS,
    PROCESSORS,
    QUADRANTS,
)
from fer_edge.synth.placement import PlacedLayer, PlacedNetwork, set_bits

ALIGNMENT = 4  # a layer's first column


@dataclass(frozen=True)
class Masks:
    """Weights and biases as the accelerator holds them.

    `kernel` uint8 (64, 768, 9) with `kernel_used` (64, 768); `bias` uint8 (4, 512) with `bias_used`; per layer the
    first mask column (`offset`) and the `kernels` each processor holds; `bias_place` is (quadrant, first byte).
    """

    kernel: np.ndarray
    kernel_used: np.ndarray
    bias: np.ndarray
    bias_used: np.ndarray
    offset: tuple[int, ...]
    kernels: tuple[int, ...]
    bias_place: tuple[tuple[int, int] | None, ...]


def kernel_count(network: IntegerNetwork, index: int) -> int:
    """Kernels (weights, for a flattened layer) per processor that layer `index` computes, unused lanes included."""
    shape = network.shapes[index]
    if shape.flatten:
        return shape.out_channels * shape.passes * shape.rows * shape.columns
    return shape.out_processors * shape.out_passes * shape.passes


def mask_columns(network: IntegerNetwork, index: int) -> int:
    """Mask columns layer `index` takes on each of its processors."""
    layer, count = network.layers[index], kernel_count(network, index)
    per_byte, taps = 8 // layer.weight_bits, layer.kernel_size**2
    return (count * taps * layer.weight_bits + (count % per_byte) * taps * (per_byte - 1) + 71) // 72


def allocate(network: IntegerNetwork, processors: Sequence[int]) -> list[int | None]:
    """First mask column of each layer, for the processor map each reads; None where no room is left.

    Layers on all 64 processors come first, each takes the lowest aligned columns that are free on all its processors.
    """
    everywhere = (1 << PROCESSORS) - 1
    taken = [0] * PROCESSORS  # a bit per column
    offsets: list[int | None] = [0] * len(network.layers)
    for index in sorted(range(len(network.layers)), key=lambda i: processors[i] != everywhere):
        if network.layers[index].weight is None:
            continue
        lanes = set_bits(processors[index])
        busy = 0
        for lane in lanes:
            busy |= taken[lane]
        columns = mask_columns(network, index)
        own = (1 << columns) - 1
        offset = next((o for o in range(0, MASK_COLUMNS - columns + 1, ALIGNMENT) if not busy >> o & own), None)
        offsets[index] = offset
        if offset is not None:
            for lane in lanes:
                taken[lane] |= own << offset
    return offsets


def pack(placed: PlacedNetwork) -> Masks:
    """Fill mask and bias RAM; NetworkError when they overflow."""
    kernel = np.zeros((PROCESSORS, MASK_COLUMNS, MASK_COLUMN_BYTES), np.uint8)
    used = np.zeros((PROCESSORS, MASK_COLUMNS), bool)
    network = placed.network
    offsets = allocate(network, [view.placement.processors for view in placed.layers])
    found = []
    for view, offset in zip(placed.layers, offsets, strict=True):
        if view.layer.weight is None:
            continue
        processors = set_bits(view.placement.processors)
        columns = mask_columns(network, view.index)
        if offset is None:
            found.append(_no_room(placed, offsets, view))
            continue
        kernel[processors, offset : offset + columns] = _columns(_streams(network, view.index), columns)
        used[processors, offset : offset + columns] = True
    bias, bias_used, bias_place = _pack_bias(placed, found)
    if found:
        raise NetworkError(f"Network {network.name!r} does not fit the accelerator's weight memory:", found)
    kernels = tuple(
        kernel_count(network, i) if layer.weight is not None else 0 for i, layer in enumerate(network.layers)
    )
    starts = tuple(offset or 0 for offset in offsets)
    return Masks(kernel, used, bias, bias_used, starts, kernels, tuple(bias_place))


def _no_room(placed: PlacedNetwork, offsets: Sequence[int | None], view: PlacedLayer) -> str:
    """Why a layer found no columns, and how many output channels it could have."""
    own, columns = view.placement.processors, mask_columns(placed.network, view.index)
    found_room = [
        other for other in placed.layers if other.layer.weight is not None and offsets[other.index] is not None
    ]
    taken = max(
        sum(mask_columns(placed.network, o.index) for o in found_room if o.placement.processors >> lane & 1)
        for lane in set_bits(own)
    )
    fitting = (MASK_COLUMNS - taken) * view.shape.out_channels // columns // 4 * 4
    cure = f"use at most {fitting} output channels or fewer weight bits" if fitting else "use fewer channels before it"
    return (
        f"{view} needs {columns} mask columns on each of {own.bit_count()} processors,"
        f" of which up to {taken} of {MASK_COLUMNS} are taken; {cure}."
    )


def _streams(network: IntegerNetwork, index: int) -> np.ndarray:
    """Byte stream of each processor: uint8 (processors, bytes)."""
    layer, shape = network.layers[index], network.shapes[index]
    assert layer.weight is not None
    bits = layer.weight_bits
    per_byte = 8 // bits
    outputs = len(layer.weight)
    taps = layer.kernel_size**2
    pixels = shape.rows * shape.columns if shape.flatten else 1
    # (out, channels, pixels, taps), channels filled up to passes × processors
    weight: np.ndarray = layer.weight.reshape(outputs, shape.channels, pixels, taps)
    missing = shape.passes * shape.processors - shape.channels
    weight = np.pad(weight, ((0, 0), (0, missing), (0, 0), (0, 0)))
    weight = weight.reshape(outputs, shape.passes, shape.processors, pixels, taps)
    kernels = weight.transpose(2, 0, 3, 1, 4)  # processor, output, pixel, pass, tap
    if not shape.flatten:
        kernels = np.pad(kernels, ((0, 0), (0, -outputs % per_byte), (0, 0), (0, 0), (0, 0)))
    kernels = kernels.reshape(shape.processors, -1, taps)
    kernels = np.pad(kernels, ((0, 0), (0, -kernels.shape[1] % per_byte), (0, 0)))
    codes = kernels.view(np.uint8) & ((1 << bits) - 1)
    codes = codes.reshape(shape.processors, -1, per_byte, taps)
    shifts = (np.arange(per_byte, dtype=np.uint8) * bits)[None, None, :, None]
    packed = np.bitwise_or.reduce(codes << shifts, axis=2)
    result: np.ndarray = packed[:, :, ::-1].reshape(shape.processors, -1)  # last tap first
    return result


def _columns(streams: np.ndarray, columns: int) -> np.ndarray:
    """Streams as columns, uint8 (processors, columns, 9). Bytes beyond the last column are padding, always zero."""
    size = columns * MASK_COLUMN_BYTES
    whole = np.pad(streams, ((0, 0), (0, max(0, size - streams.shape[1]))))[:, :size]
    return whole.reshape(len(streams), columns, MASK_COLUMN_BYTES)[:, :, ::-1]


def _pack_bias(placed: PlacedNetwork, found: list[str]) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int] | None]]:
    memory = np.zeros((QUADRANTS, BIAS_BYTES_PER_QUADRANT), np.uint8)
    fill = [0] * QUADRANTS
    places: list[tuple[int, int] | None] = [None] * len(placed.layers)

    def allowed(view: PlacedLayer) -> tuple[int, ...]:
        return view.placement.bias_quadrants or placed.placement.quadrants

    def order(view: PlacedLayer) -> int:
        assert view.layer.bias is not None
        if view.shape.flatten:
            return -1
        return 0 if len(allowed(view)) == 1 else BIAS_BYTES_PER_QUADRANT - len(view.layer.bias)

    stored: dict[bytes, tuple[int, int]] = {}
    for view in sorted((view for view in placed.layers if view.layer.has_bias), key=order):
        bias = view.layer.bias
        assert bias is not None
        same = stored.get(bias.tobytes())
        if same is not None and same[0] in allowed(view):
            places[view.index] = same
            continue
        quadrant = min(allowed(view), key=lambda q: fill[q])
        start, end = fill[quadrant], fill[quadrant] + len(bias)
        if end > BIAS_BYTES_PER_QUADRANT:
            found.append(
                f"{view} needs {len(bias)} bias bytes, but quadrant {quadrant} has"
                f" {BIAS_BYTES_PER_QUADRANT - start} of {BIAS_BYTES_PER_QUADRANT} left; drop the bias of some layers."
            )
            continue
        memory[quadrant, start:end] = bias.view(np.uint8)
        fill[quadrant] = end
        places[view.index] = stored[bias.tobytes()] = (quadrant, start)
    used = np.arange(BIAS_BYTES_PER_QUADRANT)[None, :] < np.array(fill)[:, None]
    return memory, used, places
