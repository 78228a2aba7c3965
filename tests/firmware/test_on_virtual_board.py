"""The ELF itself, run in this process on the virtual board with a scripted serial line."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from fer_edge.bench.link import Link
from fer_edge.bench.protocol import (
    BAUD_RATE,
    BAUD_REPLY,
    BAUD_REQUEST,
    ERROR,
    ERROR_REPLY,
    HELLO_REPLY,
    INFER_REPLY,
    REPLY,
    SELFTEST_REPLY,
    WINDOW_REPLY,
    WINDOW_REQUEST,
    Activity,
    Command,
    Decoder,
    ErrorCode,
    Frame,
    ResetCause,
    Sensor,
    WindowFlag,
    encode,
)
from fer_edge.board.uart import PacedUart
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.registers import FLASH_BASE
from fer_edge.simulate import logit_unit, simulate
from fer_edge.synth.ai8xize import Tool
from fer_edge.synth.synthesize import synthesize
from tests.firmware.firmware_host import FIRMWARE
from tests.firmware.mlperf import ENERGY_CHUNK, Runner
from tests.firmware.stub_network import StubNetwork

pytest.importorskip("unicorn", reason="no unicorn (pip install fer-edge[board])")

from fer_edge.board import Faults, LoadModel, Options
from fer_edge.board.clock import TICK_HZ
from fer_edge.board.machine import Machine

LED_RED = 1 << 0
NO_FLAG = WindowFlag(0)
TRIGGER = (1, 6)  # P1.6
TIMESTAMP = (0, 19)  # P0.19
STAND_IN = FIRMWARE.parent / "tests" / "synth" / "stand_in"


class Line:
    """The host's end of the serial line: what it sends, and the frames it receives."""

    def __init__(self) -> None:
        self.to_board = b""
        self.heard = bytearray()
        self.frames: list[Frame] = []
        self.times: list[float] = []  # at which they were complete
        self.now: Callable[[], float] = lambda: 0.0
        self._decoder = Decoder()

    def read(self) -> bytes:
        data, self.to_board = self.to_board, b""
        return data

    def write(self, data: bytes) -> None:
        self.heard += data
        self.frames += self._decoder.feed(data)
        self.times += [self.now()] * (len(self.frames) - len(self.times))

    def wait(self, seconds: float) -> bool:
        return bool(self.to_board)

    def give_up(self) -> list[Frame]:
        """Frames behind the start of one that never ended."""
        return self._decoder.flush()


class Board:
    """A virtual board with firmware, at work only while a method runs."""

    def __init__(self, elf: Path, **options: Any) -> None:
        self.elf = elf
        self.line = Line()
        self.machine = Machine(elf, self.line, Options(**options))
        self.line.now = lambda: self.seconds

    @property
    def seconds(self) -> float:
        """Virtual time since power-on."""
        return self.machine.clock.now / TICK_HZ

    def run_for(self, limit: float, enough: Callable[[], bool]) -> None:
        """Let it run for `limit` virtual seconds, or until there is `enough`; a reset may come in between."""
        begin = self.seconds
        self.machine.run(lambda: enough() or not begin <= self.seconds <= begin + limit)

    def run_until(self, condition: Callable[[], bool], limit: float = 10.0) -> None:
        """Let it run for at most `limit` virtual seconds."""
        end = self.seconds + limit
        self.machine.run(lambda: condition() or self.seconds > end)
        assert condition(), f"not within {limit} s"

    def ask(self, data: bytes) -> Frame:
        """Send bytes; the next frame that comes back."""
        self.line.frames.clear()
        self.line.times.clear()
        self.line.to_board += data
        self.run_until(lambda: bool(self.line.frames))
        return self.line.frames[0]

    def converse(self, data: bytes) -> bytes:
        """Send text; what comes back, up to and including m-ready."""
        self.line.heard.clear()
        self.line.to_board += data
        self.run_until(lambda: self.line.heard.endswith(b"m-ready\r\n"))
        return bytes(self.line.heard)


def symbol(elf: Path, name: str) -> int:
    """Address of a symbol."""
    listing = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True).stdout
    (address,) = (line.split()[0] for line in listing.splitlines() if line.split()[-1] == name)
    return int(address, 16)


