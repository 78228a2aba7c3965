"""Where a network lives on the accelerator: processors per layer, and data-memory offsets.

A layer's input channels sit on its `processors`, one channel to each (several passes where there are more than 64);
four processors share a 32 KiB data memory, one byte lane each. `place` decides all of it; `violations` checks any
placement, ours or one written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from fer_edge.errors import NetworkError
from fer_edge.estimate import layer_cycles
from fer_edge.network import INPUT, IntegerNetwork, Layer, fitting_channels, passes
from fer_edge.registers import (
    DATA_INSTANCE_BYTES,
    INSTANCES,
    MASK_COLUMNS,
    PROCESSORS,
    PROCESSORS_PER_INSTANCE,
    QUADRANTS,
)
from fer_edge.synth.masks import ALIGNMENT, allocate, mask_columns, set_bits

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


def violations(network: IntegerNetwork, placement: Placement) -> Iterator[str]:
    """Every rule of the accelerator that a placement breaks, one sentence each."""
    maps_fit = True
    for index, (layer, shape, placed) in enumerate(zip(network.layers, network.shapes, placement.layers, strict=True)):
        where = f"layer {index} ({layer.name})"
        for what, bits, channels, count in (
            ("processors", placed.processors, shape.channels, shape.processors),
            ("output_processors", placed.output_processors, shape.out_channels, shape.out_processors),
        ):
            if bits.bit_count() != count or bits >> PROCESSORS:
                maps_fit = False
                yield (
                    f"{where}: {what} {bits:#018x} has {bits.bit_count()} processors, but {channels} channels need"
                    f" {count}; set {count} bits of 64."
                )
        out = set_bits(placed.output_processors)
        if out and out[0] % 4:
            yield (
                f"{where}: output_processors {placed.output_processors:#018x} begins at processor {out[0]};"
                " begin at a multiple of 4."
            )
        if layer.operator != "pass" and out and out[-1] - out[0] + 1 != len(out):
            yield f"{where}: output_processors {placed.output_processors:#018x} has gaps; use neighbouring processors."
        if layer.operator == "pass" and placed.output_processors != placed.processors:
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
    if maps_fit:
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


# --- placing -----------------------------------------------------------------------------------------------


def place(network: IntegerNetwork) -> Placement:
    """Place a network: fewest cycles first, then fewest quadrants to power, then least data memory.

    NetworkError with all reasons when it does not fit. Deterministic.
    """
    data_format = natural_format(network)
    processors = assign_processors(network, data_format)
    layers = [
        LayerPlacement(processors[layer.inputs[0]], processors[index], in_offset=0, out_offset=0)
        for index, layer in enumerate(network.layers)
    ]
    placement = with_offsets(network, Placement(tuple(layers), data_format))
    check(network, placement)
    return placement


def with_offsets(network: IntegerNetwork, placement: Placement) -> Placement:
    """The same processors, with data memory and write gaps assigned anew."""
    processors = {INPUT: placement.layers[0].processors}
    processors |= {index: placed.output_processors for index, placed in enumerate(placement.layers)}
    offsets, gaps = assign_offsets(network, processors, placement.data_format)
    layers = tuple(
        replace(placed, in_offset=offsets[layer.inputs[0]], out_offset=offsets[index], write_gap=gaps.get(index, 0))
        for index, (layer, placed) in enumerate(zip(network.layers, placement.layers, strict=True))
    )
    return replace(placement, layers=layers)


def natural_format(network: IntegerNetwork) -> DataFormat:
    """HWC, unless the input only fits a data memory with four pixels to the word."""
    channels, rows, columns = network.input_shape
    return "CHW" if rows * columns * passes(channels)[0] * 4 > DATA_INSTANCE_BYTES else "HWC"


def assign_processors(network: IntegerNetwork, data_format: DataFormat) -> dict[int, int]:
    """A processor map for each tensor: neighbours from a multiple of 4.

    Tensors that are added, or copied without convolution, share a map. Each starts as low as mask memory allows,
    those whose readers need most of it first; then starts move one by one while that makes the placement better.
    """
    groups = _tensor_groups(network)
    count = {INPUT: network.shapes[0].processors}
    count |= {i: shape.out_processors for i, shape in enumerate(network.shapes)}
    fixed: dict[int, int] = {}
    if data_format == "CHW":
        fixed[groups[INPUT]] = sum(1 << 4 * c for c in range(min(count[INPUT], INSTANCES)))

    def maps(starts: Mapping[int, int]) -> dict[int, int]:
        own = {group: ((1 << count[group]) - 1) << start for group, start in starts.items()} | fixed
        return {tensor: own[group] for tensor, group in groups.items()}

    starts = _first_fit(network, groups, count)
    best = cost(network, maps(starts), data_format)
    improved = True
    while improved:
        improved = False
        for group in starts:
            for start in range(0, PROCESSORS - count[group] + 1, PROCESSORS_PER_INSTANCE):
                trial = starts | {group: start}
                if group not in fixed and (trial_cost := cost(network, maps(trial), data_format)) < best:
                    starts, best, improved = trial, trial_cost, True
    return maps(starts)


def _tensor_groups(network: IntegerNetwork) -> dict[int, int]:
    """The representative of each tensor's group: the first tensor that must have the same processor map."""
    group = {tensor: tensor for tensor in range(INPUT, len(network.layers))}

    def root(tensor: int) -> int:
        while group[tensor] != tensor:
            tensor = group[tensor]
        return tensor

    for index, layer in enumerate(network.layers):
        for other in (*layer.inputs[1:], *((index,) if layer.operator == "pass" else ())):
            first, second = sorted((root(layer.inputs[0]), root(other)))
            group[second] = first
    return {tensor: root(tensor) for tensor in group}


