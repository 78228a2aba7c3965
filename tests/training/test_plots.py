"""Plots are drawn from any data there may be, and can be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from fer_edge.faces import CLASSES, Faces, drawn
from fer_edge.metrics import confusion_matrix, scores
from fer_edge.pages.colours import contrast
from fer_edge.training import plots
from tests.present import present


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What is drawn, as it is saved."""
    saved: list[Figure] = []
    save = plots._save

    def keep(figure: Figure, path: Path) -> None:
        save(figure, path)
        figure.draw_without_rendering()  # at its own resolution
        saved.append(figure)

    monkeypatch.setattr(plots, "_save", keep)
    return saved


def _row(epoch: int, phase: str) -> dict[str, float | str]:
    losses = {"train_loss": 2.0 / epoch, "val_loss": 2.1 / epoch}
    return {"epoch": epoch, "phase": phase, "train_accuracy": 0.3, "val_accuracy": 0.4, **losses}


@pytest.mark.parametrize("phases", [["float"], ["qat"], ["float", "float", "qat", "qat"]], ids=len)
def test_curves(phases: list[str], tmp_path: Path) -> None:
    plots.curves(
        [_row(i + 1, phase) for i, phase in enumerate(phases)], "a run", tmp_path / "curves.png", augmented=True
    )
    assert Image.open(tmp_path / "curves.png").size == (1500, 600)


def test_the_legend_stands_outside_the_shaded_epochs_it_explains(figures: list[Figure], tmp_path: Path) -> None:
    plots.curves([_row(1, "float"), _row(2, "qat")], "a run", tmp_path / "curves.png", augmented=True)
    (legend,) = figures[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["quantization-aware", "train (augmented)", "val"]
    for axes in figures[0].axes:
        assert axes.get_legend() is None
        assert not axes.get_window_extent().overlaps(legend.get_window_extent())


def test_curves_are_the_values_of_the_history(figures: list[Figure], tmp_path: Path) -> None:
    rows = [_row(1, "float"), _row(2, "float")]
    plots.curves(rows, "a run", tmp_path / "curves.png", augmented=False)
    drawn = {(axes.get_ylabel(), line.get_label()): line for axes in figures[0].axes for line in axes.lines}
    for what, scale in (("loss", 1), ("accuracy (%)", 100)):
        for part in ("train", "val"):
            expected = [scale * float(row[f"{part}_{what.split()[0]}"]) for row in rows]
            assert np.asarray(drawn[what, part].get_ydata()).tolist() == expected


def test_confusion_of_uneven_classes(tmp_path: Path) -> None:
    labels = np.array([0, 0, 0, 1])
    result = scores(confusion_matrix(labels, np.array([0, 0, 1, 3]), len(CLASSES)), CLASSES)
    plots.confusion(result, "few", tmp_path / "confusion.png")
    assert Image.open(tmp_path / "confusion.png").size == (1080, 960)


def test_numbers_are_legible_on_every_shade(figures: list[Figure], tmp_path: Path) -> None:
    right = np.linspace(0, 100, len(CLASSES)).round().astype(int)
    counts = np.diag(right) + np.diag(100 - right[:-1], 1)
    counts[-1, 0] = 100 - right[-1]
    plots.confusion(scores(counts, CLASSES), "shades", tmp_path / "confusion.png")
    axes = figures[0].axes[0]
    (image,) = axes.images
    assert len(axes.texts) == 2 * len(CLASSES) ** 2
    for text in axes.texts:
        column, row = (round(place) for place in text.get_position())
        shade = to_hex(tuple(image.cmap(present(image.get_array())[row, column] / 100)))
        assert text.get_alpha() is None
        assert contrast(to_hex(text.get_color()), shade) >= 4.5


def test_predictions_where_a_class_has_no_wrong_and_others_no_faces(figures: list[Figure], tmp_path: Path) -> None:
    faces = Faces(drawn.draw(range(5)), np.array([0, 0, 0, 1, 1]), [str(i) for i in range(5)])
    plots.predictions(faces, np.eye(7)[[0, 0, 2, 1, 1]], "few", tmp_path / "predictions.png")
    shown = figures[0].axes
    assert [axes.get_title() for axes in shown] == ["angry", "disgust", "", "", "", ""]
    assert [axes.get_ylabel() for axes in shown] == ["right", "", "", "", "wrong", ""]
    assert [len(axes.images) for axes in shown] == [1, 1, 1, 1, 1, 0]
    assert len({axes.title.get_window_extent().y0 for axes in shown[:2]}) == 1
    title, edge = figures[0]._suptitle.get_window_extent(), figures[0].bbox  # type: ignore[attr-defined]
    assert edge.x0 < title.x0 < title.x1 < edge.x1


def test_accuracy_in_a_title_is_said_to_be_measured(figures: list[Figure], tmp_path: Path) -> None:
    plots.confusion(scores(np.eye(7, dtype=int), CLASSES), "all right", tmp_path / "confusion.png")
    assert "accuracy 100.0% (measured; 95 %: " in figures[0].axes[0].get_title()