def build(network: Path, folder: Path) -> Path:
    command = ["make", "-C", str(FIRMWARE), f"NETWORK={network}", f"BUILD={folder}"]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return folder / "fer_edge.elf"


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    """A colour network in two layers; two quadrants, a bias, an input of three channels."""
    rng = np.random.default_rng(3)
    first = Layer(
        name="conv1",
        operator=Operator.CONV,
        inputs=(INPUT,),
        weight=rng.integers(-128, 128, (20, 3, 3, 3), np.int8),
        bias=rng.integers(-128, 128, 20, np.int8),
        pad=1,
        output_shift=-4,
        activation="relu",
    )
    last = Layer(
        name="conv2",
        operator=Operator.CONV,
        inputs=(0,),
        weight=rng.integers(-128, 128, (7, 20, 3, 3), np.int8),
        pool="max",
        pool_size=(2, 2),
        pool_stride=2,
        output_width=32,
    )
    return IntegerNetwork("two layers", (3, 6, 6), (first, last))


@pytest.fixture(scope="module")
def board(arm_compiler: Path, network: IntegerNetwork, tmp_path_factory: pytest.TempPathFactory) -> Board:
    folder = tmp_path_factory.mktemp("board")
    synthesize(network, folder / "network")
    return Board(build(folder / "network", folder / "build"))


def test_two_seconds_pass_before_the_accelerator_is_touched_or_anything_sleeps(board: Board) -> None:
    board.run_until(lambda: board.machine.accelerator.powered != 0)
    assert 2.0 <= board.seconds < 2.02
    assert board.machine.gpio[2].out & LED_RED == 0, "the red LED, active low, is lit while the board comes up"
    board.run_until(lambda: board.machine.gpio[2].out & LED_RED != 0)


def test_hello_names_the_network(board: Board, network: IntegerNetwork) -> None:
    reply = board.ask(encode(Command.HELLO, 1))
    assert (reply.command, reply.sequence) == (Command.HELLO | REPLY, 1)
    assert HELLO_REPLY.unpack(reply.payload)[4:6] == (network.content_hash, 108)
    assert reply.payload[HELLO_REPLY.size :] == b"two layers"


def test_selftest_passes(board: Board) -> None:
    assert SELFTEST_REPLY.unpack(board.ask(encode(Command.SELFTEST, 2)).payload)[0] == 0


def test_logits_are_those_of_the_simulator_for_image_after_image(board: Board, network: IntegerNetwork) -> None:
    images = np.random.default_rng(4).integers(-128, 128, (5, 3, 6, 6), np.int8)
    for image, expected in zip(images, simulate(network, images), strict=True):
        reply = board.ask(encode(Command.INFER, 3, image.tobytes())).payload
        cycles, microseconds, predicted = INFER_REPLY.unpack(reply)
        assert np.frombuffer(reply, "<i4", offset=INFER_REPLY.size).tolist() == expected.ravel().tolist()
        assert predicted == expected.argmax()
        assert microseconds == cycles // 50


def test_a_frame_cut_short_does_not_swallow_the_next_one(board: Board) -> None:
    cut = encode(Command.INFER, 4, bytes(108))[:50]
    reply = board.ask(cut + encode(Command.HELLO, 5))
    assert reply == Frame(ERROR, 4, ERROR_REPLY.pack(Command.INFER, ErrorCode.BAD_CRC))
    board.run_until(lambda: len(board.line.frames) == 2)
    assert board.line.frames[1].sequence == 5


