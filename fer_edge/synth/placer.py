"""The choice of a placement: processors by a search over their cost, data memory by liveness. Deterministic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fer_edge.errors import NetworkError
from fer_edge.estimate import layer_cycles
from fer_edge.network import INPUT, IntegerNetwork, passes
from fer_edge.registers import (
    DATA_INSTANCE_BYTES,
    INSTANCES,
    MASK_COLUMNS,
    PROCESSORS,
    PROCESSORS_PER_INSTANCE,
)
from fer_edge.synth.masks import ALIGNMENT, allocate, mask_columns
from fer_edge.synth.placement import (
    DataFormat,
    LayerPlacement,
    PartialPlacement,
    PlacedNetwork,
    Placement,
    instances_of,
    pass_words,
    quadrants_of,
)


def place(network: IntegerNetwork, given: PartialPlacement | None = None) -> PlacedNetwork:
    """Place a network: fewest cycles first, then fewest quadrants to power, then least data memory.

    What is `given` is kept. The rest is the best there is, though it may still not fit: `placement.violations` and
    `masks.pack` say so.
    """
    given = given or PartialPlacement()
    data_format = given.data_format or ("HWC" if given.processors else natural_format(network))
    maps = given.processors or _maps(network, data_format)
    bias_quadrants = given.bias_quadrants or ((),) * len(network.layers)
    layers = [
        LayerPlacement(*own, *where, quadrants)
        for own, where, quadrants in zip(
            maps, given.offsets or _offsets(network, maps, data_format), bias_quadrants, strict=True
        )
    ]
    return PlacedNetwork(network, Placement(tuple(layers), data_format))


def _maps(network: IntegerNetwork, data_format: DataFormat) -> tuple[tuple[int, int], ...]:
    """The processors that each layer reads and writes."""
    processors = assign_processors(network, data_format)
    return tuple((processors[layer.inputs[0]], processors[index]) for index, layer in enumerate(network.layers))


def _offsets(
    network: IntegerNetwork, maps: Sequence[tuple[int, int]], data_format: DataFormat
) -> tuple[tuple[int, int, int], ...]:
    """Input offset, output offset and write gap of each layer."""
    processors = {INPUT: maps[0][0], **{index: written for index, (_, written) in enumerate(maps)}}
    offsets, gaps = assign_offsets(network, processors, data_format)
    return tuple(
        (offsets[layer.inputs[0]], offsets[index], gaps.get(index, 0)) for index, layer in enumerate(network.layers)
    )


def natural_format(network: IntegerNetwork) -> DataFormat:
    """HWC, unless the input only fits with four pixels to the word, which takes a data memory for each channel."""
    channels, rows, columns = network.input_shape
    return "CHW" if rows * columns * 4 > DATA_INSTANCE_BYTES and channels <= INSTANCES else "HWC"


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
        for other in (*layer.inputs[1:], *(() if layer.weighted else (index,))):
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
    """What makes a placement worse, weightiest first: layers without mask memory or that write where memory is off,
    bytes of data memory missing, cycles, quadrants in use, bytes of data memory in use."""
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
        if not (layer.weighted and layer.pool_first)  # placement changes nothing about the others
    )
    used = processors[len(network.layers) - 1]
    for bits in reads:
        used |= bits
    on = quadrants_of(used)
    # What no layer reads must not be written where memory is off.
    unpowered = sum(not set(on).issuperset(quadrants_of(own)) for own in processors.values())
    misplaced = columns.count(None) + (0 not in on) + unpowered
    return misplaced, max(0, max(high) - DATA_INSTANCE_BYTES), cycles, len(on), sum(high)


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
    placed: list[tuple[int, int, frozenset[int], int]] = []  # start, end, data memories, last use
    for tensor in range(INPUT, len(network.layers)):
        if tensor in offsets:
            continue
        operands = adds.get(tensor, (tensor,))
        memories = instances_of(processors[tensor])
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
        raise NetworkError(f"Network {network.name!r} cannot be placed:", found)
