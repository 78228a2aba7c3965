"""The accelerator model against reference networks, and its loading protocols against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fer_edge import registers as r
from fer_edge.board.accelerator import Accelerator
from fer_edge.board.layer import Layer
from fer_edge.errors import BoardError
from tests.board.reference import (
    State,
    configure,
    load_express,
    load_input,
    load_plain,
    read_columns,
    start,
    word_index,
)

CTL = r.CNN["CTL"]


@pytest.mark.parametrize("express", [True, False], ids=["express", "plain"])
def test_reference_network_gives_reference_words(accelerator: Accelerator, reference: State, express: bool) -> None:
    configure(accelerator, reference, express)
    load_input(accelerator, reference)
    start(accelerator, reference, express)
    words = accelerator.data.view(np.uint32)[word_index(reference["output_addr"])]
    assert np.array_equal(words & reference["output_mask"], reference["output_value"])
    assert np.array_equal(accelerator.mask, reference["kernel"])
    assert accelerator.warnings == []


def test_reference_network_takes_reference_cycles(accelerator: Accelerator, reference: State) -> None:
    configure(accelerator, reference)
    start(accelerator, reference)
    assert accelerator.cycles() == reference["cycles"].tolist()


def test_every_layer_gives_the_reference_map(accelerator: Accelerator, reference: State) -> None:
    configure(accelerator, reference)
    start(accelerator, reference)
    accelerator.data[:] = 0
    load_input(accelerator, reference)
    for layer in accelerator.program():
        layer.run(accelerator.data)
        expected = reference[f"layer{layer.number}"]
        memory = accelerator.data.view(np.int32) if layer.wide else accelerator.data
        channels = memory[layer.target][: len(expected)]
        assert np.array_equal(channels, expected.reshape(len(expected), -1)), layer.number


def test_inferences_repeat_and_follow_their_input(accelerator: Accelerator, reference: State) -> None:
    """A decoded program that is kept must not keep anything of the image before."""
    configure(accelerator, reference)
    index = word_index(reference["output_addr"])

    def infer(words: np.ndarray) -> np.ndarray:
        accelerator.data.view(np.uint32)[word_index(reference["input_addr"])] = words
        start(accelerator, reference)
        result: np.ndarray = accelerator.data.view(np.uint32)[index] & reference["output_mask"]
        return result

    assert np.array_equal(infer(reference["input_value"]), reference["output_value"])
    other = infer(reference["input_value"] ^ np.uint32(0x7F7F7F7F))
    assert not np.array_equal(other, reference["output_value"])
    assert np.array_equal(infer(reference["input_value"]), reference["output_value"])


# --- mask RAM ----------------------------------------------------------------------------------------------

columns = arrays.arrays(np.uint8, (40, r.MASK_COLUMN_BYTES))
used = arrays.arrays(bool, 40)
processors = st.integers(0, r.PROCESSORS - 1)


@given(columns, used, processors)
def test_both_loading_protocols_give_the_same_mask_ram(columns: np.ndarray, used: np.ndarray, processor: int) -> None:
    results = []
    for load, mode in ((load_express, CTL.mask("MEXPRESS")), (load_plain, 0)):
        accelerator = Accelerator()
        accelerator.power(0xF)
        accelerator.write(r.CNN.address("CTL", processor // r.PROCESSORS_PER_QUADRANT), CTL.mask("CLK_EN") | mode)
        load(accelerator, processor, columns, used)
        assert np.array_equal(read_columns(accelerator, processor, 40), columns * used[:, None])
        accelerator.settle()
        results.append(accelerator.mask)
    assert np.array_equal(results[0], results[1])
    assert np.count_nonzero(results[0]) == np.count_nonzero(columns[used])


@given(columns, st.integers(1, 39))
def test_express_stream_may_pause_anywhere(columns: np.ndarray, pause: int) -> None:
    """Reading in the middle of a stream must not lose the column that is under way."""
    accelerator = Accelerator()
    accelerator.power(0xF)
    accelerator.write(r.CNN.address("CTL"), CTL.mask("CLK_EN", "MEXPRESS"))
    base = r.mask_address(0, 0)
    accelerator.write(base | 1, 1, size=1)
    for n, word in enumerate(np.frombuffer(columns.tobytes(), ">u4").tolist()):
        if n == pause:
            read_columns(accelerator, 0, 40)
        accelerator.write(base + 4 * n, word)
    assert np.array_equal(read_columns(accelerator, 0, 40), columns)


def test_columns_beyond_the_memory_are_refused(accelerator: Accelerator) -> None:
    accelerator.write(r.CNN.address("CTL"), CTL.mask("CLK_EN", "MEXPRESS"))
    base = r.mask_address(3, 0) + 4 * (r.MASK_COLUMNS - 1)
    accelerator.write(base | 1, 1, size=1)
    for _ in range(9):
        accelerator.write(base, 0)
    with pytest.raises(BoardError, match="mask column 770 of processor 3"):
        accelerator.settle()


# --- one layer by hand -------------------------------------------------------------------------------------


def copy_layer(accelerator: Accelerator, **fields: dict[str, int]) -> None:
    """A 1×1 convolution of one channel, 4×4 pixels, weight 64, shift 1: it copies word 0… to word 256…."""
    layer: dict[str, dict[str, int]] = {
        "RCNT": {"ROWS": 3},
        "CCNT": {"COLS": 3},
        "ONED": {"ONED_WIDTH": 1},
        "WPTR_BASE": {"OFFSET": 256},
        "WPTR_TOFFS": {"OFFSET": 1},
        "WPTR_MOFFS": {"OFFSET": 8192},
        "LCTL": {"MASTER": 1, "SRAMLSRC": 1, "MAXPOOL": 1},
        "ENA": {"PROCESSORS": 1, "MASKS": 1},
        "POST": {"SHIFT": 1},
    }
    accelerator.write(r.CNN.address("CTL"), CTL.mask("CLK_EN"))
    accelerator.write(r.CNN.address("SRAM"), r.CNN_SRAM_DEFAULT)
    for register in {*layer, *fields}:
        values = layer.get(register, {}) | fields.get(register, {})
        accelerator.write(r.layer_register(register, 0, 0), r.CNN_LAYER[register].pack(**values))
    column = np.zeros((1, r.MASK_COLUMN_BYTES), np.uint8)
    column[0, 8] = 64
    load_plain(accelerator, 0, column, np.array([True]))
    accelerator.data[: 4 * 16 : 4] = np.arange(-8, 8)


def run(accelerator: Accelerator) -> None:
    accelerator.write(r.CNN.address("CTL"), CTL.mask("CLK_EN"))
    accelerator.write(r.CNN.address("CTL"), CTL.mask("CLK_EN", "CNN_EN"))


def output(accelerator: Accelerator) -> list[int]:
    return [int(v) for v in accelerator.data[1024 : 1024 + 4 * 16 : 4]]


def test_done_flag_rises_with_the_result_and_falls_when_written(accelerator: Accelerator) -> None:
    copy_layer(accelerator)
    run(accelerator)
    assert output(accelerator) == list(range(-8, 8))
    assert accelerator.interrupt
    control = accelerator.read(r.CNN.address("CTL"))
    accelerator.write(r.CNN.address("CTL"), control & ~CTL.mask("CNN_IRQ", "CNN_EN"))
    assert not accelerator.interrupt


def test_result_appears_when_the_time_is_over_not_before() -> None:
    started: list[int] = []
    accelerator = Accelerator(started.append)
    accelerator.power(0xF)
    copy_layer(accelerator)
    run(accelerator)
    assert started == [sum(accelerator.cycles())]
    assert output(accelerator) == [0] * 16
    accelerator.finish()
    assert output(accelerator) == list(range(-8, 8))


def test_stopped_inference_never_finishes() -> None:
    accelerator = Accelerator(lambda cycles: None)
    accelerator.power(0xF)
    copy_layer(accelerator)
    run(accelerator)
    accelerator.write(r.CNN.address("CTL"), CTL.mask("CLK_EN"))
    accelerator.finish()
    assert output(accelerator) == [0] * 16
    assert not accelerator.interrupt


def test_a_changed_weight_bias_or_register_counts_at_the_next_start(accelerator: Accelerator) -> None:
    copy_layer(accelerator)
    run(accelerator)
    accelerator.write(r.bias_address(0, 5), 3)
    run(accelerator)
    assert output(accelerator) == list(range(-8, 8))  # not enabled yet
    post = r.CNN_LAYER["POST"].pack(SHIFT=1, BIAS_EN=1, BIAS_ADDR=5)
    accelerator.write(r.layer_register("POST", 0, 0), post)
    run(accelerator)
    assert output(accelerator) == [v + 6 for v in range(-8, 8)]
    accelerator.write(r.bias_address(0, 5), 0)
    column = np.zeros((1, r.MASK_COLUMN_BYTES), np.uint8)
    column[0, 8] = 128
    load_plain(accelerator, 0, column, np.array([True]))
    run(accelerator)
    assert output(accelerator) == [-2 * v for v in range(-8, 8)]


def test_the_same_inference_again_is_not_computed_again_and_any_other_is(
    accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten seconds of one image, which benchmarks ask for, are thousands of inferences."""
    layers_run: list[Layer] = []
    compute = Layer.run

    def counted(layer: Layer, data: Any) -> None:
        layers_run.append(layer)
        compute(layer, data)

    monkeypatch.setattr(Layer, "run", counted)
    copy_layer(accelerator)

    def computed() -> bool:
        layers_run.clear()
        run(accelerator)
        return bool(layers_run)

    assert [computed() for _ in range(4)] == [True, True, False, False]  # the second finds the output of the first
    assert output(accelerator) == list(range(-8, 8))
    accelerator.data[0] += 1
    assert computed()
    assert output(accelerator) == [-7, *range(-7, 8)]
    assert [computed() for _ in range(2)] == [True, False]
    accelerator.write(r.layer_register("POST", 0, 0), r.CNN_LAYER["POST"].pack(SHIFT=2))
    assert computed()
    assert output(accelerator)[0] == -14


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_narrow_weights_are_signed(accelerator: Accelerator, bits: int) -> None:
    """The most negative weight of each width: one bit means {-1, 0}."""
    copy_layer(accelerator, POST={"WEIGHT_BITS": r.WEIGHT_BITS_CODE[bits], "SHIFT": 8 - bits})
    column = np.zeros((1, r.MASK_COLUMN_BYTES), np.uint8)
    column[0, 8] = 1 << (bits - 1)
    load_plain(accelerator, 0, column, np.array([True]))
    run(accelerator)
    assert output(accelerator) == [-v for v in range(-8, 8)]


