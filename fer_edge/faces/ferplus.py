"""FERPlus: what ten people each saw in a face of FER2013 (Barsoum et al. 2016, arXiv 1608.01041).

`fer2013new.csv` has a line for every line of the challenge's `fer2013.csv`, in the same order, with its `Usage` and
the number of votes for each of eight emotions, for `unknown` and for `NF` (no face). A folder of FER2013 tells by
`rows.csv` (columns path, row) which line each of its images was, counted from 0.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_edge.errors import DataError
from fer_edge.faces import kaggle
from fer_edge.faces.dataset import Faces
from fer_edge.files import MAX_SMALL_BYTES, check_input

COLUMNS = {
    "angry": "anger",
    "contempt": "contempt",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "sad": "sadness",
    "surprise": "surprise",
}
"""Our name of each class, in order, and the file's."""

CLASSES = tuple(COLUMNS)
NO_EMOTION = ("unknown", "NF")
USAGE = "Usage"
FOLDS = 5
"""Parts of the training faces: what is said of one was learnt from the others."""
VOTERS = 10
"""How many people voted on each face."""
ROWS_FILE = "rows.csv"
_MAX_DIGITS = 9


@dataclass(frozen=True)
class Votes:
    """The votes on every line of the challenge's file.

    counts : int64 [rows, 8], votes for each of `CLASSES`
    others : int64 [rows, 2], votes for `NO_EMOTION`
    usages : the part of the challenge that each line belongs to, as `kaggle.USAGES` has them
    """

    path: Path
    counts: NDArray[np.int64]
    others: NDArray[np.int64]
    usages: tuple[str, ...]

    def majority(self) -> NDArray[np.int64]:
        """int64 [rows]: the class that over half of the votes are for, single votes dropped; -1 where there is none.

        This is what FERPlus tests on: 3,199 of PublicTest's 3,589 faces.
        """
        counts, others = (np.where(votes == 1, 0, votes) for votes in (self.counts, self.others))
        best = counts.argmax(1)
        clear = 2 * counts.max(1) > counts.sum(1) + others.sum(1)
        return np.where(clear, best, -1)

    def shares(self) -> NDArray[np.float32]:
        """float32 [rows, 8]: each class's share of the votes for any; zeros where most are for none of them."""
        total = self.counts.sum(1, keepdims=True)
        emotional = (total > 0) & (total >= self.others.sum(1, keepdims=True))
        result: NDArray[np.float32] = np.divide(
            self.counts, total, out=np.zeros(self.counts.shape), where=emotional
        ).astype(np.float32)
        return result


def read(path: Path) -> Votes:
    """`fer2013new.csv`. DataError says which line is wrong."""
    check_input(path, MAX_SMALL_BYTES)
    table: list[list[int]] = []
    usages: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            columns = [*COLUMNS.values(), *NO_EMOTION]
            if missing := [name for name in (*columns, USAGE) if name not in (lines.fieldnames or ())]:
                raise DataError(
                    f"{path}: has no column {', '.join(missing)}.", "Give FERPlus' fer2013new.csv as the votes."
                )
            for line in lines:
                table.append([_count(path, lines.line_num, line[name]) for name in columns])
                usages.append(line[USAGE].strip())
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}).", "Give FERPlus' fer2013new.csv as the votes.") from error
    votes = np.array(table, np.int64).reshape(-1, len(columns))
    return Votes(path, votes[:, : len(CLASSES)], votes[:, len(CLASSES) :], tuple(usages))


def relabel(faces: Faces, source: Path, votes: Votes, training: bool) -> Faces:
    """Faces of FER2013 as people see them: those that FERPlus' protocol leaves in.

    For testing, the label is the majority's, and faces without one are left out. For training, the shares of the
    votes are the targets, the label is the most frequent one, and faces that are mostly unknown or none are left out.
    """
    lines = rows(faces, source, votes)
    labels, shares = votes.majority()[lines], votes.shares()[lines]
    kept = np.flatnonzero(shares.any(1) if training else labels >= 0)
    labelled = replace(
        faces,
        labels=shares.argmax(1) if training else labels,
        classes=CLASSES,
        soft_targets=shares if training else None,
    )
    return labelled.take(kept)


