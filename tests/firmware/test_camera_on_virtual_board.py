"""The firmware's camera on the virtual board's, which was made by others from the same sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_edge.bench.protocol import (
    BAUD_REQUEST,
    CAMERA_FRAME_REPLY,
    CAMERA_FRAME_REQUEST,
    CAMERA_SIDE,
    CAMERA_WINDOW_REQUEST,
    ERROR,
    ERROR_REPLY,
    REPLY,
    CameraDetail,
    Command,
    ErrorCode,
    encode,
)
from fer_edge.faces import drawn, load
from fer_edge.faces import scenes as shown
from fer_edge.faces.camera import Window, normalize, scale
from fer_edge.faces.lens import MODERATE
from fer_edge.load import load_network
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.simulate import simulate
from fer_edge.synth.synthesize import synthesize

pytest.importorskip("unicorn", reason="no unicorn (pip install fer-edge[board])")

from fer_edge.board import Faults
from tests.firmware.test_on_virtual_board import Board, build, edges

PERIOD = 782 * 510 * 6 / 50e6
"""Seconds of a frame, at the clock the firmware gives the camera."""


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    """Seven outputs from 48 × 48 grey pixels, folded."""
    rng = np.random.default_rng(5)
    shapes = ((16, 4, 3, 3), (16, 16, 3, 3), (7, 16, 3, 3))
    layers = [
        Layer(
            name=f"conv{n}",
            operator=Operator.CONV,
            inputs=(n - 1 if n else INPUT,),
            weight=rng.integers(-64, 64, shape, np.int8),
            pad=1,
            pool="max",
            pool_size=(4 - n, 4 - n),
            pool_stride=4 - n,
            activation="relu" if n < 2 else None,
            output_width=8 if n < 2 else 32,
        )
        for n, shape in enumerate(shapes)
    ]
    return IntegerNetwork("eyes", (4, 24, 24), tuple(layers), fold=2)


@pytest.fixture(scope="module")
def elf(arm_compiler: Path, network: IntegerNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eyes")
    synthesize(network, folder / "network")
    return build(folder / "network", folder / "build")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Coarse squares in grey; none is its own mirror image."""
    path = tmp_path_factory.mktemp("scenes") / "scenes.npy"
    squares = np.random.default_rng(6).integers(30, 220, (3, 12, 16), dtype=np.uint8)
    np.save(path, squares.repeat(10, 1).repeat(10, 2))
    return path


@pytest.fixture(scope="module")
def board(elf: Path, scenes: Path) -> Board:
    board = Board(elf, pictures=str(scenes), picture_seconds=0.0)
    start(board)
    return board


def ask(board: Board, command: Command, payload: bytes = b"") -> bytes | ErrorCode:
    reply = board.ask(encode(command, 4, payload))
    if reply.command == ERROR:
        return ErrorCode(ERROR_REPLY.unpack(reply.payload)[1])
    assert reply.command == command | REPLY
    return reply.payload


def start(board: Board) -> None:
    assert isinstance(ask(board, Command.BAUD, BAUD_REQUEST.pack(921_600)), bytes)
    assert ask(board, Command.CAMERA_START) == b""


def look(
    board: Board, detail: CameraDetail = CameraDetail.PREVIEW
) -> tuple[int, int, np.ndarray, np.ndarray, np.ndarray]:
    """Number, broken frames, logits, pixels, preview."""
    reply = ask(board, Command.CAMERA_FRAME, CAMERA_FRAME_REQUEST.pack(detail))
    assert isinstance(reply, bytes)
    head = CAMERA_FRAME_REPLY.unpack(reply)
    logits_at, pixels_at = CAMERA_FRAME_REPLY.size, CAMERA_FRAME_REPLY.size + 4 * head.outputs
    logits = np.frombuffer(reply[logits_at:pixels_at], "<i4")
    pixels, preview = np.split(np.frombuffer(reply[pixels_at:], np.uint8), [head.side**2])
    assert head.predicted == logits.argmax()
    shapes = (head.side, head.side), (head.camera_side, head.camera_side)
    return head.number, head.broken, logits, pixels.reshape(shapes[0]), preview.reshape(shapes[1])


