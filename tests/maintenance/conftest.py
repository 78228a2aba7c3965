"""A zoo of one network: a finished run, a few faces, and the folder it is shipped to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fer_edge import checkpoint, faces, zoo
from fer_edge.faces import CLASSES, drawn
from fer_edge.maintenance.ship import ship
from fer_edge.metrics import score, simulate_faces
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator


@dataclass(frozen=True)
class Run:
    """What training leaves behind."""

    folder: Path
    data: Path
    network: IntegerNetwork

    @property
    def history(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads((self.folder / "history.json").read_text())
        return result

    def change(self, section: str, **entries: object) -> None:
        history = self.history
        history[section] = {**history[section], **entries}
        (self.folder / "history.json").write_text(json.dumps(history))


@pytest.fixture(scope="session")
def drawings() -> NDArray[np.uint8]:
    return drawn.draw(range(98))


@pytest.fixture
def run(drawings: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of recipe zoo/tiny; 14 of its 42 test faces were trained on."""
    monkeypatch.setattr(zoo, "FOLDER", tmp_path / "zoo")
    (tmp_path / "zoo/tiny").mkdir(parents=True)
    (tmp_path / "zoo/tiny/recipe.yaml").write_text("arch: fernet-nano\nepochs: 4\nqat_epochs: 1\nlr: 0.01\n")

    data = tmp_path / "faces"
    for split, numbers in (("train", range(70)), ("test", range(56, 98))):
        for number in numbers:
            path = data / split / CLASSES[number % 7] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(drawings[number]).save(path)

    weight = np.random.default_rng(1).integers(-100, 100, (7, 1, 3, 3), np.int8)
    pooled: dict[str, Any] = {"pool": "max", "pool_size": (16, 16), "pool_stride": 16}
    network = IntegerNetwork(
        "any", (1, 48, 48), (Layer("conv1", Operator.CONV, (INPUT,), weight, output_width=32, **pooled),)
    )
    folder = tmp_path / "run"
    folder.mkdir()
    checkpoint.write(folder / "quantized.pth.tar", network)
    test = faces.load(data, "test")
    result = score(test, simulate_faces(network, test))
    history = {
        "settings": {
            "arch": "fernet-nano",
            "data": "0123",
            "epochs": 4,
            "qat_epochs": 1,
            "weight_bits": "8",
            "lr": 0.01,
            "seed": 0,
        },
        "epochs": [{"epoch": n + 1, "seconds": 90.0} for n in range(4)],
        "result": {"split": "test", "float": {**result, "accuracy": 0.4321}, "qat": result, "integer": result},
    }
    (folder / "history.json").write_text(json.dumps(history))
    return Run(folder, data, network)


@pytest.fixture
def shipped(run: Run) -> Path:
    """The folder of the shipped network."""
    return ship(run.folder, run.data, "tiny")
