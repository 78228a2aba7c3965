"""What the registers of a layer have to say besides what the model computes with.

Silicon uses every bit; the model computes with some. Each of the others has one right value, which follows from the
rest of the layer as the reference says, so a programme in which it differs ends with register, bit and layer instead
of a result that silicon would not give. What is left are the bits of `INERT`, where the reference itself says, or its
formulas do, that nothing depends on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer_edge import registers as r

if TYPE_CHECKING:
    from fer_edge.board.layer import Layer

_STREAMING = "streaming"
_FEATURES = {
    ("ONED", "ONED_EN"): "one-dimensional convolution",
    ("LCTL", "CPAD_ONLY"): "padding of columns alone",
    ("POST", "DECONV_EN"): "transposed convolution",
    ("POST", "CALCX4"): "calculation of four outputs at once",
    ("POST", "DEPTHWISE"): "depth-wise convolution",
    ("POST", "TCALC"): "reading ahead",
}
"""Fields that are 0 in whatever the model knows, and what they switch on."""

_FEATURE_REGISTERS = {"STREAM1": _STREAMING, "STREAM2": _STREAMING, "FMAX": _STREAMING, "IFRM": "the FIFO"}
"""Registers that are 0 in whatever the model knows."""


@dataclass(frozen=True)
class Inert:
    """Fields of a layer register that do nothing in layers for which `when` holds, and why."""

    register: str
    fields: tuple[str, ...]
    when: Callable[[Layer], bool]
    why: str


INERT = (
    Inert("POST", ("SHIFT", "SHIFT_RIGHT"), lambda layer: layer.wide, "32-bit outputs are not shifted"),
    Inert("LCTL2", ("OCHAN_END",), lambda layer: layer.is_pass, "a pass layer has no output channels of its own"),
    Inert("LCTL2", ("WRITE_GAP",), lambda layer: layer.pixels == 1, "a single pixel leaves no gap to the next"),
    Inert("STRIDE", ("STRIDE",), lambda layer: layer.pooled == (1, 1), "one window is not followed by another"),
    Inert("WPTR_CHOFFS", ("OFFSET",), lambda layer: layer.out_passes == 1, "it is added from the second pass on"),
    Inert("LCTL", ("MAXPOOL",), lambda layer: not layer.pooling, "the mean of one value is its maximum"),
    Inert("RCNT", ("ROWS",), lambda layer: layer.pooling, "rows below the last pooling window are not read"),
)
"""Fields of the layer registers that do nothing, and when. `accelerator.INERT_CONTROL` has those of CTL."""


_KNOWN = {register.name: register.mask(*register.fields) for register in r.CNN_LAYER}
_OWN = {
    "LCTL": r.CNN_LAYER["LCTL"].mask("QUADRANTS"),
    "POST": r.CNN_LAYER["POST"].mask("BIAS_EN", "BIAS_ADDR"),
    "ENA": r.CNN_LAYER["ENA"].mask("PROCESSORS", "MASKS"),
}
"""Bits that may differ from quadrant to quadrant."""


def check(layer: Layer) -> None:
    """Raise `BoardError` if a register of the layer disagrees with the others, or asks for what is not modelled."""
    for quadrant in layer.running:
        _check_unknown_bits(layer, quadrant)
        _check_own_fields(layer, quadrant)
    _check_followers(layer)
    for register, fields in _derived(layer).items():
        for field, value in fields.items():
            _demand(layer, layer.master, register, field, value)


def _demand(layer: Layer, quadrant: int, register: str, field: str, value: int) -> None:
    found = layer.registers[quadrant](register, field)
    if found == value:
        return
    if feature := _FEATURES.get((register, field)):
        raise layer.error(f"{register}.{field} is set in quadrant {quadrant}: {feature} is not modelled")
    raise layer.error(
        f"{register}.{field} is {found:#x} in quadrant {quadrant}, where the rest of the layer asks for {value:#x}"
    )


def _check_unknown_bits(layer: Layer, quadrant: int) -> None:
    for register, known in _KNOWN.items():
        word = layer.registers[quadrant].word(register)
        if not word & ~known:
            continue
        if feature := _FEATURE_REGISTERS.get(register):
            raise layer.error(f"{register} is {word:#x} in quadrant {quadrant}: {feature} is not modelled")
        bit = (word & ~known).bit_length() - 1
        raise layer.error(f"{register} bit {bit} is set in quadrant {quadrant}, which is not modelled")


def _check_own_fields(layer: Layer, quadrant: int) -> None:
    """Fields that may differ from quadrant to quadrant."""
    reg = layer.registers[quadrant]
    _demand(layer, quadrant, "ENA", "MASKS", 0 if layer.is_pass else reg("ENA", "PROCESSORS"))
    if not reg("POST", "BIAS_EN"):
        _demand(layer, quadrant, "POST", "BIAS_ADDR", 0)
    elif layer.is_pass:
        _demand(layer, quadrant, "POST", "BIAS_EN", 0)
    others = 0
    if quadrant == layer.master and not layer.is_pass:
        # The master adds up what the quadrants with processors bring, and the one with the bias.
        for other in layer.running:
            takes_part = layer.registers[other].word("ENA") or layer.registers[other]("POST", "BIAS_EN")
            others |= 1 << other if takes_part and other != quadrant else 0
    _demand(layer, quadrant, "LCTL", "QUADRANTS", others)
    if layer.is_pass:
        instance = reg("WPTR_BASE", "INSTANCE")
        first = quadrant * r.INSTANCES_PER_QUADRANT if reg("ENA", "PROCESSORS") else 0
        if not first <= instance < first + (r.INSTANCES_PER_QUADRANT if reg("ENA", "PROCESSORS") else 1):
            raise layer.error(f"WPTR_BASE.INSTANCE is {instance:#x} in quadrant {quadrant}, which writes elsewhere")


def _check_followers(layer: Layer) -> None:
    """What all quadrants have to be told alike; one of them at most has the bias."""
    biased = [q for q in layer.running if layer.registers[q]("POST", "BIAS_EN")]
    if len(biased) > 1:
        raise layer.error(f"POST.BIAS_EN is set in quadrants {biased[0]} and {biased[1]}, and can be in one only")
    base = r.CNN_LAYER["WPTR_BASE"].mask("INSTANCE") if layer.is_pass else 0
    for quadrant in layer.running:
        for register in _KNOWN:
            word, master = (layer.registers[q].word(register) for q in (quadrant, layer.master))
            if (word ^ master) & ~(base if register == "WPTR_BASE" else _OWN.get(register, 0)):
                raise layer.error(
                    f"{register} is {word:#x} in quadrant {quadrant}, but {master:#x} in quadrant {layer.master}"
                )


def _derived(layer: Layer) -> dict[str, dict[str, int]]:
    """The values that follow from what the model computes with, of fields that are the same in all quadrants."""
    reg = layer.registers[layer.master]
    several, pooling = layer.operands > 1, layer.pooling
    wanted: dict[str, dict[str, int]] = {
        "LCTL": {"MASTER": 1, "SRAMLSRC": 1, "CPAD_ONLY": 0},
        "ONED": {"OCHAN_START": 0, "ONED_EN": 0, "ELTWISE_EN": several},
        "POST": {"DECONV_EN": 0, "CALCX4": 0, "DEPTHWISE": 0, "TCALC": 0},
        "TPTR": {"MAX": layer.line_end, "FLATTEN": layer.flat},
    }
    wanted["LCTL"]["POOL_EN"] = bool(reg.word("PRCNT") or reg.word("PCCNT"))
    wanted["POST"]["FLATTEN"] = bool(reg("POST", "FLATTEN_HIGH"))
    if not several:
        wanted["ONED"] |= {"ELTWISE_FN": 0, "OPERANDS": 0}
    if not (several and pooling):
        wanted["ONED"]["POOL_FIRST"] = 0
    for register, fields in (_derived_pass(layer) if layer.is_pass else _derived_conv(layer)).items():
        wanted.setdefault(register, {}).update(fields)
    return wanted


def _derived_pass(layer: Layer) -> dict[str, dict[str, int]]:
    one = layer.operands == 1
    spread = len(layer.processors) > r.PROCESSORS_PER_INSTANCE or (not one and layer.passes > 1)
    instance_words = r.DATA_INSTANCE_BYTES // 4
    return {
        "WPTR_TOFFS": {"OFFSET": instance_words if spread else instance_words // r.INSTANCES_PER_QUADRANT},
        "WPTR_MOFFS": {"OFFSET": 0},
        "LCTL": {"RELU": 0, "WIDE": 0},
        "MCNT": {"LAST": 8 * (layer.out_passes - 1), "FIRST": 0},
        "ONED": {"TSCNT_MAX": layer.time_slots - 1, "ONED_WIDTH": one, "ELTWISE_CONV": 0},
        "POST": {
            "PASS_ONE": one,
            "SHIFT": 0,
            "SHIFT_RIGHT": 0,
            "WEIGHT_BITS": 0,
            "ABS": 0,
            "FLATTEN": 0,
            "FLATTEN_HIGH": 0,
        },
        "RCNT": {"PAD": 0},
    }


def _derived_conv(layer: Layer) -> dict[str, dict[str, int]]:
    reg = layer.registers[layer.master]
    post = {"PASS_ONE": 0}
    relu = {}
    if layer.wide:
        post["ABS"] = relu["RELU"] = 0
    elif not reg("POST", "SHIFT"):
        post["SHIFT_RIGHT"] = 0
    if reg("POST", "ABS"):
        relu["RELU"] = 0
    return {
        "WPTR_TOFFS": {"OFFSET": layer.kernel == 1},
        "WPTR_MOFFS": {"OFFSET": r.DATA_INSTANCE_BYTES // 4},
        "LCTL": relu,
        "ONED": {"TSCNT_MAX": 0, "ONED_WIDTH": layer.kernel == 1, "ELTWISE_CONV": layer.operands > 1},
        "POST": post,
    }