@pytest.mark.parametrize("number", range(3))
def test_logits_are_the_simulator_s_on_the_very_pixels_reported(
    board: Board, network: IntegerNetwork, scenes: Path, number: int
) -> None:
    board.machine.pictures.show(number, board.seconds)
    for _ in range(3):
        _, broken, logits, pixels, preview = look(board)
    assert broken == 0
    assert np.array_equal(pixels, normalize(scale(preview[None], Window(), 48))[0])
    assert np.array_equal(logits, simulate(network, network.device_input(pixels[None]))[0])
    scene = np.load(scenes)[number][:, 20:140]  # the middle square
    expected = scale(scene[None], Window(0, 0, 120), CAMERA_SIDE)[0]
    turned = [expected, expected[::-1], expected[:, ::-1], expected[::-1, ::-1]]
    alike = [np.corrcoef(picture.ravel(), preview.ravel())[0, 1] for picture in turned]
    assert alike[0] > 0.9, "it sends 97 rows of which 96 are taken, so not all edges agree"
    assert max(alike[1:]) < 0.5


def test_a_window_may_be_moved_and_scaled(board: Board) -> None:
    assert ask(board, Command.CAMERA_WINDOW, CAMERA_WINDOW_REQUEST.pack(10, 20, 60)) == b""
    look(board)
    *_, pixels, preview = look(board)
    assert np.array_equal(pixels, normalize(scale(preview[None], Window(10, 20, 60), 48))[0])
    ask(board, Command.CAMERA_WINDOW, CAMERA_WINDOW_REQUEST.pack(0, 0, CAMERA_SIDE))


def test_every_frame_of_the_sensor_is_answered_once(board: Board) -> None:
    first, begin = look(board)[0], board.seconds
    numbers = [look(board, CameraDetail.PIXELS)[0] for _ in range(20)]
    assert numbers == list(range(first + 1, first + 21))
    assert (board.seconds - begin) / 20 == pytest.approx(PERIOD, rel=0.01)


def test_at_the_speed_of_a_real_line_the_pictures_of_every_frame_arrive(elf: Path, scenes: Path) -> None:
    """A frame takes as long as its capture: luma, network and 2.4 kilobytes go on meanwhile."""
    board = Board(elf, pictures=str(scenes), picture_seconds=0.0, line_rate=True)
    start(board)
    first, begin = look(board, CameraDetail.ANSWER)[0], board.seconds
    second = look(board, CameraDetail.PIXELS)[0]
    third = look(board, CameraDetail.PIXELS)[0]
    assert (second, third) == (first + 1, first + 2)
    assert board.seconds - begin == pytest.approx(2 * PERIOD, abs=0.028)  # of which the last answer's way


