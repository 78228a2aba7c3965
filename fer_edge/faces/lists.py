"""Faces whose labels stand in list files, as RAF-DB and AffectNet are laid out by those who give them out.

- RAF-DB: `list_patition_label.txt` with a line ``train_00001.jpg 5`` for each face; the pictures are in
  `Image/aligned` (as `train_00001_aligned.jpg`) or `Image/original`, beside the list or its folder. The first word of
  the name is the split.
- AffectNet: a folder with `training.csv` and `validation.csv`, whose columns `subDirectory_filePath`, `face_x`,
  `face_y`, `face_width`, `face_height` and `expression` say where a picture is, where in it the face, and what it
  shows. `validation.csv` is what others test on, so it is `test` here. Pictures without an expression are left out.

The numbers' meanings are those of the two papers (Li et al. 2017, CVPR; Mollahosseini et al. 2017, arXiv 1708.03985).
Neither set may be passed on, and neither was at hand here: the layouts are tried on files made by the tests.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from fer_edge.errors import DataError, FerEdgeError
from fer_edge.faces.dataset import Faces
from fer_edge.faces.folders import read_image
from fer_edge.files import check_input

RAF_DB = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")  # numbered from 1
AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")  # numbered from 0
AFFECTNET_OTHERS = {"8", "9", "10"}  # none of these, uncertain, no face
AFFECTNET_FILES = {"train": "training.csv", "test": "validation.csv"}
_RAF_DB_PICTURES = ("Image/aligned", "Image/original", "aligned", "original", ".")


@dataclass(frozen=True)
class _Entry:
    """A line of a list: the picture, its class by name, and left, top, width and height of the face if it says so."""

    file: Path
    name: str
    label: str
    box: tuple[int, int, int, int] | None = None


def is_list(path: Path) -> bool:
    """Whether a path is a list of RAF-DB's, or a folder with AffectNet's."""
    if path.is_dir():
        return any((path / name).is_file() for name in AFFECTNET_FILES.values())
    return path.suffix.lower() == ".txt"


def splits(path: Path) -> list[str]:
    """The splits that the lists name."""
    if path.is_dir():
        return [split for split, name in AFFECTNET_FILES.items() if (path / name).is_file()]
    named = {line.split("_")[0] for line in _lines(path)}
    return [split for split in ("train", "test") if split in named]


def classes(path: Path) -> tuple[str, ...]:
    """The classes of either set, in alphabetical order."""
    return tuple(sorted(AFFECTNET if path.is_dir() else RAF_DB))


def read(path: Path, split: str) -> tuple[Faces, list[DataError]]:
    """All readable faces of a split, in the list's order, and what is wrong with other lines.

    DataError if the list cannot be read.
    """
    names = classes(path)
    problems: list[DataError] = []
    images, labels, found = [], [], []
    entries = list(_affectnet(path, split, problems) if path.is_dir() else _raf_db(path, split, problems))
    for entry in tqdm(entries, desc=f"reading {split}", unit="face", delay=1, leave=False, disable=None):
        try:
            images.append(read_image(entry.file, entry.box))
        except FerEdgeError as error:
            problems.append(DataError(error.what, error.cure))
            continue
        labels.append(names.index(entry.label))
        found.append(entry.name)
    return Faces.collect(images, labels, found, names), problems


def _raf_db(path: Path, split: str, problems: list[DataError]) -> Iterator[_Entry]:
    roots = [root / part for root in (path.parent, path.parent.parent) for part in _RAF_DB_PICTURES]
    for number, line in enumerate(_lines(path), 1):
        name, _, code = line.partition(" ")
        if name.split("_")[0] != split:
            continue
        stem, dot, suffix = name.rpartition(".")
        files = [root / each for root in roots for each in (f"{stem}_aligned{dot}{suffix}", name)]
        file = next((file for file in files if file.is_file()), None)
        if code.strip() not in map(str, range(1, len(RAF_DB) + 1)) or "/" in name:
            problems.append(DataError(f"{path}, line {number}: {line[:60]!r}.", "Write a picture and 1 to 7."))
        elif file is None:
            problems.append(DataError(f"{path}, line {number}: there is no picture {name}.", "Unpack the pictures."))
        else:
            yield _Entry(file, name, RAF_DB[int(code) - 1])


def _affectnet(folder: Path, split: str, problems: list[DataError]) -> Iterator[_Entry]:
    path = folder / AFFECTNET_FILES[split]
    check_input(path)
    cure = "Give AffectNet's own list, with its columns."
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            for row in rows:
                try:
                    entry = _affectnet_entry(folder, row)
                except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                    problems.append(DataError(f"{path}, line {rows.line_num}: {error}.", cure))
                else:
                    if entry is not None:
                        yield entry
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a CSV file ({error}).", cure) from error


def _affectnet_entry(folder: Path, row: Mapping[str, str]) -> _Entry | None:
    """What a line says; None of a picture without an expression."""
    code, name = row["expression"].strip(), row["subDirectory_filePath"]
    if code in AFFECTNET_OTHERS:
        return None
    if code not in map(str, range(len(AFFECTNET))):
        raise ValueError(f"expression is {code[:40]!r}, not 0 to {len(AFFECTNET) + len(AFFECTNET_OTHERS) - 1}")
    x, y, width, height = (int(float(row[f"face_{key}"])) for key in ("x", "y", "width", "height"))
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise ValueError(f"a picture outside the folder, {name[:60]!r}")
    return _Entry(folder / name, name, AFFECTNET[int(code)], (x, y, width, height))


def _lines(path: Path) -> list[str]:
    check_input(path)
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no text ({error}).", "Give RAF-DB's list_patition_label.txt.") from error
