"""Metrics against scikit-learn and textbook values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from fer_edge.errors import DataError
from fer_edge.faces import Faces
from fer_edge.metrics import confusion_matrix, mcnemar, score, scores, softmax, wilson_interval

NAMES = ("a", "b", "c", "d")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_scores_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = np.array(pairs).T
    ours = scores(confusion_matrix(labels, predictions, 4), NAMES)
    assert ours["confusion"] == reference.confusion_matrix(labels, predictions, labels=range(4)).tolist()
    assert ours["accuracy"] == pytest.approx(reference.accuracy_score(labels, predictions))
    table = reference.classification_report(
        labels, predictions, labels=range(4), target_names=NAMES, output_dict=True, zero_division=0
    )
    for name in NAMES:
        expected = {"precision": "precision", "recall": "recall", "f1": "f1-score", "support": "support"}
        assert ours["per_class"][name] == pytest.approx({k: table[name][v] for k, v in expected.items()})
    assert ours["weighted_f1"] == pytest.approx(table["weighted avg"]["f1-score"])
    assert ours["macro_f1"] == pytest.approx(
        reference.f1_score(labels, predictions, average="macro", zero_division=0), abs=1e-9
    )


def test_rows_of_the_confusion_are_true_classes() -> None:
    assert confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 0]), 2).tolist() == [[0, 2], [1, 0]]


@pytest.mark.parametrize(
    ("right", "n", "low", "high"), [(10, 10, 0.7225, 1), (0, 10, 0, 0.2775), (15, 20, 0.5313, 0.8881), (0, 0, 0, 1)]
)
def test_wilson_interval_of_the_textbook(right: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(right, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_the_interval_holds_the_proportion(n: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, n))
    low, high = wilson_interval(right, n)
    assert 0 <= low <= right / n <= high <= 1


def test_no_faces_give_zeros_and_no_certainty() -> None:
    empty = scores(np.zeros((2, 2), np.int64), ("a", "b"))
    assert (empty["n"], empty["accuracy"], empty["accuracy_95"]) == (0, 0.0, [0.0, 1.0])


def test_softmax_survives_large_logits() -> None:
    np.testing.assert_allclose(softmax(np.array([[1e6, 1e6], [0.0, np.log(3)]])), [[0.5, 0.5], [0.25, 0.75]])


def test_mcnemar_against_a_textbook_value() -> None:
    # Ten coins: two-sided probability of at most one head.
    assert mcnemar(1, 9) == pytest.approx(2 * 11 / 1024)
    assert mcnemar(0, 0) == 1.0


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_a_probability_and_fair(a: int, b: int) -> None:
    assert 0 < mcnemar(a, b) <= 1
    assert mcnemar(a, b) == mcnemar(b, a)


def faces_of(classes: tuple[str, ...], labels: list[int]) -> Faces:
    return Faces(np.zeros((len(labels), 48, 48), np.uint8), np.array(labels), [""] * len(labels), classes)


def test_classes_of_network_and_faces_are_matched_by_name() -> None:
    faces = faces_of(("happy", "sad"), [0, 1, 1])
    logits = np.array([[9, 1, 5], [9, 7, 2], [9, 1, 2]], np.int32)
    result = score(faces, logits, ("contempt", "sad", "happy"))
    assert result["confusion"] == [[1, 0], [1, 1]]


def test_faces_of_a_class_that_the_network_does_not_know_count_as_wrong() -> None:
    result = score(faces_of(("happy", "sad", "contempt"), [0, 1, 2]), np.eye(3)[:, :2], ("happy", "sad"))
    assert result["accuracy"] == pytest.approx(2 / 3)
    assert result["per_class"]["contempt"]["recall"] == 0


def test_outputs_without_names_are_those_of_the_faces_if_there_are_as_many() -> None:
    assert score(faces_of(("happy", "sad"), [1]), np.array([[0.0, 1.0]]))["accuracy"] == 1
    with pytest.raises(DataError, match=r"3 outputs \(without names\); the faces have 2 classes \(happy, sad\)"):
        score(faces_of(("happy", "sad"), [1]), np.zeros((1, 3)))


def test_networks_and_faces_need_two_classes_in_common() -> None:
    with pytest.raises(DataError, match=r"\(happy, cat\); the faces have 2 classes"):
        score(faces_of(("happy", "sad"), [1]), np.zeros((1, 2)), ("happy", "cat"))
