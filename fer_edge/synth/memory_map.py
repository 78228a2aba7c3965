"""A picture of a placed network's memories: data memory over time, and weight memory by processor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fer_edge import pages
from fer_edge.network import INPUT
from fer_edge.pages.colours import hue, text_on
from fer_edge.registers import (
    BIAS_BYTES_PER_QUADRANT,
    DATA_INSTANCE_BYTES,
    INSTANCES,
    MASK_COLUMNS,
    PROCESSORS,
    QUADRANTS,
)
from fer_edge.synth.masks import Masks, mask_columns
from fer_edge.synth.overview import runs
from fer_edge.synth.placement import PlacedNetwork, region

WIDTH, WEIGHTS_HEIGHT = 760, 512
"""Width of the pictures of both memories, height of the weights'; all lengths are units of an SVG 960 wide."""
LINE, LETTER = 22, 12
"""Height of a line and width of a letter, of the larger text that narrow screens get."""
IN_PLACE = 15
"""Blocks of weights at least this high carry their name; the others have it beside the picture."""
LONGEST_NAME = 10
"""Longer names are cut: they have to stand beside the picture."""


def render(placed: PlacedNetwork, masks: Masks) -> str:
    """Data memory over time, and mask memory by processor, as SVG that takes the width and the colours it is given."""
    tensors = _tensors(placed)
    return pages.render(
        "fer_edge.synth",
        "templates/memory-map.svg.j2",
        network=placed.network,
        tensors=tensors,
        blocks=_blocks(placed, masks),
        instances=INSTANCES,
        instance_bytes=DATA_INSTANCE_BYTES,
        # Rows show as much of a memory as is used, to the next power of two: the rest is free throughout.
        shown_bytes=min(DATA_INSTANCE_BYTES, 1 << (max(t["start"] + t["size"] for t in tensors) - 1).bit_length()),
        processors=PROCESSORS,
        columns=MASK_COLUMNS,
        columns_used=int(masks.kernel_used.sum()),
        bias=[int(masks.bias_used[q].sum()) for q in range(QUADRANTS)],
        bias_bytes=BIAS_BYTES_PER_QUADRANT,
        width=WIDTH,
        height=WEIGHTS_HEIGHT,
        line=LINE,
    )


def _tensors(placed: PlacedNetwork) -> list[dict[str, Any]]:
    """The network's input and what its layers make: where it lies (bytes), and during which layers (-1: before)."""
    last_use = {source: view.index for view in placed.layers for source in view.layer.inputs}
    steps = len(placed.layers)
    tensors = []
    for tensor in range(INPUT, steps):
        where = region(placed, tensor)
        name = "input" if tensor == INPUT else placed.layers[tensor].layer.name
        tensors.append(
            {
                "name": name,
                "label": _short(name),
                "colour": hue(tensor + 1, steps + 1),
                "from": tensor,
                "to": last_use.get(tensor, steps - 1),
                "start": 4 * int(where.words.min()),
                "size": 4 * (int(where.words.max()) + 1 - int(where.words.min())),
                "instances": sorted(where.instances),
            }
        )
    return tensors


def _blocks(placed: PlacedNetwork, masks: Masks) -> list[dict[str, Any]]:
    """The layers' weights: columns and processors, and `beside`, where the name stands if it has no room inside."""
    colours = [hue(view.index + 1, len(placed.layers) + 1) for view in placed.layers]
    blocks: list[dict[str, Any]] = [
        {
            "name": view.layer.name,
            "label": _short(view.layer.name),
            "colour": colours[view.index],
            "text": text_on(colours[view.index]),
            "start": masks.offset[view.index],
            "size": mask_columns(placed.network, view.index),
            "processors": runs(view.placement.processors),
            "beside": None,
        }
        for view in placed.layers
        if view.layer.weight is not None
    ]
    scale = WEIGHTS_HEIGHT / MASK_COLUMNS
    outside = sorted((block for block in blocks if not _has_room(block)), key=lambda block: block["start"])
    middles = [(block["start"] + block["size"] / 2) * scale for block in outside]
    for block, place in zip(outside, spread(middles, LINE, WEIGHTS_HEIGHT), strict=True):
        block["beside"] = place
    return blocks


def _has_room(block: dict[str, Any]) -> bool:
    """Whether its name can stand in a block, from the left of its first processors."""
    height, width = WEIGHTS_HEIGHT * block["size"] / MASK_COLUMNS, WIDTH * block["processors"][0][1] / PROCESSORS
    result: bool = height >= IN_PLACE and width >= LETTER * (len(block["label"]) + 1)
    return result


def spread(places: Sequence[float], gap: float, end: float) -> list[float]:
    """Ascending `places` between 0 and `end`, moved apart until they are `gap` from each other, or as far as fits."""
    gap = min(gap, end / max(1, len(places) - 1))
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    limit = end
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], limit)
        limit = moved[i] - gap
    return moved


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
