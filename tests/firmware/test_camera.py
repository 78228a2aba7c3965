"""camera.c and standalone.c on the host, with a camera that exists only there: what it sees, and what goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from fer_edge.bench.protocol import (
    CAMERA_FRAME_REPLY,
    CAMERA_FRAME_REQUEST,
    CAMERA_SIDE,
    CAMERA_WINDOW_REQUEST,
    ERROR,
    ERROR_REPLY,
    REPLY,
    CameraDetail,
    Command,
    Decoder,
    ErrorCode,
    encode,
)
from fer_edge.faces.camera import Window, normalize, scale
from tests.firmware.firmware_host import CameraFault, Host
from tests.firmware.stub_network import Group, StubNetwork

Start = Callable[[StubNetwork], Host]
RED, GREEN, BLUE = 1, 2, 4

FOLDED = StubNetwork(
    channels=4, pixels=36, columns=6, fold=2, inputs=(Group(0x50400000, 36, 1, (0, 1, 2, 3)),), sample=(0,) * 36
)  # 12 × 12
PLAIN = StubNetwork(pixels=144, columns=12, inputs=(Group(0x50400000, 144, 1, (0, -1, -1, -1)),), sample=(0,) * 144)
EMOTIONS = StubNetwork(**{**vars(PLAIN), "outputs": tuple(0x50404000 + 4 * i for i in range(4))})


class Answer(NamedTuple):
    number: int
    broken: int
    capture_us: int
    compute_us: int
    inference_us: int
    predicted: int
    logits: np.ndarray
    pixels: np.ndarray
    preview: np.ndarray


def ask(host: Host, command: Command, payload: bytes = b"") -> bytes | ErrorCode:
    """The one reply's payload, or the error."""
    (reply,) = Decoder().feed(host.answer(encode(command, 5, payload)))
    if reply.command == ERROR:
        asked, error = ERROR_REPLY.unpack(reply.payload)
        assert asked == command
        return ErrorCode(error)
    assert (reply.command, reply.sequence) == (command | REPLY, 5)
    return reply.payload


def look(host: Host, detail: CameraDetail = CameraDetail.PREVIEW) -> Answer:
    reply = ask(host, Command.CAMERA_FRAME, CAMERA_FRAME_REQUEST.pack(detail))
    assert isinstance(reply, bytes)
    head = CAMERA_FRAME_REPLY.unpack(reply)
    rest = reply[CAMERA_FRAME_REPLY.size :]
    outputs, side, camera_side = head.outputs, head.side, head.camera_side
    assert len(rest) == 4 * outputs + side**2 + camera_side**2
    logits, pictures = np.frombuffer(rest[: 4 * outputs], "<i4"), np.frombuffer(rest[4 * outputs :], np.uint8)
    pixels, preview = np.split(pictures, [side**2])
    return Answer(
        head.number,
        head.broken,
        head.capture_us,
        head.compute_us,
        head.inference_us,
        head.predicted,
        logits,
        pixels.reshape(side, side),
        preview.reshape(camera_side, camera_side),
    )


@pytest.fixture(scope="module")
def folded(start_host: Start) -> Host:
    return start_host(FOLDED)


@pytest.fixture
def host(folded: Host) -> Host:
    """Of the network that takes its picture folded; the camera is fine and off."""
    folded.reset_decoder()
    folded.break_camera(CameraFault.FINE)
    folded.show_camera(picture())
    ask(folded, Command.CAMERA_STOP)
    ask(folded, Command.CAMERA_WINDOW, CAMERA_WINDOW_REQUEST.pack(0, 0, CAMERA_SIDE))
    return folded


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(40, 200, (CAMERA_SIDE, CAMERA_SIDE), dtype=np.uint8)


