"""Checkpoint in, report out: synthesis, firmware, virtual board and bench together."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from fer_edge.bench.harness import BenchConfig, run_bench

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
    assert result["logits"] == {"compared": 7 * 70, "images_differing": 0, "first_differing": []}
    assert result["board"]["virtual"]
    assert result["latency"]["median"]["kind"] == "estimated"
    assert (tmp_path / "out/report.html").is_file()
    # The clock of the virtual board is the estimator's.
    assert result["latency"]["cycles_median"]["value"] == pytest.approx(result["estimate"]["cycles"], rel=0.01)
