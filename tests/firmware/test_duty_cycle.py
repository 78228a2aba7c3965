"""DUTY_CYCLE on the virtual board: what gating, deep sleep and retention leave of the network, and who wakes whom."""

from __future__ import annotations

import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_edge.bench.protocol import (
    DEEP,
    DUTY_CYCLE_REPLY,
    DUTY_CYCLE_REQUEST,
    INFER_REPLY,
    REPLY,
    ClockSetting,
    Command,
    ResetCause,
    Rest,
    Wait,
    encode,
)
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.simulate import simulate
from fer_edge.synth.synthesize import synthesize
from tests.firmware.stub_network import StubNetwork

pytest.importorskip("unicorn", reason="no unicorn (pip install fer-edge[board])")

from tests.firmware.test_on_virtual_board import TRIGGER, Board, build, edges, restart, state, symbol

IMAGE = np.random.default_rng(1).integers(-128, 128, (1, 3, 6, 6), np.int8)
MODES = [(wait, rest) for wait in Wait for rest in Rest if (wait in DEEP) == (rest >= Rest.RETAINED)]


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    """Two layers, of which the first has a bias, in two quadrants."""
    rng = np.random.default_rng(3)
    shapes = ((20, 3, 3, 3), (7, 20, 3, 3))
    layers = [
        Layer(
            name=f"conv{n}",
            operator=Operator.CONV,
            inputs=(n - 1 if n else INPUT,),
            weight=rng.integers(-128, 128, shape, np.int8),
            bias=None if n else rng.integers(-128, 128, 20, np.int8),
            pad=0 if n else 1,
            output_shift=0 if n else -4,
            activation=None if n else "relu",
            output_width=32 if n else 8,
        )
        for n, shape in enumerate(shapes)
    ]
    return IntegerNetwork("two layers", (3, 6, 6), tuple(layers))


@pytest.fixture(scope="module")
def booted(arm_compiler: Path, network: IntegerNetwork, tmp_path_factory: pytest.TempPathFactory) -> Board:
    folder = tmp_path_factory.mktemp("duty")
    synthesize(network, folder / "network")
    return Board(build(folder / "network", folder / "build"))


@pytest.fixture
def board(booted: Board) -> Board:
    """A board whose last image is IMAGE."""
    booted.ask(encode(Command.INFER, 1, IMAGE.tobytes()))
    booted.machine.trace.clear()
    return booted


def request(wait: Wait, rest: Rest, clock: ClockSetting, frames: int, period_us: int) -> bytes:
    return encode(Command.DUTY_CYCLE, 7, DUTY_CYCLE_REQUEST.pack(period_us, frames, wait, rest, clock))


def duty(
    board: Board, wait: Wait, rest: Rest, frames: int, period_us: int, clock: ClockSetting = ClockSetting.IPO
) -> Any:
    """The fields of the reply."""
    board.line.frames.clear()
    board.line.to_board += request(wait, rest, clock, frames, period_us)
    board.run_until(lambda: bool(board.line.frames), limit=frames * period_us / 1e6 + 5)
    assert board.line.frames[0].command == Command.DUTY_CYCLE | REPLY
    return DUTY_CYCLE_REPLY.unpack(board.line.frames[0].payload)


def expected_crc(network: IntegerNetwork) -> int:
    return zlib.crc32(simulate(network, IMAGE).astype("<i4").tobytes())


def contents(board: Board) -> tuple[bytes, ...]:
    """The accelerator's registers, masks and biases."""
    accelerator = board.machine.accelerator
    accelerator.settle()
    return repr(accelerator._layer_words).encode(), accelerator.mask.tobytes(), accelerator.bias.tobytes()


@pytest.mark.parametrize(
    ("wait", "rest", "frames"),
    [
        (Wait.SLEEP, Rest.GATED, 20),
        (Wait.UPM, Rest.RETAINED, 3),
        (Wait.UPM, Rest.OFF, 3),
        (Wait.STANDBY, Rest.RETAINED, 3),
        pytest.param(Wait.SLEEP, Rest.GATED, 1000, marks=pytest.mark.slow),
        pytest.param(Wait.LPM, Rest.GATED, 1000, marks=pytest.mark.slow),
        pytest.param(Wait.UPM, Rest.RETAINED, 100, marks=pytest.mark.slow),
        pytest.param(Wait.UPM, Rest.OFF, 100, marks=pytest.mark.slow),
        pytest.param(Wait.STANDBY, Rest.RETAINED, 100, marks=pytest.mark.slow),
    ],
)
def test_registers_weights_and_logits_outlast_every_rest(
    board: Board, network: IntegerNetwork, wait: Wait, rest: Rest, frames: int
) -> None:
    before = contents(board)
    reply = duty(board, wait, rest, frames, 20_000)
    assert (reply.frames, reply.late, reply.differing) == (frames, 0, 0)
    assert reply.logits_crc == expected_crc(network)
    assert contents(board) == before
    assert INFER_REPLY.unpack(board.ask(encode(Command.INFER, 2, IMAGE.tobytes())).payload)[0] > 0


