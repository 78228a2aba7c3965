"""A selection says which faces a result is of, and whether another is of the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_edge.faces import Faces, Selection

from .conftest import some


def of(faces: Faces, limit: int | None = None, labels: Path | None = None, source: str = "FER2013") -> Selection:
    return Selection.of(faces, source, "test", limit, 3, labels)


def test_it_says_where_faces_are_from_and_whose_labels_they_have() -> None:
    faces = some("test", 2)
    assert str(of(faces)) == f"{len(faces)} faces of FER2013, split test"
    assert str(of(faces, labels=Path("votes.csv"))) == f"{len(faces)} faces of FER2013, labels votes.csv, split test"


def test_one_face_is_a_face() -> None:
    assert str(of(some("test", 2).take(np.arange(1)))) == "1 face of FER2013, split test"


def test_a_sample_is_called_one_where_there_were_more_faces() -> None:
    faces = some("test", 2)
    assert str(of(faces, limit=len(faces))).endswith("split test (a stratified sample, seed 3)")
    assert str(of(faces, limit=len(faces) + 1)).endswith("split test")


def test_the_same_faces_have_one_fingerprint_wherever_they_lie_and_others_another() -> None:
    faces = some("test", 2)
    pixels = faces.images.copy()
    pixels[0, 0, 0] ^= 1
    others = [
        replace(faces, images=pixels),
        replace(faces, labels=np.roll(faces.labels, 1)),
        faces.take(np.arange(len(faces))[::-1]),
    ]
    known = of(faces).fingerprint
    assert of(faces, source="elsewhere").fingerprint == known
    assert len({known, *(of(other).fingerprint for other in others)}) == 4
