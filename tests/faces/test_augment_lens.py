"""The camera's lens and rules in torch, beside those in numpy."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.extra import numpy as arrays  # noqa: E402

from fer_edge.faces import augment_lens, camera, drawn  # noqa: E402
from fer_edge.faces.augment_lens import through_lens  # noqa: E402
from fer_edge.faces.lens import DICE, MODERATE, PRESETS, Lens, photograph  # noqa: E402

FACES = drawn.draw(range(24))
SEED = 7
HARSH = Lens(offset=6, scale=0.3, blur=2, noise=9, gain=0.8, light=0.5)


def dice_of(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """What `lens.photograph` draws for its pictures."""
    rngs = [np.random.default_rng((seed, n)) for n in range(count)]
    dice = np.array([2 * rng.random(DICE) - 1 for rng in rngs])
    return dice, np.stack([rng.standard_normal((96, 96)) for rng in rngs])


@pytest.mark.parametrize("lens", [*PRESETS.values(), HARSH])
def test_the_lens_is_the_simulation_s_but_for_a_rounding_here_and_there(lens: Lens) -> None:
    dice, noise = (torch.from_numpy(part) for part in dice_of(SEED, len(FACES)))
    ours = augment_lens.photograph(torch.from_numpy(FACES), lens, dice, noise if lens.noise else None).numpy()
    expected = photograph(FACES, lens, SEED, (96, 96))
    assert np.abs(ours.astype(int) - expected).max() <= 1
    assert (ours != expected).mean() < 1e-5  # sums in another order, which end on the other side of a half


@given(arrays.arrays(np.uint8, (2, 96, 96)), st.integers(1, 96))
def test_scaling_is_the_firmware_s_bit_for_bit(luma: np.ndarray, side: int) -> None:
    ours = augment_lens.scale(torch.from_numpy(luma), side).numpy()
    assert np.array_equal(ours, camera.scale(luma, camera.Window(), side))


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=3, max_dims=3, max_side=40)))
def test_contrast_is_the_firmware_s_bit_for_bit(pixels: np.ndarray) -> None:
    assert np.array_equal(augment_lens.normalize(torch.from_numpy(pixels)).numpy(), camera.normalize(pixels))


def changed(share: float, lens: Lens = MODERATE, seed: int = 0) -> np.ndarray:
    images = torch.from_numpy(FACES)[:, None]
    result: np.ndarray = through_lens(images, lens, share, torch.Generator().manual_seed(seed)).numpy()
    assert result.shape == (len(FACES), 1, 48, 48)
    assert result.dtype == np.uint8
    return result[:, 0]


def test_about_a_share_of_the_faces_is_seen_by_the_camera_and_the_rest_stays() -> None:
    assert np.array_equal(changed(0), FACES)
    some, whole = changed(0.5), changed(1)
    same = (some == FACES).all((1, 2))
    assert 5 < same.sum() < 19
    assert np.array_equal(some[~same], whole[~same])
    assert not (whole == FACES).all((1, 2)).any()


def test_without_a_lens_the_camera_only_stretches_contrast() -> None:
    assert np.array_equal(changed(1, Lens()), camera.normalize(FACES))


def test_a_seed_repeats_and_another_differs() -> None:
    assert np.array_equal(changed(1, HARSH, 1), changed(1, HARSH, 1))
    assert not np.array_equal(changed(1, HARSH, 1), changed(1, HARSH, 2))