def privileged(faces: Faces, source: Path, votes: Votes) -> Faces:
    """Faces of FER2013 with their labels, and targets that are half the label, half p(label | votes).

    Votes are there in training alone, hence privileged information (Vapnik and Vashist 2009). p is a logistic
    regression on the shares of the votes for each emotion, `unknown` and `NF`; what it says of a face comes from a
    fit to the other `FOLDS`' faces. Needs scikit-learn.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    lines = rows(faces, source, votes)
    shares = np.hstack((votes.counts, votes.others))[lines] / VOTERS
    folds = min(FOLDS, int(np.bincount(faces.labels, minlength=len(faces.classes)).min()))
    if folds < 2:
        raise DataError(
            f"{source}: has a class of fewer than two faces, too few to learn what votes tell of its label.",
            "Give more faces, or leave out --privileged.",
        )
    model = LogisticRegression(C=10, max_iter=2000)
    told = cross_val_predict(model, shares, faces.labels, cv=folds, method="predict_proba")
    targets = 0.5 * told + 0.5 * np.eye(len(faces.classes))[faces.labels]
    return replace(faces, soft_targets=targets.astype(np.float32))


def rows(faces: Faces, source: Path, votes: Votes) -> NDArray[np.int64]:
    """int64 [N]: the line of the votes that belongs to each face. DataError where one has none."""
    known: dict[str, int] = {}
    if source.is_dir():
        known = _read_rows(source / ROWS_FILE)
    elif source.suffix.lower() == ".csv":
        known = _rows_of_csv(source, votes)
    lines = [known.get(name, -1) for name in faces.names]
    for name, row in zip(faces.names, lines, strict=True):
        if not 0 <= row < len(votes.counts):
            raise DataError(
                f"{votes.path}: has no votes for {source}: {name}.",
                f"They are for FER2013 alone; beside a folder of it, {ROWS_FILE} says which line each image was.",
            )
    return np.array(lines, np.int64)


def _rows_of_csv(source: Path, votes: Votes) -> dict[str, int]:
    """The line of the votes of each line of Kaggle's file, which has to be the challenge's, whole and in its order.

    Only PrivateTest, which comes last, may be missing from either.
    """
    usages = kaggle.usages(source)
    ours, theirs = _public(usages.values()), _public(votes.usages)
    if ours != theirs:
        row = next(row for row, (one, other) in enumerate(zip_longest(ours, theirs)) if one != other)
        raise DataError(
            f"{source} has {len(ours):,} faces before PrivateTest's, {votes.path} votes on {len(theirs):,};"
            f" from face {row + 1:,} on their Usage differs.",
            "Votes belong to faces line by line: give the challenge's own fer2013.csv, with all of its lines.",
        )
    return {name: row for row, name in enumerate(usages)}


def _public(usages: Iterable[str]) -> list[str]:
    """Usages up to the last that is not PrivateTest."""
    public = list(usages)
    while public and public[-1] == kaggle.USAGES["private"]:
        del public[-1]
    return public


def _read_rows(path: Path) -> dict[str, int]:
    check_input(path, MAX_SMALL_BYTES)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {line["path"]: int(line["row"]) for line in csv.DictReader(file)}
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise DataError(
            f"{path}: cannot be read ({error}).",
            "Votes beside a folder need this file, with columns path and row; or give Kaggle's fer2013.csv.",
        ) from error


def _count(path: Path, line: int, text: str | None) -> int:
    if text is None or not text.strip().isdecimal() or len(text) > _MAX_DIGITS:
        raise DataError(f"{path}, line {line}: {text!r} is not a number of votes.", "Mend or download it again.")
    return int(text)
