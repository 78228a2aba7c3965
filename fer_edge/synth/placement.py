"""Where a network lives on the accelerator: processors per layer, and data-memory offsets.

A layer's input channels sit on its `processors`, one channel to each (several passes where there are more than 64);
four processors share a 32 KiB data memory, one byte lane each. `placer.py` chooses a placement; `violations` checks
any, chosen or written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fer_edge.errors import LIMITS, NetworkError
from fer_edge.network import INPUT, IntegerNetwork, Layer, fitting_channels, passes
from fer_edge.registers import (
    DATA_INSTANCE_BYTES,
    PROCESSORS,
    PROCESSORS_PER_INSTANCE,
    QUADRANTS,
)

DataFormat = Literal["HWC", "CHW"]
MAX_OFFSET = 0x1FFFF
MAX_SKIP = 15  # LCTL2.WRITE_GAP has four bits


@dataclass(frozen=True)
class LayerPlacement:
    """One layer: 64-bit processor maps of its input and output, byte offsets within each data memory, and the words
    left free between two output words (`write_gap`). `bias_quadrants` restricts its bias (empty: anywhere)."""

    processors: int
    output_processors: int
    in_offset: int
    out_offset: int
    write_gap: int = 0
    bias_quadrants: tuple[int, ...] = ()


@dataclass(frozen=True)
class Placement:
    """The placement of a whole network; `data_format` is that of its input."""

    layers: tuple[LayerPlacement, ...]
    data_format: DataFormat = "HWC"

    @property
    def quadrants(self) -> tuple[int, ...]:
        """Quadrants that must be powered: those of every `processors` and of the last output."""
        used = self.layers[-1].output_processors
        for layer in self.layers:
            used |= layer.processors
        return tuple(q for q in range(4) if used >> 16 * q & 0xFFFF)


@dataclass(frozen=True)
class Region:
    """Words of data memory that hold one tensor: the same word numbers in each of `instances`."""

    instances: frozenset[int]
    words: np.ndarray

    def overlaps(self, other: Region) -> bool:
        """Whether a word belongs to both."""
        return bool(self.instances & other.instances) and bool(np.isin(self.words, other.words).any())


def set_bits(bits: int) -> list[int]:
    """Positions of the set bits, ascending."""
    return [i for i in range(bits.bit_length()) if bits >> i & 1]


def instances_of(processors: int) -> frozenset[int]:
    """Data memories of a processor map."""
    return frozenset(bit // PROCESSORS_PER_INSTANCE for bit in set_bits(processors))


def pass_words(layer: Layer, processors: int) -> int:
    """Words a layer without convolution handles per pixel, pass and quadrant, minus one."""
    width = layer.output_width // 8
    return max((bits.bit_count() * width - 1) // 4 for q in range(QUADRANTS) if (bits := processors >> 16 * q & 0xFFFF))


def output_words(network: IntegerNetwork, placement: Placement, index: int) -> np.ndarray:
    """Word numbers of the output of layer `index` in each of its data memories: int64 (pixels, passes, words).

    The last axis has one word for 8-bit outputs (four lanes) and four for 32-bit outputs.
    """
    shape, placed = network.shapes[index], placement.layers[index]
    width = network.layers[index].output_width // 8
    pixels = np.arange(shape.out_rows * shape.out_columns)[:, None, None]
    group = np.arange(shape.out_passes)[None, :, None]
    word = (pixels * shape.out_passes + group) * width * (placed.write_gap + 1)
    return placed.out_offset // 4 + word + np.arange(width)[None, None, :]


def input_words(network: IntegerNetwork, placement: Placement) -> np.ndarray:
    """Word numbers of the network's input in each of its data memories: int64 (words, passes)."""
    channels, rows, columns = network.input_shape
    pixels = rows * columns
    start = placement.layers[0].in_offset // 4
    if placement.data_format == "CHW":
        return start + np.arange(-(-pixels // 4))[:, None]
    count = passes(channels)[0]
    return start + np.arange(pixels * count).reshape(pixels, count)


def region(network: IntegerNetwork, placement: Placement, tensor: int) -> Region:
    """Data memory of the output of layer `tensor`, or of the network's input."""
    if tensor == INPUT:
        return Region(instances_of(placement.layers[0].processors), input_words(network, placement).ravel())
    processors = placement.layers[tensor].output_processors
    return Region(instances_of(processors), output_words(network, placement, tensor).ravel())


# --- checking ----------------------------------------------------------------------------------------------


def check(network: IntegerNetwork, placement: Placement) -> None:
    """Raise NetworkError with every reason why `placement` cannot work."""
    if found := list(violations(network, placement)):
        raise NetworkError(f"network {network.name!r} does not fit as placed:", found)


def map_violations(network: IntegerNetwork, placement: Placement) -> Iterator[str]:
    """Processor maps with the wrong number of processors, without which nothing further can be said."""
    for index, (layer, shape, placed) in enumerate(zip(network.layers, network.shapes, placement.layers, strict=True)):
        for what, bits, channels, count in (
            ("processors", placed.processors, shape.channels, shape.processors),
            ("output_processors", placed.output_processors, shape.out_channels, shape.out_processors),
        ):
            if bits.bit_count() != count or bits >> PROCESSORS:
                yield (
                    f"layer {index} ({layer.name}): {what} {bits:#018x} has {bits.bit_count()} processors, but"
                    f" {channels} channels need {count}; set {count} bits of {PROCESSORS}."
                )


def violations(network: IntegerNetwork, placement: Placement) -> Iterator[str]:
    """Every rule of the accelerator that a placement breaks, one sentence each; weight memory is `masks.pack`'s."""
    yield from (wrong_maps := list(map_violations(network, placement)))
    for index, (layer, shape, placed) in enumerate(zip(network.layers, network.shapes, placement.layers, strict=True)):
        where = f"layer {index} ({layer.name})"
        out = set_bits(placed.output_processors)
        if out and out[0] % 4:
            yield (
                f"{where}: output_processors {placed.output_processors:#018x} begins at processor {out[0]};"
                f" begin at a multiple of 4. {LIMITS}"
            )
        if layer.weighted and out and out[-1] - out[0] + 1 != len(out):
            yield f"{where}: output_processors {placed.output_processors:#018x} has gaps; use neighbouring processors."
        if not layer.weighted and placed.output_processors != placed.processors:
            yield f"{where}: a layer without convolution writes where it reads; set output_processors to processors."
        for what, offset in (("in_offset", placed.in_offset), ("out_offset", placed.out_offset)):
            if not 0 <= offset <= MAX_OFFSET or offset % 4:
                yield f"{where}: {what} {offset:#x} is not a multiple of 4 from 0 to {MAX_OFFSET:#x}."
        skip = shape.out_passes * (placed.write_gap + 1) - 1
        if placed.write_gap < 0 or skip > MAX_SKIP:
            yield f"{where}: write_gap {placed.write_gap} skips {skip} words of at most {MAX_SKIP}; use a smaller gap."
        yield from _reading_violations(network, placement, index)
    if 0 not in placement.quadrants:
        yield "no layer uses quadrant 0 (processors 0 to 15), which starts the others; move one there."
    if placement.data_format == "CHW":
        yield from _chw_violations(network, placement)
    if not wrong_maps:
        yield from _memory_violations(network, placement)


def _reading_violations(network: IntegerNetwork, placement: Placement, index: int) -> Iterator[str]:
    """A layer must read from where, and as, its producers wrote."""
    layer, placed = network.layers[index], placement.layers[index]
    where = f"layer {index} ({layer.name})"
    operands = len(layer.inputs)
    for operand, source in enumerate(layer.inputs):
        if source == INPUT:
            if index and placed.in_offset != placement.layers[0].in_offset:
                yield f"{where}: reads the input at {placed.in_offset:#x}, where layer 0 does not put it."
            if index and placed.processors != placement.layers[0].processors:
                yield f"{where}: reads the input on other processors than layer 0; use the same."
            if operands > 1:
                yield f"{where}: adds the network's input itself; copy it with a passthrough layer first."
            continue
        producer = placement.layers[source]
        name = f"layer {source} ({network.layers[source].name})"
        if producer.output_processors != placed.processors:
            yield (
                f"{where}: reads processors {placed.processors:#018x}, but {name} writes"
                f" {producer.output_processors:#018x}; make them equal."
            )
        if producer.out_offset != placed.in_offset + 4 * operand:
            yield (
                f"{where}: reads operand {operand} of {name} at {placed.in_offset + 4 * operand:#x}, but it is written"
                f" at {producer.out_offset:#x}; make them equal."
            )
        if producer.write_gap != operands - 1:
            yield (
                f"{where}: reads {operands} interleaved operand(s), but {name} writes with a gap of"
                f" {producer.write_gap}; set its write_gap to {operands - 1}, or copy it with a passthrough layer."
            )


def _chw_violations(network: IntegerNetwork, placement: Placement) -> Iterator[str]:
    processors = set_bits(placement.layers[0].processors)
    if len(instances_of(placement.layers[0].processors)) < len(processors):
        yield "a CHW input needs one data memory per channel; use processors 0, 4, 8, … for it."
    if network.shapes[0].passes > 1 or any(INPUT in layer.inputs for layer in network.layers[1:]):
        yield "a CHW input can be read by the first layer only, in one pass; use HWC."


def _memory_violations(network: IntegerNetwork, placement: Placement) -> Iterator[str]:
    """Tensors must lie within their memory and must not overwrite one that is still needed."""
    limit = DATA_INSTANCE_BYTES // 4
    last_use = {source: i for i, layer in enumerate(network.layers) for source in layer.inputs}
    regions = {tensor: region(network, placement, tensor) for tensor in range(INPUT, len(network.layers))}
    for tensor, own in regions.items():
        what = "the input" if tensor == INPUT else f"the output of layer {tensor} ({network.layers[tensor].name})"
        end = int(own.words.max()) + 1
        if end > limit:
            start = 4 * int(own.words.min())
            groups = network.shapes[0].passes if tensor == INPUT else network.shapes[tensor].out_passes
            yield (
                f"{what} needs {4 * end - start:,} bytes from offset {start:#06x}, of which a"
                f" {DATA_INSTANCE_BYTES:,}-byte data memory has {max(0, DATA_INSTANCE_BYTES - start):,}; "
                + fitting_channels((4 * end - start) // groups, max(0, DATA_INSTANCE_BYTES - start))
            )
        for other in range(INPUT, tensor):
            if last_use.get(other, -2) >= tensor and own.overlaps(regions[other]):
                needed = f"layer {last_use[other]} ({network.layers[last_use[other]].name})"
                victim = "the input" if other == INPUT else f"the output of layer {other}"
                yield f"{what} overwrites {victim}, which {needed} still reads; give it another out_offset."