@pytest.fixture(scope="module")
def faces(arm_compiler: Path, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """A board with line rate and a network for 48 × 48 pixels, at 921,600 baud."""
    rng = np.random.default_rng(5)
    shapes = ((16, 1, 3, 3), (16, 16, 3, 3), (7, 16, 3, 3))
    layers = [
        Layer(
            name=f"conv{n}",
            operator=Operator.CONV,
            inputs=(n - 1 if n else INPUT,),
            weight=rng.integers(-64, 64, shape, np.int8),
            pad=1,
            pool="max",
            pool_size=(4, 4) if n < 2 else (3, 3),
            pool_stride=4 if n < 2 else 3,
            activation="relu" if n < 2 else None,
            output_width=8 if n < 2 else 32,
        )
        for n, shape in enumerate(shapes)
    ]
    folder = tmp_path_factory.mktemp("faces")
    synthesize(IntegerNetwork("faces", (1, 48, 48), tuple(layers)), folder / "network")
    board = Board(build(folder / "network", folder / "build"), line_rate=True)
    reply = board.ask(encode(Command.BAUD, 1, BAUD_REQUEST.pack(921_600)))
    assert BAUD_REPLY.unpack(reply.payload) == (921_600,)
    board.ask(encode(Command.HELLO, 2))
    return board


@pytest.mark.slow
def test_a_line_that_takes_its_time_carries_a_whole_run(faces: Board) -> None:
    """Twenty images at line rate, every one answered; how fast is `make benchmark`'s to say."""
    options = Options(line_rate=True).to_json()
    command = [sys.executable, "-m", "fer_edge.board", str(faces.elf), options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with Link(process.stdout.readline().strip()) as link:
            link.request(Command.HELLO, timeout=30)  # it waits two seconds after its start, and so do we
            images = [bytes([n]) * 2304 for n in range(20)]
            answers = list(link.stream(Command.INFER, images))
        process.kill()
    assert len(answers) == 20
    assert len(set(answers)) > 1


def window(board: Board, activity: Activity, count: int, flags: WindowFlag = NO_FLAG) -> tuple[int, ...]:
    """The fields of the reply."""
    result: tuple[int, ...] = WINDOW_REPLY.unpack(
        board.ask(encode(Command.WINDOW, 9, WINDOW_REQUEST.pack(activity, count, flags))).payload
    )
    return result


def edges(board: Board, port: int, pin: int) -> list[tuple[float, int]]:
    """(virtual seconds, level) of a pin."""
    return [(e.seconds, e.level) for e in board.machine.trace if (e.port, e.pin) == (port, pin)]


@pytest.mark.parametrize("flags", [WindowFlag(0), WindowFlag.BUSY_WAIT])
@pytest.mark.parametrize(("activity", "count"), [(0, 20), (1, 3), (2, 10), (3, 10)])
def test_the_trigger_is_high_for_the_time_a_window_reports(
    board: Board, activity: int, count: int, flags: WindowFlag
) -> None:
    board.ask(encode(Command.HELLO, 8))
    board.machine.trace.clear()
    found, done, microseconds, *_ = window(board, Activity(activity), count, flags)
    assert (found, done) == (activity, count)
    (rise, high), (fall, low) = edges(board, *TRIGGER)
    assert (high, low) == (1, 0)
    assert fall - rise == pytest.approx(microseconds / 1e6, abs=10e-6)
    if activity == Activity.IDLE:
        assert microseconds == pytest.approx(1000 * count, rel=0.01)
    assert not [e for e in board.machine.trace if e.port == 2], "no LED without the flag: it draws current"


@pytest.mark.parametrize(("activity", "led"), [(Activity.IDLE, 0), (Activity.INFER, 1)])
def test_leds_signal_a_window_as_the_power_monitor_expects(board: Board, activity: Activity, led: int) -> None:
    board.ask(encode(Command.HELLO, 8))
    board.machine.trace.clear()
    window(board, activity, 5, WindowFlag.LEDS)
    assert [level for _, level in edges(board, 2, led)] == [0, 1]  # active low


def test_the_line_is_quiet_during_a_window(faces: Board) -> None:
    faces.machine.trace.clear()
    faces.ask(encode(Command.HELLO, 3) + encode(Command.WINDOW, 4, WINDOW_REQUEST.pack(Activity.IDLE, 5, 0)))
    faces.run_until(lambda: len(faces.line.frames) == 2)
    (rise, _), (fall, _) = edges(faces, *TRIGGER)
    assert fall - rise == pytest.approx(5e-3, rel=0.01)
    assert faces.line.times[0] < rise
    assert faces.line.times[1] > fall


@pytest.mark.parametrize("sensor", ["INA219", "INA226"])
def test_the_sensor_tells_what_the_load_draws(
    arm_compiler: Path, network: IntegerNetwork, board: Board, sensor: str
) -> None:
    load = LoadModel(volts=5.0, idle=0.020, cnn=0.080)
    measured = Board(board.elf, sensor=sensor, load=load)
    assert HELLO_REPLY.unpack(measured.ask(encode(Command.HELLO, 1)).payload)[8] == Sensor[sensor]
    fields = window(measured, Activity.IDLE, 1000, WindowFlag.SENSOR)
    _, _, microseconds, kind, samples, microvolts, microamperes, nanojoules, *_ = fields
    assert kind == Sensor[sensor]
    assert samples >= 28
    assert microvolts == 5_000_000
    assert microamperes == pytest.approx(20_000, abs=100)
    assert nanojoules == pytest.approx(0.1 * microseconds * 1e3, rel=0.01)
    # Computing draws four times as much, for as long as the accelerator says.
    cycles = INFER_REPLY.unpack(measured.ask(encode(Command.INFER, 2, bytes(108))).payload)[0]
    _, done, microseconds, _, _, _, microamperes, *_ = window(measured, Activity.INFER, 4000, WindowFlag.SENSOR)
    share = done * cycles / 50 / microseconds
    assert microamperes == pytest.approx(20_000 + 60_000 * share, rel=0.02)
    assert measured.machine.sensor is not None
    measured.machine.sensor.answering = False
    assert window(measured, Activity.IDLE, 10, WindowFlag.SENSOR)[3:] == (Sensor.NONE, 0, 0, 0, 0, 0, 0)


def test_at_full_rate_no_byte_is_lost_and_the_line_never_rests(faces: Board) -> None:
    """The next image comes in while the accelerator computes and the last reply goes out."""
    images = np.random.default_rng(6).integers(-128, 128, (8, 48 * 48), np.int8)
    faces.line.frames.clear()
    begin = faces.seconds
    faces.line.to_board += b"".join(encode(Command.INFER, n, image.tobytes()) for n, image in enumerate(images))
    faces.run_until(lambda: len(faces.line.frames) == len(images))
    elapsed = faces.seconds - begin
    assert [(f.command, f.sequence) for f in faces.line.frames] == [(Command.INFER | REPLY, n) for n in range(8)]
    assert isinstance(faces.machine.uart, PacedUart)
    assert faces.machine.uart.overruns == 0
    assert images.size * 10 / 921_600 / elapsed >= 0.9


def test_the_public_runner_gets_the_simulators_results(board: Board, network: IntegerNetwork) -> None:
    """In performance mode; laps differ by what the inferences take."""
    board.ask(encode(Command.HELLO, 1))  # it is up
    runner = Runner(board.converse)
    assert runner.identify() == ("fer-edge", "two layers")
    image = np.random.default_rng(7).integers(0, 256, (6, 6, 3), np.uint8)
    runner.load(image)
    (first, last), results = runner.infer(100, 3)
    logits = simulate(network, network.device_input(image.transpose(2, 0, 1)[None])).ravel()
    powers = np.exp((logits - logits.max()) * logit_unit(network))
    assert results == pytest.approx(powers / powers.sum(), abs=0.0005 + 1e-8)
    microseconds = window(board, Activity.INFER, 100)[2]
    assert last - first == pytest.approx(microseconds, rel=0.02)


def test_with_sw1_held_the_board_starts_in_energy_mode(board: Board) -> None:
    energy = Board(board.elf, line_rate=True, hold=("sw1",))
    energy.run_until(lambda: energy.line.heard.endswith(b"m-ready\r\n"))
    assert energy.line.heard == b"m-init-done\r\nm-ready\r\n"
    assert energy.machine.uart.baud_rate == pytest.approx(9600, rel=0.001)
    runner = Runner(energy.converse, ENERGY_CHUNK)
    runner.load(np.zeros((6, 6, 3), np.uint8))
    energy.machine.trace.clear()
    assert runner.infer(200, 0)[0] == []
    (fall, low), (rise, high), (second_fall, _), _ = edges(energy, *TIMESTAMP)
    assert (low, high) == (0, 1)
    assert rise - fall >= 1e-6
    assert second_fall - fall == pytest.approx(window(energy, Activity.INFER, 200)[2] / 1e6, rel=0.02)


def test_a_rate_at_which_nothing_readable_comes_is_given_up_within_two_seconds(faces: Board) -> None:
    assert faces.machine.uart.baud_rate == pytest.approx(921_600, rel=0.001)
    faces.line.to_board += b"\x00\xfe"
    faces.run_until(lambda: faces.machine.uart.baud_rate == pytest.approx(BAUD_RATE, rel=0.001), limit=2.0)
    assert faces.ask(encode(Command.HELLO, 3)).command == Command.HELLO | REPLY


# A virtual second takes a few milliseconds here, and pauses are of the host's time.
FAULTS = Faults(
    8, drop=1e-4, flip=1e-4, duplicate=1e-4, delay=1e-5, delay_seconds=0.001, cut=3e-6, cut_seconds=0.002, reset=3e-6
)


def answered_to(board: Board, sequence: int) -> bool:
    return any(frame.sequence == sequence for frame in board.line.frames)


@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_on_a_bad_line_no_image_gets_a_wrong_answer_and_each_gets_one(
    board: Board, network: IntegerNetwork, count: int
) -> None:
    """Bytes are lost, damaged, repeated and late, the line is cut and the board reset in mid-image."""
    bad = Board(board.elf, faults=FAULTS if count > 200 else replace(FAULTS, drop=1e-3, flip=1e-3, duplicate=1e-3))
    images = np.random.default_rng(9).integers(-128, 128, (256, 3, 6, 6), np.int8)
    expected = [logits.ravel().tolist() for logits in simulate(network, images)]
    tries = 0
    for n in range(count):
        answered = False
        while not answered:
            tries += 1
            assert tries < 2 * count + 100
            bad.line.to_board += encode(Command.INFER, n % 256, images[n % 256].tobytes())
            bad.run_for(0.4, partial(answered_to, bad, n % 256))
            for frame in bad.line.frames + bad.line.give_up():
                if frame.command == Command.INFER | REPLY:
                    logits = np.frombuffer(frame.payload, "<i4", offset=INFER_REPLY.size)
                    assert logits.tolist() == expected[frame.sequence]
                    answered |= frame.sequence == n % 256
                else:
                    assert frame.command == ERROR
            bad.line.frames.clear()
    assert tries > count, "nothing went wrong"


def state(board: Board) -> tuple[int, ...]:
    """Of HELLO: stack used, reset cause, then the fault record."""
    board.run_until(lambda: board.seconds > 2.1)
    result: tuple[int, ...] = HELLO_REPLY.unpack(board.ask(encode(Command.HELLO, 1)).payload)[10:]
    return result


def with_second_load_of_weights(folder: Path, statement: str) -> Board:
    """A board that runs a statement when it loads the weights for the second time."""
    network = StubNetwork().write(folder / "network")
    code = (network / "cnn.c").read_text()
    function = "int cnn_load_weights(void)\n{\n"
    assert function in code
    added = f"    static volatile int loads;\n    if (loads++) {{ {statement} }}\n"
    (network / "cnn.c").write_text(code.replace(function, function + added))
    return Board(build(network, folder / "build"))


def restart(board: Board) -> None:
    """Wait until it has reset."""
    board.run_for(20, lambda: board.seconds < 1)
    assert board.seconds < 1, "it did not reset"


def test_a_reset_on_request_is_answered_first(board: Board) -> None:
    fresh = Board(board.elf)
    used, cause, *record = state(fresh)
    assert cause == ResetCause.POWER_ON
    assert 100 < used < 8192
    assert not any(record)
    assert fresh.ask(encode(Command.RESET, 7)) == Frame(Command.RESET | REPLY, 7, b"")
    restart(fresh)
    assert state(fresh)[1] == ResetCause.REQUEST


PRECISERR, BFARVALID, STKERR, UNDEFINSTR, FORCED = 1 << 9, 1 << 15, 1 << 12, 1 << 16, 1 << 30


@pytest.mark.parametrize(
    ("statement", "status", "address"),
    [
        ("*(volatile uint32_t *)0x60000000 = 1;", PRECISERR | BFARVALID, 0x60000000),
        ('__asm volatile("udf 0");', UNDEFINSTR, 0),
        ('__asm volatile("mov sp, %0\\n svc 0" : : "r"(0x20000008));', STKERR, 0),
    ],
)
def test_a_fault_is_recorded_over_the_reset_it_leads_to(
    arm_compiler: Path, tmp_path: Path, statement: str, status: int, address: int
) -> None:
    board = with_second_load_of_weights(tmp_path, statement)
    assert state(board)[1] == ResetCause.POWER_ON
    board.line.to_board += encode(Command.WINDOW, 1, WINDOW_REQUEST.pack(Activity.LOAD_WEIGHTS, 1, 0))
    restart(board)
    _, cause, pc, lr, cfsr, hfsr, bfar = state(board)
    assert cause == ResetCause.FAULT
    assert (cfsr, hfsr, bfar) == (status, FORCED, address)
    if cfsr & STKERR:
        assert (pc, lr) == (0, 0)  # there is no frame to tell
    else:
        assert pc - symbol(board.elf, "cnn_load_weights") in range(0x100)
        assert lr - FLASH_BASE in range(0x10000)
    board.machine.reset()  # the button
    restart(board)
    assert state(board)[1] == ResetCause.POWER_ON


def test_a_stack_that_has_run_over_leads_to_a_reset(board: Board) -> None:
    fresh = Board(board.elf)
    state(fresh)
    fresh.machine.write_memory(symbol(board.elf, "noinit_end"), b"\0\0\0\0")
    restart(fresh)
    assert state(fresh)[1] == ResetCause.STACK


@pytest.mark.slow
def test_firmware_that_hangs_is_reset_by_the_watchdog_which_tells_where(arm_compiler: Path, tmp_path: Path) -> None:
    board = with_second_load_of_weights(tmp_path, "while (loads) {}")
    assert state(board)[1] == ResetCause.POWER_ON
    board.line.to_board += encode(Command.WINDOW, 1, WINDOW_REQUEST.pack(Activity.LOAD_WEIGHTS, 1, 0))
    restart(board)
    _, cause, pc, *_ = state(board)
    assert cause == ResetCause.WATCHDOG
    assert pc - symbol(board.elf, "cnn_load_weights") in range(0x100)


def test_a_board_left_alone_whose_network_takes_no_camera_picture_says_so_until_a_host_speaks(board: Board) -> None:
    alone = Board(board.elf)
    alone.run_until(lambda: alone.seconds > 14, limit=15)
    assert re.search(rb"\r\nerror 14: the network does not take a square grey picture", alone.line.heard)
    red = [seconds for seconds, _ in edges(alone, 2, 0) if seconds > 2.5]
    assert red[0] > 3, "no host has spoken for three seconds"
    steps = np.diff(red)
    pauses = np.flatnonzero(steps > 1)
    assert np.diff(pauses).tolist() == [16], "eight blinks between two pauses: error 14"
    assert steps[pauses] == pytest.approx(1.25, abs=0.01)
    assert np.delete(steps, pauses) == pytest.approx(0.25, abs=0.02), "another attempt takes 12 ms"
    alone.ask(encode(Command.HELLO, 1))
    assert alone.machine.gpio[2].out & LED_RED, "dark once a host has spoken"
    alone.machine.trace.clear()
    alone.run_until(lambda: alone.seconds > 30, limit=30)
    assert not alone.machine.trace


def test_an_accelerator_that_never_finishes_is_reported_and_the_board_stays_alive(
    arm_compiler: Path, tmp_path: Path
) -> None:
    folder = StubNetwork().write(tmp_path / "network")
    code = (folder / "cnn.c").read_text()
    start = "*((volatile uint32_t *)0x50100000) = 0x00100009;"
    assert start in code
    (folder / "cnn.c").write_text(code.replace(start, ""))
    board = Board(build(folder, tmp_path / "build"))
    for sequence in (1, 2):
        reply = board.ask(encode(Command.INFER, sequence, bytes(6)))
        assert reply == Frame(ERROR, sequence, ERROR_REPLY.pack(Command.INFER, ErrorCode.CNN_TIMEOUT))
    assert board.ask(encode(Command.HELLO, 3)).command == Command.HELLO | REPLY


@pytest.mark.parametrize("width", [8, 32])
def test_the_vendors_three_files_in_place_of_ours_give_the_same_logits(
    arm_compiler: Path, network: IntegerNetwork, tmp_path: Path, width: Literal[8, 32]
) -> None:
    """Compiled without any SDK: their timer, LED, pin and interrupt names come from our own HAL."""
    layers = (network.layers[0], dataclasses.replace(network.layers[1], output_width=width, output_shift=-5))
    network = dataclasses.replace(network, layers=layers)
    comparison = Tool.find(STAND_IN).run(synthesize(network, tmp_path / "network"), lambda line: None)
    for name in ("cnn.c", "cnn.h", "weights.h"):
        shutil.copy(comparison.directory / name, tmp_path / "network" / name)
    board = Board(build(tmp_path / "network", tmp_path / "build"))
    assert SELFTEST_REPLY.unpack(board.ask(encode(Command.SELFTEST, 1)).payload)[0] == 0
    images = np.random.default_rng(6).integers(-128, 128, (3, 3, 6, 6), np.int8)
    for image, expected in zip(images, simulate(network, images), strict=True):
        reply = board.ask(encode(Command.INFER, 2, image.tobytes())).payload
        cycles, microseconds, _ = INFER_REPLY.unpack(reply)
        assert np.frombuffer(reply, "<i4", offset=INFER_REPLY.size).tolist() == expected.ravel().tolist()
        assert microseconds == cycles // 50 > 0