@pytest.mark.parametrize(
    ("fault", "error"),
    {
        CameraFault.NO_PMIC: ErrorCode.CAMERA_NO_SUPPLY,
        CameraFault.OTHER_PMIC: ErrorCode.CAMERA_NO_SUPPLY,
        CameraFault.PMIC_REFUSES: ErrorCode.CAMERA_NO_SUPPLY,
        CameraFault.CLOCK_DEAD: ErrorCode.CAMERA_NO_CLOCK,
        CameraFault.CLOCK_ENDLESS: ErrorCode.CAMERA_NO_CLOCK,
        CameraFault.SENSOR_DEAD: ErrorCode.CAMERA_SILENT,
        CameraFault.SENSOR_OTHER: ErrorCode.CAMERA_UNKNOWN,
        CameraFault.SENSOR_STUCK: ErrorCode.CAMERA_SILENT,
        CameraFault.NO_PICTURES: ErrorCode.CAMERA_NO_FRAME,
        CameraFault.SHORT_PICTURES: ErrorCode.CAMERA_SHORT_FRAME,
        CameraFault.OVERFLOWS: ErrorCode.CAMERA_OVERFLOW,
        CameraFault.CLOCK_STOPS: ErrorCode.CAMERA_NO_CLOCK,
    }.items(),
)
def test_every_step_that_fails_has_its_error_on_the_wire_and_the_led(
    host: Host, fault: CameraFault, error: ErrorCode
) -> None:
    host.break_camera(fault)
    assert ask(host, Command.CAMERA_START) == error
    if fault not in (CameraFault.NO_PMIC, CameraFault.OTHER_PMIC, CameraFault.PMIC_REFUSES):
        assert not host.camera.supplied
    blinks = error - ErrorCode.CAMERA_NO_SUPPLY + 1
    assert red_blinks(host, periods=2, blinks=blinks) == 2 * blinks
    assert isinstance(ask(host, Command.INFER, bytes(144)), bytes)  # the bench is still served
    host.break_camera(CameraFault.FINE)
    assert ask(host, Command.CAMERA_START) == b""
    host.go_round()
    assert host.camera.leds == 0


def red_blinks(host: Host, periods: int, blinks: int) -> int:
    """How often the red LED, and no other, goes on in so many times the length of its pattern."""
    host.go_round()
    was, count = host.camera.leds == RED, 0
    for _ in range(periods * (2 * blinks + 4) * 5):
        host.wait(0.05)
        host.go_round()
        assert host.camera.leds in (0, RED)
        count += host.camera.leds == RED and not was
        was = host.camera.leds == RED
    return count


def test_a_camera_that_stops_while_it_runs_is_reported_within_half_a_second_and_its_supply_cut(host: Host) -> None:
    ask(host, Command.CAMERA_START)
    look(host)
    host.break_camera(CameraFault.CLOCK_STOPS)
    assert ask(host, Command.CAMERA_FRAME, b"\0") == ErrorCode.CAMERA_NO_CLOCK
    assert not host.camera.supplied
    assert ask(host, Command.CAMERA_FRAME, b"\0") == ErrorCode.CAMERA_NO_CLOCK
    ask(host, Command.CAMERA_STOP)
    assert ask(host, Command.CAMERA_FRAME, b"\0") == ErrorCode.CAMERA_OFF


def test_one_broken_frame_is_lost_and_counted_and_no_error(host: Host) -> None:
    ask(host, Command.CAMERA_START)
    before = look(host)
    host.break_camera(CameraFault.OVERFLOWS)
    host.pass_frames(2)
    host.break_camera(CameraFault.FINE)
    after = look(host)
    assert (after.number - before.number, after.broken - before.broken) == (3, 2)


def test_the_network_gets_the_camera_s_luma_scaled_stretched_less_128_and_folded(host: Host) -> None:
    seen = picture(3)
    host.show_camera(seen)
    ask(host, Command.CAMERA_START)
    answer = look(host)
    expected = normalize(scale(seen[None], Window(), 12))[0]
    assert np.array_equal(answer.preview, seen)
    assert np.array_equal(answer.pixels, expected)
    words = host.read_memory(0x50400000, 36)
    signed = (expected ^ 0x80).astype(int)
    lanes = [signed[i::2, j::2].reshape(-1) << 8 * (2 * i + j) for i in (0, 1) for j in (0, 1)]
    assert words.tolist() == sum(lanes).tolist()
    assert host.camera[:3] == (True, CAMERA_SIDE, CAMERA_SIDE + 1)


def test_a_window_is_taken_from_the_next_picture_on(host: Host) -> None:
    seen = picture(4)
    host.show_camera(seen)
    ask(host, Command.CAMERA_START)
    assert ask(host, Command.CAMERA_WINDOW, CAMERA_WINDOW_REQUEST.pack(30, 7, 61)) == b""
    host.pass_frames(1)
    look(host)
    answer = look(host)
    assert np.array_equal(answer.pixels, normalize(scale(seen[None], Window(30, 7, 61), 12))[0])


