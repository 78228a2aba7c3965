"""Kaggle's `fer2013.csv`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.errors import DataError
from fer_edge.faces import CLASSES, kaggle, load

from .conftest import csv_line, some

HEADER = "emotion,pixels,Usage"
FACE = some("test", 1).images[0]


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines))
    return path


def test_kaggles_numbers_become_our_names(tmp_path: Path) -> None:
    numbered = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    pixels = [" ".join(map(str, np.roll(FACE, i).ravel())) for i in range(7)]
    rows = [f"{i},{pixels[i]},PublicTest" for i in range(7)]
    faces, _ = kaggle.read(written(tmp_path / "f.csv", HEADER, *rows), "test")
    assert [CLASSES[label] for label in faces.labels] == numbered
    assert faces.names[0] == "csv:2", "named by line, the header being line 1"


@pytest.mark.parametrize(("split", "per_class"), [("test", 10), ("private", 10)])
def test_usage_is_the_split(csv_file: Path, split: str, per_class: int) -> None:
    faces = load(csv_file, split)
    assert faces.per_class() == dict.fromkeys(CLASSES, per_class)
    np.testing.assert_array_equal(faces.images, some(split, per_class).by_content().images)


def test_columns_may_be_ordered_and_spaced_as_in_icml_face_data(tmp_path: Path) -> None:
    pixels = " ".join(map(str, FACE.ravel()))
    path = written(tmp_path / "f.csv", "emotion, Usage, pixels", f"3,PublicTest,{pixels}", "")
    np.testing.assert_array_equal(load(path, "test").images, [FACE])


@pytest.mark.parametrize("header", ["emotion,pixels", "label,pixels,Usage", ""])
def test_wrong_header_is_shown(tmp_path: Path, header: str) -> None:
    path = written(tmp_path / "f.csv", header, csv_line(FACE, 0, "PublicTest"))
    with pytest.raises(DataError, match=rf"the first line is '{header}'.*emotion,pixels,Usage"):
        load(path, "test")


def test_splits_are_what_the_file_holds(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv", HEADER, csv_line(FACE, 0, "Training"), csv_line(FACE, 0, "PrivateTest"))
    assert kaggle.splits(path) == ["train", "private"]
    with pytest.raises(DataError, match="no line's Usage is one of Training, PublicTest, PrivateTest"):
        kaggle.splits(written(path, HEADER))


GOOD = csv_line(FACE, 0, "PublicTest")
PIXELS = GOOD.split(",")[1]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"0,{PIXELS} 7,PublicTest", "2305 pixels, not 48×48 = 2304"),
        ("0,1 2 3,PublicTest", "3 pixels"),
        ("0,,PublicTest", "0 pixels"),
        (f"0,{PIXELS[:-1]}x,PublicTest", "not all numbers from 0 to 255"),
        (f"0,256 {PIXELS.split(' ', 1)[1]},PublicTest", "not all numbers from 0 to 255"),
        (f"0,-1 {PIXELS.split(' ', 1)[1]},PublicTest", "not all numbers from 0 to 255"),
        (f"0,+1 {PIXELS.split(' ', 1)[1]},PublicTest", "not all numbers from 0 to 255"),
        (f"0,1_0 {PIXELS.split(' ', 1)[1]},PublicTest", "not all numbers from 0 to 255"),
        (f"0,٣ {PIXELS.split(' ', 1)[1]},PublicTest", "not all numbers from 0 to 255"),
        (f"7,{PIXELS},PublicTest", "emotion is '7', not 0 to 6"),
        (f"happy,{PIXELS},PublicTest", "emotion is 'happy'"),
        (f"0,{PIXELS},Test", "Usage is 'Test'"),
        (f"0,{PIXELS}", "2 fields, not 3"),
    ],
)
def test_malformed_line_is_named_by_its_number(tmp_path: Path, row: str, said: str) -> None:
    path = written(tmp_path / "f.csv", HEADER, GOOD, row, GOOD)
    with pytest.raises(DataError, match=f"f.csv, line 3: .*{said}"):
        load(path, "test")


def test_few_malformed_lines_are_left_out_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = [f"9,{PIXELS},PublicTest", "0,1 2 3,PublicTest"]
    path = written(tmp_path / "f.csv", HEADER, *[GOOD] * 150, bad[0], *[GOOD] * 48, bad[1])
    assert len(load(path, "test")) == 198
    said = capsys.readouterr().err
    assert "2 of 200 lines of test are malformed and left out:" in said
    assert "f.csv, line 152: emotion is '9', not 0 to 6." in said
    assert "f.csv, line 201: 3 pixels, not 48×48 = 2304." in said


def test_more_than_one_malformed_line_in_a_hundred_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv", HEADER, *[GOOD] * 97, *[f"9,{PIXELS},PublicTest"] * 3)
    with pytest.raises(DataError, match=r"f.csv, line 99: .* 3 of 100 lines of test are malformed, more than 1%\."):
        load(path, "test")


def test_lines_of_other_splits_need_no_pixels(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv", HEADER, "0,,Training", GOOD)
    assert len(load(path, "test")) == 1


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(DataError, match="not a CSV file"):
        load(path, "test")


@given(st.text(st.characters(codec="utf-8")))
def test_no_field_of_pixels_does_anything_but_parse_or_raise_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="pixels"):
        kaggle._pixels(text)
