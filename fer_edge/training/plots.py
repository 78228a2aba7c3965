"""Plots of training and of its result, as PNG files. matplotlib is imported when the first one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_edge.faces import CLASSES, Faces
from fer_edge.files import atomic_save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
TRAIN, VAL, QAT = "#8a8f98", "#1f5fa8", "#e9eef6"
RIGHT, WRONG = "#1b7f4d", "#b3261e"
EXAMPLES = 2
"""Right and wrong faces shown of each class."""


def curves(history: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """Loss and accuracy over the epochs of `history` (see `Trainer`), QAT epochs shaded."""
    from matplotlib.ticker import MaxNLocator

    figure = _figure(10, 4)
    epochs = [row["epoch"] for row in history]
    qat = [row["epoch"] for row in history if row["phase"] == "qat"]
    for position, (what, scale) in enumerate((("loss", 1), ("accuracy", 100))):
        axes = figure.add_subplot(1, 2, position + 1)
        if qat:
            axes.axvspan(qat[0] - 0.5, qat[-1] + 0.5, color=QAT, zorder=0, label="quantization-aware")
        for part, colour in (("train", TRAIN), ("val", VAL)):
            if f"{part}_{what}" not in history[0]:
                continue
            values = [scale * row[f"{part}_{what}"] for row in history]
            label = f"{part} (augmented)" if part == "train" else part
            axes.plot(epochs, values, color=colour, label=label, linewidth=1.8, marker="o", markersize=2.5)
        axes.set_xlabel("epoch")
        axes.set_ylabel(what + (" (%)" if scale == 100 else ""))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    if "val_accuracy" in history[0]:
        best = max((row for row in history if not qat or row["phase"] == "qat"), key=lambda row: row["val_accuracy"])
        title += f", best val accuracy {best['val_accuracy']:.1%} in epoch {best['epoch']}"
    figure.suptitle(title)
    _save(figure, path)


def confusion(scores: Mapping[str, Any], title: str, path: Path) -> None:
    """The confusion matrix of `metrics.scores`: percent of each true class, and counts."""
    counts = np.array(scores["confusion"])
    names = list(scores["per_class"])
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = _figure(7.2, 6.4)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for row in range(len(names)):
        for column in range(len(names)):
            colour = "white" if share[row, column] > 55 else "#222222"
            place: dict[str, Any] = {"ha": "center", "va": "center", "color": colour}
            axes.text(column, row - 0.1, f"{share[row, column]:.0f}", fontsize=11, **place)
            axes.text(column, row + 0.24, f"{counts[row, column]:,}", fontsize=7, alpha=0.8, **place)
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axes.set_yticks(range(len(names)), [f"{n}\n(n = {c:,})" for n, c in zip(names, counts.sum(axis=1), strict=True)])
    axes.tick_params(length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, label="% of the true class")
    bar.outline.set_visible(False)
    low, high = scores["accuracy_95"]
    axes.set_title(
        f"{title}\naccuracy {scores['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%}, n = {scores['n']:,})",
        fontsize=11,
    )
    _save(figure, path)


def predictions(images: Faces, probabilities: NDArray[np.floating], title: str, path: Path) -> None:
    """A column of faces for each class, right ones above wrong ones, with the prediction and its score.

    Which faces are shown is drawn at random, always the same for the same faces.
    """
    guesses = probabilities.argmax(axis=1)
    order = np.random.default_rng(0).permutation(len(images))
    figure = _figure(1.35 * len(CLASSES), 1.5 * 2 * EXAMPLES + 0.6)
    grid = figure.subplots(2 * EXAMPLES, len(CLASSES))
    for column, name in enumerate(CLASSES):
        mine = order[images.labels[order] == column]
        right, wrong = mine[guesses[mine] == column], mine[guesses[mine] != column]
        for row in range(2 * EXAMPLES):
            axes = grid[row, column]
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            if column == 0 and row % EXAMPLES == 0:
                axes.set_ylabel("right" if row == 0 else "wrong", fontsize=11, color=RIGHT if row == 0 else WRONG)
            if row == 0:
                axes.set_title(name, fontsize=11)
            chosen = right if row < EXAMPLES else wrong
            if row % EXAMPLES >= len(chosen):
                axes.text(0.5, 0.5, "none", ha="center", va="center", color="#999999", transform=axes.transAxes)
                continue
            index = chosen[row % EXAMPLES]
            axes.imshow(images.images[index], cmap="gray", vmin=0, vmax=255)
            axes.set_xlabel(
                f"{CLASSES[guesses[index]]} {probabilities[index].max():.0%}",
                fontsize=9,
                color=RIGHT if row < EXAMPLES else WRONG,
                labelpad=3,
            )
    figure.suptitle(f"{title}: true class above, prediction and its score below")
    _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # without pyplot there is no window and no global state

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, path: Path) -> None:
    atomic_save(path, lambda temporary: figure.savefig(temporary, dpi=DPI, facecolor="white"))
