"""Distillation: a network learns the logits of finished networks, which tell more of a face than its label."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEMPERATURE = 2.0
"""Logits of teacher and student are divided by it before they are compared (Hinton et al. 2015, arXiv 1503.02531)."""
SHARE = 0.8
"""Share of the divergence from the teachers in the loss; the rest is the loss on the labels."""


class Teachers:
    """Finished networks in evaluation mode. They see the very images that the student sees, so nothing repeats."""

    def __init__(self, models: Sequence[nn.Module], device: torch.device) -> None:
        self.models = [
            model.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
            for model in models
        ]

    @torch.no_grad()
    def soft_targets(self, images: Tensor, precision: AbstractContextManager[object]) -> Tensor:
        """The mean of the teachers' softened probabilities, (N, classes), for a batch (N, 1, 48, 48)."""
        with precision:
            logits = [model(images).float() for model in self.models]
        return torch.stack([F.softmax(each / TEMPERATURE, 1) for each in logits]).mean(0)


def loss(logits: Tensor, label_loss: Tensor, soft_targets: Tensor) -> Tensor:
    """`label_loss` and the divergence from the teachers' `soft_targets`, in their shares.

    The divergence is scaled by the temperature's square, so that its gradients do not shrink with it.
    """
    divergence = F.kl_div(F.log_softmax(logits / TEMPERATURE, 1), soft_targets, reduction="batchmean")
    return (1 - SHARE) * label_loss + SHARE * TEMPERATURE**2 * divergence
