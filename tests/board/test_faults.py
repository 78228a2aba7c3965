"""Faults on the line: as many and as often as asked for, and the same again for the same seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.board import Faults, LoadModel, Options
from fer_edge.board.faults import FaultyPort
from tests.board.firmware import Wire

SENT = bytes(n % 256 for n in range(20_000))


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def through(faults: Faults, data: bytes = SENT) -> tuple[bytes, FaultyPort]:
    """What the board reads of what the host sends, all at once, at time 0."""
    port = FaultyPort(Wire(data), faults, Watch())
    return port.read(), port


def test_without_faults_nothing_changes() -> None:
    wire = Wire(SENT)
    port = FaultyPort(wire, Faults())
    assert port.read() == SENT
    port.write(SENT)
    assert wire.sent == SENT
    assert port.injected == {}


@given(st.integers(0, 2**32), st.floats(0, 0.01), st.floats(0, 0.01), st.floats(0, 0.01))
def test_the_same_seed_gives_the_same_faults(seed: int, drop: float, flip: float, duplicate: float) -> None:
    faults = Faults(seed, drop, flip, duplicate)
    assert through(faults, SENT[:500])[0] == through(faults, SENT[:500])[0]


def test_bytes_are_lost_damaged_and_repeated_as_often_as_asked() -> None:
    read, port = through(Faults(1, drop=0.01))
    assert len(SENT) - len(read) == port.injected["drop"] == pytest.approx(200, abs=60)
    read, port = through(Faults(1, duplicate=0.01))
    assert len(read) - len(SENT) == port.injected["duplicate"] == pytest.approx(200, abs=60)
    read, port = through(Faults(1, flip=0.01))
    changed = [(a ^ b).bit_count() for a, b in zip(read, SENT, strict=True) if a != b]
    assert changed == [1] * port.injected["flip"]


def test_replies_suffer_as_well() -> None:
    wire = Wire()
    port = FaultyPort(wire, Faults(2, drop=0.01))
    port.write(SENT)
    assert len(SENT) - len(wire.sent) == port.injected["drop"] > 0


def test_a_late_byte_holds_up_those_behind_it() -> None:
    watch = Watch()
    port = FaultyPort(Wire(SENT), Faults(3, delay=0.001, delay_seconds=0.1), watch)
    read = port.read()
    assert 0 < len(read) < len(SENT)
    while port.injected["delay"] * 0.1 > watch.seconds:
        assert SENT.startswith(read)
        watch.seconds += 0.1
        read += port.read()
    assert read == SENT


def test_a_cut_line_is_dead_both_ways_and_comes_back() -> None:
    wire, watch = Wire(b"x"), Watch()
    port = FaultyPort(wire, Faults(4, cut=1.0, cut_seconds=2.0), watch)
    assert port.read() == b""
    port._faults = Faults()  # no further cut
    port.write(b"lost")
    watch.seconds = 2.5
    port.write(b"kept")
    assert wire.sent == b"kept"


def test_a_reset_loses_what_was_on_its_way() -> None:
    port = FaultyPort(Wire(SENT), Faults(5, reset=0.001))
    resets = []
    port.reset = lambda: resets.append(1)
    assert port.read() == b""
    assert resets == [1]


def test_a_line_too_long_for_a_rate_damages_every_byte_above_it() -> None:
    port = FaultyPort(Wire(SENT), Faults(6, max_baud=460_800))
    port.baud_rate = lambda: 921_600.0
    assert all(a != b for a, b in zip(port.read(), SENT, strict=True))
    port = FaultyPort(Wire(SENT), Faults(6, max_baud=460_800))
    port.baud_rate = lambda: 460_800.0
    assert port.read() == SENT


def test_options_survive_the_way_to_the_boards_process() -> None:
    for options in (
        Options(),
        Options(True, "INA226", LoadModel(3.3, 0.1, 0.2), ("sw2",), Faults(7, 0.1, max_baud=9600)),
    ):
        assert Options.from_json(options.to_json()) == options