def _first_fit(network: IntegerNetwork, groups: Mapping[int, int], count: Mapping[int, int]) -> dict[int, int]:
    """A first processor for each group: the largest choose first, the lowest that leaves mask columns enough."""
    columns = dict.fromkeys(groups.values(), 0)
    for index, layer in enumerate(network.layers):
        if layer.weight is not None:
            columns[groups[layer.inputs[0]]] += -(-mask_columns(network, index) // ALIGNMENT) * ALIGNMENT
    used = np.zeros(PROCESSORS, int)
    starts: dict[int, int] = {}
    # The input comes first, at processor 0: quadrant 0 must be in use.
    for group in sorted(columns, key=lambda g: (g != groups[INPUT], -count[g] * columns[g], g)):
        width = count[group]
        possible = [0] if group == groups[INPUT] else range(0, PROCESSORS - width + 1, PROCESSORS_PER_INSTANCE)
        fill = {start: int(used[start : start + width].max()) + columns[group] for start in possible}
        start = next((s for s, top in fill.items() if top <= MASK_COLUMNS), min(fill, key=lambda s: fill[s]))
        used[start : start + width] = fill[start]
        starts[group] = start
    return starts


def cost(
    network: IntegerNetwork, processors: Mapping[int, int], data_format: DataFormat
) -> tuple[int, int, int, int, int]:
    """What makes a placement worse, weightiest first: layers without mask memory, bytes of data memory missing,
    cycles, quadrants in use, bytes of data memory in use."""
    reads = [processors[layer.inputs[0]] for layer in network.layers]
    columns = allocate(network, reads)
    offsets, gaps = assign_offsets(network, processors, data_format)
    high = [0] * INSTANCES
    for tensor, offset in offsets.items():
        operands = gaps.get(tensor, 0) + 1
        # An operand's words reach from its own offset to four bytes short of the next operand's end.
        end = offset + _bytes(network, tensor, data_format) * operands - 4 * (operands - 1)
        for instance in instances_of(processors[tensor]):
            high[instance] = max(high[instance], end)
    cycles = sum(
        layer_cycles(layer, shape, quad_words=pass_words(layer, reads[i]), mask_offset=columns[i] or 0)
        for i, (layer, shape) in enumerate(zip(network.layers, network.shapes, strict=True))
        if layer.operator == "pass" or not layer.pool_first  # placement changes nothing about the others
    )
    used = processors[len(network.layers) - 1]
    for bits in reads:
        used |= bits
    quadrants = sum(bool(used >> 16 * q & 0xFFFF) for q in range(QUADRANTS))
    misplaced = columns.count(None) + (0 if used & 0xFFFF else 1)
    return misplaced, max(0, max(high) - DATA_INSTANCE_BYTES), cycles, quadrants, sum(high)


def assign_offsets(
    network: IntegerNetwork, processors: Mapping[int, int], data_format: DataFormat
) -> tuple[dict[int, int], dict[int, int]]:
    """Byte offset of each tensor, and the write gap of those that are operands of an add.

    Each takes the lowest offset at which nothing it shares a data memory with is still needed. Operands of one add
    lie word by word between each other, so they are placed together, when the first is written.
    """
    _check_operands(network)
    last_use = {source: i for i, layer in enumerate(network.layers) for source in layer.inputs}
    last_use[len(network.layers) - 1] = len(network.layers)
    adds = {source: layer.inputs for layer in network.layers if len(layer.inputs) > 1 for source in layer.inputs}
    offsets: dict[int, int] = {}
    placed: list[tuple[int, int, int, int]] = []  # start, end, data memories, last use
    for tensor in range(INPUT, len(network.layers)):
        if tensor in offsets:
            continue
        operands = adds.get(tensor, (tensor,))
        memories = _memories(processors[tensor])
        busy = [(a, b) for a, b, where, until in placed if until >= tensor and where & memories]
        need = _bytes(network, tensor, data_format) * len(operands)
        start = min(
            candidate
            for candidate in (0, *(b for _, b in busy))
            if all(candidate >= b or candidate + need <= a for a, b in busy)
        )
        placed.append((start, start + need, memories, max(last_use.get(t, t) for t in operands)))
        for position, operand in enumerate(operands):
            offsets[operand] = start + 4 * position
    return offsets, {tensor: len(operands) - 1 for tensor, operands in adds.items()}


def _bytes(network: IntegerNetwork, tensor: int, data_format: DataFormat) -> int:
    """Bytes one tensor takes in each of its data memories."""
    if tensor == INPUT:
        channels, rows, columns = network.input_shape
        return -(-rows * columns // 4) * 4 if data_format == "CHW" else rows * columns * passes(channels)[0] * 4
    shape = network.shapes[tensor]
    return shape.out_rows * shape.out_columns * shape.out_passes * network.layers[tensor].output_width // 2


def _memories(processors: int) -> int:
    """A bit per data memory that a processor map touches."""
    return sum(1 << i for i in range(INSTANCES) if processors >> PROCESSORS_PER_INSTANCE * i & 0xF)


def _check_operands(network: IntegerNetwork) -> None:
    readers: dict[int, list[int]] = {}
    for index, layer in enumerate(network.layers):
        for source in layer.inputs:
            readers.setdefault(source, []).append(index)
    found = [
        f"layer {source} is read by layers {', '.join(map(str, who))}, one of which adds it; copy it for the add with a"
        " passthrough layer."
        for source, who in readers.items()
        if len(who) > 1 and any(len(network.layers[i].inputs) > 1 for i in who)
    ]
    if found:
        raise NetworkError(f"network {network.name!r} cannot be placed:", found)
