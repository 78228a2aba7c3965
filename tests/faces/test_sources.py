"""`load`: one call for folders, CSV and drawn faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_edge.errors import DataError
from fer_edge.faces import CLASSES, SPLITS, Faces, classes, load, train_and_val

from .conftest import save_folder, some


def assert_same(a: Faces, b: Faces) -> None:
    np.testing.assert_array_equal(a.images, b.images)
    np.testing.assert_array_equal(a.labels, b.labels)


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("limit", [None, 20])
def test_folder_and_csv_of_the_same_pixels_give_the_same_faces(
    folder: Path, csv_file: Path, split: str, limit: int | None
) -> None:
    assert_same(load(folder, split, limit, seed=3), load(csv_file, split, limit, seed=3))


def test_types_and_shapes(folder: Path) -> None:
    faces = load(str(folder), "test")
    assert (faces.images.dtype, faces.images.shape) == (np.dtype(np.uint8), (70, 48, 48))
    assert (faces.labels.dtype, faces.labels.shape) == (np.dtype(np.int64), (70,))
    assert len(set(faces.names)) == len(faces) == 70


def test_train_and_val_share_out_the_train_folder(folder: Path) -> None:
    train, val = load(folder, "train"), load(folder, "val")
    assert not set(train.names) & set(val.names)
    assert len(train) + len(val) == 210
    assert val.per_class() == dict.fromkeys(CLASSES, 3)


@pytest.mark.parametrize("limit", [None, 14])
def test_train_and_val_in_one_reading_are_those_of_two(folder: Path, limit: int | None) -> None:
    train, val = train_and_val(folder, limit, seed=1)
    assert_same(train, load(folder, "train", limit, seed=1))
    assert_same(val, load(folder, "val", limit, seed=1))


def test_val_does_not_depend_on_the_seed_of_sampling(folder: Path) -> None:
    assert_same(load(folder, "val", seed=1), load(folder, "val", seed=2))


def test_folder_with_a_val_of_its_own_keeps_its_train_whole(tmp_path: Path) -> None:
    save_folder(tmp_path, "train", some("train", 5))
    save_folder(tmp_path, "val", some("val", 2))
    assert len(load(tmp_path, "train")) == 35
    assert_same(load(tmp_path, "val"), some("val", 2).by_content())


def test_only_the_split_asked_for_need_exist(tmp_path: Path) -> None:
    save_folder(tmp_path, "test", some("test", 2))
    assert len(load(tmp_path, "test")) == 14
    with pytest.raises(DataError, match="needs one folder for split 'train', has only test"):
        load(tmp_path, "val")


def test_limit_takes_a_stratified_sample_and_never_the_first(folder: Path) -> None:
    whole, sample = load(folder, "test"), load(folder, "test", limit=14, seed=5)
    assert sample.per_class() == dict.fromkeys(CLASSES, 2)
    assert sample.names != whole.names[:14]
    assert set(sample.names) != set(load(folder, "test", limit=14, seed=6).names)
    assert sample.names == load(folder, "test", limit=14, seed=5).names


def test_limit_beyond_the_end_gives_all(folder: Path) -> None:
    assert_same(load(folder, "test", limit=1000), load(folder, "test"))


@pytest.mark.parametrize("split", SPLITS)
def test_the_word_drawn_is_a_source(split: str) -> None:
    assert len(load("drawn", split, limit=70)) == 70


def test_missing_data_set_says_what_is_expected_and_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path / "nowhere", "test")
    for word in ("nowhere", "train|test/<class>", "fer2013.csv", "kaggle.com", "'drawn'"):
        assert word in str(caught.value)


def test_empty_folder_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no folder train, val, test or private"):
        load(tmp_path, "train")
    with pytest.raises(DataError, match="holds no folder train, val, test or private"):
        classes(tmp_path)


def test_split_without_images_is_refused(tmp_path: Path) -> None:
    save_folder(tmp_path, "test")
    with pytest.raises(DataError, match="no images in split 'test'"):
        load(tmp_path, "test")


def test_other_files_are_no_source(tmp_path: Path) -> None:
    file = tmp_path / "faces.zip"
    file.touch()
    with pytest.raises(DataError, match="is neither a folder nor"):
        load(file, "test")


def test_train_of_one_face_per_class_cannot_be_split(tmp_path: Path) -> None:
    save_folder(tmp_path, "train", some("train", 1))
    with pytest.raises(DataError, match="too few different faces"):
        load(tmp_path, "train")


@pytest.mark.parametrize(("split", "limit"), [("validation", None), ("test", 0), ("test", -1)])
def test_unknown_split_and_empty_limit_are_refused(split: str, limit: int | None) -> None:
    with pytest.raises(DataError):
        load("drawn", split, limit)


@pytest.mark.slow
def test_real_val_is_a_tenth_of_every_class(fer2013: Path) -> None:
    train, val = train_and_val(fer2013)
    for name, count in val.per_class().items():
        whole = count + train.per_class()[name]
        assert count == -(-whole // 10)
