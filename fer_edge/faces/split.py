"""Holding `val` out of `train`, sampling, and finding near-duplicates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from fer_edge.faces.dataset import SIDE, content_keys

ONE_IN = 10  # share of every class that goes to val
VAL_SEED = 0  # fixed: no face that one run trained on is in another run's val
_MEMBER_SEED = 1

# Two images are near-duplicates if their 12×12 block means correlate by at least this much. In the training
# set of FER2013, of 96 pairs sampled above 0.955 all showed the same photograph (another crop, contrast or
# watermark); strangers of like pose and light begin near 0.95, and below 0.92 they are the majority.
NEAR = 0.955
_GRID = 12
_UNIT = 32  # one standard deviation, in the integers of `_fingerprints`
_BLOCK = 1024  # images compared with all others at a time


def hold_out(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices (train, val), both ascending: a tenth of every class is val, near-duplicates stay together.

    Groups of near-duplicates are visited in an order that depends on pixels alone, and one goes to val if no
    class gets more than its tenth thereby. So a folder and a CSV file of the same pixels give the same val.
    """
    counts = np.bincount(labels)
    room = np.minimum(-(-counts // ONE_IN), np.maximum(counts - 1, 0))
    groups, keys = _keyed_groups(images)
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    val = np.zeros(len(labels), bool)
    for group in np.argsort(keys, kind="stable"):
        wanted = np.bincount(labels[members[group]], minlength=len(counts))
        if (wanted <= room).all():
            room = room - wanted
            val[members[group]] = True
    return np.flatnonzero(~val), np.flatnonzero(val)


def in_part(images: NDArray[np.uint8], part: int, parts: int) -> NDArray[np.bool_]:
    """Which images are in the `part`-th of so many parts, bool [N]; near-duplicates are in the same.

    That is drawn from pixels alone, so the parts are of about the same size, and stay what they are when other groups
    of near-duplicates are added or taken away.
    """
    groups, keys = _keyed_groups(images)
    result: NDArray[np.bool_] = (keys % np.uint64(parts) == np.uint64(part - 1))[groups]
    return result


def _keyed_groups(images: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Every image's group of near-duplicates, int64 [N], from 0 on, and a random number of each group, from pixels.

    That is the key of one member, chosen by other keys. Were it the smallest, the larger groups would come first.
    """
    groups = np.unique(near_duplicates(images), return_inverse=True)[1].astype(np.int64)
    by_group = np.lexsort((content_keys(images, _MEMBER_SEED), groups))
    chosen = by_group[np.flatnonzero(np.diff(groups[by_group], prepend=-1))]
    return groups, content_keys(images[chosen], VAL_SEED)


def stratified_sample(labels: NDArray[np.int64], limit: int, seed: int) -> NDArray[np.int64]:
    """Ascending indices of `limit` items, at most all, with every class in proportion (largest remainders)."""
    limit = min(limit, len(labels))
    counts = np.bincount(labels)
    share = counts * limit / max(len(labels), 1)
    seats = np.floor(share).astype(np.int64)
    seats[np.argsort(seats - share, kind="stable")[: limit - seats.sum()]] += 1
    order = np.random.default_rng(seed).permutation(len(labels))
    taken = [order[labels[order] == c][:n] for c, n in enumerate(seats)]
    return np.sort(np.concatenate(taken))


def near_duplicates(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Group numbers, int64 [N]: images alike by `NEAR`, directly or through others, share one.

    Images of one grey level throughout are a group of their own.
    """
    prints = _fingerprints(images)
    least = NEAR * _UNIT**2 * _GRID**2
    groups = np.arange(len(images))
    starts = range(0, len(images), _BLOCK)
    for start in tqdm(starts, desc="comparing faces", unit="block", delay=1, leave=False, disable=None):
        alike = prints[start : start + _BLOCK] @ prints[start:].T >= least
        np.fill_diagonal(alike, False)
        for row in np.flatnonzero(alike.any(axis=1)):
            together = np.unique(groups[start + np.append(np.flatnonzero(alike[row]), row)])
            if len(together) > 1:
                groups[np.isin(groups, together)] = together[0]
    return groups


def _fingerprints(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """12×12 block means less their mean, over their deviation, as integers in float32 [N, 144].

    Sums of products of such integers stay far below 2^24, so a float32 matrix product is exact, and the groups
    do not depend on processor or thread count.
    """
    block = SIDE // _GRID
    sums = images.reshape(-1, _GRID, block, _GRID, block).sum((2, 4), np.int64).reshape(-1, _GRID**2)
    centred = (sums * _GRID**2 - sums.sum(1, keepdims=True)).astype(np.float64)
    deviation = np.sqrt((centred**2).mean(1, keepdims=True))
    # A blank image gets the constant pattern, which correlates with nothing but itself.
    unit = np.divide(centred, deviation, out=np.ones_like(centred), where=deviation > 0)
    result: NDArray[np.float32] = np.rint(_UNIT * unit).astype(np.float32)
    return result
