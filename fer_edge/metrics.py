"""What a classifier's predictions are worth. All rates are fractions of one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from fer_edge.errors import DataError
from fer_edge.faces import Faces
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import infer, predictions

Z_95 = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """95 % confidence interval of a proportion (Wilson score); (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    p, z2 = right / n, Z_95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    # At 0 and n the bound is exact, whatever the rounding.
    return (0.0 if right == 0 else centre - half), (1.0 if right == n else centre + half)


def confusion_matrix(labels: NDArray[np.integer], predictions: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Counts, int64 [classes, classes]: row is the true class, column the predicted one."""
    cells = np.bincount(labels * classes + predictions, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def scores(confusion: NDArray[np.int64], classes: Sequence[str]) -> dict[str, Any]:
    """Accuracy with its 95 % interval, precision, recall and F1 of each class, macro and weighted F1, confusion.

    Plain numbers, strings, lists and dicts. A ratio with nothing below the line is 0. Macro F1 is the mean over
    the classes that occur, as labels or as predictions.
    """
    right, labelled, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    n, correct = int(confusion.sum()), int(right.sum())
    precision, recall = _ratio(right, predicted), _ratio(right, labelled)
    f1 = _ratio(2 * right, labelled + predicted)
    present = labelled + predicted > 0
    return {
        "n": n,
        "accuracy": correct / n if n else 0.0,
        "accuracy_95": list(wilson_interval(correct, n)),
        "macro_f1": float(f1[present].mean()) if present.any() else 0.0,
        "weighted_f1": float((f1 * labelled).sum() / n) if n else 0.0,
        "per_class": {
            name: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(labelled[i]),
            }
            for i, name in enumerate(classes)
        },
        "confusion": confusion.tolist(),
    }


def render(result: Mapping[str, Any]) -> str:
    """What `scores` gives, as lines for the terminal."""
    low, high = result["accuracy_95"]
    return "\n".join(
        [
            f"  accuracy    {percent(result['accuracy'])} (measured; 95 %: {percent(low)} to {percent(high)}, "
            f"n = {result['n']:,}); macro F1 {result['macro_f1']:.3f}, weighted F1 {result['weighted_f1']:.3f}",
            f"  {'':12}{'precision':>10}{'recall':>10}{'F1':>8}{'n':>8}",
            *(
                f"  {name:12}{percent(c['precision']):>10}{percent(c['recall']):>10}{c['f1']:8.3f}{c['support']:8,}"
                for name, c in result["per_class"].items()
            ),
        ]
    )


def percent(fraction: float) -> str:
    """A fraction of one as per cent."""
    return f"{100 * fraction:.2f} %"


def _ratio(above: NDArray[np.int64], below: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(above, below, out=np.zeros(len(below)), where=below > 0)


def softmax(logits: NDArray[Any]) -> NDArray[np.floating]:
    """Probabilities from logits (N, classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: NDArray[np.floating] = powers / powers.sum(axis=1, keepdims=True)
    return result


def check_classes(who: str, outputs: int, classes: Sequence[str], wanted: Sequence[str]) -> None:
    """DataError if a network of so many `outputs`, named `classes` or not at all, cannot tell the `wanted` apart."""
    common = set(classes or wanted) & set(wanted)
    if outputs != len(classes or wanted) or len(common) < 2:
        raise DataError(
            f"{who} has {outputs} outputs ({', '.join(classes) or 'without names'}); the faces have "
            f"{len(wanted)} classes ({', '.join(wanted)}).",
            "Give faces of the network's classes; for one that learnt from FERPlus' votes that is --labels.",
        )


def by_class(logits: NDArray[Any], classes: Sequence[str], wanted: Sequence[str]) -> NDArray[Any]:
    """Logits (N, outputs) of a network of `classes` as logits (N, classes) of those `wanted`, matched by name.

    An output for a class that is not wanted is left out. A class that the network does not know gets the least logit
    there is, so that its faces count as wrong. A network that names no classes has those wanted. DataError as
    `check_classes` raises it.
    """
    check_classes("The network", logits.shape[1], classes, wanted)
    if tuple(classes or wanted) == tuple(wanted):
        return logits
    least = np.iinfo(logits.dtype).min if logits.dtype.kind == "i" else -np.inf
    chosen = np.full((len(logits), len(wanted)), least, logits.dtype)
    for column, name in enumerate(wanted):
        if name in classes:
            chosen[:, column] = logits[:, classes.index(name)]
    return chosen


def score(images: Faces, logits: NDArray[Any], classes: Sequence[str] = ()) -> dict[str, Any]:
    """`scores` of logits (N, outputs), which are for `classes` (see `by_class`)."""
    predicted = predictions(by_class(logits, classes, images.classes))
    return scores(confusion_matrix(images.labels, predicted, len(images.classes)), images.classes)


def simulate_faces(network: IntegerNetwork, images: Faces, mirror: bool = False) -> NDArray[np.int32]:
    """Accumulators of the last layer, int32 (N, classes), as `simulate.infer` gives them; with a progress bar."""
    with tqdm(total=len(images), desc="simulating", unit="img", leave=False, disable=None) as bar:
        return infer(network, images.images, mirror, progress=bar.update)


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact p value: faces that only A or only B got right, were both equally good."""
    n = only_a + only_b
    tail = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1)) / 2**n
    result: float = min(1.0, 2 * tail)
    return result
