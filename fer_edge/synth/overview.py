"""What a person wants to see of a placed network: a table of its layers, and a picture of its memories."""

from __future__ import annotations

import colorsys
import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from fer_edge.estimate import Estimate
from fer_edge.network import INPUT, IntegerNetwork
from fer_edge.registers import (
    BIAS_BYTES_PER_QUADRANT,
    DATA_INSTANCE_BYTES,
    INSTANCES,
    MASK_COLUMNS,
    PROCESSORS,
    QUADRANTS,
)
from fer_edge.synth.masks import Masks, mask_columns
from fer_edge.synth.placement import Placement, region, set_bits


@dataclass(frozen=True)
class LayerRow:
    """One layer: what it does, where it lives, what it costs. Offsets in bytes, columns of mask RAM."""

    layer: int
    name: str
    operation: str
    output: str
    macs: int
    weight_bytes: int
    processors: str
    output_processors: str
    in_offset: str
    out_offset: str
    mask_columns: str
    cycles: int
    share: float


def rows(network: IntegerNetwork, placement: Placement, offsets: Sequence[int], estimate: Estimate) -> list[LayerRow]:
    """The table of layers; `offsets` are the layers' first mask columns."""
    found = []
    for index, (layer, placed, cost) in enumerate(zip(network.layers, placement.layers, estimate.layers, strict=True)):
        columns = "" if layer.weight is None else f"{offsets[index]}+{mask_columns(network, index)}"
        found.append(
            LayerRow(
                layer=index,
                name=cost.name,
                operation=cost.operation,
                output=cost.output,
                macs=cost.macs,
                weight_bytes=cost.weight_bytes,
                processors=ranges(placed.processors),
                output_processors=ranges(placed.output_processors),
                in_offset=f"{placed.in_offset:#06x}",
                out_offset=f"{placed.out_offset:#06x}",
                mask_columns=columns,
                cycles=cost.cycles,
                share=round(cost.share, 6),
            )
        )
    return found


def ranges(processors: int) -> str:
    """A processor map as runs: ``0-15, 32-47``."""
    return ", ".join(f"{first}-{first + n - 1}" if n > 1 else str(first) for first, n in _runs(processors))


def to_csv(table: Sequence[LayerRow]) -> str:
    """The table as comma-separated values with a header."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [field.name for field in fields(LayerRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in table)
    return buffer.getvalue()


def render(table: Sequence[LayerRow], estimate: Estimate) -> str:
    """Table and totals for the terminal."""
    header = ("layer", "operation", "output", "MACs", "weights", "processors", "writes at", "cycles", "share")
    cells = [
        (
            row.name,
            row.operation,
            row.output,
            f"{row.macs:,}",
            f"{row.weight_bytes:,}",
            row.processors,
            row.out_offset,
            f"{row.cycles:,}",
            f"{100 * row.share:.1f} %",
        )
        for row in table
    ]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    left = (0, 1, 2, 5)
    lines = [
        "  ".join(
            cell.ljust(w) if i in left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in (header, *cells)
    ]
    return "\n".join([*(line.rstrip() for line in lines), "", totals(estimate)])


def totals(estimate: Estimate) -> str:
    """The network's cost in a few lines, every figure with its kind."""
    low, high = estimate.energy_low.value, estimate.energy_high.value
    return "\n".join(
        [
            f"  weights  {estimate.weight_bytes:,} of {estimate.weight_bytes_limit:,} bytes",
            f"  biases   {estimate.bias_bytes:,} of {estimate.bias_bytes_limit:,} bytes",
            f"  cycles   {estimate.cycles:,} (estimated)",
            f"  latency  {estimate.latency}: {estimate.latency.source}",
            f"  loading  {estimate.weight_load}: {estimate.weight_load.source}",
            f"  energy   {estimate.energy}, {low:.1f} to {high:.1f}: {estimate.energy.source}",
            f"  power    {estimate.power}: {estimate.power.source}",
        ]
    )


def memory_map(network: IntegerNetwork, placement: Placement, masks: Masks) -> str:
    """Data memory over time, and mask memory by processor, as SVG."""
    import jinja2

    last_use = {source: i for i, layer in enumerate(network.layers) for source in layer.inputs}
    steps = len(network.layers)
    tensors: list[dict[str, Any]] = []
    for tensor in range(INPUT, steps):
        where = region(network, placement, tensor)
        tensors.append(
            {
                "name": "input" if tensor == INPUT else network.layers[tensor].name,
                "colour": _colour(tensor + 1, steps + 1),
                "from": tensor,
                "to": last_use.get(tensor, steps),
                "start": 4 * int(where.words.min()),
                "size": 4 * (int(where.words.max()) + 1 - int(where.words.min())),
                "instances": sorted(where.instances),
            }
        )
    blocks = [
        {
            "name": layer.name,
            "colour": _colour(index + 1, steps + 1),
            "start": masks.offset[index],
            "size": mask_columns(network, index),
            "processors": _runs(placement.layers[index].processors),
        }
        for index, layer in enumerate(network.layers)
        if layer.weight is not None
    ]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fer_edge.synth"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    context: dict[str, Any] = {
        "network": network,
        "tensors": tensors,
        "blocks": blocks,
        "steps": [layer.name for layer in network.layers],
        "instances": INSTANCES,
        "instance_bytes": DATA_INSTANCE_BYTES,
        # Rows show as much of a memory as is used, to the next power of two: the rest is free throughout.
        "shown_bytes": min(DATA_INSTANCE_BYTES, 1 << (max(t["start"] + t["size"] for t in tensors) - 1).bit_length()),
        "processors": PROCESSORS,
        "columns": MASK_COLUMNS,
        "columns_used": int(masks.kernel_used.sum()),
        "bias": [int(masks.bias_used[q].sum()) for q in range(QUADRANTS)],
        "bias_bytes": BIAS_BYTES_PER_QUADRANT,
    }
    return environment.get_template("memory-map.svg.j2").render(context)


def _runs(processors: int) -> list[tuple[int, int]]:
    """(first, count) of each run of set bits."""
    bits = set_bits(processors)
    starts = [b for b in bits if b - 1 not in bits]
    ends = [b for b in bits if b + 1 not in bits]
    return [(a, b - a + 1) for a, b in zip(starts, ends, strict=True)]


def _colour(index: int, count: int) -> str:
    """Evenly spread hues, alternating in lightness so that neighbours differ."""
    red, green, blue = colorsys.hls_to_rgb(index / max(1, count), 0.55 if index % 2 else 0.68, 0.6)
    return f"#{int(255 * red):02x}{int(255 * green):02x}{int(255 * blue):02x}"
