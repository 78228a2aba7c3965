"""Every architecture goes through the command line: trained for an epoch, stopped on the way, resumed, evaluated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fer_edge import models
from fer_edge.cli import main
from fer_edge.models import dlib_resnet

QUICK = ("fernet-nano", "cnn-baseline", "snn-fc")
ARCHITECTURES = [
    pytest.param(architecture, id=architecture.name, marks=() if architecture.name in QUICK else pytest.mark.slow)
    for architecture in models.architectures()
]
FACES = ("--data", "drawn", "--limit", 64)


def command(*arguments: object) -> dict[str, Any]:
    """What a command that went well printed with --json."""
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_is_trained_stopped_resumed_and_evaluated(architecture: models.Architecture, tmp_path: Path) -> None:
    deployable = architecture.family == "deployable"
    smallest = dlib_resnet.SMALLEST if architecture.name == "dlib-resnet" else 48
    size = ("--size", smallest) if architecture.pretrained else ()  # faces no larger than needed: large ones take long
    train = (
        *("qat-train" if deployable else "train", "--arch", architecture.name, *FACES, *size, "--output-dir", tmp_path),
        *("--batch-size", 16, "--threads", 1, "--epochs", 2 if deployable else 1),
    )
    stopped = command(*train, "--max-minutes", 1e-9)
    assert (stopped["finished"], stopped["epoch"]) == (False, 0)
    finished = command(*train, "--resume")
    assert finished["finished"]
    trained = finished["summary"]["integer" if deployable else "float"]

    checkpoint, mode = ("quantized", "integer") if deployable else ("best", "float")
    scores = command("evaluate", "--checkpoint", tmp_path / f"{checkpoint}.pth.tar", "--mode", mode, *FACES)
    assert scores["n"] == trained["n"] == 64
    assert scores["confusion"] == trained["confusion"]
