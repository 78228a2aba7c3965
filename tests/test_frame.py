"""A whole frame: phases that add up, a battery, and the page that shows them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from fer_edge import cli, frame_page
from fer_edge.errors import FerEdgeError
from fer_edge.estimate import Estimate, estimate
from fer_edge.frame import Frame, frame, summary
from fer_edge.models.deployable import blueprint

NETWORK = blueprint("fernet-nano")  # folded: 4 × 24 × 24


@pytest.fixture(scope="module")
def cost() -> Estimate:
    return estimate(NETWORK)


@pytest.fixture(scope="module")
def filmed(cost: Estimate) -> Frame:
    return frame(NETWORK, cost, 2, camera=True, battery=(500, 3.7))


def test_the_phases_fill_the_period_and_their_energies_the_frame(filmed: Frame) -> None:
    assert [phase.name for phase in filmed.phases] == ["capture", "load", "infer", "read", "sleep"]
    assert sum(phase.time.value for phase in filmed.phases) == pytest.approx(1e6 / 2)
    assert sum(phase.energy.value for phase in filmed.phases) == pytest.approx(filmed.energy.value)
    for phase in filmed.phases:
        assert phase.energy.value == pytest.approx(phase.power.value * phase.time.value * 1e-3)
    assert filmed.power.value == pytest.approx(filmed.energy.value * 2e-3)


def test_the_phases_are_those_of_the_network(filmed: Frame, cost: Estimate) -> None:
    phases = {phase.name: phase for phase in filmed.phases}
    assert phases["capture"].energy.value == pytest.approx(1190, rel=0.005)  # the vendor's
    assert phases["load"].time.value == pytest.approx(576 * 11 / 100)
    assert phases["infer"].energy.value == pytest.approx(cost.energy.value)
    assert phases["read"].time.value == pytest.approx(7 * 11 / 100)  # a 32-bit logit for each class
    assert phases["sleep"].power.value == 7.22


def test_what_is_assumed_says_so(filmed: Frame, cost: Estimate) -> None:
    assert filmed.energy.kind == filmed.phases[0].energy.kind == "assumed"
    assert filmed.battery is not None
    assert filmed.battery.life.kind == "assumed"
    still = frame(NETWORK, cost, 2)
    assert {figure.kind for phase in still.phases for figure in (phase.time, phase.power, phase.energy)} == {
        "estimated"
    }
    assert all("assumed for this network" in phase.power.source for phase in still.phases)
    assert still.battery is None


def test_a_battery_lasts_its_energy_over_the_mean_power(filmed: Frame) -> None:
    assert filmed.battery is not None
    assert filmed.battery.life.value == pytest.approx(500 * 3.7 / filmed.power.value)


def test_at_low_rates_the_sleep_is_the_mean_power(cost: Estimate) -> None:
    assert frame(NETWORK, cost, 0.01).power.value == pytest.approx(7.22, rel=0.001)


def test_more_frames_than_fit_are_refused_with_how_many_do(cost: Estimate) -> None:
    with pytest.raises(FerEdgeError, match="A frame of fernet-nano takes 172") as refused:
        frame(NETWORK, cost, 10, camera=True)
    advice = re.search(r"--rate ([\d.]+) or less", str(refused.value))
    assert advice
    frame(NETWORK, cost, float(advice[1]), camera=True)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_figures_that_are_not_positive_are_refused(value: float, cost: Estimate) -> None:
    for rate, battery, name in (
        (value, None, "--rate"),
        (1, (value, 3.7), "--battery"),
        (1, (9, value), "--battery-v"),
    ):
        with pytest.raises(FerEdgeError, match=name):
            frame(NETWORK, cost, rate, battery=battery)


def test_the_charts_are_to_scale(filmed: Frame, cost: Estimate) -> None:
    page = frame_page.html(filmed, cost)
    whole = frame_page.power_chart("all", filmed.phases)
    areas = [block.width * (frame_page.BOTTOM - block.y) for block in whole.blocks]
    for area, phase in zip(areas, filmed.phases, strict=True):
        assert area / sum(areas) == pytest.approx(phase.energy.value / filmed.energy.value)
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert [len(list(ElementTree.fromstring(chart).iter("rect"))) for chart in charts] == [5, 3]
    assert "assumed to go as its cycles × its active processors" in page
    assert "http" not in page


def test_the_command_tells_the_frame_and_writes_its_page(tmp_path: Path, filmed: Frame) -> None:
    chart = tmp_path / "frame.html"
    command = ["estimate", "--arch", "fernet-nano", "--rate", "2", "--camera", "--battery", "500"]
    result = CliRunner().invoke(cli.main, [*command, "--battery-volts", "3.7", "--chart", str(chart)])
    assert result.exit_code == 0, result.output
    assert summary(filmed) in result.output
    assert chart.read_text().startswith("<!DOCTYPE html>")
    assert result.output.endswith(f"\nwritten: {chart}\n")
    told = CliRunner().invoke(cli.main, [*command, "--battery-volts", "3.7", "--json"])
    assert json.loads(told.output)["frame"]["energy"]["value"] == pytest.approx(filmed.energy.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--camera"], "need --rate"),
        (["--battery", "500", "--battery-volts", "3"], "need --rate"),
        (["--rate", "1", "--battery", "500"], "go together"),
        (["--rate", "1000"], "longer than"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options: list[str], words: str) -> None:
    result = CliRunner().invoke(cli.main, ["estimate", "--arch", "fernet-nano", *options])
    assert result.exit_code in (1, 2)
    assert words in result.output
