"""Energy of one inference from windows of many: repeats, total and net, scatter, drift."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.bench.device import Device, Window
from fer_edge.bench.energy import MIN_REPEATS, MIN_SECONDS, measure, repeats
from fer_edge.bench.link import Link
from fer_edge.bench.meters.figures import EstimatorMeter, TypedMeter
from fer_edge.bench.meters.meter import ROUNDS, Meter, Reading
from fer_edge.bench.protocol import INFER_REPLY, WINDOW_REPLY, WINDOW_REQUEST, Activity, Command
from fer_edge.bench.result import Energy
from fer_edge.errors import BoardError
from tests.bench.fake_board import MICROSECONDS, FakeBoard, window_reply
from tests.present import present

IMAGE = np.zeros((1, 2, 2), np.int8)
WATTS = {Activity.IDLE: 0.010, Activity.LOAD_WEIGHTS: 0.020, Activity.LOAD_INPUT: 0.030, Activity.INFER: 0.040}


class Supply(Meter):
    """An instrument at 2 V that reads `WATTS`, and `step` more with each round."""

    name = "supply"
    boundary = "the board"
    source = "supply"

    def __init__(self, step: float = 0.0) -> None:
        self._step = step
        self._windows: list[Window] = []

    def stop(self, window: Window) -> None:
        self._windows.append(window)

    def readings(self) -> list[Reading]:
        watts = [WATTS[w.activity] * (1 + self._step * (i // 4)) for i, w in enumerate(self._windows)]
        return [Reading(w.seconds, p * w.seconds, 2.0, p / 2, 1000) for w, p in zip(self._windows, watts, strict=True)]


@pytest.fixture
def board() -> Iterator[FakeBoard]:
    def answer(command: int, payload: bytes) -> bytes:
        return INFER_REPLY.pack(50_000, 1000, 0) + bytes(28) if command == Command.INFER else window_reply(payload)

    with FakeBoard(answer) as board:
        yield board


def energy_with(board: FakeBoard, meter: Meter, latency: float = 0.001) -> Energy:
    with Link(board.port) as link:
        return measure(Device(link), meter, IMAGE, latency=latency, pace=0.01)


def test_windows_last_a_second_and_a_hundred_repeats(board: FakeBoard) -> None:
    energy_with(board, Supply())
    windows = [WINDOW_REQUEST.unpack(r.payload) for r in board.requests if r.command == Command.WINDOW]
    assert [activity for activity, _, _ in windows] == list(Activity) * (1 + ROUNDS)
    for activity, count, _ in windows[4:]:  # the first round only tells how long things take
        assert count * MICROSECONDS[activity] >= 1e6 * MIN_SECONDS
        assert count >= MIN_REPEATS


def test_total_and_net_energy_of_one_inference(board: FakeBoard) -> None:
    energy = energy_with(board, Supply())
    # Watts × microseconds of one operation.
    assert energy.whole.energy.value == pytest.approx(0.040 * 1010)
    assert present(energy.whole.net).value == pytest.approx(0.030 * 1010)
    assert present(energy.windows["load_input"].energy).value == pytest.approx(0.030 * 10)
    assert present(energy.windows["load_weights"].net).value == pytest.approx(0.010 * 2000)
    # The accelerator's part is the difference of two windows.
    assert energy.inference.energy.value == pytest.approx(0.040 * 1010 - 0.030 * 10)
    assert present(energy.inference.net).value == pytest.approx(0.030 * 1010 - 0.020 * 10)
    assert energy.power.value == pytest.approx(40.0)
    assert energy.windows["infer"].mean_amperes == pytest.approx(0.020)
    assert energy.windows["infer"].mean_volts == 2.0
    assert {energy.power.kind, energy.whole.energy.kind} == {"measured"}


def test_standard_error_is_that_of_the_mean_over_rounds(board: FakeBoard) -> None:
    energy = energy_with(board, Supply(step=0.1))
    totals = [0.040 * 1010 * (1 + 0.1 * i) for i in range(1, ROUNDS + 1)]
    assert energy.whole.energy.value == pytest.approx(np.mean(totals))
    assert energy.whole.energy.standard_error == pytest.approx(np.std(totals, ddof=1) / math.sqrt(ROUNDS))


def test_a_supply_that_drifts_is_named(board: FakeBoard) -> None:
    drift = present(energy_with(board, Supply()).drift)
    assert (drift.idle, drift.infer) == pytest.approx((0, 0), abs=1e-9)
    assert (drift.limit, drift.steady) == (0.02, True)
    drift = present(energy_with(board, Supply(step=0.01)).drift)
    assert not drift.steady
    assert drift.infer == pytest.approx(0.04 / 1.03)  # from 1.01 to 1.05, of 1.03


def test_the_estimator_is_the_vendors_powers_times_times_and_knows_no_net(board: FakeBoard) -> None:
    energy = energy_with(board, EstimatorMeter())
    inference = energy.inference
    assert (inference.low, inference.energy.value, inference.high) == pytest.approx((28.0, 38.0, 64.0))
    assert energy.whole.energy.value == pytest.approx(38 * 1.000 + 17.93 * 0.010)
    assert energy.whole.low == pytest.approx(28 * 1.000 + 17.91 * 0.010)
    assert energy.whole.high == pytest.approx(64 * 1.000 + 19.33 * 0.010)
    assert energy.power.value == pytest.approx((38 * 1.000 + 17.93 * 0.010) / 1.010)
    assert inference.what == "38 mW while the accelerator computes × median latency, accelerator start to done"
    assert (energy.power.kind, inference.energy.kind) == ("estimated", "estimated")
    assert inference.net is None
    assert inference.energy.standard_error is None
    assert "38 mW computing, 17.93 mW else" in energy.source
    assert "measured by the vendor on FaceID, assumed for this network" in energy.source


def test_the_phases_of_a_frame_add_up_to_it(board: FakeBoard) -> None:
    for meter, names in (
        (EstimatorMeter(), ["load", "infer", "read"]),
        (Supply(), ["load", "infer and read"]),
        (TypedMeter("3.16mA", "5V", expected=0.001), ["infer", "load and read"]),
        (TypedMeter("3.16mA", "5V", "0.9 ms", expected=0.001), ["infer and read"]),  # longer than was typed
    ):
        energy = energy_with(board, meter, latency=0.0009)
        phases = energy.phases
        assert [phase.name for phase in phases] == names
        assert sum(phase.time.value for phase in phases) == pytest.approx(1010)
        assert sum(phase.energy.value for phase in phases) == pytest.approx(energy.whole.energy.value)
        for phase in phases:
            assert phase.power.value * phase.time.value * 1e-3 == pytest.approx(phase.energy.value)
    estimated = {phase.name: phase for phase in energy_with(board, EstimatorMeter()).phases}
    assert (estimated["load"].power.value, estimated["infer"].power.value) == pytest.approx((17.93, 38))


def test_typed_figures_are_volts_amperes_and_seconds_and_never_measured(board: FakeBoard) -> None:
    meter = TypedMeter("3.16mA", "5V", "1.516ms", "1 mA", expected=0.0015)
    meter.on_virtual_board()
    energy = energy_with(board, meter)
    assert energy.whole.energy.value == pytest.approx(3.16 * 5 * 1.516)
    assert present(energy.whole.net).value == pytest.approx((3.16 - 1) * 5 * 1.516)
    assert (energy.power.kind, energy.whole.energy.kind) == ("assumed", "assumed")
    assert energy.inference.what == "power of the infer window × median latency, accelerator start to done"


def test_an_interrupted_window_counts_what_was_run() -> None:
    def answer(command: int, payload: bytes) -> bytes:
        if command == Command.INFER:
            return INFER_REPLY.pack(50_000, 1000, 0) + bytes(28)
        return WINDOW_REPLY.pack(Activity.INFER, 40, 48_000, 0, 0, 0, 0, 0, 0, 0)

    with FakeBoard(answer) as board:
        energy = energy_with(board, EstimatorMeter())
    assert energy.windows["infer"].count == 40
    assert energy.whole.energy.value == pytest.approx(38 * 1.0 + 17.93 * 0.2)


def test_a_window_in_which_nothing_was_done_is_an_error() -> None:
    def answer(command: int, payload: bytes) -> bytes:
        return INFER_REPLY.pack(1, 1, 0) + bytes(28) if command == Command.INFER else bytes(WINDOW_REPLY.size)

    with FakeBoard(answer) as board, pytest.raises(BoardError, match="did nothing in the load_input window"):
        energy_with(board, EstimatorMeter())


@given(st.floats(1e-7, 10))
def test_a_window_is_never_too_short(seconds: float) -> None:
    assert repeats(seconds) >= MIN_REPEATS
    assert repeats(seconds) * seconds >= MIN_SECONDS
