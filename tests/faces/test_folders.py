"""`<root>/<split>/<class>/<image>`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_edge.errors import DataError
from fer_edge.faces import CLASSES, folders, load

from .conftest import save_folder, some


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Two test faces per class, to be damaged."""
    return save_folder(tmp_path, "test", some("test", 2))


def test_classes_go_by_the_name_of_the_folder(small: Path) -> None:
    faces = load(small, "test")
    assert faces.per_class() == dict.fromkeys(CLASSES, 2)
    assert all(CLASSES[label] == name.split("/")[1] for label, name in zip(faces.labels, faces.names, strict=True))


def test_letter_case_of_class_folders_does_not_matter(small: Path) -> None:
    before = load(small, "test")
    (small / "test" / "happy").rename(small / "test" / "Happy")
    np.testing.assert_array_equal(load(small, "test").images, before.images)


@pytest.mark.parametrize(("name", "split"), [("Training", "train"), ("validation", "val"), ("PrivateTest", "private")])
def test_split_folders_may_bear_names_met_in_copies_of_fer2013(tmp_path: Path, name: str, split: str) -> None:
    save_folder(tmp_path, name, some("test", 2))
    assert folders.splits(tmp_path) == [split]


def test_two_folders_for_one_split_are_refused(small: Path) -> None:
    (small / "PublicTest").mkdir()
    with pytest.raises(DataError, match=r"PublicTest and .*test"):
        load(small, "test")


def test_colour_images_are_turned_grey(small: Path) -> None:
    file = small / "test" / "sad" / "0.png"
    Image.new("RGB", (48, 48), (255, 0, 0)).save(file)
    assert folders.read_image(file).max() == folders.read_image(file).min() == 76  # ITU-R 601: 0.299 · 255


def test_files_that_are_no_images_and_hidden_folders_are_passed_over(small: Path) -> None:
    (small / "test" / ".ipynb_checkpoints").mkdir()
    (small / "test" / "sad" / "Thumbs.db").write_bytes(b"")
    assert len(load(small, "test")) == 14


def test_truncated_image_is_named(small: Path) -> None:
    file = next((small / "test" / "fear").iterdir())
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(DataError, match=rf"fear/{file.name}: not a readable image"):
        load(small, "test")


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_anything_else_under_an_image_name_is_named(small: Path, content: bytes) -> None:
    (small / "test" / "fear" / "x.png").write_bytes(content)
    with pytest.raises(DataError, match=r"fear/x.png: not a readable image"):
        load(small, "test")


def test_image_of_any_size_becomes_its_middle_square_scaled(small: Path) -> None:
    wide = np.full((96, 200), 10, np.uint8)
    wide[:, 40:160] = 200
    Image.fromarray(wide).save(small / "test" / "fear" / "x.png")
    assert (folders.read_image(small / "test" / "fear" / "x.png") == 200).all()


def test_image_of_48_by_48_grey_pixels_is_taken_as_it_is(small: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    Image.fromarray(pixels).save(small / "x.png")
    np.testing.assert_array_equal(folders.read_image(small / "x.png"), pixels)


def test_image_without_a_known_white_is_refused(small: Path) -> None:
    Image.fromarray(np.full((48, 48), 0.5, np.float32)).save(small / "test" / "fear" / "x.tiff")
    with pytest.raises(DataError, match="floating-point pixels"):
        load(small, "test")


def test_first_of_several_problems_is_told_with_the_number_of_others(small: Path) -> None:
    for name in ("x.png", "y.png", "z.png"):
        (small / "test" / "fear" / name).write_bytes(b"")
    with pytest.raises(DataError, match=r"x.png.*And 2 more"):
        load(small, "test")


def test_missing_class_folder_is_named(small: Path) -> None:
    save_folder(small, "train")
    (small / "test" / "disgust").rename(small / "elsewhere")
    with pytest.raises(DataError, match="no folder 'disgust'"):
        load(small, "test")


def test_class_folder_that_train_lacks_is_named(small: Path) -> None:
    save_folder(small, "train")
    (small / "test" / "contempt").mkdir()
    with pytest.raises(DataError, match="contempt: not one of the classes"):
        load(small, "test")


def test_class_folders_that_differ_in_case_only_are_named(small: Path) -> None:
    shutil.copytree(small / "test" / "fear", small / "test" / "FEAR")
    with pytest.raises(DataError, match=r"test/fear: is the same class as FEAR\. Make one folder of them"):
        load(small, "test")


def test_any_folders_are_classes_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10", "2", "1"):
        (tmp_path / "train" / name).mkdir(parents=True)
        Image.fromarray(np.full((60, 40, 3), (int(name), 99, 3), np.uint8)).save(tmp_path / "train" / name / "a.png")
    faces = folders.read(tmp_path, "train")[0]
    assert faces.classes == ("1", "2", "10")
    assert faces.labels.tolist() == [0, 1, 2]
    assert faces.images.shape == (3, 48, 48)


@pytest.mark.parametrize("count", [1, 65])
def test_one_class_is_no_choice_and_64_are_the_most(tmp_path: Path, count: int) -> None:
    for number in range(count):
        (tmp_path / "train" / str(number)).mkdir(parents=True)
    with pytest.raises(DataError, match=rf"has {count} folders, one for each class\. Have 2 to 64"):
        load(tmp_path, "train")
