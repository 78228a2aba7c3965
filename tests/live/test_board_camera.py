"""What the board's own camera sees, on the page: with the virtual board."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient

from fer_edge.bench.protocol import Command, ErrorCode
from fer_edge.faces import drawn, scenes
from fer_edge.faces.lens import Lens
from fer_edge.firmware import NAME, build
from fer_edge.live import server
from fer_edge.live.computer import Computer
from fer_edge.load import load_network
from fer_edge.simulate import simulate
from tests.bench.fake_board import FakeBoard, Refusal, board_answers
from tests.live.browser import opened, serving
from tests.live.conftest import NETWORK, ORIGIN, PORT, TOKEN
from tests.live.test_picture import HAPPY
from tests.marks import on_virtual_board

BOARD = f"{ORIGIN.replace('http', 'ws')}/board?token={TOKEN}"


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Computer]:
    """A virtual board whose camera sees one drawn face, on a serial port as any other."""
    from fer_edge.board import VirtualBoard

    folder = tmp_path_factory.mktemp("build")
    build(load_network(NETWORK), NETWORK, folder)
    face = drawn.draw(range(HAPPY, HAPPY + 1))
    with (
        scenes.saved(scenes.through(face, Lens(), 0)) as pictures,
        VirtualBoard(folder / f"{NAME}.elf", pictures=pictures, picture_seconds=0.0) as port,
        Computer(NETWORK, port) as computer,
    ):
        yield computer


def page_of(computer: Computer) -> TestClient:
    return TestClient(server.application(computer, PORT, TOKEN), ORIGIN, headers={"origin": ORIGIN, "x-token": TOKEN})


@on_virtual_board
def test_the_board_s_picture_answer_and_times_reach_the_page(looking: Computer) -> None:
    with page_of(looking).websocket_connect(BOARD) as socket:
        sights = [socket.receive_json() for _ in range(3)]
    numbers = [sight["number"] for sight in sights]
    assert numbers == sorted(set(numbers))
    pixels, preview = (np.frombuffer(base64.b64decode(sights[-1][name]), np.uint8) for name in ("pixels", "preview"))
    assert preview.size == 96 * 96
    answer = sights[-1]["answer"]
    expected = simulate(looking.network, looking.network.device_input(pixels.reshape(1, 48, 48)))[0]
    assert answer["logits"] == expected.tolist()
    assert looking.classes[int(np.argmax(answer["scores"]))] == "happy"
    assert (sights[-1]["capture"]["kind"], answer["latency"]["kind"]) == ("estimated", "estimated")
    assert sights[-1]["capture"]["value"] == pytest.approx(47.9, abs=0.1)


@on_virtual_board
def test_a_person_switches_it_on_and_off_and_the_webcam_s_faces_are_answered_meanwhile(looking: Computer) -> None:
    with serving(looking) as address, opened(address) as live:
        page = live.page
        switch = page.get_by_role("button", name="Board's camera")
        expect(switch).to_have_attribute("aria-pressed", "false")
        switch.click()
        expect(page.locator("#board-answer")).to_have_text("happy")
        expect(page.locator("#board-words")).to_contain_text("pictures a second")
        shade = "document.getElementById('board-preview').getContext('2d').getImageData(0, 0, 96, 96).data"
        assert len(set(page.evaluate(f"Array.from({shade})"))) > 20
        faces = drawn.draw(range(2))
        assert [answer.who for answer in looking.answers(faces)] == [looking.who] * 2
        page.get_by_role("button", name="Board's camera off").click()
        expect(page.locator("#board-words")).to_have_text("Off: the camera has no supply.")
        assert live.said == []


def test_a_board_without_a_camera_says_so_and_stays(tmp_path: Path) -> None:
    computes = board_answers(load_network(NETWORK))

    def answer(command: int, payload: bytes) -> bytes:
        if command in (Command.CAMERA_START, Command.CAMERA_STOP):
            raise Refusal(ErrorCode.CAMERA_SILENT)
        return computes(command, payload)

    with FakeBoard(answer) as board, Computer(NETWORK, board.port) as computer:
        with page_of(computer).websocket_connect(BOARD) as socket:
            told = socket.receive_json()
        assert "no camera answers; check that it is plugged in" in told["error"]
        assert "docs/camera.md" in told["cure"]
        assert computer.who == f"board on {board.port}"


def test_without_a_board_there_is_nothing_to_see(client: TestClient, computer: Computer) -> None:
    with client.websocket_connect(BOARD) as socket:
        assert "There is no board" in socket.receive_json()["error"]
    with serving(computer) as address, opened(address) as live:
        expect(live.page.locator("#network")).to_have_text(computer.network.name)
        expect(live.page.locator("#board-section")).to_be_hidden()
