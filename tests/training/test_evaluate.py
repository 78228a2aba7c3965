"""Evaluation in all modes agrees with the run's own summary."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from fer_edge import checkpoint, faces
from fer_edge.errors import CheckpointError
from fer_edge.training.evaluate import evaluate, load_model, load_trained, model_logits, render
from fer_edge.training.train import TrainResult


@pytest.mark.parametrize(
    ("name", "mode"), [("quantized", "integer"), ("best", "integer"), ("best", "qat"), ("float", "float")]
)
def test_every_mode_repeats_the_runs_own_scores(run: TrainResult, folder: Path, name: str, mode: str) -> None:
    result = evaluate(run.output_dir / f"{name}.pth.tar", folder, "test", mode)  # type: ignore[arg-type]
    assert run.summary is not None
    selection = faces.Selection.of(faces.load(folder, "test"), folder, "test", None, 0, None)
    assert result == {"data": asdict(selection), "mode": mode, **run.summary[mode]}


def test_a_qat_checkpoint_is_evaluated_unrounded_too(run: TrainResult, folder: Path) -> None:
    result = evaluate(run.output_dir / "best.pth.tar", folder, "test", "float")
    assert (result["n"], result["mode"]) == (42, "float")


def test_a_network_is_loaded_as_it_was_trained(run: TrainResult, folder: Path) -> None:
    images = faces.load(folder, "test")
    for name, mode in (("best", "qat"), ("float", "float")):
        path = run.output_dir / f"{name}.pth.tar"
        logits = model_logits(load_trained(path), images)
        assert np.array_equal(logits, model_logits(load_model(path, mode), images))  # type: ignore[call-overload]
    with pytest.raises(CheckpointError, match="is quantized"):
        load_trained(run.output_dir / "quantized.pth.tar")


def test_a_network_is_evaluated_as_it_is(run: TrainResult, folder: Path) -> None:
    network = checkpoint.integer_network(checkpoint.read(run.output_dir / "quantized.pth.tar"))
    assert evaluate(network, folder) == evaluate(run.output_dir / "quantized.pth.tar", folder)
    with pytest.raises(CheckpointError, match="no float mode"):
        evaluate(network, folder, mode="float")


def test_terminal_says_of_which_faces_it_is_and_how_they_were_seen(run: TrainResult, folder: Path) -> None:
    result = evaluate(run.output_dir / "quantized.pth.tar", folder, limit=14, lens="moderate", mirror=True)
    said = (
        f"integer, on 14 faces of {folder}, split test (a stratified sample, seed 0); lens moderate; each also mirrored"
    )
    assert render(result).splitlines()[0] == said


def test_limit_takes_a_sample(run: TrainResult, folder: Path) -> None:
    result = evaluate(run.output_dir / "quantized.pth.tar", folder, limit=14)
    assert [entry["support"] for entry in result["per_class"].values()] == [2] * 7


def test_modes_a_checkpoint_does_not_have_are_refused(run: TrainResult, folder: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"not trained quantization-aware\. Use mode float, or .*fer-edge quantize"
    ):
        evaluate(run.output_dir / "float.pth.tar", folder, mode="qat")
    with pytest.raises(CheckpointError, match="is quantized: mode qat"):
        evaluate(run.output_dir / "quantized.pth.tar", folder, mode="qat")


def test_integer_evaluation_needs_no_torch(run: TrainResult, folder: Path) -> None:
    code = f"""
import sys
from fer_edge.training.evaluate import evaluate
evaluate({str(run.output_dir / "quantized.pth.tar")!r}, {str(folder)!r})
sys.exit("torch" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