@pytest.mark.parametrize("window", [(0, 0, 11), (0, 0, 97), (85, 0, 12), (0, 60, 37), (200, 200, 200)])
def test_a_window_beyond_the_picture_or_below_the_networks_size_is_refused(
    host: Host, window: tuple[int, int, int]
) -> None:
    assert ask(host, Command.CAMERA_WINDOW, CAMERA_WINDOW_REQUEST.pack(*window)) == ErrorCode.BAD_VALUE


@pytest.mark.parametrize(
    ("detail", "sides"),
    [(CameraDetail.ANSWER, (0, 0)), (CameraDetail.PIXELS, (12, 0)), (CameraDetail.PREVIEW, (12, 96))],
)
def test_pictures_come_on_request(host: Host, detail: CameraDetail, sides: tuple[int, int]) -> None:
    ask(host, Command.CAMERA_START)
    logits = np.array([3, -7, 2**20], np.int32)
    host.write_memory(0x50404000, logits)
    answer = look(host, detail)
    assert (len(answer.pixels), len(answer.preview)) == sides
    assert answer.logits.tolist() == logits.tolist()
    assert answer.predicted == 2
    assert (answer.capture_us, answer.inference_us) == (50_000, 20)
    assert answer.compute_us >= 20


def test_every_frame_comes_once_and_a_slow_host_loses_whole_ones(host: Host) -> None:
    ask(host, Command.CAMERA_START)
    numbers = []
    for lost in (0, 0, 3, 0, 1):
        host.pass_frames(lost)
        host.go_round()
        if lost:
            host.pass_frames(1)
        numbers.append(look(host).number)
    steps = np.diff(numbers)
    assert numbers[0] == 0
    assert (steps > 0).all()
    assert steps[0] == 1


def test_frames_count_from_where_exposure_has_settled(host: Host) -> None:
    """Three steps of at most three grey values in a row; or the thirtieth frame, however it flickers."""
    ask(host, Command.CAMERA_START)
    for level in (10, 60, 90, 100, 103, 106):
        host.show_camera(np.full((CAMERA_SIDE, CAMERA_SIDE), level, np.uint8))
        host.go_round()  # takes the frame before
        host.pass_frames(1)
    host.show_camera(np.full((CAMERA_SIDE, CAMERA_SIDE), 109, np.uint8))
    first = look(host)
    assert first.number == 0
    assert first.preview[0, 0] == 109

    ask(host, Command.CAMERA_STOP)
    ask(host, Command.CAMERA_START)
    for turn in range(28):
        host.show_camera(np.full((CAMERA_SIDE, CAMERA_SIDE), 50 + 50 * (turn % 2), np.uint8))
        host.go_round()
        host.pass_frames(1)
    host.show_camera(np.full((CAMERA_SIDE, CAMERA_SIDE), 7, np.uint8))
    assert look(host).number == 0


def test_what_cannot_be_done_is_refused(host: Host) -> None:
    assert ask(host, Command.CAMERA_FRAME, b"\0") == ErrorCode.CAMERA_OFF
    assert ask(host, Command.CAMERA_FRAME, b"\3") == ErrorCode.BAD_VALUE
    for command, payload in (
        (Command.CAMERA_START, b"x"),
        (Command.CAMERA_STOP, b"x"),
        (Command.CAMERA_WINDOW, b"xx"),
        (Command.CAMERA_FRAME, b""),
    ):
        assert ask(host, command, payload) == ErrorCode.BAD_LENGTH
    assert ask(host, Command.CAMERA_START) == b""
    assert ask(host, Command.CAMERA_START) == b"", "it runs already"


@pytest.mark.parametrize(
    "network", [StubNetwork(), StubNetwork(channels=3, pixels=144, columns=12), StubNetwork(pixels=81 * 81, columns=81)]
)
def test_a_network_for_other_pictures_is_served_without_the_camera(start_host: Start, network: StubNetwork) -> None:
    host = start_host(network)
    assert ask(host, Command.CAMERA_START) == ErrorCode.CAMERA_UNFIT
    assert isinstance(ask(host, Command.INFER, bytes(network.input_size)), bytes)


# --- without a host --------------------------------------------------------------------------------------------


def run(host: Host, rounds: int) -> str:
    """What is said while so many pictures come."""
    said = b""
    for _ in range(rounds):
        host.pass_frames(1)
        said += host.go_round()
    return said.decode()


