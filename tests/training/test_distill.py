"""Learning from teachers."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.errors import CheckpointError
from fer_edge.training import distill, train
from fer_edge.training.config import TrainConfig
from fer_edge.training.train import TrainResult, run_training


class Constant(nn.Module):
    """The same logits for every face."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, images: Tensor) -> Tensor:
        return self.logits.expand(len(images), -1)


def test_soft_targets_are_the_mean_of_the_softened_probabilities() -> None:
    a, b = [4.0, *[0.0] * 6], [0.0, 2.0, *[0.0] * 5]
    teachers = distill.Teachers([Constant(a), Constant(b)], torch.device("cpu"))
    targets = teachers.soft_targets(torch.zeros(3, 1, 2, 2), nullcontext())
    expected = (F.softmax(torch.tensor(a) / 2, 0) + F.softmax(torch.tensor(b) / 2, 0)) / 2
    assert torch.allclose(targets, expected.expand(3, 7))


def test_a_student_that_agrees_with_its_teachers_has_only_the_labels_loss_left() -> None:
    logits = torch.tensor([[3.0, -1.0, 0.5]])
    agreed = distill.loss(logits, torch.tensor(7.0), F.softmax(logits / distill.TEMPERATURE, 1))
    assert agreed.item() == pytest.approx(7.0 * (1 - distill.SHARE))
    other = distill.loss(logits, torch.tensor(7.0), torch.tensor([[0.1, 0.8, 0.1]]))
    assert other > agreed


def test_a_student_is_trained_by_a_finished_run(
    run: TrainResult, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_finish", lambda *_: {})
    teacher = run.output_dir / "float.pth.tar"
    config = TrainConfig("fernet-nano", folder, tmp_path / "a", epochs=3, qat_epochs=1, batch_size=16, threads=1)
    taught = dataclasses.replace(config, teachers=(teacher,))
    run_training(taught)
    stopped = dataclasses.replace(taught, output_dir=tmp_path / "b", max_minutes=1e-9)
    while not run_training(stopped).finished:
        stopped = dataclasses.replace(stopped, resume=True)
    once, resumed, plain = (
        torch.load(path / "last.pth.tar", weights_only=True)["state_dict"]["conv1.op.weight"]
        for path in (tmp_path / "a", tmp_path / "b", run.output_dir)
    )
    assert torch.equal(once, resumed)
    assert not torch.equal(once, plain)


def test_a_teacher_of_other_classes_is_refused(run: TrainResult, tmp_path: Path) -> None:
    for name in ("left", "right"):
        (tmp_path / "data/train" / name).mkdir(parents=True)
        for number in range(12):
            pixels = np.random.default_rng(number).integers(0, 256, (48, 48), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data/train" / name / f"{name}{number}.png")
    teacher = run.output_dir / "float.pth.tar"
    config = TrainConfig("fernet-nano", tmp_path / "data", tmp_path / "out", epochs=1, teachers=(teacher,))
    with pytest.raises(CheckpointError, match=r"angry, .* apart, the faces are left, right"):
        run_training(config)