@pytest.mark.parametrize("clock", ClockSetting)
@pytest.mark.parametrize(("wait", "rest"), MODES)
def test_frames_keep_their_rate_in_every_mode_at_both_clocks(
    board: Board, network: IntegerNetwork, wait: Wait, rest: Rest, clock: ClockSetting
) -> None:
    reply = duty(board, wait, rest, 2, 100_000, clock)
    assert (reply.frames, reply.late, reply.logits_crc) == (2, 0, expected_crc(network))
    assert reply.microseconds == pytest.approx(200_000, abs=250), "the emulator looks at a counter every 0.1 ms"
    (rise, _), (fall, _) = edges(board, *TRIGGER)
    assert fall - rise == pytest.approx(0.2, rel=1e-3), "by the board's clock, not the firmware's"
    assert reply.wake_us + reply.load_us + reply.infer_us + reply.read_us < 10_000
    assert board.machine._system.sysclk_hz == 100_000_000


def test_everything_takes_longer_at_the_slower_clock(board: Board) -> None:
    fast, slow = (duty(board, Wait.SLEEP, Rest.OFF, 2, 100_000, clock) for clock in ClockSetting)
    for field in ("wake_us", "load_us", "infer_us", "read_us"):
        assert getattr(slow, field) / getattr(fast, field) == pytest.approx(100 / 60, rel=0.1), field


@pytest.mark.parametrize("wait", Wait)
def test_a_frame_in_ten_seconds_takes_no_time_of_the_host(board: Board, wait: Wait) -> None:
    since = time.process_time()
    reply = duty(board, wait, Rest.RETAINED, 2, 10_000_000)
    assert time.process_time() - since < 4
    assert reply.microseconds == pytest.approx(20_000_000, rel=1e-3)


@pytest.mark.parametrize(
    ("wait", "rest", "powered", "weights"),
    [
        (Wait.SLEEP, Rest.ON, True, True),
        (Wait.SLEEP, Rest.GATED, False, True),
        (Wait.UPM, Rest.RETAINED, False, True),
        (Wait.STANDBY, Rest.OFF, False, False),
    ],
)
def test_between_frames_the_accelerator_is_left_as_it_was_asked(
    board: Board, wait: Wait, rest: Rest, powered: bool, weights: bool
) -> None:
    board.line.frames.clear()
    board.line.to_board += request(wait, rest, ClockSetting.IPO, 2, 500_000)
    board.run_for(0.3, lambda: False)
    assert bool(board.machine.accelerator.powered) == powered
    assert board.machine.accelerator.mask.any() == weights
    board.run_until(lambda: bool(board.line.frames))


def test_a_reset_in_deep_sleep_is_followed_by_two_seconds_awake(booted: Board) -> None:
    """The window in which a debugger gets hold of the board."""
    board = Board(booted.elf)
    state(board)
    board.line.to_board += request(Wait.STANDBY, Rest.OFF, ClockSetting.ISO, 10, 10_000_000)
    board.run_for(15, lambda: False)
    board.machine.reset()
    restart(board)
    board.run_until(lambda: board.machine.accelerator.powered != 0)
    assert 2.0 <= board.seconds < 2.02
    assert state(board)[1] == ResetCause.POWER_ON


def with_second_bias(folder: Path, statement: str) -> Board:
    """A board that runs a statement when it loads the biases for the second time, as it does when it wakes."""
    network = StubNetwork().write(folder / "network")
    code = (network / "cnn.c").read_text()
    function = "int cnn_load_bias(void) {"
    assert function in code
    added = f" static volatile int loads; if (loads++) {{ {statement} }}"
    (network / "cnn.c").write_text(code.replace(function, function + added))
    return Board(build(network, folder / "build"))


def test_firmware_that_hangs_after_a_wake_is_reset_by_the_watchdog(arm_compiler: Path, tmp_path: Path) -> None:
    # Looking at a timer, for the emulator passes over such a wait.
    board = with_second_bias(tmp_path, "for (;;) { (void)MXC_TMR0->cnt; }")
    state(board)
    board.line.to_board += request(Wait.UPM, Rest.RETAINED, ClockSetting.ISO, 2, 5_000_000)
    restart(board)
    _, cause, pc, *_ = state(board)
    assert cause == ResetCause.WATCHDOG
    assert pc - symbol(board.elf, "cnn_load_bias") in range(0x100)
