"""What a network costs on the MAX78000, before there is a board: cycles, latency, memory, energy.

Cycles follow the vendor's published latency model for layers that do not stream; divided by 50 MHz and with 8.3 µs
added for start and interrupt it agrees with seven published on-board times within 0.2 %. Energy is power × time, with
the powers the vendor measured on another network (`fer_edge.power`). Every figure says what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, assert_never

from fer_edge.figure import Figure
from fer_edge.network import IntegerNetwork, Layer, Operator, Shape
from fer_edge.power import ACTIVE, WEIGHT_LOAD, WIDE_HIGH_MW, WIDE_LOW_MW, WIDE_MW
from fer_edge.registers import BIAS_BYTES_PER_QUADRANT, CNN_HZ, IPO_HZ, QUADRANTS, WEIGHT_BYTES

START_CYCLES = 1
OVERHEAD_US = 8.3
"""Mean of measured minus estimated time over seven published networks (6.4 … 9.5 µs)."""
POWER_SOURCE = (
    f"{ACTIVE.source}; that this network draws as much is assumed. Published means at differing boundaries: "
    f"{WIDE_LOW_MW:g} to {WIDE_HIGH_MW:g} mW, formerly assumed {WIDE_MW:g}"
)
LATENCY_SOURCE = "vendor's cycle formula / 50 MHz + 8.3 µs; agrees with seven published on-board times within 0.2 %"
WORD_CYCLES = 11
"""Processor cycles to copy one 32-bit word of weights to the accelerator, computed from the vendor's 432 KB in 11.6 to
12.2 ms at 100 MHz."""
LAYER_ENERGY_SOURCE = "energy share of a layer: assumed to go as its cycles × its active processors, measured by nobody"


@dataclass(frozen=True)
class LayerEstimate:
    """One layer's cost; `share` is its part of all cycles, `energy_share` of the energy (`LAYER_ENERGY_SOURCE`)."""

    name: str
    operation: str
    output: str
    macs: int
    weight_bytes: int
    cycles: int
    share: float
    energy_share: float


