"""How many of a webcam's frames are answered in a second: decoded, searched for faces, inferred on the virtual board.

Without the browser, which takes processor time of its own on the same machine.
"""

from __future__ import annotations

import os
import time
from io import BytesIO

import pytest

from fer_edge.live import server
from fer_edge.live.computer import Computer
from tests.live.conftest import NETWORK, picture
from tests.live.test_picture import FEAR, HAPPY

FRAMES = 60
ANSWERS_A_SECOND = 15


def jpeg(number: int) -> bytes:
    stream = BytesIO()
    picture(number).convert("RGB").save(stream, "JPEG", quality=90)
    return stream.getvalue()


@pytest.mark.slow
def test_fifteen_frames_of_640_by_480_a_second_on_the_virtual_board() -> None:
    frames = [jpeg(HAPPY), jpeg(FEAR)]
    rates = []
    with Computer(NETWORK, "virtual") as computer:
        for _ in range(3):
            began = time.perf_counter()
            for number in range(FRAMES):
                result = server.look(computer, frames[number % 2], smallest=server.SMALLEST_IN_FRAMES)
                assert len(result["faces"]) == 1
            rates.append(FRAMES / (time.perf_counter() - began))
    print(f"\n{', '.join(f'{rate:.1f}' for rate in rates)} answers/s (measured), load {os.getloadavg()[0]:.1f}")
    assert max(rates) >= ANSWERS_A_SECOND
