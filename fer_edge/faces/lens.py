"""What a camera makes of a face it is shown: where and how large it is, how sharp, how light, how noisy.

Geometry and blur are two matrices, one for the rows and one for the columns of a picture, so that what remains to do is
a few multiplications in any library: here in numpy, for training in torch (`augment_lens`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from fer_edge.errors import DataError
from fer_edge.faces.dataset import SIDE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lens:
    """How strong each effect is at most. Zero everywhere leaves a face as it is.

    offset : of the face, each way, in parts of 1/48 of the picture's height.
    scale : share by which the face is larger or smaller.
    blur : standard deviation of a Gaussian, in the unit of `offset`; always in full.
    noise : standard deviation in grey values of 255; always in full.
    gain : share by which the picture is lighter or darker; what exceeds white is clipped.
    light : share by which one edge is lighter than the middle and the opposite one darker, from any direction.
    """

    offset: float = 0.0
    scale: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    gain: float = 0.0
    light: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Lens:
        """From a preset's name, `NAME=VALUE` pairs, or both with the preset first; by commas.

        DataError for anything else.
        """
        lens, parts = cls(), [part.strip() for part in text.split(",")]
        if parts[0] in PRESETS:
            lens = PRESETS[parts.pop(0)]
        names = [field.name for field in fields(cls)]
        for part in parts:
            name, _, value = part.partition("=")
            try:
                number = float(value)
            except ValueError:
                number = math.nan
            limit = 1.0 if name in ("scale", "gain", "light") else 255.0
            if name not in names or not 0 <= number < limit:
                raise DataError(
                    f"--lens has no effect {part!r}.",
                    f"Give {', '.join(PRESETS)} or {', '.join(f'{name}=VALUE' for name in names)}, by commas: scale, "
                    "gain and light from 0 to below 1, the others to below 255.",
                )
            lens = replace(lens, **{name: number})
        return lens


MODERATE = Lens(offset=3.0, scale=0.10, blur=0.7, gain=0.25)
"""The setting that losses through the lens are stated for."""
PRESETS = {"none": Lens(), "moderate": MODERATE}
DICE = 5
"""Numbers from −1 to 1 that decide what happens to one picture, noise aside."""


@dataclass(frozen=True)
class Exposure:
    """What happens to N pictures: `vertical` · picture · `horizontal`ᵀ, times `light`, plus noise.

    Float64 [N, rows of the result, rows], [N, columns of the result, columns], [N, rows, columns of the result].
    """

    vertical: Array
    horizontal: Array
    light: Array


def exposure(lens: Lens, dice: Array, pictures: tuple[int, int], shape: tuple[int, int]) -> Exposure:
    """By `dice`, float64 [N, DICE], for pictures and a result of so many rows and columns."""
    (height, width), (rows, columns) = pictures, shape
    down, right, larger, lighter, direction = dice.T[:, :, None]
    unit = rows / SIDE  # pixels of the result
    step = height / rows / (1 + lens.scale * larger)  # pixels of the picture for one of the result
    top = height / 2 - (rows / 2 + lens.offset * unit * down) * step
    left = width / 2 - (columns / 2 + lens.offset * unit * right) * step
    y, x = ((np.arange(n) + 0.5 - n / 2) / (rows / 2) for n in shape)
    angle = math.pi * direction[:, :, None]
    slope = np.cos(angle) * x + np.sin(angle) * y[:, None]
    return Exposure(
        vertical=_blur(rows, lens.blur * unit) @ _areas(rows, height, top, step),
        horizontal=_blur(columns, lens.blur * unit) @ _areas(columns, width, left, step),
        light=(1 + lens.gain * lighter[:, :, None]) * (1 + lens.light * slope),
    )


def photograph(
    pictures: NDArray[np.uint8], lens: Lens, seed: int, shape: tuple[int, int], first: int = 0
) -> NDArray[np.uint8]:
    """Grey pictures as the camera sees them: uint8 [N, rows, columns] → uint8 [N, *shape].

    A picture's height fills that of `shape`, and its middle is in the middle; beyond its edges the outermost pixels go
    on. What happens to picture n depends on `seed` and `first` + n alone, not on the others.
    """
    rngs = [np.random.default_rng((seed, first + n)) for n in range(len(pictures))]
    dice = np.array([2 * rng.random(DICE) - 1 for rng in rngs]).reshape(-1, DICE)
    by = exposure(lens, dice, (pictures.shape[1], pictures.shape[2]), shape)
    seen = by.vertical @ pictures.astype(np.float64) @ by.horizontal.transpose(0, 2, 1) * by.light
    if lens.noise:
        seen += lens.noise * np.stack([rng.standard_normal(shape) for rng in rngs])
    result: NDArray[np.uint8] = np.clip(np.floor(seen + 0.5), 0, 255).astype(np.uint8)
    return result


def _areas(count: int, pixels: int, start: Array, step: Array) -> Array:
    """How much each of `pixels` has in each of `count` pixels of the result: [N, count, pixels], rows sum to 1.

    Pixel n of the result lies over the picture from `start` + n · `step` to `start` + (n + 1) · `step`.
    """
    begin = (start + np.arange(count) * step)[:, :, None]
    end = begin + step[:, :, None]
    low, high = np.arange(pixels, dtype=float), np.arange(1, pixels + 1, dtype=float)
    low[0], high[-1] = -np.inf, np.inf
    result: Array = np.maximum(np.minimum(end, high) - np.maximum(begin, low), 0) / step[:, :, None]
    return result


def _blur(count: int, sigma: float) -> Array:
    """A Gaussian over pixels, as a matrix [count, count] whose rows sum to 1; the outermost pixels go on."""
    matrix = np.zeros((count, count))
    reach = math.ceil(4 * sigma)
    taps = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (taps / sigma) ** 2) if sigma else np.ones(1)
    for pixel in range(count):
        np.add.at(matrix[pixel], np.clip(pixel + taps, 0, count - 1), weights / weights.sum())
    return matrix
