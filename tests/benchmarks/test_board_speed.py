"""How fast the virtual board takes bytes: `make benchmark`. Figures are of the machine they are taken on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.board.firmware import Wire, build

pytest.importorskip("unicorn")

from fer_edge.board import Options
from fer_edge.board.clock import TICK_HZ
from fer_edge.board.machine import Machine

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("line_rate", "blocks"), [(False, 4), (True, 1)])
def test_bytes_through_the_uart(tmp_path: Path, line_rate: bool, blocks: int) -> None:
    """Firmware that takes by the level what has come; at line rate beside the 11,520 bytes/s of 115,200 baud."""
    wire = Wire(bytes(blocks << 16))
    machine = Machine(build("sink", tmp_path), wire, Options(line_rate=line_rate))
    start = time.process_time()
    machine.run(lambda: len(wire.sent) >= 4 * blocks)
    taken = time.process_time() - start
    virtual = machine.clock.now / TICK_HZ
    print(f"\n{(blocks << 16) / taken:,.0f} bytes/s of processor time, {virtual / taken:.2f} × the board's own time")
