"""Two ways to make up for FER2013's uneven classes: weight the loss, or show rare classes more often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer_edge.faces.dataset import CLASSES


def class_weights(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Weights for the loss, float32 [7]: inverse class frequency, mean 1 over the classes present, 0 for others."""
    counts = np.bincount(labels, minlength=len(CLASSES))
    inverse = np.divide(1.0, counts, out=np.zeros(len(CLASSES)), where=counts > 0)
    return (inverse / inverse[counts > 0].mean()).astype(np.float32)


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
