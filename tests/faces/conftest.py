"""The same few faces as folders of PNG and as Kaggle's CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_edge.faces import CLASSES, Faces, drawn
from fer_edge.faces.kaggle import EMOTIONS, USAGES

PER_CLASS = 30


def some(split: str, per_class: int = PER_CLASS) -> Faces:
    """The first drawn faces of a split, the same number of every class."""
    numbers = drawn.NUMBERS[split][: per_class * len(CLASSES)]
    labels = np.array([k % len(CLASSES) for k in numbers])
    return Faces(drawn.draw(numbers), labels, [f"drawn:{k}" for k in numbers])


def save_folder(root: Path, split: str, faces: Faces | None = None) -> Path:
    """Write `<root>/<split>/<class>/<number>.png`; empty class folders if there are no faces."""
    for name in CLASSES:
        (root / split / name).mkdir(parents=True, exist_ok=True)
    if faces is None:
        return root
    for i, (image, label) in enumerate(zip(faces.images, faces.labels, strict=True)):
        Image.fromarray(image).save(root / split / CLASSES[label] / f"{i}.png")
    return root


def csv_line(image: np.ndarray, label: int, usage: str) -> str:
    return f"{EMOTIONS.index(CLASSES[label])},{' '.join(map(str, image.ravel()))},{usage}"


def save_csv(path: Path, splits: dict[str, Faces]) -> Path:
    """Write Kaggle's three columns, the faces of all splits shuffled together."""
    lines = [
        csv_line(image, label, USAGES[split])
        for split, faces in splits.items()
        for image, label in zip(faces.images, faces.labels, strict=True)
    ]
    np.random.default_rng(0).shuffle(lines)
    path.write_text("\n".join(["emotion,pixels,Usage", *lines]) + "\n")
    return path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """210 train and 70 test faces as folders. Not to be changed."""
    root = tmp_path_factory.mktemp("folders")
    save_folder(root, "test", some("test", 10))
    return save_folder(root, "train", some("train"))


@pytest.fixture(scope="session")
def csv_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The faces of `folder`, and 70 private ones, as CSV. Not to be changed."""
    splits = {"train": some("train"), "test": some("test", 10), "private": some("private", 10)}
    return save_csv(tmp_path_factory.mktemp("csv") / "fer2013.csv", splits)
