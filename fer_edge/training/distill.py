"""Distillation: a network learns the logits of finished networks, which tell more of a face than its label."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.faces.dataset import content_keys

TEMPERATURE = 2.0
"""Logits of teacher and student are divided by it before they are compared (Hinton et al. 2015, arXiv 1503.02531)."""


@dataclass(frozen=True)
class Teacher:
    """A finished network, and the faces that its training was not shown, as `content_keys` seen as int64."""

    model: nn.Module
    left_out: NDArray[np.int64]


class Teachers:
    """Finished networks in evaluation mode. They see the very images that the student sees, so nothing repeats.

    About a face that some of them were not shown, only those are asked: the others may know its label by heart. Each
    time, one of them is drawn: what a student learns of many times is their mean, for the price of one.

    shares : float32 (faces, teachers), how often each teacher is asked about each training face; rows sum to one.
    """

    def __init__(self, teachers: Sequence[Teacher], images: NDArray[np.uint8], device: torch.device) -> None:
        self.models = [
            each.model.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
            for each in teachers
        ]
        keys = content_keys(images).view(np.int64)
        asked = np.stack([np.isin(keys, each.left_out) for each in teachers], 1)
        asked[~asked.any(1)] = True
        self.shares = torch.from_numpy(asked / asked.sum(1, keepdims=True)).float()

    @torch.no_grad()
    def soft_targets(self, images: Tensor, asked: Tensor, precision: AbstractContextManager[object]) -> Tensor:
        """Softened probabilities, (N, classes), of images (N, 1, 48, 48) by teachers of these numbers, int64 (N,)."""
        parts, opinions = [], []
        for number, model in enumerate(self.models):
            part = (asked == number).nonzero()[:, 0]
            if len(part):
                with precision:
                    logits = model(images[part]).float()
                parts.append(part)
                opinions.append(F.softmax(logits / TEMPERATURE, 1))
        return torch.cat(opinions)[torch.cat(parts).argsort()]


def loss(logits: Tensor, label_loss: Tensor, soft_targets: Tensor, share: float) -> Tensor:
    """The divergence from the teachers' `soft_targets`, for its `share`, and `label_loss` for the rest.

    The divergence is scaled by the temperature's square, so that its gradients do not shrink with it.
    """
    divergence = F.kl_div(F.log_softmax(logits / TEMPERATURE, 1), soft_targets, reduction="batchmean")
    return (1 - share) * label_loss + share * TEMPERATURE**2 * divergence
