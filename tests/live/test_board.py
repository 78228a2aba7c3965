"""A board answers until it is unplugged; then the simulator, if allowed, until it is back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import FilePayload, expect

from fer_edge.errors import BoardError
from fer_edge.faces import drawn
from fer_edge.live import computer as computing
from fer_edge.live.computer import Computer
from fer_edge.load import load_network
from tests.bench.fake_board import FakeBoard, board_answers
from tests.live.browser import opened, serving
from tests.live.conftest import NETWORK, picture, png
from tests.live.test_picture import HAPPY

FACES = drawn.draw(range(2450, 2452))
ANSWERS = board_answers(load_network(NETWORK))


class Socket:
    """A place where boards are plugged in: its path stays, whatever is behind it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._board: FakeBoard | None = None

    def plug_in(self) -> None:
        self._board = FakeBoard(ANSWERS).__enter__()
        self.path.symlink_to(self._board.port)

    def unplug(self) -> None:
        if self._board is not None:
            self.path.unlink()
            self._board.__exit__()
            self._board = None


@pytest.fixture
def socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Socket]:
    monkeypatch.setattr(computing, "RETRY_SECONDS", 0.1)
    place = Socket(tmp_path / "ttyBOARD")
    place.plug_in()
    yield place
    place.unplug()


def wait_for(computer: Computer, who: str) -> None:
    deadline = time.monotonic() + 30
    while computer.who != who:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_board_the_simulator_and_the_board_again_give_the_same_logits(socket: Socket) -> None:
    with Computer(NETWORK, str(socket.path)) as computer:
        board = f"board on {socket.path}"
        logits = []
        for step, who in (("", board), ("unplug", "simulator"), ("plug_in", board)):
            if step:
                getattr(socket, step)()
            if step == "plug_in":
                wait_for(computer, board)
            answers = computer.answers(FACES)
            assert {answer.who for answer in answers} == {who}
            assert bool(computer.state()["lost"]) == (who == "simulator")
            logits.append([answer.logits for answer in answers])
        assert logits[0] == logits[1] == logits[2]


def test_where_the_simulator_is_not_allowed_nobody_answers_for_the_board(socket: Socket) -> None:
    with Computer(NETWORK, str(socket.path)) as computer:
        computer.simulator_allowed = False
        assert len(computer.answers(FACES)) == 2
        socket.unplug()
        with pytest.raises(BoardError, match="allow the simulator"):
            computer.answers(FACES)
        assert computer.who == "nobody"
        computer.simulator_allowed = True
        assert computer.answers(FACES)[0].who == "simulator"


def test_a_port_has_one_owner(socket: Socket) -> None:
    with (
        Computer(NETWORK, str(socket.path)),
        pytest.raises(BoardError, match="in use by another program"),
        Computer(NETWORK, str(socket.path)),
    ):
        pass


def test_figures_of_a_pseudo_terminal_are_estimates(socket: Socket) -> None:
    with Computer(NETWORK, str(socket.path)) as computer:
        (answer,) = computer.answers(np.asarray(FACES[:1]))
    assert {answer.cycles.kind, answer.latency.kind, answer.energy.kind} == {"estimated"}
    assert answer.cycles.value == 50 * answer.latency.value  # as the board says


def test_the_page_says_that_the_board_is_away_and_that_it_is_back(socket: Socket) -> None:
    file: FilePayload = {"name": "picture.png", "mimeType": "image/png", "buffer": png(picture(HAPPY))}
    with Computer(NETWORK, str(socket.path)) as computer, serving(computer) as address, opened(address) as live:
        page = live.page
        page.clock.install()  # the page asks for the state every two seconds, which need not pass
        page.reload()
        board = f"board on {socket.path}"
        expect(page.locator("#who")).to_have_text(board)
        page.set_input_files("#file", file)
        expect(page.locator("#computed-by")).to_have_text(board)
        socket.unplug()
        page.set_input_files("#file", file)
        expect(page.locator("#computed-by")).to_have_text("simulator")
        page.clock.run_for(2000)
        expect(page.locator("#message")).to_contain_text("The simulator goes on.")
        page.get_by_role("checkbox", name="Go on with the simulator").uncheck()
        page.clock.run_for(2000)
        expect(page.locator("#message")).to_contain_text("Nobody answers")
        socket.plug_in()
        wait_for(computer, board)
        page.clock.run_for(2000)
        expect(page.locator("#who")).to_have_text(board)
        expect(page.locator("#message")).to_be_hidden()
