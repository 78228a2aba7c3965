"""Two processes train as one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fer_edge.training import parallel

LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def test_alone_nothing_is_exchanged() -> None:
    tensor = torch.arange(3.0)
    parallel.average_([tensor])
    assert tensor.tolist() == [0, 1, 2]
    assert parallel.anywhere(True, torch.device("cpu"))
    assert not parallel.anywhere(False, torch.device("cpu"))


def test_two_processes_average_and_agree(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        """
import sys, torch
from fer_edge.training import parallel
with parallel.group(torch.device("cpu")):
    one, other = torch.full((2,), float(parallel.rank())), torch.tensor([[parallel.rank() * 4.0]], dtype=torch.float64)
    parallel.average_([one, other])
    stop = parallel.anywhere(parallel.rank() == 1, torch.device("cpu"))
    go_on = parallel.anywhere(False, torch.device("cpu"))
    print(one.tolist() == [0.5, 0.5] and other.tolist() == [[2.0]] and stop and not go_on)
"""
    )
    done = subprocess.run([*LAUNCH, str(script)], capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
    assert "".join(done.stdout.split()) == "TrueTrue", done.stderr  # their lines may meet


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(folder: Path, tmp_path: Path) -> None:
    options = ["train", "--arch", "fernet-nano", "--data", str(folder), "--epochs", "2", "--batch-size", "28"]
    options += ["--threads", "1", "--precision", "float32", "--seed", "3"]
    command = {1: [sys.executable, "-m", "fer_edge.cli"], 2: [*LAUNCH, "-m", "fer_edge.cli"]}
    runs = {}
    for processes, start in command.items():
        output = tmp_path / str(processes)
        done = subprocess.run(
            [*start, *options, "--output-dir", str(output)],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("epochs done") == 1
        runs[processes] = json.loads((output / "history.json").read_text())
    # Batch norm sees half the batch in each: nearly the same, not quite.
    for one, two in zip(runs[1]["epochs"], runs[2]["epochs"], strict=True):
        assert two["train_loss"] == pytest.approx(one["train_loss"], rel=0.05)
        assert two["val_loss"] == pytest.approx(one["val_loss"], rel=0.05)