def test_halves_round_up_and_saturate_before_activation(accelerator: Accelerator) -> None:
    copy_layer(accelerator, POST={"SHIFT": 0, "ABS": 1})
    run(accelerator)
    assert output(accelerator) == [abs(int(np.floor(v / 2 + 0.5))) for v in range(-8, 8)]
    copy_layer(accelerator, POST={"SHIFT": 8, "ABS": 1})
    run(accelerator)
    assert output(accelerator) == [min(abs(v) * 128, 127) for v in range(-8, 8)]


def test_a_layer_without_registers_is_refused(accelerator: Accelerator) -> None:
    copy_layer(accelerator)
    accelerator.write(r.CNN.address("LCNT_MAX"), 1)
    with pytest.raises(BoardError, match="layer 1: has no output"):
        run(accelerator)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"RPTR_BASE": {"OFFSET": 8190}}, "reads word 8205 of a data memory of 8192 words"),
        ({"WPTR_BASE": {"OFFSET": 8180}}, "writes word 8195"),
        ({"MCNT": {"FIRST": 8 * 9 * 768, "LAST": 8 * 9 * 768}}, "mask column 768 of 768"),
        ({"POST": {"BIAS_EN": 1, "BIAS_ADDR": 600}}, "bias byte 600 of 512"),
        ({"LCTL": {"QUADRANTS": 4}}, "needs quadrant 2, which is not running"),
        ({"ENA": {"MASKS": 0}}, "no processor enabled"),
        ({"PRCNT": {"POOL_ROWS": 7}, "LCTL": {"POOL_EN": 1}}, "has no output"),
    ],
)
def test_what_the_memories_do_not_hold_is_refused(
    accelerator: Accelerator, fields: dict[str, dict[str, int]], complaint: str
) -> None:
    copy_layer(accelerator, **fields)
    with pytest.raises(BoardError, match=complaint):
        run(accelerator)


