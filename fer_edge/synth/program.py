"""The register program of a placed network: what init, configure and start write, in order.

A register whose value would be 0 is not written, since registers are 0 after reset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fer_edge.registers import (
    CNN,
    CNN_AON_CTL,
    CNN_LAYER,
    CNN_SRAM_DEFAULT,
    ELTWISE_CODE,
    PROCESSORS_PER_QUADRANT,
    WEIGHT_BITS_CODE,
    layer_register,
)
from fer_edge.synth.masks import Masks
from fer_edge.synth.placement import PlacedLayer, PlacedNetwork, pass_words, per_quadrant, set_bits


@dataclass(frozen=True)
class Write:
    """One 32-bit write; `name` is the register in words, as `G0.L1.RCNT`."""

    address: int
    value: int
    name: str


@dataclass(frozen=True)
class Program:
    """The writes of the three steps that `cnn_init`, `cnn_configure` and `cnn_start` make."""

    init: tuple[Write, ...]
    configure: tuple[Write, ...]
    start: tuple[Write, ...]
    quadrants: tuple[int, ...]

    @property
    def writes(self) -> tuple[Write, ...]:
        """All writes in order."""
        return self.init + self.configure + self.start


def program(placed: PlacedNetwork, masks: Masks) -> Program:
    """Registers of a network that has passed `placement.check` and `masks.pack`."""
    quadrants = placed.placement.quadrants
    clocked = CNN["CTL"].mask("CLK_EN") | CNN["CTL"].mask("MEXPRESS")
    init = [Write(CNN_AON_CTL, 0, "AON_CTL")]
    for g in quadrants:
        init += [
            Write(CNN.address("CTL", g), clocked, f"G{g}.CTL"),
            Write(CNN.address("SRAM", g), CNN_SRAM_DEFAULT, f"G{g}.SRAM"),
        ]
        if len(placed.layers) > 1:
            init.append(Write(CNN.address("LCNT_MAX", g), len(placed.layers) - 1, f"G{g}.LCNT_MAX"))
    configure = [
        Write(layer_register(name, view.index, g), value, f"G{g}.L{view.index}.{name}")
        for view in placed.layers
        for g in quadrants
        for name, value in _layer(placed, masks, view, g)
        if value
    ]
    master = quadrants[0]
    running = clocked | (CNN["CTL"].mask("POOL_RND") if placed.network.avg_pool_rounding else 0)
    start = [
        Write(
            CNN.address("CTL", g),
            running | CNN["CTL"].pack(EXT_SYNC=1, MASTER=master, CNN_EN=int(g != master)),
            f"G{g}.CTL",
        )
        for g in quadrants
    ]
    start.append(Write(CNN.address("CTL", master), running | CNN["CTL"].pack(CNN_EN=1), f"G{master}.CTL"))
    return Program(tuple(init), tuple(configure), tuple(start), quadrants)


def _layer(placed: PlacedNetwork, masks: Masks, view: PlacedLayer, g: int) -> Iterator[tuple[str, int]]:
    """The registers of one layer in one quadrant, in the order they are written."""
    index, layer, shape, place = view.index, view.layer, view.shape, view.placement
    conv, operands, kernel = layer.weighted, shape.operands, layer.kernel_size
    width = layer.output_width // 8
    rows = 1 if shape.flatten else shape.rows * (shape.passes if shape.emulated else 1)
    columns = 1 if shape.flatten else shape.columns
    flat = shape.passes * shape.rows * shape.columns - 1 if shape.flatten else 0
    long_flat = flat if flat >= 16 else 0
    column = masks.offset[index]
    taps = kernel * kernel
    out = set_bits(place.output_processors)
    own_out = per_quadrant(place.output_processors)[g]
    own = per_quadrant(place.processors)[g]
    bias = masks.bias_place[index]

    yield "RCNT", CNN_LAYER["RCNT"].pack(ROWS=rows - 1 + 2 * layer.pad, PAD=layer.pad)
    yield "CCNT", CNN_LAYER["CCNT"].pack(COLS=columns - 1 + 2 * layer.pad, PAD=layer.pad)
    yield "PRCNT", CNN_LAYER["PRCNT"].pack(POOL_ROWS=layer.pool_size[0] - 1)
    yield "PCCNT", CNN_LAYER["PCCNT"].pack(POOL_COLS=layer.pool_size[1] - 1)
    yield "STRIDE", CNN_LAYER["STRIDE"].pack(STRIDE=layer.pool_stride - 1)
    if conv:
        instance = out[0] // 4
    else:
        instance = (g * PROCESSORS_PER_QUADRANT + set_bits(own_out)[0]) // 4 if own_out else 0
    yield "WPTR_BASE", CNN_LAYER["WPTR_BASE"].pack(OFFSET=place.out_offset // 4, INSTANCE=instance)
    if conv:
        yield "WPTR_TOFFS", 1 if kernel == 1 else 0
        yield "WPTR_MOFFS", 1 << 13
    else:
        several = len(set_bits(place.processors)) > 4 or (operands > 1 and shape.passes > 1)
        yield "WPTR_TOFFS", 8192 if several else 2048
    yield "WPTR_CHOFFS", width * (place.write_gap + 1) if shape.out_passes > 1 else 0
    yield "RPTR_BASE", place.in_offset // 4
    remote = 0
    if conv and g == 0:
        # Quadrants whose results the master adds up: those with input channels, and the one with the bias.
        remote = sum(1 << q for q, bits in enumerate(per_quadrant(place.processors)) if q and bits)
        remote |= 1 << bias[0] if bias and bias[0] else 0
    yield (
        "LCTL",
        CNN_LAYER["LCTL"].pack(
            MASTER=1,
            SRAMLSRC=1,
            RELU=layer.activation == "relu",
            MAXPOOL=layer.pool != "avg",
            POOL_EN=layer.pool_size != (1, 1),
            CHW=index == 0 and placed.placement.data_format == "CHW",
            WIDE=layer.output_width == 32,
            QUADRANTS=remote,
        ),
    )
    yield (
        "LCTL2",
        CNN_LAYER["LCTL2"].pack(
            OCHAN_END=(out[-1] - out[0] // 4 * 4) * (layer.weight_bits if conv else 0),
            WRITE_GAP=shape.out_passes * (place.write_gap + 1) - 1 if conv else place.write_gap,
            PASSES=flat & 15 if shape.flatten else 0 if shape.emulated else shape.passes - 1,
        ),
    )
    if conv:
        first = 8 * (9 * column // taps)
        yield "MCNT", CNN_LAYER["MCNT"].pack(FIRST=first, LAST=first + (masks.kernels[index] - 1) * layer.weight_bits)
    else:
        yield "MCNT", 0 if shape.emulated else (shape.out_passes - 1) * 8
    oned = CNN_LAYER["ONED"].pack(
        TSCNT_MAX=0 if conv else pass_words(layer, place.processors),
        OCHAN_START=9 * column % taps if conv else 0,
        ONED_WIDTH=(conv and kernel == 1) or (not conv and operands == 1),
    )
    if operands > 1:
        oned |= CNN_LAYER["ONED"].pack(
            ELTWISE_EN=1,
            ELTWISE_FN=ELTWISE_CODE["add"],
            OPERANDS=operands - 1,
            POOL_FIRST=layer.pool_first and layer.pool_size != (1, 1),
            ELTWISE_CONV=conv,
        )
    yield "ONED", oned
    if conv and kernel == 3:
        yield "TPTR", CNN_LAYER["TPTR"].pack(MAX=max(0, shape.pooled_columns + 2 * layer.pad - 3))
    else:
        yield "TPTR", CNN_LAYER["TPTR"].pack(FLATTEN=long_flat, MAX=2 * long_flat + 1 if long_flat else 0)
    here = bias is not None and bias[0] == g
    yield (
        "POST",
        CNN_LAYER["POST"].pack(
            WEIGHT_BITS=WEIGHT_BITS_CODE[layer.weight_bits] if conv else 0,
            SHIFT=abs(layer.shift),
            SHIFT_RIGHT=layer.shift < 0,
            BIAS_EN=here,
            BIAS_ADDR=bias[1] if here and bias else 0,
            ABS=layer.activation == "abs",
            PASS=not conv,
            PASS_ONE=not conv and operands == 1,
            FLATTEN=long_flat > 0,
            FLATTEN_HIGH=long_flat >> 4,
        ),
    )
    yield "ENA", CNN_LAYER["ENA"].pack(PROCESSORS=own, MASKS=own if conv else 0)
