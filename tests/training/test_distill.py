"""Learning from teachers."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.training import distill, train
from fer_edge.training.config import TrainConfig
from fer_edge.training.train import TrainResult, run_training


class Counting(nn.Module):
    """The same logits for every face; counts how often it is asked."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits, self.calls = torch.tensor(logits), 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return self.logits.expand(len(images), -1)


def test_targets_are_the_mean_of_the_softened_probabilities() -> None:
    models = Counting([4.0, 0.0]), Counting([0.0, 2.0])
    targets = distill.Teachers(models, torch.device("cpu")).targets((0, 0), torch.zeros(3, 1, 2, 2), nullcontext())
    expected = (F.softmax(torch.tensor([2.0, 0.0]), 0) + F.softmax(torch.tensor([0.0, 1.0]), 0)) / 2
    assert torch.allclose(targets, expected.expand(3, 2))


def test_teachers_are_asked_once_for_each_view() -> None:
    model = Counting([1.0, 0.0])
    teachers = distill.Teachers([model], torch.device("cpu"))
    for _ in range(3):
        for step in range(4):
            teachers.targets((1, step), torch.zeros(3, 1, 2, 2), nullcontext())
    assert model.calls == 4


def test_a_student_that_agrees_with_its_teachers_has_only_the_labels_loss_left() -> None:
    logits = torch.tensor([[3.0, -1.0, 0.5]])
    agreed = distill.loss(logits, torch.tensor(7.0), F.softmax(logits / distill.TEMPERATURE, 1))
    assert agreed.item() == pytest.approx(7.0 * (1 - distill.SHARE))
    other = distill.loss(logits, torch.tensor(7.0), torch.tensor([[0.1, 0.8, 0.1]]))
    assert other > agreed


def test_a_student_is_trained_by_a_finished_run(
    run: TrainResult, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_finish", lambda config, trainer: {})
    monkeypatch.setattr(distill, "VIEWS", 1)
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
