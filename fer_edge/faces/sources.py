"""`load`: faces of a split, whether they are folders, a CSV file or drawn."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from fer_edge.errors import DataError
from fer_edge.faces import drawn, ferplus, folders, kaggle, lists
from fer_edge.faces import split as splitting
from fer_edge.faces.dataset import CLASSES, SPLITS, Faces
from fer_edge.files import check_input
from fer_edge.terminal import shown

HOW_TO_GET = (
    f"Give a folder that holds train|test/<class>/*.png|jpg (classes {' '.join(CLASSES)}), or Kaggle's fer2013.csv, "
    "or the word 'drawn' for faces drawn by fer-edge. FER2013 is on kaggle.com, after signing in: as folders in the "
    "data set msambare/fer2013, as CSV in the competition "
    "challenges-in-representation-learning-facial-expression-recognition-challenge."
)


BAD_SHARE = 0.01
"""Share of the lines of a CSV file that may be malformed: they are left out and named. With more it is refused."""
_NAMED = 5


def load(source: str | Path, split: str, limit: int | None = None, seed: int = 0, labels: Path | None = None) -> Faces:
    """The faces of a split, in an order that depends on their content alone.

    Parameters
    ----------
    source : folder, .csv file, or the word `drawn`.
    split : train, val, test or private. Where the source has no val of its own, a tenth of its train is val and
        the rest train (see `split.hold_out`; the same tenth whatever `seed` is).
    limit : take a stratified sample of this many, drawn by `seed`; all if there are no more.
    labels : FERPlus' file of votes, which then say what the faces of FER2013 show (see `ferplus.relabel`).

    Raises
    ------
    DataError : not found, empty, any image of it unreadable, or over `BAD_SHARE` of the lines malformed.
    """
    _check_arguments(split, limit)
    own = splits(source)
    if split in ("train", "val") and "val" not in own:
        return train_and_val(source, limit, seed, labels=labels)[split == "val"]
    faces = _relabel(_read_all(source, split), source, labels, training=split == "train")
    return _sample(faces, source, split, limit, seed)


def train_and_val(
    source: str | Path,
    limit: int | None = None,
    seed: int = 0,
    *,
    labels: Path | None = None,
    privileged: Path | None = None,
    hold_out: bool = True,
) -> tuple[Faces, Faces]:
    """`load(source, "train", …)` and `load(source, "val", …)` for the reading of one; `limit` holds for each.

    With `hold_out` false the first also has the faces of the second, which is empty. `privileged` is FERPlus' file of
    votes as well, which then soften the targets of the first (see `ferplus.privileged`).
    """
    _check_arguments("train", limit)
    if "val" in splits(source):
        train, val = _read_all(source, "train"), _read_all(source, "val")
    else:
        both = _read_all(source, "train")
        kept, held = splitting.hold_out(both.images, both.labels)
        if not len(held):
            raise DataError(f"{source}: too few different faces in train to hold val out.", "Add a folder val.")
        train, val = both.take(kept), both.take(held)
    train = _sample(_relabel(train, source, labels, training=True), source, "train", limit, seed)
    val = _sample(_relabel(val, source, labels, training=not hold_out), source, "val", limit, seed)
    if not hold_out:
        train, val = train + val, val.take(np.arange(0))
    if privileged is not None:
        train = ferplus.privileged(train, Path(source), ferplus.read(privileged))
    return train, val


def classes(source: str | Path, labels: Path | None = None) -> tuple[str, ...]:
    """The names of the source's classes, in order, without reading its faces. DataError if it has none."""
    if labels is not None:
        return ferplus.CLASSES
    path = Path(source)
    if str(source) == "drawn":
        return CLASSES
    if lists.is_list(path):
        return lists.classes(path)
    if path.is_dir():
        splits(source)  # says so where there are none
        return folders.classes(path)
    return CLASSES


def splits(source: str | Path) -> list[str]:
    """The splits a source has of its own, held-out val not among them. DataError if there is no such source."""
    if str(source) == "drawn":
        return list(SPLITS)
    path = Path(source)
    check_input(path)
    if lists.is_list(path):
        found = lists.splits(path)
    elif path.is_dir():
        found = folders.splits(path)
    elif path.is_file() and path.suffix.lower() == ".csv":
        found = kaggle.splits(path)
    elif path.exists():
        raise DataError(f"{path} is neither a folder nor a .csv or .txt file.", HOW_TO_GET)
    else:
        raise DataError(f"No faces at {path}: there is no such folder or file.", HOW_TO_GET)
    if not found:
        raise DataError(f"{path}: holds no folder train, val, test or private.", HOW_TO_GET)
    return found


def read(source: str | Path, split: str) -> tuple[Faces, list[DataError]]:
    """All readable faces of one of the source's own splits, as they lie there, and what is wrong with the rest."""
    if str(source) == "drawn":
        return drawn.read(split), []
    path = Path(source)
    if lists.is_list(path):
        return lists.read(path, split)
    return folders.read(path, split) if path.is_dir() else kaggle.read(path, split)


def _read_all(source: str | Path, split: str) -> Faces:
    faces, problems = read(source, split)
    lines = len(faces) + len(problems)
    if problems and not Path(source).is_dir():
        malformed = f"{len(problems):,} of {lines:,} lines of {split} are malformed"
        if len(problems) > BAD_SHARE * lines:
            raise DataError(f"{problems[0].what} {malformed}, more than {BAD_SHARE:.0%}.", problems[0].cure)
        named = "".join(f"\n  {problem.what}" for problem in problems[:_NAMED])
        others = f"\n  and {len(problems) - _NAMED:,} more" if len(problems) > _NAMED else ""
        print(shown(f"{malformed} and left out:{named}{others}"), file=sys.stderr)
    elif problems:
        more = f" And {len(problems) - 1} more: see `fer-edge data check`." if len(problems) > 1 else ""
        raise DataError(problems[0].what, problems[0].cure + more)
    return faces.by_content()


def _relabel(faces: Faces, source: str | Path, labels: Path | None, training: bool) -> Faces:
    if labels is None:
        return faces
    return ferplus.relabel(faces, Path(source), ferplus.read(labels), training)


def _sample(faces: Faces, source: str | Path, split: str, limit: int | None, seed: int) -> Faces:
    if not len(faces):
        raise DataError(f"{source}: no images in split {split!r}.", HOW_TO_GET)
    return faces if limit is None else faces.take(splitting.stratified_sample(faces.labels, limit, seed))


def _check_arguments(split: str, limit: int | None) -> None:
    if split not in SPLITS:
        raise DataError(f"There is no split {split!r}.", f"Choose one of {', '.join(SPLITS)}.")
    if limit is not None and limit < 1:
        raise DataError(f"A limit of {limit} images leaves nothing.", "Give 1 or more.")