def settle(host: Host) -> None:
    run(host, 5)


def write_logits(host: Host, *logits: float) -> None:
    """In natural units; StubNetwork has 14 bits below the point."""
    host.write_memory(0x50404000, np.round(np.array(logits) * 2**14).astype(np.int32))


def named(names: tuple[str, ...]) -> StubNetwork:
    return StubNetwork(**{**vars(EMOTIONS), "classes": names})


COLOURS = {
    "angry": RED,
    "disgust": GREEN,
    "fear": RED | BLUE,
    "happy": RED | GREEN,
    "neutral": RED | GREEN | BLUE,
    "sad": BLUE,
    "surprise": GREEN | BLUE,
}


@pytest.mark.parametrize("four", [tuple(COLOURS)[:4], tuple(COLOURS)[3:]])
def test_three_seconds_after_reset_the_board_looks_by_itself_in_colours_and_words(
    start_host: Start, four: tuple[str, ...]
) -> None:
    host = start_host(named(four))
    host.show_camera(picture())
    host.wait(2.9)
    assert host.go_round() == b""
    assert not host.camera.supplied
    host.wait(0.2)
    host.go_round()
    assert host.camera.supplied
    settle(host)
    for number, name in enumerate(four):
        write_logits(host, *(5.0 * (i == number) for i in range(4)))
        assert run(host, 4).splitlines()[-1] == f"{name}, 98 %"
        assert (host.camera.leds, host.camera.brightness) == (COLOURS[name], 98)


def test_answers_are_the_mean_of_the_last_four(start_host: Start) -> None:
    host = start_host(named(("angry", "happy", "sad", "fear")))
    host.show_camera(picture())
    host.wait(3.1)
    host.go_round()
    settle(host)
    write_logits(host, 40, 0, 0, 0)
    run(host, 4)
    write_logits(host, 0, 40, 0, 0)
    assert run(host, 4).splitlines() == ["angry, 75 %", "angry, 50 %", "happy, 75 %", "happy, 100 %"]


def test_a_class_without_a_colour_blinks_in_that_of_its_number(start_host: Start) -> None:
    host = start_host(named(("a", "b", "c", "d")))
    host.show_camera(picture())
    host.wait(3.1)
    host.go_round()
    settle(host)
    write_logits(host, 0, 0, 40, 0)
    seen = [host.camera.leds for _ in range(40) if run(host, 1) is not None]
    assert set(seen[4:]) == {0, RED | GREEN}


def test_a_host_that_speaks_ends_it_and_sw1_starts_and_stops_it(start_host: Start) -> None:
    host = start_host(PLAIN)
    host.show_camera(picture())
    host.wait(3.1)
    host.go_round()
    settle(host)
    assert host.camera.leds
    assert isinstance(ask(host, Command.HELLO), bytes)
    assert (host.camera.supplied, host.camera.leds) == (False, 0)
    host.wait(60)
    assert host.go_round() == b""
    assert not host.camera.supplied
    for supplied in (True, False, True):
        host.press_button(True)
        host.go_round()
        assert host.camera.supplied == supplied
        run(host, 20)
        host.press_button(False)
        run(host, 20)
        assert host.camera.supplied == supplied


def test_a_button_that_chatters_counts_once(start_host: Start) -> None:
    host = start_host(PLAIN)
    host.wait(3.1)
    host.go_round()
    settle(host)
    assert host.camera.supplied
    for pressed in (True, False, True, False, True, False):
        host.press_button(pressed)
        host.go_round()
    assert not host.camera.supplied


def test_without_a_camera_the_reason_is_said_and_tried_again(start_host: Start) -> None:
    host = start_host(PLAIN)
    host.break_camera(CameraFault.SENSOR_DEAD)
    host.wait(3.1)
    said = host.go_round().decode()
    assert re.fullmatch(r"error 9: no camera answers.*\r\n", said)
    host.wait(9)
    assert host.go_round() == b""
    host.break_camera(CameraFault.FINE)
    host.show_camera(picture())
    host.wait(1.1)
    host.go_round()
    assert host.camera.supplied
    settle(host)
    host.break_camera(CameraFault.NO_PICTURES)
    host.wait(0.4)
    assert host.go_round().startswith(b"error 11: ")
    assert not host.camera.supplied
