"""Frames of a webcam: the newest is answered, and whoever comes without the page's credentials gets nothing."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from fer_edge.faces import CLASSES
from fer_edge.live import server
from fer_edge.live.computer import Computer
from tests.live.browser import opened, serving
from tests.live.conftest import ORIGIN, TOKEN, picture, png
from tests.live.test_picture import FEAR, HAPPY

expect.set_options(timeout=60_000)
FRAMES = ORIGIN.replace("http", "ws") + "/frames"


def test_a_frame_is_answered_like_a_picture(client: TestClient) -> None:
    with client.websocket_connect(FRAMES) as socket:
        socket.send_bytes(png(picture(HAPPY)))
        answer = socket.receive_json()
        (face,) = answer["faces"]
        assert CLASSES[int(np.argmax(face["answer"]["scores"]))] == "happy"
        assert answer["skipped"] == 0
        socket.send_bytes(b"no picture")
        assert socket.receive_json()["error"] == "This is not a readable picture."


def test_frames_that_come_faster_than_answers_are_dropped_not_queued(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, go_on = [], threading.Semaphore(0)

    def slow(computer: Computer, data: bytes, **options: Any) -> dict[str, Any]:
        looked.append(data)
        go_on.acquire(timeout=30)
        return {}

    monkeypatch.setattr(server, "look", slow)
    with client.websocket_connect(FRAMES) as socket:
        socket.send_bytes(b"first")
        while not looked:
            pass
        for number in range(50):
            socket.send_bytes(b"%d" % number)
        socket.send_bytes(b"last")
        threading.Timer(0.5, go_on.release).start()  # once all have arrived
        assert socket.receive_json() == {"skipped": 0}
        go_on.release()
        assert socket.receive_json() == {"skipped": 50}
    assert looked == [b"first", b"last"]


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"origin": "http://evil.example"}, "Only the page itself"),
        ({"origin": ""}, "Only the page itself"),
        ({"host": "evil.example"}, "does not go by that name"),
        ({"x-token": "wrong"}, "holds the token"),
    ],
)
def test_a_stranger_gets_no_connection(client: TestClient, headers: dict[str, str], why: str) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect(FRAMES, headers=headers),
    ):
        pass
    assert refused.value.code == 1008
    assert why in refused.value.reason


def test_without_an_origin_there_is_no_connection(client: TestClient) -> None:
    bare = TestClient(client.app, ORIGIN)
    with pytest.raises(WebSocketDisconnect), bare.websocket_connect(f"{FRAMES}?token={TOKEN}"):
        pass


def test_words_instead_of_a_frame_end_the_connection(client: TestClient) -> None:
    with client.websocket_connect(FRAMES) as socket:
        socket.send_text("hello")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1003


def video(path: Path, *numbers: int, frames: int = 5) -> Path:
    """A film of drawn faces, each for so many frames, 5 a second, over and over; as Chromium's fake camera reads it."""
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F5:1 Ip A1:1 C420jpeg\n")
        for number in numbers:
            luma = np.asarray(picture(number), np.uint8).tobytes()
            file.write((b"FRAME\n" + luma + bytes([128]) * (640 * 480 // 2)) * frames)
    return path


def camera_flags(film: Path) -> list[str]:
    """What makes Chromium show a film as what its webcam sees, and allow the page that."""
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]


def test_the_webcam_is_off_until_asked_for_and_its_faces_are_answered(computer: Computer, tmp_path: Path) -> None:
    film = video(tmp_path / "faces.y4m", HAPPY, FEAR)
    with serving(computer) as address, opened(address, camera_flags(film)) as live:
        page = live.page
        switch = page.get_by_role("button", name="Webcam")
        expect(switch).to_have_attribute("aria-pressed", "false")
        assert page.evaluate("document.getElementById('video').srcObject") is None
        assert not [url for url in live.asked if url.startswith("ws")]
        switch.press("Enter")
        page.locator("#window").fill("2")
        for name in ("happy", "fear"):
            expect(page.locator("#answer")).to_contain_text(name)
        expect(page.locator("#rate .tag")).to_have_text("measured")
        page.locator("#threshold").fill("100")
        expect(page.locator("#answer")).to_contain_text("unsure")
        page.get_by_role("button", name="Webcam off").click()
        assert page.evaluate("document.getElementById('video').srcObject") is None
        assert {url.split("/")[2].split(":")[0] for url in live.asked} == {"127.0.0.1"}
        assert live.said == []
