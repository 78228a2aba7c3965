"""RAF-DB and AffectNet by their list files, on pictures made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_edge.errors import DataError
from fer_edge.faces import classes, load


def grey(path: Path, level: int, size: tuple[int, int] = (100, 100)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level,) * 3).save(path)


@pytest.fixture
def raf_db(tmp_path: Path) -> Path:
    """Two train faces and a test face, laid out as RAF-DB's basic part."""
    for name, level in (("train_00001", 10), ("train_00002", 20), ("test_0001", 30)):
        grey(tmp_path / f"basic/Image/aligned/{name}_aligned.jpg", level)
    path = tmp_path / "basic/EmoLabel/list_patition_label.txt"
    path.parent.mkdir()
    path.write_text("train_00001.jpg 1\ntrain_00002.jpg 7\ntest_0001.jpg 4\n")
    return path


def test_raf_db_by_its_list(raf_db: Path) -> None:
    assert classes(raf_db) == ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    faces = load(raf_db, "test")
    assert faces.names == ["test_0001.jpg"]
    assert [faces.classes[i] for i in faces.labels] == ["happy"]
    assert abs(int(faces.images[0, 24, 24]) - 30) <= 2  # JPEG


def test_what_is_wrong_with_a_line_of_raf_db_is_named(raf_db: Path) -> None:
    raf_db.write_text("test_0001.jpg 9\n")
    with pytest.raises(DataError, match=r"line 1: 'test_0001.jpg 9'"):
        load(raf_db, "test")
    raf_db.write_text("test_0002.jpg 2\n")
    with pytest.raises(DataError, match=r"line 1: there is no picture test_0002.jpg"):
        load(raf_db, "test")


@pytest.fixture
def affectnet(tmp_path: Path) -> Path:
    """A face in the right half of a picture, one without an expression, and a line that leads out of the folder."""
    pixels = np.zeros((100, 200), np.uint8)
    pixels[:, 100:] = 77
    (tmp_path / "689").mkdir()
    Image.fromarray(pixels).save(tmp_path / "689/a.png")
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
    lines = ["689/a.png,110,10,80,80,1;2,7,0.1,0.2", "689/b.png,0,0,1,1,1;2,10,0,0"]
    (tmp_path / "validation.csv").write_text("\n".join([header, *lines]) + "\n")
    (tmp_path / "training.csv").write_text(f"{header}\n../secret.png,0,0,1,1,1;2,3,0,0\n")
    return tmp_path


def test_affectnet_by_its_lists(affectnet: Path) -> None:
    faces = load(affectnet, "test")
    assert [faces.classes[i] for i in faces.labels] == ["contempt"]
    assert (faces.images == 77).all()


@pytest.mark.parametrize("code", ["-1", "11", "happy", ""])
def test_an_expression_that_affectnet_has_not_is_named(affectnet: Path, code: str) -> None:
    path = affectnet / "validation.csv"
    path.write_text(path.read_text().replace(",7,0.1", f",{code},0.1"))
    with pytest.raises(DataError, match=f"validation.csv, line 2: expression is '{code}', not 0 to 10"):
        load(affectnet, "test")


def test_a_face_without_bounds_is_named(affectnet: Path) -> None:
    path = affectnet / "validation.csv"
    path.write_text(path.read_text().replace("a.png,110", "a.png,inf"))
    with pytest.raises(DataError, match=r"validation.csv, line 2: .*infinity"):
        load(affectnet, "test")


@pytest.mark.parametrize(
    "content", [b"expression\n\xff\xfe\n", b'expression\n"' + b"x" * 140_000], ids=["bytes", "field"]
)
def test_a_list_that_is_no_csv_is_refused(affectnet: Path, content: bytes) -> None:
    (affectnet / "validation.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"validation.csv: not a CSV file"):
        load(affectnet, "test")


def test_a_list_does_not_lead_out_of_its_folder(affectnet: Path) -> None:
    with pytest.raises(DataError, match="a picture outside the folder"):
        load(affectnet, "train")
