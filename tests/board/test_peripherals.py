"""Peripherals that the vendor's examples use and our firmware does not, by small programs."""

from __future__ import annotations

import random
import time
import zlib
from pathlib import Path

import pytest

from tests.board.firmware import Wire, build, run

pytest.importorskip("unicorn")

from fer_edge.board import Options
from fer_edge.board.machine import Machine
from fer_edge.errors import BoardError

SECOND, TICKS = 4096, 50_000_000  # of the real-time clock, of TMR0


def test_the_crc_engine_gives_the_check_values_of_the_catalogues(tmp_path: Path) -> None:
    by_byte, by_word, msb_first, swapped, disabled, *_ = run(build("crc", tmp_path), 10)
    assert by_byte ^ 0xFFFFFFFF == by_word ^ 0xFFFFFFFF == zlib.crc32(b"123456789") == 0xCBF43926
    assert msb_first == 0x0376E6E7  # CRC-32/MPEG-2
    assert int.from_bytes(swapped.to_bytes(4, "little"), "big") == disabled == mpeg2(b"1234")


def mpeg2(data: bytes) -> int:
    """CRC-32/MPEG-2: as Ethernet's, most significant bit first, not inverted at the end."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = value << 1 ^ (0x104C11DB7 if value >> 31 else 0)
    return value


def test_random_numbers_differ_and_every_run_sees_the_same(tmp_path: Path) -> None:
    elf = build("crc", tmp_path)
    numbers = run(elf, 10)[5:10]
    assert len(set(numbers)) == 5
    assert numbers == run(elf, 10)[5:10]
    source = random.Random(0)
    assert numbers == [source.getrandbits(32) for _ in range(5)]


def test_each_power_mode_ends_by_its_timer_and_stops_the_clocks_it_does(tmp_path: Path) -> None:
    wire = Wire()
    machine = Machine(build("low_power", tmp_path), wire)
    machine.run(lambda: len(wire.sent) >= 14 * 4)
    slept, (mode, *by_clock) = wire.words[:8], wire.words[8:14]
    for name, ticks, clock in zip(("sleep", "LPM", "UPM", "standby"), slept[::2], slept[1::2], strict=True):
        assert clock == pytest.approx(SECOND, abs=1), name
        assert ticks == pytest.approx(TICKS if name in ("sleep", "LPM") else 0, abs=10_000), name
    assert mode == 0  # active again
    (_, half), (_, to_the_second), subseconds = by_clock[:2], by_clock[2:4], by_clock[4]
    assert half == pytest.approx(SECOND / 2, abs=1)
    assert 2 * SECOND <= to_the_second <= 3 * SECOND
    assert subseconds <= 1  # the alarm is when the second begins
    machine.press("sw2")
    machine.run(lambda: len(wire.sent) >= 17 * 4)
    assert wire.words[16] == 7  # four by the timer, two by the clock, one by the pin


class Listener(Wire):
    """A host that speaks once it has heard four words."""

    def read(self) -> bytes:
        return super().read() if len(self.sent) >= 16 else b""


@pytest.mark.parametrize("line_rate", [False, True])
def test_dma_moves_bytes_between_memories_and_peripherals(tmp_path: Path, line_rate: bool) -> None:
    said = bytes(range(65, 81))
    wire = Listener(said)
    machine = Machine(build("dma", tmp_path), wire, Options(line_rate=line_rate))
    end = time.monotonic() + 20
    with pytest.raises(BoardError, match="DMA for request 0x01, which the virtual board does not model"):
        machine.run(lambda: time.monotonic() > end)
    wrong, still_enabled, bus_error, crc, *echo = wire.words
    assert (wrong, still_enabled) == (0, 0)
    assert bus_error == 1 << 4
    assert crc == zlib.crc32(b"123456789")
    assert b"".join(word.to_bytes(4, "little") for word in echo) == said[: 4 * len(echo)]
    assert len(echo) == 4 if not line_rate else len(echo) >= 2  # eight may still be in the transmit FIFO
