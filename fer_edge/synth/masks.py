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
from fer_edge.synth.placement import Placement, set_bits

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


def pack(network: IntegerNetwork, placement: Placement) -> Masks:
    """Fill mask and bias RAM; NetworkError when they overflow."""
    kernel = np.zeros((PROCESSORS, MASK_COLUMNS, MASK_COLUMN_BYTES), np.uint8)
    used = np.zeros((PROCESSORS, MASK_COLUMNS), bool)
    offsets = allocate(network, [placed.processors for placed in placement.layers])
    found = []
    for index, (layer, offset) in enumerate(zip(network.layers, offsets, strict=True)):
        if layer.weight is None:
            continue
        processors = set_bits(placement.layers[index].processors)
        columns = mask_columns(network, index)
        if offset is None:
            found.append(_no_room(network, placement, offsets, index))
            continue
        kernel[processors, offset : offset + columns] = _columns(_streams(network, index), columns)
        used[processors, offset : offset + columns] = True
    bias, bias_used, bias_place = _pack_bias(network, placement, found)
    if found:
        raise NetworkError(f"network {network.name!r} does not fit the accelerator's weight memory:", found)
    kernels = tuple(
        kernel_count(network, i) if layer.weight is not None else 0 for i, layer in enumerate(network.layers)
    )
    starts = tuple(offset or 0 for offset in offsets)
    return Masks(kernel, used, bias, bias_used, starts, kernels, tuple(bias_place))


def _no_room(network: IntegerNetwork, placement: Placement, offsets: Sequence[int | None], index: int) -> str:
    """Why layer `index` found no columns, and how many output channels it could have."""
    own, columns = placement.layers[index].processors, mask_columns(network, index)
    taken = max(
        sum(
            mask_columns(network, i)
            for i, placed in enumerate(placement.layers)
            if network.layers[i].weight is not None and offsets[i] is not None and placed.processors >> lane & 1
        )
        for lane in set_bits(own)
    )
    outputs = network.shapes[index].out_channels
    fitting = (MASK_COLUMNS - taken) * outputs // columns // 4 * 4
    cure = f"use at most {fitting} output channels or fewer weight bits" if fitting else "use fewer channels before it"
    return (
        f"layer {index} ({network.layers[index].name}) needs {columns} mask columns on each of {own.bit_count()}"
        f" processors, of which up to {taken} of {MASK_COLUMNS} are taken; {cure}."
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
    return packed[:, :, ::-1].reshape(shape.processors, -1)  # last tap first


def _columns(streams: np.ndarray, columns: int) -> np.ndarray:
    """Streams as columns, uint8 (processors, columns, 9). Bytes beyond the last column are padding, always zero."""
    size = columns * MASK_COLUMN_BYTES
    whole = np.pad(streams, ((0, 0), (0, max(0, size - streams.shape[1]))))[:, :size]
    return whole.reshape(len(streams), columns, MASK_COLUMN_BYTES)[:, :, ::-1]


def _pack_bias(
    network: IntegerNetwork, placement: Placement, found: list[str]
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int] | None]]:
    memory = np.zeros((QUADRANTS, BIAS_BYTES_PER_QUADRANT), np.uint8)
    fill = [0] * QUADRANTS
    places: list[tuple[int, int] | None] = [None] * len(network.layers)
    allowed = [placed.bias_quadrants or placement.quadrants for placed in placement.layers]

    def order(index: int) -> tuple[bool, bool, int]:
        bias, restricted = network.layers[index].bias, len(allowed[index]) == 1
        assert bias is not None
        return not network.shapes[index].flatten, not restricted, 0 if restricted else -len(bias)

    stored: dict[bytes, tuple[int, int]] = {}
    for index in sorted((i for i, layer in enumerate(network.layers) if layer.has_bias), key=order):
        layer = network.layers[index]
        assert layer.bias is not None
        same = stored.get(layer.bias.tobytes())
        if same is not None and same[0] in allowed[index]:
            places[index] = same
            continue
        quadrant = min(allowed[index], key=lambda q: fill[q])
        start, end = fill[quadrant], fill[quadrant] + len(layer.bias)
        if end > BIAS_BYTES_PER_QUADRANT:
            found.append(
                f"layer {index} ({layer.name}) needs {len(layer.bias)} bias bytes, but quadrant {quadrant} has"
                f" {BIAS_BYTES_PER_QUADRANT - start} of {BIAS_BYTES_PER_QUADRANT} left; drop the bias of some layers."
            )
            continue
        memory[quadrant, start:end] = layer.bias.view(np.uint8)
        fill[quadrant] = end
        places[index] = stored[layer.bias.tobytes()] = (quadrant, start)
    used = np.arange(BIAS_BYTES_PER_QUADRANT)[None, :] < np.array(fill)[:, None]
    return memory, used, places
