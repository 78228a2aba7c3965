"""Requests get their own answer, or an error that says what happened to the port."""

import os
import time
from pathlib import Path

import pytest
from fake_board import FakeBoard, Refusal

from fer_edge.bench import link as link_module
from fer_edge.bench.link import ATTEMPTS, Link
from fer_edge.bench.protocol import Command, ErrorCode
from fer_edge.errors import BoardError

QUICK = 0.15  # seconds a test waits for an answer that does not come


def echo(command: int, payload: bytes) -> bytes:
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


def test_faults_in_a_row_are_survived() -> None:
    with FakeBoard(echo, dict(enumerate(["garbage", "corrupt", "bad_crc", "lose"]))) as board, Link(board.port) as link:
        assert link.request(Command.INFER, b"a", timeout=QUICK) == b"\x02a"


def test_a_late_reply_answers_its_own_request_only() -> None:
    with FakeBoard(echo, {0: "late"}) as board, Link(board.port) as link:
        assert link.request(Command.INFER, b"a", timeout=QUICK) == b"\x02a"
        time.sleep(QUICK)  # now the reply to the retry is on the line, too
        assert link.request(Command.INFER, b"b", timeout=QUICK) == b"\x02b"
        assert [r.payload for r in board.requests] == [b"a", b"a", b"b"]


def test_a_silent_board_is_given_up_after_a_bounded_number_of_attempts() -> None:
    with FakeBoard(echo, dict.fromkeys(range(100), "drop")) as board, Link(board.port) as link:
        with pytest.raises(BoardError, match=r"does not answer HELLO .*make flash"):
            link.request(Command.HELLO, timeout=0.02)
        assert len(board.requests) == ATTEMPTS


def test_a_line_that_damages_everything_is_named() -> None:
    board = FakeBoard(echo, dict.fromkeys(range(100), "corrupt"))
    with board, Link(board.port) as link, pytest.raises(BoardError, match="damaged"):
        link.request(Command.HELLO, timeout=QUICK)


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
    monkeypatch.setattr(link_module, "WRITE_SECONDS", 0.1)
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
        raise link_module.serial.SerialException(13, "could not open port: Permission denied")

    monkeypatch.setattr(link_module.serial, "serial_for_url", denied)
    with pytest.raises(BoardError, match=r"No permission.*dialout.*udev"):
        Link("/dev/ttyACM0")


def test_a_port_in_use() -> None:
    with FakeBoard(echo) as board, Link(board.port), pytest.raises(BoardError, match="in use"):
        Link(board.port)


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BoardError, match="cannot be opened as a serial port"):
        Link(str(tmp_path / "file"))
