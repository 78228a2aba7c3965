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


FACES = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)


def saw_all(logits: list[float]) -> distill.Teacher:
    return distill.Teacher(Constant(logits), np.empty(0, np.int64))


def test_soft_targets_are_the_mean_of_the_softened_probabilities() -> None:
    a, b = [4.0, *[0.0] * 6], [0.0, 2.0, *[0.0] * 5]
    teachers = distill.Teachers([saw_all(a), saw_all(b)], FACES, torch.device("cpu"))
    targets = teachers.soft_targets(torch.zeros(3, 1, 2, 2), teachers.shares, nullcontext())
    expected = (F.softmax(torch.tensor(a) / 2, 0) + F.softmax(torch.tensor(b) / 2, 0)) / 2
    assert torch.allclose(targets, expected.expand(3, 7))


def test_of_a_face_only_teachers_are_asked_that_were_not_shown_it() -> None:
    keys = content_keys(FACES).view(np.int64)
    logits = torch.eye(3).tolist()
    known = [keys[:0], keys[:1], keys[:2]]  # the second was not shown face 0, the third neither 0 nor 1
    made = [distill.Teacher(Constant(row), left_out) for row, left_out in zip(logits, known, strict=True)]
    teachers = distill.Teachers(made, FACES, torch.device("cpu"))
    assert teachers.shares.tolist() == [[0, 0.5, 0.5], [0, 0, 1], pytest.approx([1 / 3] * 3)]
    one = [F.softmax(torch.tensor(row) / 2, 0) for row in logits]
    expected = torch.stack([(one[1] + one[2]) / 2, one[2], (one[0] + one[1] + one[2]) / 3])
    assert torch.allclose(teachers.soft_targets(torch.zeros(3, 1, 2, 2), teachers.shares, nullcontext()), expected)


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

    asked: list[Tensor] = []
    soft_targets = distill.Teachers.soft_targets

    def watched(self: distill.Teachers, images: Tensor, shares: Tensor, precision: Any) -> Tensor:
        asked.append(shares)
        return soft_targets(self, images, shares, precision)

    monkeypatch.setattr(distill.Teachers, "soft_targets", watched)
    student = TrainConfig(
        "fernet-nano", output_dir=tmp_path / "student", qat_epochs=0, teachers=tuple(teachers), **usual
    )
    run_training(student)
    assert {tuple(row) for shares in asked for row in shares.tolist()} == {(0, 1), (1, 0)}
    with pytest.raises(CheckpointError, match="leave_out None, not '2/2'"):
        run_training(dataclasses.replace(student, leave_out="2/2", resume=True))
    mixed = dataclasses.replace(student, mixup=0.2, output_dir=tmp_path / "mixed")
    asked.clear()
    run_training(mixed)
    assert {tuple(row) for shares in asked for row in shares.tolist()} == {(0, 1), (1, 0), (0.5, 0.5)}


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
