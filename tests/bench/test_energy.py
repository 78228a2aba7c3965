"""Energy of one inference from a window of many."""

import numpy as np
import pytest
from fake_board import FakeBoard

from fer_edge.bench.device import Device
from fer_edge.bench.energy import REPEATS, measure
from fer_edge.bench.link import Link
from fer_edge.bench.meters import EstimatorMeter, Window
from fer_edge.bench.protocol import INFER_REPLY, REPEAT_REPLY, Command
from fer_edge.errors import BoardError

IMAGE = np.zeros((1, 2, 2), np.int8)


def board_that_repeats(inferences: int, microseconds: int) -> FakeBoard:
    def answer(command: int, payload: bytes) -> bytes:
        if command == Command.INFER:
            return INFER_REPLY.pack(50_000, 1000, 0) + bytes(28)
        return REPEAT_REPLY.pack(inferences, microseconds)

    return FakeBoard(answer)


class BenchSupply:
    """An instrument that reads 3.3 V and 10 mA."""

    name = "supply"
    boundary = "the board"

    def start(self) -> None:
        pass

    def stop(self, seconds: float) -> Window:
        joules = 0.033 * seconds
        return Window(seconds, joules, 0.9 * joules, 1.1 * joules, 3.3, 0.010, 1000, "measured", "supply")


def test_the_estimator_is_an_assumed_power_times_time() -> None:
    window = EstimatorMeter().stop(2.0)
    assert (window.low_j, window.energy_j, window.high_j) == pytest.approx((0.056, 0.070, 0.128))
    assert window.kind == "estimated"
    assert "35 mW, assumed" in window.source
    assert window.mean_volts is None


def test_a_measured_window_is_divided_by_its_inferences() -> None:
    with board_that_repeats(REPEATS, REPEATS * 1200) as board, Link(board.port) as link:
        energy = measure(Device(link), BenchSupply(), IMAGE, latency=0.001, pace=0.01)
    assert energy["power"]["value"] == pytest.approx(33.0)
    assert energy["power"]["kind"] == "measured"
    assert energy["inference"]["energy"]["value"] == pytest.approx(33.0)  # 33 mW × 1 ms
    assert energy["whole"]["energy"]["value"] == pytest.approx(39.6)  # 33 mW × 1.2 ms
    assert energy["whole"]["low"]["value"] == pytest.approx(0.9 * 39.6)
    assert energy["whole"]["energy"]["kind"] == "measured"


def test_the_window_repeats_the_image_it_was_given() -> None:
    with board_that_repeats(REPEATS, 120_000) as board, Link(board.port) as link:
        measure(Device(link), EstimatorMeter(), IMAGE, latency=0.001, pace=0.01)
    assert [(r.command, len(r.payload)) for r in board.requests] == [(Command.INFER, 4), (Command.REPEAT, 4)]


def test_an_interrupted_window_counts_what_was_run() -> None:
    with board_that_repeats(40, 48_000) as board, Link(board.port) as link:
        energy = measure(Device(link), BenchSupply(), IMAGE, latency=0.001, pace=0.01)
    assert energy["window"]["inferences"] == 40
    assert energy["whole"]["energy"]["value"] == pytest.approx(39.6)


def test_a_window_without_inferences_is_an_error() -> None:
    with (
        board_that_repeats(0, 0) as board,
        Link(board.port) as link,
        pytest.raises(BoardError, match="ran no inference"),
    ):
        measure(Device(link), EstimatorMeter(), IMAGE, latency=0.001, pace=0.01)
