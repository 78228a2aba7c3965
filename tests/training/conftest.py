"""A small folder of faces, and a finished run on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from fer_edge.faces import CLASSES, drawn
from fer_edge.training.config import TrainConfig
from fer_edge.training.train import TrainResult, run_training


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """84 faces to train on, 28 to validate on, 42 to test on."""
    root = tmp_path_factory.mktemp("faces")
    start = 0
    for split, count in (("train", 84), ("val", 28), ("test", 42)):
        for number, image in enumerate(drawn.draw(range(start, start + count))):
            path = root / split / CLASSES[(start + number) % 7] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
        start += count
    return root


@pytest.fixture(scope="session")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    """An uninterrupted run of two float epochs and one QAT epoch of five steps each."""
    output = tmp_path_factory.mktemp("run")
    return run_training(TrainConfig("fernet-nano", folder, output, epochs=3, qat_epochs=1, batch_size=16, threads=1))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what a search trained, in this order; training itself is left out."""
    from fer_edge.training import search as searching

    names: list[str] = []

    class Untrained:
        def __init__(self, config: object, *_: object) -> None:
            names.append(config.arch)  # type: ignore[attr-defined]
            self.history = [{"val_accuracy": len(names) / 100}]

        def run(self) -> bool:
            return True

    monkeypatch.setattr(searching, "_ReportingTrainer", Untrained)
    return names
