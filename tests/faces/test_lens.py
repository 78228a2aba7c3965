"""What the camera is shown, and what its lens does to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_edge.errors import DataError
from fer_edge.faces import drawn, scenes
from fer_edge.faces.lens import MODERATE, Lens, photograph

FACES = drawn.draw(range(6))


def middle(shown: np.ndarray) -> np.ndarray:
    """The square that faces fill."""
    return shown[:, :, 16:-16]


def centre(shown: np.ndarray) -> np.ndarray:
    """Where the light is, by row and column, of each picture."""
    light = shown.astype(float)
    rows, columns = (np.arange(n) + 0.5 for n in shown.shape[1:])
    total = light.sum((1, 2))
    return np.stack(((light.sum(2) @ rows) / total, (light.sum(1) @ columns) / total))


def test_without_a_lens_every_pixel_is_shown_two_by_two() -> None:
    shown = scenes.through(FACES, Lens(), seed=0)
    assert shown.shape == (6, 96, 128)
    assert np.array_equal(middle(shown), FACES.repeat(2, 1).repeat(2, 2))
    assert np.array_equal(shown[:, :, 0], FACES[:, :, 0].repeat(2, 1))  # the edges go on


def test_the_same_seed_gives_the_same_whatever_else_is_shown() -> None:
    lens = Lens(3, 0.1, 0.7, 5, 0.25, 0.2)
    all_of_them = scenes.through(FACES, lens, seed=4)
    assert np.array_equal(all_of_them[2:], photograph(FACES[2:], lens, 4, scenes.FACES, first=2))
    assert not np.array_equal(all_of_them, scenes.through(FACES, lens, seed=5))


def spot(side: int = 8) -> np.ndarray:
    """Forty dark pictures with a light square in the middle."""
    picture = np.zeros((48, 48), np.uint8)
    picture[24 - side // 2 : 24 + side // 2, 24 - side // 2 : 24 + side // 2] = 200
    return np.repeat(picture[None], 40, 0)


def test_offset_moves_by_at_most_so_much_in_every_direction() -> None:
    moved = centre(scenes.through(spot(), Lens(offset=3), 0)) - np.array([[48], [64]])
    assert np.abs(moved).max() <= 6.01  # pixels of 96
    assert (moved.max(1) > 3).all()
    assert (moved.min(1) < -3).all()


def test_scale_changes_the_size_and_nothing_else() -> None:
    shown = scenes.through(spot(), Lens(scale=0.1), 0)
    side = np.sqrt(shown.sum((1, 2)) / 200) / 16
    assert 0.89 < side.min() < 0.95
    assert 1.05 < side.max() < 1.11
    assert np.abs(centre(shown) - np.array([[48], [64]])).max() < 0.1


def test_blur_spreads_a_point_by_its_standard_deviation() -> None:
    shown = scenes.through(spot(side=2)[:1], Lens(blur=2), 0)[0].astype(float)
    rows = shown.sum(1)
    at = np.arange(96) + 0.5 - 48
    box = (4**2 - 1) / 12  # of the point itself, four pixels wide
    assert np.average(at**2, weights=rows) - box == pytest.approx(4**2, rel=0.1)


def test_gain_lightens_and_darkens_and_clips() -> None:
    grey = np.full((40, 48, 48), 230, np.uint8)
    means = scenes.through(grey, Lens(gain=0.25), 0).mean((1, 2))
    assert 230 * 0.75 <= means.min() < 190
    assert means.max() == 255


def test_light_comes_from_one_side_and_noise_has_its_strength() -> None:
    grey = np.full((10, 48, 48), 100, np.uint8)
    lit = middle(scenes.through(grey, Lens(light=0.3), 0)).astype(float)
    corners = lit[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert lit.mean() == pytest.approx(100, abs=0.5)
    assert (np.abs(corners[:, 0] + corners[:, 3] - 200) <= 1).all()  # as much lighter as the opposite is darker
    assert (np.ptp(corners, 1) > 50).all()
    assert scenes.through(grey, Lens(noise=6), 0).std() == pytest.approx(6, rel=0.05)


def test_a_lens_is_written_as_a_preset_and_effects() -> None:
    assert Lens.parse("none") == Lens()
    assert Lens.parse("moderate") == MODERATE == Lens(offset=3, scale=0.1, blur=0.7, gain=0.25)
    assert Lens.parse("moderate, noise=4") == Lens(offset=3, scale=0.1, blur=0.7, noise=4, gain=0.25)
    assert Lens.parse("light=0.5") == Lens(light=0.5)
    for wrong in ("", "moderat", "offset", "offset=x", "offset=-1", "scale=1", "blur=nan", "offset=3;scale=0.1"):
        with pytest.raises(DataError, match="no effect"):
            Lens.parse(wrong)


def test_pictures_of_any_kind_become_what_the_sensor_can_look_at(tmp_path: Path) -> None:
    faces = tmp_path / "faces.npy"
    assert scenes.write("drawn", faces, Lens()) == 700
    assert np.array_equal(middle(np.load(faces)[:2])[:, ::2, ::2], drawn.read("test").by_content().images[:2])

    folder = tmp_path / "holiday"
    folder.mkdir()
    Image.new("RGB", (900, 300), (10, 20, 30)).save(folder / "b.png")
    Image.new("L", (640, 480), 99).save(folder / "a.jpg")
    shown = tmp_path / "shown.npy"
    assert scenes.write(folder, shown, Lens()) == 2
    pictures = np.load(shown)
    assert pictures.shape == (2, 480, 640)
    assert pictures.mean((1, 2)).tolist() == [99, 18]
    assert scenes.write(folder / "b.png", shown, MODERATE) == 1
    assert np.load(shown).shape == (1, 480, 640)

    (folder / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"a\.jpg: not a readable image"):
        scenes.write(folder, shown, Lens())
    with pytest.raises(DataError):
        scenes.write(tmp_path / "nowhere", shown, Lens())
