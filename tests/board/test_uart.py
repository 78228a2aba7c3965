"""The UART as drivers of others use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.firmware import Wire, build, run

pytest.importorskip("unicorn")

from fer_edge.board import Faults, Options
from fer_edge.board.machine import Machine


@pytest.mark.parametrize("line_rate", [False, True])
def test_a_driver_that_looks_at_the_flags_only_sends_and_receives_more_than_the_fifo(
    tmp_path: Path, line_rate: bool
) -> None:
    said = bytes(range(100, 108))
    words = run(build("transaction", tmp_path), 8, said, line_rate=line_rate)
    assert b"".join(word.to_bytes(4, "little") for word in words) == bytes(range(24)) + said


class Talk(Wire):
    """A host that sends a byte whenever one has come back."""

    def __init__(self, said: bytes) -> None:
        super().__init__()
        self._rest = list(said)

    def read(self) -> bytes:
        said, self._rest = bytes(self._rest[:1]), self._rest[1:]
        return said


@pytest.mark.parametrize("line_rate", [False, True])
def test_a_new_rate_counts_from_the_next_byte_on(tmp_path: Path, line_rate: bool) -> None:
    """So the answer that agrees on a rate still arrives at the old one: here, on a line that bears no more."""
    wire = Talk(b"\x55\x55")
    machine = Machine(
        build("rate", tmp_path), wire, Options(line_rate=line_rate, faults=Faults(flip=0.0, max_baud=460_800))
    )
    machine.run(lambda: len(wire.sent) >= 2)
    assert wire.sent[0] == 0x55
    assert wire.sent[1] != 0x55
    assert machine.uart.baud_rate == 921_600
