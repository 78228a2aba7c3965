"""Faces are found in pictures and cropped as FER2013 crops them."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dlib
import numpy as np
import pytest
from PIL import Image

from fer_edge.errors import ToolError
from fer_edge.faces import detect, drawn
from fer_edge.faces.detect import Box, crop, find_faces

GREY = 120
CLEAR = 36  # a drawn face that the detector finds at every size
DOUBTFUL = 13  # one that it finds below its own threshold


@pytest.fixture(autouse=True)
def own_detector() -> Iterator[None]:
    """What a test does to the detector ends with it."""
    yield
    detect._detector.cache_clear()


def picture(side: int, at: tuple[int, int], size: tuple[int, int] = (640, 480), number: int = CLEAR) -> Image.Image:
    """A drawn face of `side` pixels with its top left corner `at`, on grey."""
    face = Image.fromarray(drawn.draw(range(number, number + 1))[0])
    ground = Image.new("L", size, GREY)
    ground.paste(face.resize((side, side), Image.Resampling.BICUBIC), at)
    return ground


@pytest.mark.parametrize(("side", "at"), [(60, (30, 300)), (120, (400, 40)), (300, (200, 100))])
def test_a_face_is_found_where_it_is(side: int, at: tuple[int, int]) -> None:
    (box,) = find_faces(picture(side, at))
    assert box.side == pytest.approx(side, rel=0.25)
    assert box.left + box.side / 2 == pytest.approx(at[0] + side / 2, abs=0.15 * side)
    assert box.top + box.side / 2 == pytest.approx(at[1] + side / 2, abs=0.15 * side)


def test_a_picture_without_a_face_has_none() -> None:
    assert find_faces(Image.new("L", (640, 480), GREY)) == []
    assert find_faces(Image.new("L", (1, 1))) == []
    assert find_faces(Image.effect_noise((640, 480), 60)) == []


def test_a_face_moves_as_far_as_it_is_moved() -> None:
    """One reading alone goes by the detector's steps of 8 pixels, and sizes 6/5 apart."""
    boxes = [find_faces(picture(130, (60 + step, 50), (260, 260)))[0] for step in range(8)]
    assert np.ptp([box.left - step for step, box in enumerate(boxes)]) <= 5
    assert np.ptp([box.side for box in boxes]) <= 10


def test_a_doubtful_face_is_taken_where_it_is_large_and_there_is_no_other() -> None:
    alone = picture(120, (60, 60), (300, 240), DOUBTFUL)
    (box,) = find_faces(alone)
    assert not box.sure
    assert box.left + box.side / 2 == pytest.approx(120, abs=15)
    alone.paste(picture(100, (0, 0), (100, 240)), (200, 0))
    (other,) = find_faces(alone)
    assert other.sure
    assert other.left >= 190
    assert find_faces(picture(120, (60, 60), (800, 800), DOUBTFUL)) == []


def test_faces_below_the_smallest_are_not_looked_for() -> None:
    small = picture(60, (100, 100))
    assert len(find_faces(small)) == 1
    assert find_faces(small, smallest=92) == []


def test_a_crop_is_the_box_as_48_by_48_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
    cut = crop(Image.fromarray(pixels), Box(left=10, top=20, side=48, score=1.0))
    assert cut.dtype == np.uint8
    assert (cut == pixels[20:68, 10:58]).all()


def test_beyond_the_border_the_outermost_pixels_are_repeated() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40), np.uint8)
    cut = crop(Image.fromarray(pixels), Box(left=-4, top=-8, side=48, score=1.0))
    assert (cut == np.pad(pixels, ((8, 10), (4, 4)), mode="edge")).all()


def test_threads_do_not_mix_their_pictures() -> None:
    size = (240, 180)
    pictures = [picture(120, (60, 30), size), Image.new("L", size, GREY)] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(find_faces, pictures))
    assert [len(boxes) for boxes in found] == [1, 0] * 4


def test_without_dlib_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    detect._detector.cache_clear()
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(ToolError, match=r"pip install 'fer-edge\[vision\]'"):
        find_faces(Image.new("L", (100, 100)))


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows with each time that the detector is unpacked, which is not really done: it takes a second."""
    detector = detect._detector()
    times: list[Any] = []

    def unpack() -> Any:
        times.append(detector)
        return detector

    monkeypatch.setattr(dlib, "get_frontal_face_detector", unpack)
    detect._detector.cache_clear()
    return times


def test_the_detector_is_unpacked_once_for_all_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unpacked: list[Any]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    scene = picture(120, (400, 40))
    first = find_faces(scene)
    for times in (1, 2):
        detect._detector.cache_clear()
        assert find_faces(scene) == first
        assert len(unpacked) == times
        (kept,) = tmp_path.rglob("*.svm")
        kept.write_bytes(kept.read_bytes()[:1000])  # damaged, so that the next run unpacks it again


def test_without_a_cache_faces_are_found_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unpacked: list[Any]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(find_faces(picture(120, (400, 40)))) == len(unpacked) == 1
