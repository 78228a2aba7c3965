"""Faces as folders: `<root>/<split>/<class>/<image>`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from fer_edge.errors import DataError, FerEdgeError
from fer_edge.faces.dataset import MAX_CLASSES, MIN_CLASSES, SPLITS, Faces
from fer_edge.faces.picture import square
from fer_edge.files import MAX_SMALL_BYTES, check_input

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
# Names met in copies of FER2013, in small letters.
SPLIT_FOLDERS = {
    "train": {"train", "training"},
    "val": {"val", "valid", "validation"},
    "test": {"test", "publictest"},
    "private": {"private", "privatetest"},
}


def splits(root: Path) -> list[str]:
    """The splits that `root` has a folder for."""
    return [split for split in SPLITS if _split_folders(root, split)]


def classes(root: Path) -> tuple[str, ...]:
    """The classes of a data set: the folders of its first split, in small letters, sorted (numbers by value).

    DataError if there are fewer than two or more than 64.
    """
    folder = next(folder for split in SPLITS for folder in _split_folders(root, split))
    names = {folder.name.lower() for folder in _subfolders(folder)}
    if not MIN_CLASSES <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"{folder}: has {len(names)} folders, one for each class.", f"Have {MIN_CLASSES} to {MAX_CLASSES} of them."
        )
    return tuple(sorted(names, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)))


def read(root: Path, split: str) -> tuple[Faces, list[DataError]]:
    """All readable faces of a split, by class and file name, and what is wrong with the rest.

    Raises
    ------
    DataError : there is no folder for the split, or more than one.
    """
    found = _split_folders(root, split)
    if len(found) != 1:
        there = " and ".join(str(folder) for folder in found) or f"only {', '.join(splits(root)) or 'none'}"
        raise DataError(f"{root}: needs one folder for split {split!r}, has {there}.", "Add or rename folders.")
    names = classes(root)
    problems: list[DataError] = []
    files: list[tuple[Path, int]] = []
    by_name: dict[str, Path] = {}
    for folder in _subfolders(found[0]):
        same = by_name.setdefault(folder.name.lower(), folder)
        if same != folder:
            problems.append(DataError(f"{folder}: is the same class as {same.name}.", "Make one folder of them."))
    for label, name in enumerate(names):
        if name in by_name:
            files += [(f, label) for f in sorted(by_name[name].iterdir()) if f.suffix.lower() in SUFFIXES]
        else:
            problems.append(DataError(f"{found[0]}: no folder {name!r}.", "Make one for every class."))
    for name in sorted(by_name.keys() - set(names)):
        problems.append(DataError(f"{by_name[name]}: not one of the classes {', '.join(names)}.", "Move it."))

    images, labels, paths = [], [], []
    # One thread: at 48×48 nearly all the time is Python, and two threads took longer than one.
    for file, label in tqdm(files, desc=f"reading {split}", unit="face", delay=1, leave=False, disable=None):
        try:
            images.append(read_image(file))
        except FerEdgeError as error:
            problems.append(DataError(error.what, error.cure))
            continue
        labels.append(label)
        paths.append(file.relative_to(root).as_posix())
    return Faces.collect(images, labels, paths, names), problems


def read_image(file: Path, box: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
    """One image file as grey uint8 [48, 48], as `picture.square` makes it.

    `box` is left, top, width and height of the part that is taken, in pixels; all of it without.

    Raises
    ------
    DataError : unreadable.
    FerEdgeError : no regular file, or too large a one.
    """
    check_input(file, MAX_SMALL_BYTES)
    try:
        with Image.open(file) as image:
            if box is None:
                return square(image).pixels
            left, top, width, height = box
            return square(image.crop((left, top, left + width, top + height))).pixels
    except Exception as error:  # Pillow raises OSError, SyntaxError, struct.error … as the damage has it
        raise DataError(f"{file}: not a readable image ({error}).", "Replace or delete it.") from error


def _split_folders(root: Path, split: str) -> list[Path]:
    return [folder for folder in _subfolders(root) if folder.name.lower() in SPLIT_FOLDERS[split]]


def _subfolders(folder: Path) -> list[Path]:
    """Folders within, but for those that tools leave behind (`.ipynb_checkpoints`, `__MACOSX`)."""
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith((".", "_")))
