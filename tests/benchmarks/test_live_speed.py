"""How many of a webcam's frames are answered in a second, and what processor time that takes.

A frame is decoded, searched for faces, and inferred on the virtual board. Once without a browser, and once in Chromium,
which takes processor time of its own on the same machine.
"""

from __future__ import annotations

import json
import os
import time
from io import BytesIO
from pathlib import Path

import pytest

from fer_edge.live import server
from fer_edge.live.computer import Computer
from tests.live.browser import opened, serving
from tests.live.conftest import NETWORK, picture
from tests.live.test_frames import camera_flags, video
from tests.live.test_picture import FEAR, HAPPY

pytestmark = pytest.mark.slow

FRAMES = 60
ANSWERS_A_SECOND = 15
PROCESSORS = 2
SECONDS = 10  # in the browser


def jpeg(number: int) -> bytes:
    stream = BytesIO()
    picture(number).convert("RGB").save(stream, "JPEG", quality=90)
    return stream.getvalue()


def processor_seconds() -> dict[str, float]:
    """What this process and its descendants have used so far: by `server`, `board` and `browser`."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(entry.name)] = int(fields[1])
        used[int(entry.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    totals: dict[str, float] = dict.fromkeys(("server", "board", "browser"), 0.0)
    for process in used:
        line, ancestor = process, process
        while ancestor not in (0, os.getpid()):
            line, ancestor = ancestor, parents.get(ancestor, 0)
        if ancestor == os.getpid():
            words = (Path("/proc") / str(line) / "cmdline").read_bytes()
            who = "server" if process == os.getpid() else "board" if b"fer_edge.board" in words else "browser"
            totals[who] += used[process]
    return totals


def test_fifteen_frames_of_640_by_480_a_second_on_the_virtual_board() -> None:
    frames = [jpeg(HAPPY), jpeg(FEAR)]
    rates = []
    with Computer(NETWORK, "virtual") as computer:
        before = sum(processor_seconds().values())
        for _ in range(3):
            began = time.perf_counter()
            for number in range(FRAMES):
                result = server.look(computer, frames[number % 2], smallest=server.SMALLEST_IN_FRAMES)
                assert len(result["faces"]) == 1
            rates.append(FRAMES / (time.perf_counter() - began))
        used = (sum(processor_seconds().values()) - before) / (3 * FRAMES)
    print(f"\n{', '.join(f'{rate:.1f}' for rate in rates)} answers/s (measured), load {os.getloadavg()[0]:.1f}")
    print(f"{1000 * used:.0f} ms of processor time an answer")
    # Processor time: other work on the machine is not this program's fault.
    assert max(*rates, 1 / used) >= ANSWERS_A_SECOND


def test_fifteen_answers_a_second_in_a_browser(tmp_path: Path) -> None:
    film = video(tmp_path / "faces.y4m", HAPPY, FEAR)
    received: list[str | bytes] = []
    with (
        Computer(NETWORK, "virtual") as computer,
        serving(computer) as address,
        opened(address, camera_flags(film)) as live,
    ):

        def take(answer: str | bytes) -> None:
            received.append(answer)

        live.page.on("websocket", lambda socket: socket.on("framereceived", take))
        live.page.get_by_role("button", name="Webcam").press("Enter")
        live.page.locator("#rate .tag").wait_for()
        count, before, began = len(received), processor_seconds(), time.perf_counter()
        live.page.wait_for_timeout(1000 * SECONDS)
        count, after, took = len(received) - count, processor_seconds(), time.perf_counter() - began
        assert live.page.locator("#computed-by").inner_text() == "virtual board"
    assert all(len(json.loads(answer)["faces"]) == 1 for answer in received)
    used = {who: (after[who] - before[who]) / count for who in after}
    print(f"\n{count / took:.1f} answers/s in the browser (measured), load {os.getloadavg()[0]:.1f}")
    print("ms of processor time an answer:", ", ".join(f"{who} {1000 * each:.0f}" for who, each in used.items()))
    assert max(count / took, PROCESSORS / sum(used.values())) >= ANSWERS_A_SECOND
