"""Learning from teachers: finished networks whose opinion on a face says more than its one, often doubtful, label."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEMPERATURE = 2.0
"""By which logits of teacher and student are divided before they are compared (Hinton et al., arXiv 1503.02531)."""
SHARE = 0.8
"""Of the teachers in the loss; the rest is the labels'."""
VIEWS = 16
"""Augmentations of each face. Epochs go through them in turn, so that teachers are asked for only so many epochs."""


class Teachers:
    """Networks in evaluation mode, and what they said before."""

    def __init__(self, models: Sequence[nn.Module], device: torch.device) -> None:
        self.models = [
            model.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
            for model in models
        ]
        self._said: dict[tuple[int, int], Tensor] = {}

    @torch.no_grad()
    def targets(self, key: tuple[int, int], images: Tensor, precision: AbstractContextManager) -> Tensor:
        """The mean of the softened probabilities, (N, classes), of images that are always the same under `key`."""
        if key not in self._said:
            with precision:
                logits = [model(images) for model in self.models]
            self._said[key] = torch.stack([F.softmax(z.float() / TEMPERATURE, 1) for z in logits]).mean(0)
        return self._said[key]


def loss(logits: Tensor, label_loss: Tensor, targets: Tensor) -> Tensor:
    """`label_loss` and the divergence from the teachers' `targets`, in their shares.

    The divergence is scaled by the temperature's square, so that its gradients do not shrink with it.
    """
    divergence = F.kl_div(F.log_softmax(logits / TEMPERATURE, 1), targets, reduction="batchmean")
    return (1 - SHARE) * label_loss + SHARE * TEMPERATURE**2 * divergence
