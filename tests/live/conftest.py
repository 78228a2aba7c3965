"""A page's server with a network on no board, and pictures with drawn faces."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from fer_edge.faces import drawn
from fer_edge.live import server
from fer_edge.live.computer import Computer

PORT, TOKEN = 8000, "the-token"
ORIGIN = f"http://127.0.0.1:{PORT}"
NETWORK = Path("zoo:fernet-nano")
GREY = 120


def picture(*numbers: int, side: int = 240, width: int = 640, height: int = 480) -> Image.Image:
    """Drawn faces by their numbers, side by side on grey."""
    ground = Image.new("L", (width, height), GREY)
    for place, number in enumerate(numbers):
        face = Image.fromarray(drawn.draw(range(number, number + 1))[0]).resize((side, side), Image.Resampling.BICUBIC)
        centre = (2 * place + 1) * width // (2 * len(numbers))
        ground.paste(face, (centre - side // 2, (height - side) // 2))
    return ground


def png(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="session")
def computer() -> Iterator[Computer]:
    with Computer(NETWORK, "none") as simulator:
        yield simulator


@pytest.fixture(scope="session")
def client(computer: Computer) -> TestClient:
    """The page itself: its Host, its Origin, its token."""
    application = server.application(computer, PORT, TOKEN)
    return TestClient(application, ORIGIN, headers={"origin": ORIGIN, "x-token": TOKEN})
