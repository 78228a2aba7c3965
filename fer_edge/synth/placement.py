"""Where a network lives on the accelerator: processors per layer, and data-memory offsets.

A layer's input channels sit on its `processors`, one channel to each (several passes where there are more than 64);
four processors share a 32 KiB data memory, one byte lane each. `placer.py` chooses a placement; `violations` checks
any, chosen or written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np

from fer_edge.errors import LIMITS, NetworkError
from fer_edge.network import INPUT, IntegerNetwork, Layer, Shape, fitting_channels, passes
from fer_edge.registers import (
    DATA_INSTANCE_BYTES,
    PROCESSORS,
    PROCESSORS_PER_INSTANCE,
    PROCESSORS_PER_QUADRANT,
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
        return quadrants_of(used)


@dataclass(frozen=True)
class PartialPlacement:
    """What a description says of a placement. `place` chooses the rest: what is None, for all layers alike.

    processors : of each layer, maps of its input and output.
    offsets : of each layer, `in_offset`, `out_offset` and `write_gap`.
    bias_quadrants : of each layer, as in `LayerPlacement`.
    """

    processors: tuple[tuple[int, int], ...] | None = None
    offsets: tuple[tuple[int, int, int], ...] | None = None
    bias_quadrants: tuple[tuple[int, ...], ...] | None = None
    data_format: DataFormat | None = None


@dataclass(frozen=True)
class PlacedLayer:
    """One layer: what it computes, on which sizes, and where."""

    index: int
    layer: Layer
    shape: Shape
    placement: LayerPlacement

    def __str__(self) -> str:
        return f"layer {self.index} ({self.layer.name})"


@dataclass(frozen=True)
class PlacedNetwork:
    """A network and where it lives, which `violations` checks."""

    network: IntegerNetwork
    placement: Placement

    @cached_property
    def layers(self) -> tuple[PlacedLayer, ...]:
        """Its layers, in the order they run."""
        return tuple(
            PlacedLayer(index, *view)
            for index, view in enumerate(
                zip(self.network.layers, self.network.shapes, self.placement.layers, strict=True)
            )
        )


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


def per_quadrant(processors: int) -> list[int]:
    """The part of a processor map that lies in each quadrant."""
    own = (1 << PROCESSORS_PER_QUADRANT) - 1
    return [processors >> PROCESSORS_PER_QUADRANT * q & own for q in range(QUADRANTS)]


def quadrants_of(processors: int) -> tuple[int, ...]:
    """Quadrants of a processor map, ascending."""
    return tuple(q for q, bits in enumerate(per_quadrant(processors)) if bits)


@cache
def instances_of(processors: int) -> frozenset[int]:
    """Data memories of a processor map."""
    return frozenset(bit // PROCESSORS_PER_INSTANCE for bit in set_bits(processors))


def pass_words(layer: Layer, processors: int) -> int:
    """Words a layer without convolution handles per pixel, pass and quadrant, minus one."""
    width = layer.output_width // 8
    return max((bits.bit_count() * width - 1) // 4 for bits in per_quadrant(processors) if bits)


def output_words(placed: PlacedNetwork, index: int) -> np.ndarray:
    """Word numbers of the output of layer `index` in each of its data memories: int64 (pixels, passes, words).

    The last axis has one word for 8-bit outputs (four lanes) and four for 32-bit outputs.
    """
    view = placed.layers[index]
    width = view.layer.output_width // 8
    pixels = np.arange(view.shape.out_rows * view.shape.out_columns)[:, None, None]
    group = np.arange(view.shape.out_passes)[None, :, None]
    word = (pixels * view.shape.out_passes + group) * width * (view.placement.write_gap + 1)
    return view.placement.out_offset // 4 + word + np.arange(width)[None, None, :]


def input_words(placed: PlacedNetwork) -> np.ndarray:
    """Word numbers of the network's input in each of its data memories: int64 (words, passes)."""
    channels, rows, columns = placed.network.input_shape
    pixels = rows * columns
    start = placed.placement.layers[0].in_offset // 4
    if placed.placement.data_format == "CHW":
        return start + np.arange(-(-pixels // 4))[:, None]
    count = passes(channels)[0]
    return start + np.arange(pixels * count).reshape(pixels, count)


def region(placed: PlacedNetwork, tensor: int) -> Region:
    """Data memory of the output of layer `tensor`, or of the network's input."""
    if tensor == INPUT:
        return Region(instances_of(placed.placement.layers[0].processors), input_words(placed).ravel())
    return Region(instances_of(placed.placement.layers[tensor].output_processors), output_words(placed, tensor).ravel())


# --- checking ----------------------------------------------------------------------------------------------


def check(placed: PlacedNetwork) -> None:
    """Raise NetworkError with every reason why a placement cannot work."""
    if found := list(violations(placed)):
        raise NetworkError(f"Network {placed.network.name!r} does not fit as placed:", found)


def map_violations(placed: PlacedNetwork) -> Iterator[str]:
    """Processor maps with the wrong number of processors, without which nothing further can be said."""
    for view in placed.layers:
        shape = view.shape
        for what, bits, channels, count in (
            ("processors", view.placement.processors, shape.channels, shape.processors),
            ("output_processors", view.placement.output_processors, shape.out_channels, shape.out_processors),
        ):
            if bits.bit_count() != count or bits >> PROCESSORS:
                yield (
                    f"{view}: {what} {bits:#018x} has {bits.bit_count()} processors, but {channels} channels need"
                    f" {count}; set {count} bits of {PROCESSORS}."
                )


def violations(placed: PlacedNetwork) -> Iterator[str]:
    """Every rule of the accelerator that a placement breaks, one sentence each; weight memory is `masks.pack`'s."""
    yield from (wrong_maps := list(map_violations(placed)))
    quadrants = placed.placement.quadrants
    for view in placed.layers:
        yield from _writing_violations(view)
        yield from _reading_violations(placed, view)
        for q in set(quadrants_of(view.placement.output_processors)).difference(quadrants):
            yield (
                f"{view}: writes to quadrant {q}, which is off, since no layer reads there; drop the layer or write to"
                f" {_listed(quadrants)}."
            )
        if not set(quadrants).issuperset(view.placement.bias_quadrants):
            yield (
                f"{view}: bias_quadrant {_listed(view.placement.bias_quadrants)} is not among those in use,"
                f" {_listed(quadrants)}; use one of them."
            )
    if 0 not in quadrants:
        yield "no layer uses quadrant 0 (processors 0 to 15), which starts the others; move one there."
    if placed.placement.data_format == "CHW":
        yield from _chw_violations(placed)
    if not wrong_maps:
        yield from _memory_violations(placed)


def _listed(quadrants: tuple[int, ...]) -> str:
    return ", ".join(map(str, quadrants))


def _writing_violations(view: PlacedLayer) -> Iterator[str]:
    place = view.placement
    out = set_bits(place.output_processors)
    if out and out[0] % PROCESSORS_PER_INSTANCE:
        yield (
            f"{view}: output_processors {place.output_processors:#018x} begins at processor {out[0]};"
            f" begin at a multiple of 4. {LIMITS}"
        )
    if view.layer.weighted and out and out[-1] - out[0] + 1 != len(out):
        yield f"{view}: output_processors {place.output_processors:#018x} has gaps; use neighbouring processors."
    if not view.layer.weighted and not all(map(_neighbours_from_4, per_quadrant(place.processors))):
        yield (
            f"{view}: a layer without convolution reads and writes processors {place.processors:#018x}, which has gaps;"
            " in each quadrant use neighbours from a multiple of 4, or a convolution."
        )
    if not view.layer.weighted and place.output_processors != place.processors:
        yield f"{view}: a layer without convolution writes where it reads; set output_processors to processors."
    for what, offset in (("in_offset", place.in_offset), ("out_offset", place.out_offset)):
        if not 0 <= offset <= MAX_OFFSET or offset % 4:
            yield f"{view}: {what} {offset:#x} is not a multiple of 4 from 0 to {MAX_OFFSET:#x}."
    skip = view.shape.out_passes * (place.write_gap + 1) - 1 if view.layer.weighted else place.write_gap
    if place.write_gap < 0 or skip > MAX_SKIP:
        yield f"{view}: write_gap {place.write_gap} skips {skip} words of at most {MAX_SKIP}; use a smaller gap."


def _neighbours_from_4(bits: int) -> bool:
    """Whether one quadrant's processors follow each other, the first at a multiple of 4 (or there are none)."""
    lowest = bits & -bits
    return bits == 0 or ((bits // lowest + 1).bit_count() == 1 and (lowest.bit_length() - 1) % 4 == 0)


def _reading_violations(placed: PlacedNetwork, view: PlacedLayer) -> Iterator[str]:
    """A layer must read from where, and as, its producers wrote."""
    place, first = view.placement, placed.placement.layers[0]
    operands = len(view.layer.inputs)
    for operand, source in enumerate(view.layer.inputs):
        if source == INPUT:
            if view.index and place.in_offset != first.in_offset:
                yield f"{view}: reads the input at {place.in_offset:#x}, where layer 0 does not put it."
            if view.index and place.processors != first.processors:
                yield f"{view}: reads the input on other processors than layer 0; use the same."
            if operands > 1:
                yield f"{view}: adds the network's input itself; copy it with a passthrough layer first."
            continue
        producer = placed.layers[source]
        written = producer.placement
        if written.output_processors != place.processors:
            yield (
                f"{view}: reads processors {place.processors:#018x}, but {producer} writes"
                f" {written.output_processors:#018x}; make them equal."
            )
        if written.out_offset != place.in_offset + 4 * operand:
            yield (
                f"{view}: reads operand {operand} of {producer} at {place.in_offset + 4 * operand:#x}, but it is"
                f" written at {written.out_offset:#x}; make them equal."
            )
        if written.write_gap != operands - 1:
            yield (
                f"{view}: reads {operands} interleaved operand(s), but {producer} writes with a gap of"
                f" {written.write_gap}; set its write_gap to {operands - 1}, or copy it with a passthrough layer."
            )


def _chw_violations(placed: PlacedNetwork) -> Iterator[str]:
    first, *others = placed.layers
    if len(instances_of(first.placement.processors)) < first.placement.processors.bit_count():
        yield "a CHW input needs one data memory per channel; use processors 0, 4, 8, … for it."
    if first.shape.passes > 1 or first.shape.flatten or any(INPUT in other.layer.inputs for other in others):
        yield "a CHW input can be read by the first layer only, in one pass; use HWC."


def _memory_violations(placed: PlacedNetwork) -> Iterator[str]:
    """Tensors must lie within their memory and must not overwrite one that is still needed."""
    limit = DATA_INSTANCE_BYTES // 4
    last_use = {source: view for view in placed.layers for source in view.layer.inputs}
    regions = {tensor: region(placed, tensor) for tensor in range(INPUT, len(placed.layers))}
    for tensor, own in regions.items():
        what = "the input" if tensor == INPUT else f"the output of {placed.layers[tensor]}"
        end = int(own.words.max()) + 1
        if end > limit:
            start = 4 * int(own.words.min())
            groups = placed.layers[0].shape.passes if tensor == INPUT else placed.layers[tensor].shape.out_passes
            yield (
                f"{what} needs {4 * end - start:,} bytes from offset {start:#06x}, of which a"
                f" {DATA_INSTANCE_BYTES:,}-byte data memory has {max(0, DATA_INSTANCE_BYTES - start):,}; "
                + fitting_channels((4 * end - start) // groups, max(0, DATA_INSTANCE_BYTES - start))
            )
        for other in range(INPUT, tensor):
            reader = last_use.get(other)
            if reader is not None and reader.index >= tensor and own.overlaps(regions[other]):
                victim = "the input" if other == INPUT else f"the output of layer {other}"
                yield f"{what} overwrites {victim}, which {reader} still reads; give it another out_offset."
