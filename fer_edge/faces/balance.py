"""Two ways to make up for uneven classes: weight the loss, or show rare classes more often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def class_weights(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Weights for the loss, float32 [classes]: inverse class frequency, 0 for absent classes.

    Their mean over the faces of `labels` is 1, so that the loss is as large as without weights.
    """
    counts = np.bincount(labels, minlength=classes)
    inverse = np.divide(1.0, counts, out=np.zeros(classes), where=counts > 0)
    result: NDArray[np.float32] = (inverse / inverse[labels].mean()).astype(np.float32)
    return result


def oversample(labels: NDArray[np.int64], seed: int | Sequence[int]) -> NDArray[np.int64]:
    """Shuffled indices in which every class present is as frequent as the most frequent one.

    Each image of a class appears equally often, but for one: which do so is drawn by `seed`, such as
    (seed, epoch).
    """
    rng = np.random.default_rng(seed)
    most = np.bincount(labels).max()
    chosen = []
    for c in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == c))
        chosen.append(np.resize(own, most))
    return rng.permutation(np.concatenate(chosen))
