"""Plots of training and of its result, as PNG files. matplotlib is imported when the first one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer_edge.faces import Faces
from fer_edge.files import atomic_save
from fer_edge.pages.colours import PALETTE, text_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150
TRAIN, VAL, QAT = "#8a8f98", PALETTE["accent"][0], "#d7e3f3"
RIGHT, WRONG = "#1b7f4d", "#b3261e"
EXAMPLES = 2
"""Right and wrong faces shown of each class."""


def curves(history: Sequence[Mapping[str, Any]], title: str, path: Path, *, augmented: bool) -> None:
    """Loss and accuracy over the epochs of `history` (see `Trainer`), QAT epochs shaded.

    `augmented` says whether those of train are of changed faces.
    """
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
            label = f"{part} (augmented)" if part == "train" and augmented else part
            axes.plot(epochs, values, color=colour, label=label, linewidth=1.8, marker="o", markersize=2.5)
        axes.set_xlabel("epoch")
        axes.set_ylabel(what + (" (%)" if scale == 100 else ""))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    # Below the axes: on the shaded epochs, the swatch that stands for the shade could not be seen.
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    if "val_accuracy" in history[0]:
        best = max((row for row in history if not qat or row["phase"] == "qat"), key=lambda row: row["val_accuracy"])
        title += f", best val accuracy {best['val_accuracy']:.1%} (measured) in epoch {best['epoch']}"
    figure.suptitle(title)
    _save(figure, path)


def confusion(scores: Mapping[str, Any], title: str, path: Path) -> None:
    """The confusion matrix of `metrics.scores`: percent of each true class, and counts."""
    from matplotlib.colors import to_hex

    counts = np.array(scores["confusion"])
    names = list(scores["per_class"])
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = _figure(7.2, 6.4)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for row in range(len(names)):
        for column in range(len(names)):
            colour = text_on(to_hex(image.cmap(share[row, column] / 100)))
            place: dict[str, Any] = {"ha": "center", "va": "center", "color": colour}
            axes.text(column, row - 0.1, f"{share[row, column]:.0f}", fontsize=11, **place)
            axes.text(column, row + 0.24, f"{counts[row, column]:,}", fontsize=7, **place)
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
        f"{title}\naccuracy {scores['accuracy']:.1%} (measured; 95 %: {low:.1%} to {high:.1%}, n = {scores['n']:,})",
        fontsize=11,
    )
    _save(figure, path)


def predictions(images: Faces, probabilities: NDArray[np.floating], title: str, path: Path) -> None:
    """A column of faces for each class that occurs, right ones above wrong ones, with the prediction and its score.

    Which faces are shown is drawn at random, always the same for the same faces.
    """
    order = np.random.default_rng(0).permutation(len(images))
    right = probabilities.argmax(axis=1)[order] == images.labels[order]
    classes = sorted(set(images.labels.tolist()))
    rows = [  # of each row its name, and the face of each class, where there is one
        ("right" if part else "wrong", [next(iter(mine[number : number + 1]), None) for mine in faces])
        for part in (True, False)
        for faces in [[order[(images.labels[order] == label) & (right == part)] for label in classes]]
        for number in range(min(EXAMPLES, max(map(len, faces))))
    ]
    figure = _figure(1.35 * max(len(classes), 4), 1.5 * len(rows) + 0.7)
    grid = figure.subplots(len(rows), len(classes), squeeze=False)
    for row, (part, faces) in enumerate(rows):
        colour = RIGHT if part == "right" else WRONG
        for axes, label, index in zip(grid[row], classes, faces, strict=True):
            _face(axes, images, probabilities, index, colour)
            if row == 0:
                axes.set_title(images.classes[label], fontsize=11)
        if row == 0 or part != rows[row - 1][0]:
            grid[row, 0].set_ylabel(part, fontsize=11, color=colour)
    figure.suptitle(f"{title}\ntrue class above, prediction and its score below", fontsize=11)
    _save(figure, path)


def _face(axes: Axes, images: Faces, probabilities: NDArray[np.floating], index: int | None, colour: str) -> None:
    """The face `index` with its prediction below it; without one, a blank of the same size."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_box_aspect(1)
    if index is None:
        axes.set_facecolor(PALETTE["wash"][0])
        axes.text(0.5, 0.5, "none", ha="center", va="center", color=PALETTE["soft"][0], transform=axes.transAxes)
        return
    axes.imshow(images.images[index], cmap="gray", vmin=0, vmax=255)
    scores = probabilities[index]
    axes.set_xlabel(f"{images.classes[scores.argmax()]} {scores.max():.0%}", fontsize=9, color=colour, labelpad=3)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # without pyplot there is no window and no global state

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, path: Path) -> None:
    atomic_save(path, lambda stream: figure.savefig(stream, dpi=DPI, facecolor="white"))
