"""Holding out, sampling, near-duplicates."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_edge.faces import CLASSES
from fer_edge.faces.split import hold_out, in_part, near_duplicates, stratified_sample

from .conftest import some

FACES = some("train")


def test_identical_and_slightly_changed_images_are_near_duplicates() -> None:
    face = FACES.images[8].astype(int)
    noise = np.random.default_rng(0).normal(0, 5, face.shape)
    relit = np.clip(0.8 * face + 20, 0, 255)
    stack = np.stack([face, np.clip(face + noise, 0, 255), relit, np.roll(face, 1, 1), FACES.images[3]])
    groups = near_duplicates(stack.astype(np.uint8))
    assert groups[0] == groups[1] == groups[2]
    assert groups[4] != groups[0]


def test_blank_images_are_near_duplicates_of_each_other_alone() -> None:
    blank = np.zeros((2, 48, 48), np.uint8)
    blank[1] = 200
    groups = near_duplicates(np.concatenate([blank, FACES.images[:20]]))
    assert groups[0] == groups[1]
    assert groups[0] not in groups[2:]


def test_near_duplicates_are_found_across_blocks_of_the_comparison() -> None:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (2500, 48, 48), np.uint8)
    images[2400] = images[5]
    groups = near_duplicates(images)
    assert groups[2400] == groups[5]
    assert len(np.unique(groups)) == 2499


def test_likeness_carries_over() -> None:
    a, b = np.random.default_rng(2).normal(size=(2, 12, 12)).repeat(4, 1).repeat(4, 2)
    chain = np.stack([128 + 30 * (np.cos(t) * a + np.sin(t) * b) for t in (0.0, 0.2, 0.4, 0.6)])
    chain = np.clip(chain, 0, 255).astype(np.uint8)
    assert len(np.unique(near_duplicates(chain[[0, 3]]))) == 2, "the ends alone are unlike"
    assert len(np.unique(near_duplicates(chain))) == 1, "but linked by those between"


def test_val_takes_a_tenth_of_every_class_and_leaves_the_rest() -> None:
    train, val = hold_out(FACES.images, FACES.labels)
    assert sorted([*train, *val]) == list(range(len(FACES)))
    assert FACES.take(val).per_class() == dict.fromkeys(CLASSES, 3)


def test_val_does_not_depend_on_the_order_of_listing() -> None:
    order = np.random.default_rng(0).permutation(len(FACES))
    _, val = hold_out(FACES.images, FACES.labels)
    _, again = hold_out(FACES.images[order], FACES.labels[order])
    assert set(order[again]) == set(val)


def test_val_has_no_more_near_duplicates_than_train() -> None:
    rng = np.random.default_rng(4)
    single, tripled = rng.integers(0, 256, (2, 1500, 48, 48), np.uint8)
    images = np.concatenate([single, *[tripled[:500]] * 3])
    images[2000:, 0, 0] += 1  # the copies are not the same to the pixel
    images[2500:, 0, 0] += 1
    _, val = hold_out(images, np.zeros(len(images), np.int64))
    assert len(val) == 300
    assert 100 < np.count_nonzero(val >= 1500) < 200  # as in all faces a half, give or take five deviations


def test_near_duplicates_stay_on_one_side() -> None:
    twice = FACES.images.repeat(2, axis=0)
    twice[1::2] = np.clip(twice[1::2].astype(int) + 9, 0, 255)
    labels = FACES.labels.repeat(2)
    labels[1::2] = (labels[1::2] + 1) % 7  # even when they are labelled differently
    groups = near_duplicates(twice)
    train, val = hold_out(twice, labels)
    assert len(val) > 20
    assert not set(groups[train]) & set(groups[val])


def test_every_face_is_in_one_of_the_parts_and_they_are_of_about_the_same_size() -> None:
    images = np.random.default_rng(3).integers(0, 256, (2000, 48, 48), np.uint8)
    inside = np.array([in_part(images, part, 4) for part in (1, 2, 3, 4)])
    assert (inside.sum(0) == 1).all()
    assert all(400 < size < 600 for size in inside.sum(1))  # five deviations of a fair draw are 97


def test_a_part_depends_on_neither_order_nor_other_faces_and_parts_no_near_duplicates() -> None:
    twice = FACES.images.repeat(2, axis=0)
    twice[1::2] = np.clip(twice[1::2].astype(int) + 9, 0, 255)
    groups, inside = near_duplicates(twice), in_part(twice, 2, 3)
    assert 0 < inside.sum() < len(twice)
    assert not set(groups[inside]) & set(groups[~inside])
    order = np.random.default_rng(0).permutation(len(twice))
    np.testing.assert_array_equal(in_part(twice[order], 2, 3), inside[order])
    some = np.isin(groups, np.unique(groups)[::2])
    np.testing.assert_array_equal(in_part(twice[some], 2, 3), inside[some])


@given(st.lists(st.integers(0, 6), min_size=1, max_size=300), st.integers(1, 320), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_sample_has_its_size_and_every_class_in_proportion(labels: list[int], limit: int, seed: int) -> None:
    whole = np.array(labels)
    chosen = stratified_sample(whole, limit, seed)
    assert len(chosen) == min(limit, len(whole))
    assert (np.diff(chosen) > 0).all()
    share = np.bincount(whole, minlength=7) * len(chosen) / len(whole)
    assert (np.abs(np.bincount(whole[chosen], minlength=7) - share) < 1).all()
    np.testing.assert_array_equal(chosen, stratified_sample(whole, limit, seed))
