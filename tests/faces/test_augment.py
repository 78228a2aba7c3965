"""Augmentation of a batch."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fer_edge.faces import drawn  # noqa: E402
from fer_edge.faces.augment import Augmentation, augment  # noqa: E402

BATCH = torch.from_numpy(drawn.draw(range(64)))[:, None]
NONE = Augmentation.none()


def changed(how: Augmentation, seed: int = 0, batch: Any = BATCH) -> Any:
    return augment(batch, how, torch.Generator().manual_seed(seed))


def test_pixels_stay_integers_of_the_same_shape() -> None:
    out = changed(Augmentation())
    assert out.dtype == torch.uint8
    assert out.shape == BATCH.shape


def test_nothing_changes_at_strength_zero() -> None:
    assert all(getattr(NONE, field.name) == 0 for field in fields(NONE))
    assert torch.equal(changed(NONE), BATCH)


def test_a_seed_repeats_and_another_differs() -> None:
    assert torch.equal(changed(Augmentation(), 1), changed(Augmentation(), 1))
    assert not torch.equal(changed(Augmentation(), 1), changed(Augmentation(), 2))


def test_flip_mirrors_left_to_right_with_its_probability() -> None:
    assert torch.equal(changed(replace(NONE, flip=1.0)), BATCH.flip(3))
    flipped = [torch.equal(a, b) for a, b in zip(changed(replace(NONE, flip=0.5)), BATCH.flip(3), strict=True)]
    assert 16 < sum(flipped) < 48


@pytest.mark.parametrize(
    ("how", "most"), [(Augmentation(), 4.0), (Augmentation.strong(), 48 / 5)], ids=["usual", "strong"]
)
def test_shift_moves_by_no_more_than_its_pixels_in_both_directions(how: Augmentation, most: float) -> None:
    spot = torch.zeros(200, 1, 48, 48, dtype=torch.uint8)
    spot[:, :, 23:25, 23:25] = 255
    out = changed(replace(NONE, shift=how.shift), batch=spot).float()[:, 0]
    weight = out.sum((1, 2))
    for axis in (1, 2):
        centre = (out.sum(3 - axis) * torch.arange(48)).sum(1) / weight - 23.5
        assert -most - 0.1 < centre.min() < -most + 1
        assert most - 1 < centre.max() < most + 0.1


def test_rotation_turns_about_the_centre_by_no_more_than_its_degrees() -> None:
    bar = torch.zeros(200, 1, 48, 48, dtype=torch.uint8)
    bar[:, :, 23:25, 38:40] = 255  # 15 pixels right of the centre
    out = changed(replace(NONE, rotation=20.0), batch=bar).float()[:, 0]
    weight = out.sum((1, 2))
    y, x = ((out.sum(3 - axis) * (torch.arange(48) - 23.5)).sum(1) / weight for axis in (1, 2))
    angle = torch.rad2deg(torch.atan2(y, x))
    assert -20.5 < angle.min() < -17
    assert 17 < angle.max() < 20.5
    torch.testing.assert_close(torch.hypot(x, y), torch.full([200], 15.0), atol=0.2, rtol=0)


def test_scale_enlarges_and_shrinks_by_its_part() -> None:
    square = torch.zeros(200, 1, 48, 48, dtype=torch.uint8)
    square[:, :, 14:34, 14:34] = 255
    side = (changed(replace(NONE, scale=0.2), batch=square).float() / 255).sum((1, 2, 3)).sqrt() / 20
    assert side.min() == pytest.approx(0.8, abs=0.03)
    assert side.max() == pytest.approx(1.2, abs=0.03)


def test_brightness_adds_and_contrast_multiplies() -> None:
    flat = torch.full((200, 1, 48, 48), 100, dtype=torch.uint8)
    bright = changed(replace(NONE, brightness=0.1), batch=flat)[:, 0, 0, 0]
    assert 74 <= bright.min() < 80
    assert 120 < bright.max() <= 126
    mid = torch.where(torch.rand(200, 1, 48, 48) < 0.5, 108, 148).to(torch.uint8)
    stronger = changed(replace(NONE, contrast=0.5), batch=mid).float()
    spread = stronger.std((1, 2, 3)) / mid.float().std((1, 2, 3))
    assert 0.48 < spread.min() < 0.6
    assert 1.4 < spread.max() < 1.52
    torch.testing.assert_close(stronger.mean((1, 2, 3)), mid.float().mean((1, 2, 3)), atol=1, rtol=0)


def test_erasing_paints_one_grey_rectangle_with_its_probability() -> None:
    ramp = torch.randint(0, 256, (300, 1, 48, 48), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    out = changed(replace(NONE, erase=0.3, erase_side=0.5), batch=ramp)
    hit = 0
    for before, after in zip(ramp[:, 0].numpy(), out[:, 0].numpy(), strict=True):
        if (before == after).all():
            continue
        hit += 1
        rows, columns = np.nonzero(before != after)
        hole = after[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert max(hole.shape) <= 24
        assert (hole == hole[0, 0]).all()
    assert 60 < hit < 120
