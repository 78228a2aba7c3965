"""Faces of a batch as the board's camera gives them to the network: `lens` and `camera` in torch, for training."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fer_edge.faces import camera
from fer_edge.faces.lens import DICE, Lens, exposure

_SEEN = (camera.SIDE, camera.SIDE)


def through_lens(images: Tensor, lens: Lens, share: float, generator: torch.Generator) -> Tensor:
    """Have the camera see about `share` of the images; the others stay as they are.

    Parameters
    ----------
    images : uint8 [N, 1, S, S], on any device.
    generator : on the CPU, so that a seed means the same on every device. As many numbers are drawn per image
        whatever becomes of it.

    Returns uint8 [N, 1, S, S].
    """
    n, _, side, _ = images.shape
    dice = 2 * torch.rand(n, DICE, generator=generator, dtype=torch.float64) - 1
    noise = torch.randn(n, *_SEEN, generator=generator, dtype=torch.float64) if lens.noise else None
    chosen = torch.rand(n, generator=generator) < share
    if not chosen.any():
        return images
    at = chosen.to(images.device)
    luma = photograph(images[at, 0], lens, dice[chosen], None if noise is None else noise[chosen])
    seen = images.clone()
    seen[at, 0] = normalize(scale(luma, side))
    return seen


def photograph(pictures: Tensor, lens: Lens, dice: Tensor, noise: Tensor | None) -> Tensor:
    """`lens.photograph` as the camera's luma: uint8 [N, S, S] → [N, 96, 96]; only the order of its sums may differ.

    `dice`: float64 [N, DICE], from −1 to 1; `noise`: float64 [N, 96, 96], of the standard normal distribution.
    """
    by = exposure(lens, dice.numpy(), (pictures.shape[1], pictures.shape[2]), _SEEN)
    vertical, horizontal, light = (
        torch.from_numpy(part).to(pictures.device) for part in (by.vertical, by.horizontal, by.light)
    )
    seen = vertical @ pictures.double() @ horizontal.transpose(1, 2) * light
    if noise is not None:
        seen += lens.noise * noise.to(pictures.device)
    return (seen + 0.5).floor().clamp(0, 255).to(torch.uint8)


def scale(luma: Tensor, side: int) -> Tensor:
    """`camera.scale` of the whole picture, bit for bit: uint8 [N, 96, 96] → [N, side, side]."""
    parts = torch.from_numpy(camera.shares(camera.SIDE, side).astype(np.float64)).to(luma.device)
    area = camera.SIDE**2
    sums = (parts @ luma.double() @ parts.T).long()  # whole numbers far below 2^53
    return ((sums + area // 2) // area).to(torch.uint8)


def normalize(pixels: Tensor) -> Tensor:
    """`camera.normalize`, bit for bit: uint8 [N, rows, columns] → the same shape."""
    flat = pixels.flatten(1)
    count = flat.shape[1]
    outliers = count // camera.OUTLIERS
    ordered = flat.sort(1).values
    dark, bright = ordered[:, outliers, None].long(), ordered[:, count - 1 - outliers, None].long()
    span = (bright - dark).clamp(min=camera.LEAST_SPAN)
    above = (flat - dark).clamp(min=0)
    return ((above * 255 + span // 2) // span).clamp(max=255).to(torch.uint8).view_as(pixels)
