"""Requests get their own answer, or an error that says what happened to the port."""

import os
import socket
import threading
import time
from collections.abc import Generator
from pathlib import Path
from unittest import mock

import pytest
import serial
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_edge.bench import link as link_module
from fer_edge.bench import ports
from fer_edge.bench.link import ATTEMPTS, Link
from fer_edge.bench.protocol import Command, ErrorCode
from fer_edge.errors import BoardError
from tests.bench.fake_board import FakeBoard, Refusal

QUICK = 0.15  # seconds a test waits for an answer that does not come


def echo(command: int, payload: bytes) -> bytes:
    """Not what was sent, as a loop would."""
    return bytes([command]) + payload


def test_a_request_gets_its_reply() -> None:
    with FakeBoard(echo) as board, Link(board.port) as link:
        assert link.request(Command.INFER, b"face") == b"\x02face"
        assert link.retries == 0


@pytest.mark.parametrize("fault", ["drop", "lose", "corrupt", "cut", "bad_crc", "garbage", "twice", "late"])
def test_one_fault_costs_at_most_a_retry_and_never_gives_a_wrong_answer(fault: str) -> None:
    with FakeBoard(echo, {1: fault}) as board, Link(board.port) as link:
        for text in (b"a", b"b", b"c", b"d"):
            assert link.request(Command.INFER, text, timeout=QUICK) == b"\x02" + text
        assert link.retries <= 3


def test_a_reply_that_is_still_arriving_is_not_given_up() -> None:
    with FakeBoard(echo, {0: "trickle"}) as board, Link(board.port) as link:
        assert link.request(Command.INFER, bytes(100), timeout=0) == b"\x02" + bytes(100)
        assert (link.retries, len(board.requests)) == (0, 1)


def test_faults_in_a_row_are_survived() -> None:
    with FakeBoard(echo, dict(enumerate(["garbage", "corrupt", "bad_crc", "lose"]))) as board, Link(board.port) as link:
        assert link.request(Command.INFER, b"a", timeout=QUICK) == b"\x02a"


def texts(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def test_the_next_request_is_sent_before_the_last_is_answered() -> None:
    with FakeBoard(echo, {0: "lose"}) as board, Link(board.port) as link:
        assert list(link.stream(Command.INFER, texts(5))) == [b"\x02" + text for text in texts(5)]
        assert [r.payload for r in board.requests] == [b"0", b"1", b"0", b"2", b"3", b"4"]
        assert link.retries == 1


@given(st.dictionaries(st.integers(0, 30), st.sampled_from(["drop", "lose", "corrupt", "cut", "bad_crc", "twice"])))
@settings(max_examples=15, deadline=None)
def test_a_stream_answers_everything_once_in_order_whatever_happens(faults: dict[int, str]) -> None:
    patience = mock.patch.multiple(link_module, PATIENCE=(0.02,) * 40, ATTEMPTS=40)
    with patience, FakeBoard(echo, faults) as board, Link(board.port) as link:
        assert list(link.stream(Command.INFER, texts(12))) == [b"\x02" + text for text in texts(12)]


def test_a_stream_not_read_to_its_end_leaves_nothing_behind() -> None:
    with FakeBoard(echo) as board, Link(board.port) as link:
        stream = link.stream(Command.INFER, texts(5))
        assert isinstance(stream, Generator)
        assert next(stream) == b"\x020"
        stream.close()
        assert link.request(Command.INFER, b"x") == b"\x02x"


@pytest.mark.parametrize(
    ("rates", "agreed"),
    [
        ({921_600: True}, 921_600),
        ({460_800: True}, 460_800),  # the board cannot do more
        ({921_600: False, 460_800: True}, 460_800),  # more does not hold
        ({921_600: False}, 115_200),
        ({}, 115_200),
    ],
)
def test_the_highest_rate_that_holds_is_agreed_on(rates: dict[int, bool], agreed: int) -> None:
    with FakeBoard(echo, rates=rates) as board:
        with Link(board.port) as link:
            assert link.raise_baud_rate() == link.baud_rate == board.rate == agreed
            assert link.request(Command.INFER, b"a") == b"\x02a"
        # The next program finds it as after a reset.
        assert board.rate == 115_200


def test_a_slow_board_is_not_asked_again_and_again() -> None:
    def slow(command: int, payload: bytes) -> bytes:
        time.sleep(0.3)  # longer than the first attempt waits
        return echo(command, payload)

    with FakeBoard(slow) as board, Link(board.port) as link:
        assert list(link.stream(Command.INFER, texts(6))) == [b"\x02" + text for text in texts(6)]
        learned = link.retries
        assert list(link.stream(Command.INFER, texts(4))) == [b"\x02" + text for text in texts(4)]
        assert link.retries == learned


def test_a_board_that_does_not_know_the_command_stays_as_it_is() -> None:
    def refuse(command: int, payload: bytes) -> bytes:
        raise Refusal(ErrorCode.UNKNOWN_COMMAND)

    with FakeBoard(refuse) as board, Link(board.port) as link:
        assert link.raise_baud_rate() == 115_200


def test_a_board_reset_at_a_raised_rate_is_found_again() -> None:
    with FakeBoard(echo, rates={921_600: True}) as board, Link(board.port) as link:
        link.raise_baud_rate()
        board.restart()
        assert link.request(Command.INFER, b"a") == b"\x02a"
        assert link.baud_rate == 115_200


def test_a_board_left_at_a_raised_rate_by_a_program_that_was_killed_is_found() -> None:
    with FakeBoard(echo, rates={921_600: True}) as board, Link(board.port) as link:
        board.rate = 921_600
        assert link.request(Command.HELLO) == b"\x01"
        assert link.baud_rate == 921_600


def test_a_rate_at_which_everything_needs_a_retry_is_given_up() -> None:
    bad = dict.fromkeys(range(5, 5 + 2 * link_module.UNSTEADY, 2), "corrupt")  # BAUD and four HELLOs come first
    with FakeBoard(echo, bad, rates={921_600: True}) as board, Link(board.port) as link:
        link.raise_baud_rate()
        for text in texts(link_module.UNSTEADY + 1):
            assert link.request(Command.INFER, text + bytes(20)) == b"\x02" + text + bytes(20)
        assert link.baud_rate == board.rate == 115_200


def test_a_late_reply_answers_its_own_request_only() -> None:
    with FakeBoard(echo, {0: "late"}) as board, Link(board.port) as link:
        assert link.request(Command.INFER, b"a") == b"\x02a"
        time.sleep(QUICK)  # now the reply to the retry is on the line, too
        assert link.request(Command.INFER, b"b") == b"\x02b"
        assert [r.payload for r in board.requests] == [b"a", b"a", b"b"]


def test_a_silent_board_is_given_up_after_a_bounded_number_of_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "PATIENCE", (0.02,) * ATTEMPTS)
    with FakeBoard(echo, dict.fromkeys(range(100), "drop")) as board, Link(board.port) as link:
        with pytest.raises(BoardError, match=r"does not answer HELLO .*fer-edge flash"):
            link.request(Command.HELLO)
        assert len(board.requests) == ATTEMPTS


