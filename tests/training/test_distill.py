"""Learning from teachers."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.training import distill, train
from fer_edge.training.config import TrainConfig
from fer_edge.training.train import TrainResult, run_training

LOGITS = [4.0, 3.0, 2.0, 1.0, 0.0, -1.0, -2.0]


class Counting(nn.Module):
    """The same logits for every face; counts how often it is asked."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits, self.calls = torch.tensor(logits), 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return self.logits.expand(len(images), -1)


IMAGES = torch.zeros(3, 1, 2, 2)


def opened(models: Sequence[nn.Module], *memory: Path, first: Tensor = IMAGES, steps: int = 4) -> distill.Teachers:
    """Teachers ready for view 1."""
    teachers = distill.Teachers(models, torch.device("cpu"), memory)
    teachers.open(1, steps, first)
    return teachers


def ask(teachers: distill.Teachers, *steps: int) -> list[Tensor]:
    return [teachers.targets(1, step, IMAGES, nullcontext()) for step in steps]


def test_targets_are_the_mean_of_the_softened_probabilities(tmp_path: Path) -> None:
    a, b = [4.0, *[0.0] * 6], [0.0, 2.0, *[0.0] * 5]
    (targets,) = ask(opened([Counting(a), Counting(b)], tmp_path / "a", tmp_path / "b"), 0)
    expected = (F.softmax(torch.tensor(a) / 2, 0) + F.softmax(torch.tensor(b) / 2, 0)) / 2
    assert torch.allclose(targets, expected.expand(3, 7))


def test_teachers_are_asked_once_for_each_view(tmp_path: Path) -> None:
    model = Counting(LOGITS)
    teachers = opened([model], tmp_path / "one")
    for _ in range(3):
        teachers.open(1, 4, IMAGES)
        ask(teachers, 0, 1, 2, 3)
    assert model.calls == 4


def test_a_later_run_reads_what_was_said(tmp_path: Path) -> None:
    teachers = opened([Counting(LOGITS)], tmp_path / "one")
    said = ask(teachers, 0, 1, 2, 3)
    teachers.save(1)
    model = Counting([0.0] * 7)
    assert all(map(torch.equal, ask(opened([model], tmp_path / "one"), 0, 1, 2, 3), said))
    assert model.calls == 0


@pytest.mark.parametrize("other", ["teacher", "images", "steps", "damaged", "empty"])
def test_what_was_said_of_something_else_is_not_taken(tmp_path: Path, other: str) -> None:
    teachers = opened([Counting(LOGITS)], tmp_path / "one")
    ask(teachers, 0, 1, 2, 3)
    teachers.save(1)
    (file,) = tmp_path.iterdir()
    if other in ("damaged", "empty"):
        file.write_bytes(file.read_bytes()[: 100 if other == "damaged" else 0])
    name = "two" if other == "teacher" else "one"
    first, steps = IMAGES + (other == "images"), 5 if other == "steps" else 4
    model = Counting([0.0] * 7)
    ask(opened([model], tmp_path / name, first=first, steps=steps), 0)
    assert model.calls == 1


def test_a_view_is_kept_when_it_is_whole(tmp_path: Path) -> None:
    teachers = opened([Counting(LOGITS)], tmp_path / "one")
    ask(teachers, 2, 3)  # a run resumed in the middle of an epoch
    teachers.save(1)
    assert not list(tmp_path.iterdir())
    ask(teachers, 0, 1)
    teachers.save(1)
    assert len(list(tmp_path.iterdir())) == 1


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
    monkeypatch.setattr(distill, "VIEWS", 1)
    teacher = Path(shutil.copy(run.output_dir / "float.pth.tar", tmp_path))  # opinions will lie beside it
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


def test_opinions_lie_beside_the_teacher_for_its_next_student(
    run: TrainResult, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_finish", lambda *_: {})
    teacher = Path(shutil.copy(run.output_dir / "float.pth.tar", tmp_path))
    config = TrainConfig("fernet-nano", folder, tmp_path / "a", epochs=2, qat_epochs=0, threads=1, teachers=(teacher,))
    run_training(config)
    assert len(list((tmp_path / "opinions").glob("*.npy"))) == 2  # one for each view
    monkeypatch.setattr(train, "load_trained", lambda path: nn.Identity())  # must not be asked again
    run_training(dataclasses.replace(config, output_dir=tmp_path / "b"))
    first, second = (
        torch.load(tmp_path / name / "last.pth.tar", weights_only=True)["state_dict"]["conv1.op.weight"]
        for name in "ab"
    )
    assert torch.equal(first, second)
