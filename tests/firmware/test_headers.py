"""Generated headers in the repository are those that the tables give."""

from collections.abc import Callable

import pytest
from firmware_host import FIRMWARE

from fer_edge import registers
from fer_edge.bench import protocol


@pytest.mark.parametrize(
    ("header", "generate"),
    [("hal/max78000.h", registers.c_header), ("src/protocol.h", protocol.c_header)],
)
def test_generated_headers_are_up_to_date(header: str, generate: Callable[[], str]) -> None:
    assert (FIRMWARE / header).read_text() == generate(), f"{header} must be generated again (its first line says how)"