def test_a_line_that_damages_everything_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "PATIENCE", (0.05,) * ATTEMPTS)
    board = FakeBoard(echo, dict.fromkeys(range(100), "corrupt"))
    with board, Link(board.port) as link, pytest.raises(BoardError, match="damaged"):
        link.request(Command.HELLO)


def test_an_error_reply_says_what_it_means_and_is_not_retried() -> None:
    def refuse(command: int, payload: bytes) -> bytes:
        raise Refusal(ErrorCode.CNN_TIMEOUT)

    with FakeBoard(refuse) as board, Link(board.port) as link:
        with pytest.raises(BoardError, match="refuses INFER: the accelerator did not finish"):
            link.request(Command.INFER)
        assert len(board.requests) == 1


def test_a_wrong_length_is_tried_again_because_the_line_may_have_changed_it() -> None:
    def refuse(command: int, payload: bytes) -> bytes:
        raise Refusal(ErrorCode.BAD_LENGTH)

    with FakeBoard(refuse) as board, Link(board.port) as link:
        with pytest.raises(BoardError, match="refuses INFER: the payload has the wrong length"):
            link.request(Command.INFER)
        assert len(board.requests) == ATTEMPTS


def test_a_pseudo_terminal_is_known_as_one() -> None:
    with FakeBoard(echo) as board, Link(board.port) as link:
        assert link.pseudo_terminal


def test_unplugged_before_a_reply() -> None:
    with FakeBoard(echo, {1: "unplug"}) as board, Link(board.port) as link:
        link.request(Command.HELLO)
        with pytest.raises(BoardError, match=r"went away.*Plug the board in"):
            link.request(Command.HELLO)
        with pytest.raises(BoardError, match="went away"):
            link.request(Command.HELLO)


def test_a_port_that_takes_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "WRITE_SECONDS", 0.1)
    master, slave = os.openpty()
    try:
        with Link(os.ttyname(slave)) as link, pytest.raises(BoardError, match="takes no bytes"):
            link.request(Command.INFER, bytes(16000), timeout=QUICK)
    finally:
        os.close(master)
        os.close(slave)


def test_no_such_port() -> None:
    with pytest.raises(BoardError, match=r"no serial port /dev/ttyACM99.*Plug the board in"):
        Link("/dev/ttyACM99")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_no_permission(tmp_path: Path) -> None:
    port = tmp_path / "port"
    port.touch(mode=0)
    with pytest.raises(BoardError, match=r"No permission.*dialout"):
        Link(str(port))


def test_no_permission_is_told_from_its_error_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise serial.SerialException(13, "could not open port: Permission denied")

    monkeypatch.setattr(serial, "serial_for_url", denied)
    with pytest.raises(BoardError, match=r"No permission.*dialout.*udev"):
        Link("/dev/ttyACM0")


def test_a_port_in_use() -> None:
    with FakeBoard(echo) as board, Link(board.port), pytest.raises(BoardError, match="in use"):
        Link(board.port)


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BoardError, match="cannot be opened as a serial port"):
        Link(str(tmp_path / "file"))


def test_a_loop_is_no_board() -> None:
    with Link("loop://") as link, pytest.raises(BoardError, match="sends back what it is sent: there is no board"):
        link.request(Command.HELLO)


def test_a_board_behind_a_socket() -> None:
    with FakeBoard(echo) as board, socket.create_server(("127.0.0.1", 0)) as server:

        def forward() -> None:
            """Bytes between one client and the pseudo-terminal."""
            connection, _ = server.accept()
            serial_port = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
            with connection:
                while data := connection.recv(4096):
                    os.write(serial_port, data)
                    connection.sendall(os.read(serial_port, 4096))
            os.close(serial_port)

        thread = threading.Thread(target=forward, daemon=True)
        thread.start()
        with Link(f"socket://127.0.0.1:{server.getsockname()[1]}") as link:
            assert link.request(Command.INFER, b"face") == b"\x02face"
            assert not link.pseudo_terminal
        thread.join(5)


@pytest.mark.parametrize("url", ["socket://127.0.0.1:1", "rfc2217://127.0.0.1:1", "spy://", "nonsense://x"])
def test_a_url_nobody_answers_at(url: str) -> None:
    with pytest.raises(BoardError, match=r"cannot be opened"):
        Link(url)
