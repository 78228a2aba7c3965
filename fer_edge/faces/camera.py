"""From the board's camera to the network's pixels, in integers, bit for bit as firmware/src/picture.c does it.

The rules are those of the firmware so that training and simulation may give a network what the board gives it. Why
the contrast is stretched like this see docs/camera.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE = 96
"""Rows and columns of the camera's picture."""
OUTLIERS = 256
"""One pixel in so many, at either end of the scale, may come out black or white."""
LEAST_SPAN = 32
"""Grey values: less contrast than this is not stretched to the full range."""


@dataclass(frozen=True)
class Window:
    """A square of the camera's picture: first row, first column, side; all in its pixels. At first the whole of it."""

    row: int = 0
    column: int = 0
    side: int = SIDE


def luma(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The luma of YUV 4:2:2: uint8 [..., 2·pixels] (Y U Y V …) → uint8 [..., pixels]."""
    return np.ascontiguousarray(pictures[..., ::2])


def scale(pictures: NDArray[np.uint8], window: Window, side: int) -> NDArray[np.uint8]:
    """Area means over a window: uint8 [N, rows, columns] → uint8 [N, side, side].

    The window is divided into side × side equal squares; a pixel that lies in several counts by its share. Means are
    rounded to the nearest, halves up: 2×2 means where the window is twice `side`, which is at most `window.side`.
    """
    parts = shares(window.side, side)
    area = window.side**2
    rows = slice(window.row, window.row + window.side)
    columns = slice(window.column, window.column + window.side)
    sums = parts @ pictures[:, rows, columns].astype(np.int64) @ parts.T
    return ((sums + area // 2) // area).astype(np.uint8)


def normalize(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stretch each picture's contrast to the full range: uint8 [N, rows, columns] → the same shape.

    The darkest pixel becomes 0 and the brightest 255, not counting one pixel in `OUTLIERS` at either end; a span below
    `LEAST_SPAN` is stretched as if it were that. Rounded to the nearest, halves up.
    """
    flat = pixels.reshape(len(pixels), -1)
    count = flat.shape[1]
    outliers = count // OUTLIERS
    ordered = np.sort(flat, axis=1).astype(np.int64)
    dark, bright = ordered[:, outliers, None], ordered[:, count - 1 - outliers, None]
    span = np.maximum(bright - dark, LEAST_SPAN)
    above = np.maximum(flat - dark, 0)
    result: NDArray[np.uint8] = (
        np.minimum((above * 255 + span // 2) // span, 255).astype(np.uint8).reshape(pixels.shape)
    )
    return result


def shares(length: int, side: int) -> NDArray[np.int64]:
    """How much of each of `length` pixels, in parts of 1 / side, lies in each of `side` equal parts: [side, length]."""
    begin, pixel = length * np.arange(side)[:, None], side * np.arange(length)
    overlap = np.minimum(begin + length, pixel + side) - np.maximum(begin, pixel)
    result: NDArray[np.int64] = np.maximum(overlap, 0)
    return result
