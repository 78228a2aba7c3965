"""Class weights and oversampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.faces.balance import class_weights, oversample

LABELS = st.lists(st.integers(0, 6), min_size=1, max_size=200).map(np.array)


def test_a_class_half_as_frequent_weighs_twice_as_much() -> None:
    labels = np.repeat(np.arange(7), [10, 20, 20, 20, 20, 20, 20])
    weights = class_weights(labels, 7)
    assert weights[0] == pytest.approx(2 * weights[1])
    assert weights.dtype == np.float32


@given(LABELS)
def test_weights_have_mean_one_over_the_faces_and_those_of_absent_classes_are_zero(labels: np.ndarray) -> None:
    weights = class_weights(labels, 7)
    present = np.isin(np.arange(7), labels)
    assert weights[labels].mean() == pytest.approx(1, rel=1e-5)
    assert (weights[~present] == 0).all()


@given(LABELS, st.integers(0, 99))
def test_oversampling_shows_every_class_and_every_image_of_it_equally_often(labels: np.ndarray, seed: int) -> None:
    indices = oversample(labels, seed)
    counts = np.bincount(labels[indices])
    assert set(counts[counts > 0]) == {np.bincount(labels).max()}
    for c in np.unique(labels):
        shown = np.bincount(indices, minlength=len(labels))[labels == c]
        assert shown.min() >= 1
        assert shown.max() - shown.min() <= 1


def test_oversampling_follows_its_seed() -> None:
    labels = np.arange(70) % 7
    np.testing.assert_array_equal(oversample(labels, (1, 2)), oversample(labels, (1, 2)))
    assert (oversample(labels, (1, 2)) != oversample(labels, (1, 3))).any()