@dataclass(frozen=True)
class Estimate:
    """A network's cost. `energy` is that of an inference: power × latency, between `energy_low` and `energy_high`."""

    network: str
    layers: tuple[LayerEstimate, ...]
    cycles: int
    macs: int
    weight_bytes: int
    weight_bytes_limit: int
    bias_bytes: int
    bias_bytes_limit: int
    latency: Figure
    weight_load: Figure
    weight_load_energy: Figure
    power: Figure
    energy: Figure
    energy_low: Figure
    energy_high: Figure

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts, for JSON."""
        return asdict(self)


def layer_cycles(layer: Layer, shape: Shape, *, quad_words: int | None = None, mask_offset: int = 0) -> int:
    """Accelerator cycles of one layer.

    Placement adds two details: `quad_words`, a passthrough's words per quadrant minus one, and `mask_offset`, the
    layer's first mask column, which costs something when operands are added before they are pooled.
    Source: the vendor's latency model.
    """
    m, n, k, p = shape.passes, shape.operands, layer.kernel_size, layer.pad
    area = layer.pool_size[0] * layer.pool_size[1]
    if not layer.weighted and area > 1 and shape.out_passes > 1:
        m = 2 * shape.passes - 1
    if layer.pool_first:
        ip, id_, rows_m, pre = 2 * m * n, m * n * (area + 1), 1, 0
    else:
        ip, id_, rows_m = 2 * m, m * (n * area + 1), m
        edge = (shape.pooled_rows + 2 * p - k + 1) * p + (shape.pooled_columns + 2 * p - k + 1) * p - p * p
        pre = edge * mask_offset if m > 1 or n > 1 else 0
    if not layer.weighted:
        if quad_words is None:
            quad_words = (min(shape.processors, 16) - 1) // 4
        return shape.pooled_rows * shape.pooled_columns * (id_ + m * (quad_words + 1))

    lanes = shape.out_channels if shape.flatten else shape.out_passes * shape.out_processors
    height, width = shape.pooled_rows, shape.pooled_columns
    out_width = width if shape.flatten else shape.out_columns
    pad_row = 2 * p * (ip + 1) + rows_m * width * (ip + 1)
    first_rows = 2 * p * (ip + 1) + rows_m * width * (id_ + 1)
    inner = rows_m * (k - 1 - p)
    row = p * (ip + 1) + inner * (id_ + 1) + rows_m * (out_width - p) * id_ + ip * p
    bottom = p * (ip + 1) + inner * (ip + 1) + rows_m * (out_width - p) * ip + ip * p
    out = m * out_width * lanes + (lanes if lanes == 1 and m == 1 else 0)
    rows_before = k - 1 - p
    long_flatten = int(shape.flatten and shape.passes * height * width > 16)
    return (
        long_flatten
        + pre
        + p * pad_row
        + rows_before * first_rows
        + (row + out) * (height - rows_before)
        + p * (bottom + out)
    )


def estimate(network: IntegerNetwork, placed: Mapping[int, Mapping[str, int]] | None = None) -> Estimate:
    """The cost of a network; `placed` gives `layer_cycles`' details by layer index where placement is known."""
    per_layer = [
        layer_cycles(layer, shape, **(placed or {}).get(i, {}))
        for i, (layer, shape) in enumerate(zip(network.layers, network.shapes, strict=True))
    ]
    cycles = START_CYCLES + sum(per_layer)
    latency = cycles / CNN_HZ * 1e6 + OVERHEAD_US

    load = copy_us(network.weight_bytes)
    effort = [count * shape.processors for count, shape in zip(per_layer, network.shapes, strict=True)]

    def energy(power: float, source: str) -> Figure:
        return Figure(power * latency * 1e-3, "µJ", "estimated", f"{power:g} mW ({source}) × estimated latency")

    return Estimate(
        network=network.name,
        layers=tuple(
            LayerEstimate(
                name=layer.name,
                operation=_operation(layer, shape),
                output="×".join(map(str, shape.output)),
                macs=macs,
                weight_bytes=layer.weight_bytes,
                cycles=count,
                share=count / cycles,
                energy_share=work / sum(effort),
            )
            for layer, shape, macs, count, work in zip(
                network.layers, network.shapes, network.macs, per_layer, effort, strict=True
            )
        ),
        cycles=cycles,
        macs=sum(network.macs),
        weight_bytes=network.weight_bytes,
        weight_bytes_limit=WEIGHT_BYTES,
        bias_bytes=network.bias_bytes,
        bias_bytes_limit=QUADRANTS * BIAS_BYTES_PER_QUADRANT,
        latency=Figure(latency, "µs", "estimated", LATENCY_SOURCE),
        weight_load=Figure(
            load,
            "µs",
            "estimated",
            f"{WORD_CYCLES} processor cycles per word, from the vendor's times, at {IPO_HZ // 10**6} MHz",
        ),
        weight_load_energy=Figure(WEIGHT_LOAD.mw * load * 1e-3, "µJ", "estimated", f"{WEIGHT_LOAD} × estimated time"),
        power=Figure(ACTIVE.mw, "mW", "estimated", f"measured by the vendor: {POWER_SOURCE}"),
        energy=energy(ACTIVE.mw, "measured by the vendor on FaceID, assumed for this network"),
        energy_low=energy(WIDE_LOW_MW, "least published mean"),
        energy_high=energy(WIDE_HIGH_MW, "highest published mean"),
    )


def copy_us(size: int) -> float:
    """Microseconds in which the processor copies `size` bytes, in words, to or from the accelerator (estimated)."""
    return WORD_CYCLES * -(-size // 4) / IPO_HZ * 1e6


def _operation(layer: Layer, shape: Shape) -> str:
    parts = ["add"] if shape.operands > 1 else []
    if layer.pool:
        parts.append(f"{layer.pool} pool {layer.pool_size[0]}×{layer.pool_size[1]}/{layer.pool_stride}")
    match layer.operator:
        case Operator.CONV:
            parts.append(f"conv {layer.kernel_size}×{layer.kernel_size}")
        case Operator.LINEAR:
            parts.append("linear")
        case Operator.PASSTHROUGH:
            parts = parts or ["passthrough"]
        case _:
            assert_never(layer.operator)
    return " + ".join(parts)
