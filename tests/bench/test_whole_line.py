"""Checkpoint in, report out: synthesis, firmware, virtual board and bench together."""

import csv
import importlib.util
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from fer_edge.bench import energy, report
from fer_edge.bench.harness import BenchConfig, run_bench
from fer_edge.bench.meters import MeterConfig
from fer_edge.bench.result import Logits
from tests.present import present

pytestmark = [
    pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("unicorn") is None, reason="unicorn is not installed"),
]


def test_a_checkpoint_runs_on_the_virtual_board_with_every_logit_equal(
    checkpoint_path: Path, faces_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = BenchConfig("virtual", checkpoint_path, faces_folder, output_dir=tmp_path / "out")
    result = run_bench(config)
    assert result.logits == Logits(7 * 70, 0, [])
    assert result.board.virtual
    assert result.latency.median.kind == "estimated"
    assert (tmp_path / "out/report.html").is_file()
    # The clock of the virtual board is the estimator's.
    assert result.latency.cycles_median.value == pytest.approx(result.estimate.cycles, rel=0.01)
    assert result.board.sensor == "NONE"  # nobody asked for one


def figures(values: Any) -> Iterator[dict[str, Any]]:
    """Every figure in a report, wherever it stands."""
    if isinstance(values, dict):
        if "kind" in values:
            yield values
        for value in values.values():
            yield from figures(value)


def test_a_sensor_on_the_virtual_board_is_simulated_and_said_to_be(
    checkpoint_path: Path, faces_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(energy, "MIN_SECONDS", 0.05)  # shorter windows than a measurement would want
    meter = MeterConfig(meter="board")
    config = BenchConfig("virtual", checkpoint_path, faces_folder, limit=7, output_dir=tmp_path / "out", meter=meter)
    result = run_bench(config)
    measured = result.energy
    assert result.board.sensor == "INA226"
    assert measured.windows["idle"].mean_amperes == pytest.approx(0.010, rel=0.02)
    assert measured.windows["idle"].mean_volts == pytest.approx(5.0, rel=0.01)
    assert 0.010 < present(measured.windows["infer"].mean_amperes) < 0.030
    assert measured.inference.net is not None
    assert measured.inference.net.value > 0
    assert {figure["kind"] for figure in figures(asdict(measured))} == {"assumed"}
    assert measured.rounds == 1  # nothing scatters there
    assert set(measured.windows) == {"idle", "load_input", "infer"}
    assert "the board is virtual" in measured.source
    assert "made-up load of 10 mA at rest and 30 mA" in measured.boundary
    with (tmp_path / "out/report.csv").open() as file:
        kinds = {row["kind"] for row in csv.DictReader(file) if "energy" in row["figure"] or "power" in row["figure"]}
    assert kinds == {"assumed"}
    energy_lines = report.summary(result).split("energy", 1)[1]
    assert "µJ (assumed) per inference" in energy_lines
    assert "±" not in energy_lines
    assert "made-up load of 10 mA" in energy_lines
    assert "made-up load" in (tmp_path / "out/report.html").read_text()
