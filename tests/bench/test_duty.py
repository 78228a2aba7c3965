"""Duty cycles: their table from the board's phases and the vendor's powers, or from an instrument; and break-even."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from click.testing import CliRunner

from fer_edge import cli
from fer_edge.bench import duty
from fer_edge.bench.device import Device, DutyReply, Window
from fer_edge.bench.meters.figures import EstimatorMeter
from fer_edge.bench.meters.meter import Meter, Reading
from fer_edge.bench.protocol import ClockSetting, Rest, Wait
from fer_edge.bench.result import DutyCycles
from fer_edge.errors import BoardError, FerEdgeError
from fer_edge.frame import phase
from fer_edge.network import IntegerNetwork
from fer_edge.power import PHASES, ModePower, waiting
from fer_edge.simulate import simulate
from tests.bench.fake_board import FakeBoard, board_answers

FACE = np.arange(48 * 48, dtype=np.uint32).astype(np.uint8).reshape(48, 48)


class Board:
    """In place of `Device`: a frame takes 1.2 ms, and 2 ms more with the weights."""

    def __init__(self, network: IntegerNetwork, virtual: bool, differing: int = 0) -> None:
        self.link = SimpleNamespace(pseudo_terminal=virtual)
        self.asked: list[tuple[float, int, Wait, Rest, ClockSetting]] = []
        self._crc = zlib.crc32(simulate(network, network.device_input(FACE[None])).astype("<i4").tobytes())
        self._differing = differing

    def infer(self, image: np.ndarray) -> None:
        assert image.dtype == np.int8

    def duty_cycle(
        self, period: float, frames: int, wait: Wait, rest: Rest, clock: ClockSetting, _: float
    ) -> DutyReply:
        self.asked.append((period, frames, wait, rest, clock))
        wake = 2000.0 if rest == Rest.OFF else 20.0
        return DutyReply(frames, 0, self._differing, self._crc, frames * period, wake, 100.0, 1000.0, 80.0)


class Instrument(Meter):
    """Sees 10 mW."""

    name, boundary, source = "instrument", "everything", "ten milliwatts"
    takes_any_window = True

    def __init__(self) -> None:
        self._readings: list[Reading] = []

    def stop(self, window: Window) -> None:
        self._readings.append(Reading(window.seconds, 0.01 * window.seconds, None, None, 1))

    def readings(self) -> list[Reading]:
        return self._readings


def run(board: Board, network: IntegerNetwork, config: duty.DutyConfig, meter: Meter | None = None) -> DutyCycles:
    return duty.run(cast(Device, board), meter or EstimatorMeter(), config, network, FACE)


def test_every_mode_runs_once_and_is_told_at_every_rate(network: IntegerNetwork) -> None:
    board = Board(network, virtual=True)
    found = run(board, network, duty.DutyConfig(duty.RATES, duty.MODES))
    assert [asked[2:] for asked in board.asked] == [(m.wait, m.rest, m.clock) for m in duty.MODES]
    assert {asked[:2] for asked in board.asked} == {(10.0, duty.MIN_FRAMES)}, "at the lowest rate, which fits all"
    assert len(found.cycles) == len(duty.RATES) * len(duty.MODES) == 100
    for cycle in found.cycles:
        assert [part.name for part in cycle.phases] == ["wake", "load", "infer", "read", cycle.wait]
        assert sum(part.time.value for part in cycle.phases) == pytest.approx(1e6 / cycle.rate)
        assert cycle.energy is not None
        assert cycle.power is not None
        assert cycle.energy.value == pytest.approx(sum(part.energy.value for part in cycle.phases))
        assert cycle.power.value == pytest.approx(cycle.energy.value * cycle.rate / 1e3)
        assert cycle.power.kind == waiting(cycle.wait, cycle.rest, cycle.processor_mhz).kind
        assert cycle.battery is None


def test_a_frame_that_takes_longer_than_its_period_has_no_figures(network: IntegerNetwork) -> None:
    mode = duty.Mode(Wait.UPM, Rest.OFF, ClockSetting.IPO)
    slow, fast = run(Board(network, True), network, duty.DutyConfig((1.0, 500.0), (mode,), (500, 3.7))).cycles
    assert slow.battery is not None
    assert slow.power is not None
    assert slow.battery.value == pytest.approx(500 * 3.7 / slow.power.value)
    assert fast.energy is fast.power is fast.battery is None


def test_an_instrument_measures_each_mode_at_each_rate(network: IntegerNetwork) -> None:
    board = Board(network, virtual=False)
    mode = duty.Mode(Wait.LPM, Rest.GATED, ClockSetting.ISO)
    found = run(board, network, duty.DutyConfig((0.5, 20.0), (mode,)), Instrument())
    assert [(asked[0], asked[1]) for asked in board.asked] == [(2.0, duty.MIN_FRAMES), (0.05, 40)]
    for cycle in found.cycles:
        assert cycle.power is not None
        assert cycle.energy is not None
        assert cycle.power.value == pytest.approx(10.0)
        assert cycle.power.kind == "measured"
        assert cycle.phases[0].time.kind == "measured"
        assert cycle.energy.value == pytest.approx(10_000 / cycle.rate)
    assert (found.source, found.boundary) == ("ten milliwatts", "everything")


def test_on_a_virtual_board_there_is_nothing_to_measure(network: IntegerNetwork) -> None:
    mode = duty.Mode(Wait.SLEEP, Rest.ON, ClockSetting.IPO)
    (cycle,) = run(Board(network, True), network, duty.DutyConfig((1.0,), (mode,)), Instrument()).cycles
    assert cycle.power is not None
    assert cycle.power.kind == "estimated"


def test_logits_that_a_rest_changes_stop_the_run(network: IntegerNetwork, other_network: IntegerNetwork) -> None:
    config = duty.DutyConfig((1.0,), duty.MODES)
    for board in (Board(network, True, differing=1), Board(other_network, True)):
        with pytest.raises(BoardError, match="logits are not the simulator's in BUSY with the accelerator ON"):
            run(board, network, config)


def test_keeping_or_loading_the_weights_breaks_even_where_the_vendors_figures_do() -> None:
    """1.96 µJ in 0.109 ms against 242 µJ in 12.16 ms, 0.387 against 0.172 mW: 240 µJ / 0.215 mW = 1.12 s."""

    def frame(microjoules: float, milliseconds: float, rest: str) -> list[Any]:
        power = ModePower(microjoules / milliseconds, 0, 99, "")
        return [
            phase("wake", 1e3 * milliseconds, power, "measured", ""),
            phase("upm", 1e6, waiting("upm", rest, 100), "measured", ""),
        ]

    seconds, kind = duty.break_even_seconds(frame(1.96, 0.109, "retained"), frame(242, 12.16, "off"))
    waited = 0.172 * 12.16 - 0.387 * 0.109  # µJ of waiting in whose place the loading comes
    assert seconds == pytest.approx((240.04 - waited) / 0.215e3)
    assert seconds == pytest.approx(1.12, rel=0.02)
    assert kind == "estimated"


def test_at_the_break_even_both_frames_cost_the_same(network: IntegerNetwork) -> None:
    modes = tuple(mode for mode in duty.MODES if mode.wait == Wait.UPM and mode.clock == ClockSetting.IPO)
    found = run(Board(network, True), network, duty.DutyConfig((1.0,), modes))
    (even,) = found.break_even
    again = run(Board(network, True), network, duty.DutyConfig((even.rate.value,), modes))
    kept, reloaded = (cycle.energy for cycle in again.cycles)
    assert kept is not None
    assert reloaded is not None
    assert kept.value == pytest.approx(reloaded.value)


def test_a_virtual_board_loads_weights_no_faster_than_the_vendor_measured(network: IntegerNetwork) -> None:
    mode = duty.Mode(Wait.UPM, Rest.OFF, ClockSetting.ISO)
    big = SimpleNamespace(
        device_input=network.device_input, weight_bytes=432 * 1024, layers=network.layers, shapes=network.shapes
    )
    reply = DutyReply(3, 0, 0, 0, 3.0, 2000.0, 100.0, 1000.0, 80.0)
    slowly = duty._loaded_slowly(reply, mode, cast(IntegerNetwork, big))
    assert slowly.wake_us == pytest.approx(11 * 432 * 256 / 60)
    kept = duty.Mode(Wait.UPM, Rest.RETAINED, ClockSetting.ISO)
    assert duty._loaded_slowly(reply, kept, cast(IntegerNetwork, big)) == reply


def configured(**given: Any) -> duty.DutyConfig | None:
    names = ("rates", "sweep", "wait", "rest", "clock", "battery", "battery_volts")
    values = {"rates": (), "sweep": False} | dict.fromkeys(names[2:]) | given
    return duty.configure(*(values[name] for name in names))  # type: ignore[arg-type]


def test_a_rate_alone_means_sleep_with_the_clock_on_and_gated() -> None:
    config = configured(rates=(5.0,))
    assert config is not None
    assert [mode.names for mode in config.modes] == [("sleep", "on", 100), ("sleep", "gated", 100)]
    config = configured(rates=(5.0,), wait="standby", clock="60")
    assert config is not None
    assert [mode.names for mode in config.modes] == [("standby", "retained", 60), ("standby", "off", 60)]
    config = configured(sweep=True)
    assert config == duty.DutyConfig(duty.RATES, duty.MODES)
    assert configured() is None


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"wait": "upm"}, "--wait says nothing without a rate"),
        ({"battery": 500.0, "battery_volts": 3.7}, "--battery says nothing without a rate"),
        ({"rates": (1.0,), "battery": 500.0}, "belong together"),
        ({"rates": (0.0,)}, "--rate 0 is not a positive number"),
        ({"rates": (0.001,)}, "would take 3,000 s"),
        ({"rates": (1.0, 1e9)}, "--rate 1,000,000,000 is above 1,000,000 frames a second"),
        ({"rates": (1.0,), "battery": -1.0, "battery_volts": 3.7}, "--battery -1 is not"),
        ({"sweep": True, "clock": "60"}, "--modes runs through all modes"),
        ({"rates": (1.0,), "wait": "upm", "rest": "gated"}, "In UPM the accelerator has no power"),
    ],
)
def test_options_that_do_not_go_together_are_named(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(FerEdgeError, match=complaint):
        configured(**given)


def test_only_an_instrument_that_takes_any_window_takes_a_duty_cycle() -> None:
    duty.check_meter(Instrument())
    duty.check_meter(EstimatorMeter())
    other = Instrument()
    other.takes_any_window = False
    with pytest.raises(FerEdgeError, match="The meter instrument cannot measure a duty cycle"):
        duty.check_meter(other)


def test_the_command_prints_the_table_and_the_report_shows_it(
    network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    options = ["--network", str(checkpoint_path), "--data", faces_folder, "--limit", "2", "--output-dir", str(tmp_path)]
    with FakeBoard(board_answers(network)) as board:
        arguments = ["bench", "--port", board.port, *options, "--modes", "--battery", "500", "--battery-volts", "3.7"]
        done = CliRunner().invoke(cli.main, arguments)
    assert done.exit_code == 0, done.output
    assert re.search(r"mW on average +0.1/s +1/s +5/s +15/s +30/s", done.output)
    assert len(re.findall(r"^    standby retained +(?:100|60) MHz", done.output, re.MULTILINE)) == 6
    assert "keeping the weights in UPM at 100 MHz pays from" in done.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert len(report["duty"]["cycles"]) == 100
    page = (tmp_path / "report.html").read_text()
    assert page.count("At a rate, by power mode") == 1
    assert page.count("LPM, gated") == 6
    figures = (tmp_path / "report.csv").read_text()
    assert "\n30/s upm off 60 MHz power," in figures
    assert "\nbreak-even upm 100 MHz," in figures


def test_every_power_of_the_phases_has_its_source() -> None:
    for powers in PHASES.values():
        assert all("FaceID" in power.source for power in powers.values())


def test_the_page_has_every_mode_with_the_powers_and_kinds_of_the_table() -> None:
    """The mean power of the example goes up from that of waiting in proportion to the rate."""
    page = (Path(__file__).parents[2] / "docs/energy.md").read_text(encoding="utf-8")
    table = page.partition("mean power in mW, by frames a second:")[2].partition("The same as energy")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n") if " | " in line][1:]
    assert [(row[0].lower(), row[1], int(row[2])) for row in rows] == [mode.names for mode in duty.MODES]
    for wait, rest, mhz, *cells, kind in rows:
        power = waiting(wait.lower(), rest, int(mhz))
        assert kind == power.kind
        above = [(float(cell) - power.mw) / rate for cell, rate in zip(cells, duty.RATES, strict=True)]
        assert above[1:] == pytest.approx([above[-1]] * 4, rel=0.03)
