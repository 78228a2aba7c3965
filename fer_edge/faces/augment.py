"""Random changes to a batch of faces that leave the expression as it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """How strongly to augment. Zero everywhere is no change at all."""

    flip: float = 0.5  # probability of mirroring left to right
    shift: float = 4.0  # pixels, at most, each way: the crop's offset
    rotation: float = 12.0  # degrees, at most
    scale: float = 0.12  # at most 12 % larger or smaller
    brightness: float = 0.12  # at most, in parts of the full range
    contrast: float = 0.25  # at most 25 % more or less, about the image's mean
    erase: float = 0.25  # probability of painting a rectangle in a random grey
    erase_side: float = 0.4  # its longest side, in parts of the image

    @classmethod
    def strong(cls) -> Augmentation:
        """Shifts of a fifth of a face of 48 pixels, sizes from 80 to 120 % (Khaireddin and Chen 2021)."""
        return cls(shift=9.6, scale=0.2)

    @classmethod
    def none(cls) -> Augmentation:
        return cls(0, 0, 0, 0, 0, 0, 0, 0)


def augment(images: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Change every image of a batch in its own way.

    Parameters
    ----------
    images : uint8 [N, 1, S, S], on any device.
    generator : on the CPU, so that a seed means the same on every device. Thirteen numbers are drawn per image
        whatever `how` says.

    Returns
    -------
    Tensor : uint8 [N, 1, S, S]. Pixels stay integers from 0 to 255, for the device sees nothing else.
    """
    n, _, side, _ = images.shape
    dice = torch.rand(13, n, 1, 1, generator=generator).to(images.device)
    signed = 2 * dice - 1

    mirror = 1 - 2 * (dice[0] < how.flip).float()
    angle = signed[1] * math.radians(how.rotation)
    # The map goes from output to input coordinates, hence the division.
    shrink = 1 / (1 + signed[2] * how.scale)
    cos, sin = angle.cos() * shrink, angle.sin() * shrink
    shift_x, shift_y = signed[3:5] * (2 * how.shift / side)
    affine = torch.cat([torch.cat([mirror * cos, -mirror * sin, shift_x], 2), torch.cat([sin, cos, shift_y], 2)], 1)
    grid = F.affine_grid(affine, [n, 1, side, side], align_corners=False)
    out = F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)[:, 0]

    mean = out.mean((1, 2), keepdim=True)
    out = (out - mean) * (1 + signed[5] * how.contrast) + mean + 255 * how.brightness * signed[6]

    height, width = (dice[7:9] * how.erase_side * side).ceil()
    top, left = dice[9] * (side - height), dice[10] * (side - width)
    pixel = torch.arange(side, device=images.device)
    row, column = pixel[None, :, None], pixel[None, None, :]
    hole = (row >= top) & (row < top + height) & (column >= left) & (column < left + width)
    out = torch.where(hole & (dice[11] < how.erase), 255 * dice[12], out)
    return out.round().clamp(0, 255).to(torch.uint8)[:, None]