def test_streaming_is_refused(accelerator: Accelerator) -> None:
    copy_layer(accelerator)
    with pytest.raises(BoardError, match="STREAM_EN"):
        accelerator.write(r.CNN.address("CTL"), CTL.mask("CLK_EN", "CNN_EN", "STREAM_EN"))


# --- power -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        {"enabled": 0},
        {"enabled": 0b1101},
        {"enabled": 0xF, "reset": 2},
        {"enabled": 0xF, "clocked": False},
        {"enabled": 0xF, "isolated": 2},
    ],
)
def test_touching_a_quadrant_that_is_off_is_refused_and_changes_nothing(state: dict[str, Any]) -> None:
    accelerator = Accelerator()
    accelerator.power(**state)
    addresses = [r.CNN.address("CTL", 1), r.layer_register("RCNT", 0, 1), r.bias_address(1, 0), r.mask_address(16, 0)]
    for address in addresses:
        with pytest.raises(BoardError, match="accesses CNN quadrant 1 while it has no power or clock"):
            accelerator.write(address, 1)
        with pytest.raises(BoardError, match="accesses CNN quadrant 1"):
            accelerator.read(address)
    accelerator.power(0xF)
    assert [accelerator.read(address) for address in addresses] == [0, 0, 0, 0]


def test_a_layer_that_writes_to_a_quadrant_without_power_is_refused(accelerator: Accelerator) -> None:
    accelerator.power(0b0001)
    copy_layer(accelerator, WPTR_BASE={"INSTANCE": 4})
    with pytest.raises(BoardError, match="layer 0: data memory of quadrant 1 has no power"):
        run(accelerator)


def test_power_down_forgets_and_reset_keeps_the_memories(accelerator: Accelerator) -> None:
    copy_layer(accelerator)
    accelerator.write(r.bias_address(0, 0), 7)
    accelerator.power(0xF, reset=1)
    accelerator.power(0xF)
    assert accelerator.read(r.bias_address(0, 0)) == 7
    assert accelerator.read(r.layer_register("RCNT", 0, 0)) == 0
    accelerator.power(0)
    accelerator.power(0xF)
    assert accelerator.read(r.bias_address(0, 0)) == 0
    assert not accelerator.data.any()
    assert not accelerator.mask.any()