@pytest.mark.parametrize("count", [25, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_faces_through_the_lens_a_new_one_every_frame(
    request: pytest.FixtureRequest, elf: Path, network: IntegerNetwork, tmp_path: Path, count: int
) -> None:
    """None is lost, and every logit is the simulator's on the very pixels that the board reports.

    With a shipped network and FER2013's test faces where there are many, else drawn ones.
    """
    if count < 100:
        faces = drawn.draw(range(count))
    else:
        faces = load(request.getfixturevalue("fer2013"), "test", count).images
        network = load_network(Path("zoo:fernet-fast"))
        synthesize(network, tmp_path / "network")
        elf = build(tmp_path / "network", tmp_path / "build")
    path = tmp_path / "faces.npy"
    np.save(path, shown.through(faces, MODERATE, seed=0))
    board = Board(elf, pictures=str(path), picture_seconds=PERIOD)
    start(board)
    seen = [look(board, CameraDetail.PIXELS) for _ in range(count)]
    assert np.diff([number for number, *_ in seen]).tolist() == [1] * (count - 1)
    assert seen[-1][1] == 0, "broken"
    pixels = np.stack([pixels for *_, pixels, _ in seen])
    assert len(np.unique(pixels, axis=0)) > 0.95 * count
    assert np.array_equal(
        np.stack([logits for _, _, logits, *_ in seen]), simulate(network, network.device_input(pixels))
    )


def test_a_slow_host_loses_whole_frames_and_none_comes_twice(board: Board) -> None:
    first = look(board)[0]
    board.run_for(0.5, lambda: False)
    late, broken, *_ = look(board)
    following = look(board)[0]
    assert 8 <= late - first <= 12
    assert following == late + 1
    assert broken == 0


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        (Faults(pmic_silent=True), ErrorCode.CAMERA_NO_SUPPLY),
        (Faults(camera_silent=True), ErrorCode.CAMERA_SILENT),
    ],
)
def test_what_is_missing_is_named_and_the_bench_is_served(elf: Path, faults: Faults, error: ErrorCode) -> None:
    board = Board(elf, faults=faults)
    assert ask(board, Command.CAMERA_START) == error
    assert isinstance(ask(board, Command.INFER, bytes(48 * 48)), bytes)


def test_a_camera_that_stops_in_mid_frame_is_reported_within_half_a_second(elf: Path) -> None:
    board = Board(elf, faults=Faults(camera_stops=3.31))
    start(board)
    while board.seconds < 3.31:
        reply = ask(board, Command.CAMERA_FRAME, CAMERA_FRAME_REQUEST.pack(0))
    assert reply == ErrorCode.CAMERA_NO_FRAME
    assert board.seconds < 3.81
    assert isinstance(ask(board, Command.INFER, bytes(48 * 48)), bytes)


def test_left_alone_the_board_tells_what_it_sees_by_words_and_light(elf: Path, scenes: Path) -> None:
    board = Board(elf, pictures=str(scenes), picture_seconds=0.0)
    board.run_until(lambda: board.seconds > 5.0)
    lines = board.line.heard.decode().splitlines()[2:]  # behind the greeting
    assert len(lines) > 20
    assert all(line.startswith("class ") and line.endswith(" %") for line in lines)
    assert len(set(lines[-8:])) == 1, "the scene stands still"
    lit = [[level for seconds, level in edges(board, 2, led) if seconds > 3].count(0) for led in range(3)]
    assert max(lit) > 0


@pytest.mark.parametrize("seconds", [6, pytest.param(3600, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])])
def test_left_alone_it_goes_on_and_on(elf: Path, scenes: Path, seconds: int) -> None:
    """Every frame is told of: no reset, no error, none left out. In an hour the timer overflows 41 times."""
    board = Board(elf, pictures=str(scenes), picture_seconds=0.7)
    board.run_until(lambda: board.seconds > seconds, limit=seconds + 1)
    lines = board.line.heard.decode().splitlines()
    told = [line for line in lines if line.startswith("class ")]
    assert len(lines) - len(told) == 2, "the greeting, once"
    begun = 3.0 + 0.35  # looks for a host, starts the camera
    assert len(told) == pytest.approx((seconds - begun) / PERIOD, abs=10)
    assert len(set(told[-60:])) > 1, "it sees the scene change"
    assert isinstance(ask(board, Command.INFER, bytes(48 * 48)), bytes)


def test_a_board_that_nobody_speaks_to_sleeps_though_its_camera_never_ran(elf: Path) -> None:
    board = Board(elf)
    board.run_until(lambda: board.seconds > 2.2)
    slices = 0

    def count() -> bool:
        nonlocal slices
        slices += 1
        return False

    board.run_for(0.5, count)
    assert slices < 200, "awake it would be ten thousands of 512 instructions"
