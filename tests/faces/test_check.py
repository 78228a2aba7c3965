"""`fer-edge data check`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_edge.errors import DataError
from fer_edge.faces import CLASSES, ferplus
from fer_edge.faces.check import check, render

from .conftest import csv_line, save_folder, some


@pytest.fixture
def flawed(tmp_path: Path) -> Path:
    """Five distinct faces per class in train and two in test, and one of everything that can be wrong."""
    train, test = some("train", 5), some("test", 2)
    save_folder(tmp_path, "train", train)
    save_folder(tmp_path, "test", test)
    Image.fromarray(train.images[3]).save(tmp_path / "train" / "happy" / "repeated.png")
    Image.fromarray(np.clip(train.images[5] + 5.0, 0, 255).astype(np.uint8)).save(
        tmp_path / "test" / "sad" / "in-train.png"
    )
    Image.new("L", (48, 48), 255).save(tmp_path / "train" / "fear" / "blank.png")
    (tmp_path / "test" / "fear" / "broken.png").write_bytes(b"\x89PNG")
    return tmp_path


def test_everything_wrong_is_counted_and_nothing_stops_it(flawed: Path) -> None:
    report = check(flawed)
    train, test = report["splits"]["train"], report["splits"]["test"]
    assert train["classes"] == dict.fromkeys(CLASSES, 5) | {"happy": 6, "fear": 6}
    assert test["classes"] == dict.fromkeys(CLASSES, 2) | {"sad": 3}
    assert (train["images"], train["blank"], train["repeated"]) == (37, 1, 1)
    assert (test["images"], test["blank"], test["repeated"]) == (15, 0, 0)
    assert report["between"] == [{"splits": ["train", "test"], "images": 1}]
    assert len(report["problems"]) == 1
    assert "broken.png" in report["problems"][0]
    json.dumps(report)


def test_text_shows_counts_threshold_and_problems(flawed: Path) -> None:
    text = render(check(flawed))
    for part in ("train", "test", "disgust", "0.955", "near-duplicate in train: 1", "broken.png", "1 unreadable"):
        assert part in text


def test_csv_lines_that_belong_to_no_split_are_told_once(tmp_path: Path) -> None:
    face = some("test", 1).images[0]
    path = tmp_path / "f.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", csv_line(face, 0, "PublicTest"), "0,1 2,Test"]))
    report = check(path)
    assert len(report["problems"]) == 1
    assert [split["images"] for split in report["splits"].values()] == [1]


def test_missing_and_empty_data_sets_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"kaggle\.com"):
        check(tmp_path / "nowhere")
    save_folder(tmp_path, "test")
    with pytest.raises(DataError, match="no images in it"):
        check(tmp_path)


def test_data_set_with_nothing_readable_is_still_reported(tmp_path: Path) -> None:
    save_folder(tmp_path, "test")
    (tmp_path / "test" / "fear" / "x.png").write_bytes(b"")
    assert check(tmp_path)["splits"]["test"]["images"] == 0


@pytest.mark.slow
def test_fer2013_is_whole(fer2013: Path) -> None:
    report = check(fer2013)
    assert {split: of["images"] for split, of in report["splits"].items()} == {"train": 28709, "test": 3589}
    assert report["problems"] == []


def test_labels_are_held_against_the_votes(tmp_path: Path) -> None:
    save_folder(tmp_path, "test", some("test", 1))
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("test/*/*.png"))
    (tmp_path / "rows.csv").write_text("path,row\n" + "".join(f"{name},{i}\n" for i, name in enumerate(names)))
    header = ",".join([*ferplus.COLUMNS.values(), *ferplus.NO_EMOTION, "Usage"])
    everyone_happy = ",".join("10" if name == "happy" else "0" for name in ferplus.CLASSES)
    votes = [f"{everyone_happy},0,0"] * 5 + ["0,0,0,0,0,0,0,0,0,10", "4,0,0,0,0,0,0,0,6,0"]
    (tmp_path / "votes.csv").write_text("\n".join([header, *(f"{line},PublicTest" for line in votes)]) + "\n")
    report = check(tmp_path, tmp_path / "votes.csv")["votes"]["test"]
    assert (report["clear"], report["agree"], report["no_face"], report["unknown"]) == (5, 1, 1, 1)
    assert report["classes"]["happy"] == {"faces": 1, "unvoted": 0}
    assert report["classes"]["sad"] == {"faces": 1, "unvoted": 1}
    assert "1 of 5 labels are the majority's (20.0 %)" in render(check(tmp_path, tmp_path / "votes.csv"))
