"""Faces as Kaggle's `fer2013.csv`: columns emotion, pixels, Usage."""

from __future__ import annotations

import csv
import mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from fer_edge.errors import DataError
from fer_edge.faces.dataset import CLASSES, SIDE, Faces
from fer_edge.files import check_input

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # in Kaggle's numbering
USAGES = {"train": "Training", "test": "PublicTest", "private": "PrivateTest"}
COLUMNS = ("emotion", "pixels", "Usage")


def splits(path: Path) -> list[str]:
    """The splits that such a file holds: those whose word stands anywhere in it. DataError if it holds none."""
    found = []
    if path.stat().st_size:  # an empty file cannot be mapped
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = [split for split, usage in USAGES.items() if content.find(usage.encode()) >= 0]
    if not found:
        read(path, "train")  # which says so if it is another file altogether
        raise DataError(
            f"{path}: no line's Usage is one of {', '.join(USAGES.values())}.", "Give Kaggle's fer2013.csv."
        )
    return found


def read(path: Path, split: str) -> tuple[Faces, list[DataError]]:
    """All well-formed faces of a split, in the file's order, and what is wrong with other lines.

    Columns may stand in any order. Lines of other splits are skipped, their pixels unread.

    Raises
    ------
    DataError : the file has no such header or is no text.
    FerEdgeError : it is larger than any set of faces.
    """
    check_input(path)
    images, labels, names = [], [], []
    problems: list[DataError] = []
    bar = tqdm(
        total=path.stat().st_size,
        desc=f"reading {split}",
        unit="B",
        unit_scale=True,
        delay=1,
        leave=False,
        disable=None,
    )
    try:
        with path.open(encoding="utf-8-sig", newline="") as file, bar:
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            if not set(COLUMNS) <= set(header):
                raise DataError(
                    f"{path}: the first line is {','.join(header)[:80]!r}.",
                    f"Its columns must be {','.join(COLUMNS)}, as in Kaggle's fer2013.csv.",
                )
            for row in rows:
                bar.update(sum(map(len, row)))
                if not row:  # an empty line, such as the last
                    continue
                try:
                    if len(row) != len(header):
                        raise ValueError(f"{len(row)} fields, not {len(header)}")
                    fields = dict(zip(header, row, strict=True))
                    usage = fields["Usage"].strip()
                    if usage not in USAGES.values():
                        raise ValueError(f"Usage is {usage[:40]!r}")
                    if usage == USAGES[split]:
                        label, image = _emotion(fields["emotion"]), _pixels(fields["pixels"])
                        labels.append(label)
                        images.append(image)
                        names.append(f"csv:{rows.line_num}")
                except ValueError as error:
                    problems.append(
                        DataError(
                            f"{path}, line {rows.line_num}: {error}.", "Mend the line, or download the file again."
                        )
                    )
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a CSV file ({error}).", "Give Kaggle's fer2013.csv.") from error
    return Faces.collect(images, labels, names), problems


def usages(path: Path) -> dict[str, str]:
    """The Usage of every line that is not empty, well-formed or not, by its name as in `Faces.names`, in order.

    For a file that `read` has read.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        column = [name.strip() for name in next(rows)].index("Usage")
        return {f"csv:{rows.line_num}": row[column].strip() if column < len(row) else "" for row in rows if row}


def _emotion(text: str) -> int:
    number = text.strip()
    if number not in map(str, range(len(EMOTIONS))):
        raise ValueError(f"emotion is {number[:40]!r}, not 0 to {len(EMOTIONS) - 1}")
    return CLASSES.index(EMOTIONS[int(number)])


def _pixels(text: str) -> NDArray[np.uint8]:
    try:
        if not text.isascii() or "_" in text or "+" in text:  # what `int` also takes
            raise ValueError
        values = bytes(map(int, text.split()))
    except ValueError:
        raise ValueError("pixels are not all numbers from 0 to 255") from None
    if len(values) != SIDE * SIDE:
        raise ValueError(f"{len(values)} pixels, not {SIDE}×{SIDE} = {SIDE * SIDE}")
    return np.frombuffer(values, np.uint8).reshape(SIDE, SIDE)
