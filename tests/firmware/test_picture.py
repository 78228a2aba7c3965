"""picture.c on the host: what the camera's picture becomes, bit for bit as fer_edge/faces/camera.py has it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fer_edge.faces.camera import LEAST_SPAN, SIDE, Window, luma, normalize, scale
from tests.firmware.firmware_host import Host

PICTURES = hnp.arrays(np.uint8, (SIDE, SIDE))


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, int]:
    """A window of the picture, and the side it is scaled to."""
    window = draw(st.integers(1, SIDE))
    side = draw(st.integers(1, window))
    corner = st.integers(0, SIDE - window)
    return Window(draw(corner), draw(corner), window), side


@given(hnp.arrays(np.uint8, 2 * SIDE))
def test_luma_is_every_other_byte(host: Host, yuv: np.ndarray) -> None:
    assert host.luma(yuv.tobytes()) == luma(yuv).tobytes() == yuv.tobytes()[::2]


@given(PICTURES, windows())
def test_a_window_is_scaled_as_in_python(host: Host, picture: np.ndarray, case: tuple[Window, int]) -> None:
    window, side = case
    found = host.scale(picture, window.row, window.column, window.side, side)
    assert np.array_equal(found, scale(picture[None], window, side)[0])


def test_all_of_the_picture_becomes_2_by_2_means_halves_rounded_up(host: Host) -> None:
    picture = np.zeros((SIDE, SIDE), np.uint8)
    picture[:2, :4] = [[1, 1, 10, 20], [0, 0, 30, 43]]
    assert host.scale(picture, 0, 0, SIDE, 48)[0, :3].tolist() == [1, 26, 0]


def test_a_window_of_the_networks_size_is_copied(host: Host) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    assert np.array_equal(host.scale(picture, 48, 7, 48, 48), picture[48:, 7:55])


@given(hnp.arrays(np.uint8, st.sampled_from([(1, 1), (6, 6), (48, 48), (96, 96)])), st.integers(0, 255))
def test_contrast_is_normalized_as_in_python(host: Host, pixels: np.ndarray, most: int) -> None:
    pixels = np.minimum(pixels, most).astype(np.uint8)  # little contrast, too
    assert np.array_equal(host.normalize(pixels), normalize(pixels[None])[0])


@pytest.mark.parametrize("offset", [0, 100])
def test_a_dark_or_hazy_picture_comes_out_as_the_clear_one(host: Host, offset: int) -> None:
    """Up to the rounding of the pixels it is made of."""
    clear = np.random.default_rng(2).integers(0, 256, (48, 48), dtype=np.uint8)
    dim = (clear // 4 + offset).astype(np.uint8)
    assert np.abs(host.normalize(dim).astype(int) - host.normalize(clear)).max() <= 5


def test_a_few_outliers_do_not_take_part_and_flat_pictures_stay_within_bounds(host: Host) -> None:
    pixels = np.full((48, 48), 100, np.uint8)
    pixels[0, :9], pixels[1, :9] = 0, 255  # 9 of 2,304
    pixels[2:20], pixels[20:40] = 120, 160
    normalized = host.normalize(pixels)
    assert (normalized[0, 0], normalized[1, 0]) == (0, 255)
    assert set(np.unique(normalized)) == {0, 85, 255}
    flat = host.normalize(np.full((48, 48), 100, np.uint8))
    assert set(np.unique(flat)) == {0}
    step = host.normalize(np.repeat(np.array([10, 10 + LEAST_SPAN // 2], np.uint8), 1152).reshape(48, 48))
    assert step.max() == 128
