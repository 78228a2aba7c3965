"""What a person wants to see of a placed network: a table of its layers, and their totals."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from fer_edge.estimate import Estimate
from fer_edge.synth.masks import mask_columns
from fer_edge.synth.placement import PlacedNetwork, set_bits


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


def rows(placed: PlacedNetwork, offsets: Sequence[int], estimate: Estimate) -> list[LayerRow]:
    """The table of layers; `offsets` are the layers' first mask columns."""
    found = []
    for of, cost in zip(placed.layers, estimate.layers, strict=True):
        columns = "" if of.layer.weight is None else f"{offsets[of.index]}+{mask_columns(placed.network, of.index)}"
        found.append(
            LayerRow(
                layer=of.index,
                name=cost.name,
                operation=cost.operation,
                output=cost.output,
                macs=cost.macs,
                weight_bytes=cost.weight_bytes,
                processors=ranges(of.placement.processors),
                output_processors=ranges(of.placement.output_processors),
                in_offset=f"{of.placement.in_offset:#06x}",
                out_offset=f"{of.placement.out_offset:#06x}",
                mask_columns=columns,
                cycles=cost.cycles,
                share=round(cost.share, 6),
            )
        )
    return found


def ranges(processors: int) -> str:
    """A processor map as runs: ``0-15, 32-47``."""
    return ", ".join(f"{first}-{first + n - 1}" if n > 1 else str(first) for first, n in runs(processors))


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
            f"           {estimate.weight_load_energy}: {estimate.weight_load_energy.source}",
            f"  energy   {estimate.energy}, {low:.1f} to {high:.1f}: {estimate.energy.source}",
            f"  power    {estimate.power}: {estimate.power.source}",
        ]
    )


def runs(processors: int) -> list[tuple[int, int]]:
    """(first, count) of each run of set bits."""
    bits = set_bits(processors)
    starts = [b for b in bits if b - 1 not in bits]
    ends = [b for b in bits if b + 1 not in bits]
    return [(a, b - a + 1) for a, b in zip(starts, ends, strict=True)]
