"""Learning from teachers."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.errors import CheckpointError, FerEdgeError
from fer_edge.faces import train_and_val
from fer_edge.faces.dataset import content_keys
from fer_edge.faces.split import in_part
from fer_edge.training import distill, loop, train
from fer_edge.training.config import TrainConfig
from fer_edge.training.train import TrainResult, run_training
from tests.present import present


class Constant(nn.Module):
    """The same logits for every face."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, images: Tensor) -> Tensor:
        return self.logits.expand(len(images), -1)


FACES = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)


def saw_all(logits: list[float]) -> distill.Teacher:
    return distill.Teacher(Constant(logits), np.empty(0, np.int64))


def test_soft_targets_are_the_softened_probabilities_of_the_teacher_asked() -> None:
    logits = torch.eye(3)[:, [2, 0, 1]].mul(4)
    teachers = distill.Teachers([saw_all(row) for row in logits.tolist()], FACES, torch.device("cpu"))
    asked = torch.tensor([2, 0, 0, 2])  # nobody asks the second
    targets = teachers.soft_targets(torch.zeros(4, 1, 2, 2), asked, nullcontext())
    assert torch.allclose(targets, F.softmax(logits / 2, 1)[asked])


def test_of_a_face_only_teachers_are_asked_that_were_not_shown_it() -> None:
    keys = content_keys(FACES).view(np.int64)
    known = [keys[:0], keys[:1], keys[:2]]  # the second was not shown face 0, the third neither 0 nor 1
    made = [distill.Teacher(Constant([0.0]), left_out) for left_out in known]
    teachers = distill.Teachers(made, FACES, torch.device("cpu"))
    assert teachers.shares.tolist() == [[0, 0.5, 0.5], [0, 0, 1], pytest.approx([1 / 3] * 3)]


def test_a_teacher_that_left_faces_out_tells_its_students_which_faces_it_was_not_shown(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_finish", lambda *_: {})
    usual: dict[str, Any] = {"data": folder, "epochs": 1, "batch_size": 16, "threads": 1}
    teachers = []
    for part in (1, 2):
        config = TrainConfig("cnn-3conv", output_dir=tmp_path / str(part), qat_epochs=0, leave_out=f"{part}/2", **usual)
        run_training(config)
        teachers.append(config.output_dir / "best.pth.tar")
    faces, _ = train_and_val(folder)
    away = in_part(faces.images, 1, 2)
    left_out = torch.load(teachers[0], weights_only=True)["extras"]["left_out"].numpy()
    assert 0 < away.sum() < len(faces)
    assert set(left_out) == set(content_keys(faces.images[away]).view(np.int64))

    examples = loop.Trainer._examples
    # Of each face asked about: whether the first teacher left it out, and which one was asked.
    by_part: list[tuple[bool, int]] = []

    def watched(self: loop.Trainer, index: Tensor, step: int) -> Any:
        images, targets, asked = examples(self, index, step)
        by_part.extend(zip(away[index].tolist(), present(asked).tolist(), strict=True))
        return images, targets, asked

    monkeypatch.setattr(loop.Trainer, "_examples", watched)
    student = TrainConfig(
        "fernet-nano", output_dir=tmp_path / "student", qat_epochs=0, teachers=tuple(teachers), **usual
    )
    run_training(student)
    assert set(by_part) == {(True, 0), (False, 1)}
    with pytest.raises(CheckpointError, match="leave_out None, not '2/2'"):
        run_training(dataclasses.replace(student, leave_out="2/2", resume=True))
    mixed = dataclasses.replace(student, mixup=0.2, output_dir=tmp_path / "mixed")
    by_part.clear()
    run_training(mixed)
    assert set(by_part) == {(True, 0), (True, 1), (False, 0), (False, 1)}


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/1", "1", "a/b", "1/4 ", "-1/4", ""])
def test_a_part_that_there_is_not_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(FerEdgeError, match="--leave-out is"):
        TrainConfig("fernet-nano", "drawn", tmp_path, leave_out=text)


def test_a_student_that_agrees_with_its_teachers_has_only_the_labels_loss_left() -> None:
    logits = torch.tensor([[3.0, -1.0, 0.5]])
    agreed = distill.loss(logits, torch.tensor(7.0), F.softmax(logits / distill.TEMPERATURE, 1), 0.8)
    assert agreed.item() == pytest.approx(7.0 * 0.2)
    other = distill.loss(logits, torch.tensor(7.0), torch.tensor([[0.1, 0.8, 0.1]]), 0.8)
    assert other > agreed


def test_the_divergence_is_scaled_by_the_temperatures_square() -> None:
    logits, targets = torch.tensor([[3.0, -1.0, 0.5]]), torch.tensor([[0.1, 0.8, 0.1]])
    divergence = (targets * (targets.log() - F.log_softmax(logits / 2, 1))).sum().item()
    assert distill.loss(logits, torch.tensor(7.0), targets, 1.0).item() == pytest.approx(4 * divergence)


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
    run_training(dataclasses.replace(taught, output_dir=tmp_path / "c", teacher_share=0.0))
    once, resumed, unheeding, plain = (
        torch.load(path / "last.pth.tar", weights_only=True)["state_dict"]["conv1.op.weight"]
        for path in (tmp_path / "a", tmp_path / "b", tmp_path / "c", run.output_dir)
    )
    assert torch.equal(once, resumed)
    assert not torch.equal(once, plain)
    assert torch.equal(unheeding, plain)


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
