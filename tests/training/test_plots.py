"""Plots are drawn from any data there may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_edge.faces import CLASSES, Faces, drawn
from fer_edge.training import plots
from fer_edge.training.metrics import confusion_matrix, scores


def _row(epoch: int, phase: str) -> dict[str, float | str]:
    losses = {"train_loss": 2.0 / epoch, "val_loss": 2.1 / epoch}
    return {"epoch": epoch, "phase": phase, "train_accuracy": 0.3, "val_accuracy": 0.4, **losses}


@pytest.mark.parametrize("phases", [["float"], ["qat"], ["float", "float", "qat", "qat"]], ids=len)
def test_curves(phases: list[str], tmp_path: Path) -> None:
    plots.curves([_row(i + 1, phase) for i, phase in enumerate(phases)], "a run", tmp_path / "curves.png")
    assert Image.open(tmp_path / "curves.png").size == (1500, 600)


def test_confusion_of_uneven_classes(tmp_path: Path) -> None:
    labels = np.array([0, 0, 0, 1])
    result = scores(confusion_matrix(labels, np.array([0, 0, 1, 3]), len(CLASSES)), CLASSES)
    plots.confusion(result, "few", tmp_path / "confusion.png")
    assert Image.open(tmp_path / "confusion.png").size == (1080, 960)


def test_predictions_where_a_class_has_no_wrong_and_another_no_faces(tmp_path: Path) -> None:
    faces = Faces(drawn.draw(range(5)), np.arange(5) % 7, [str(i) for i in range(5)])
    plots.predictions(faces, np.eye(7)[[0, 1, 2, 0, 0]], "few", tmp_path / "predictions.png")
    assert Image.open(tmp_path / "predictions.png").size[0] > 1000
