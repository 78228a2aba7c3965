"""Learning from teachers: finished networks whose opinion on a face says more than its one, often doubtful, label."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.files import atomic_save

TEMPERATURE = 2.0
"""By which logits of teacher and student are divided before they are compared (Hinton et al., arXiv 1503.02531)."""
SHARE = 0.8
"""Of the teachers in the loss; the rest is the labels'."""
VIEWS = 16
"""Augmentations of each face. Epochs go through them in turn, so that teachers are asked for only so many epochs."""


class Teachers:
    """Networks in evaluation mode, and what they said of each view.

    memory : for each of them a file name without ending, that says all its opinions depend on but the view's images.
    There they are kept for later runs.
    """

    def __init__(self, models: Sequence[nn.Module], device: torch.device, memory: Sequence[Path]) -> None:
        self.models = [
            model.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
            for model in models
        ]
        self._device, self._memory = device, memory
        self._views: dict[int, list[_Opinions]] = {}

    def open(self, view: int, steps: int, first: Tensor, classes: int) -> None:
        """Get ready for the view of this number, of so many batches of which `first` are the images of the first."""
        if view not in self._views:
            mark = hashlib.blake2b(first.cpu().numpy().tobytes(), digest_size=8).hexdigest()
            shape = (steps, len(first), classes)
            paths = [path.with_name(f"{path.name}-{mark}.npy") for path in self._memory]
            self._views[view] = [_Opinions(path, shape, self._device) for path in paths]

    @torch.no_grad()
    def targets(self, view: int, step: int, images: Tensor, precision: AbstractContextManager) -> Tensor:
        """The mean of the softened probabilities, (N, classes), of a batch of an opened view."""
        said = []
        for model, opinions in zip(self.models, self._views[view], strict=True):
            logits = opinions.logits[step]
            if logits.isnan().any():
                with precision:
                    logits.copy_(model(images))
            said.append(F.softmax(logits / TEMPERATURE, 1))
        return torch.stack(said).mean(0)

    def save(self, view: int) -> None:
        """Write what was said of a view, where it is known whole and not written yet."""
        for opinions in self._views[view]:
            opinions.save()


class _Opinions:
    """Logits (steps, N, classes) of one teacher on one view, NaN where it was not asked yet."""

    def __init__(self, path: Path, shape: tuple[int, ...], device: torch.device) -> None:
        self.path = path
        self.logits = torch.full(shape, torch.nan, device=device)
        self.saved = False
        # A file that is damaged or of other batches is as none: it will be written anew.
        with contextlib.suppress(OSError, ValueError, EOFError):
            if (known := np.load(path, allow_pickle=False)).shape == shape:
                self.logits.copy_(torch.from_numpy(known))
                self.saved = True

    def save(self) -> None:
        """Write the file, if all is known."""
        if self.saved or self.logits.isnan().any():
            return
        logits = self.logits.cpu().numpy()
        with contextlib.suppress(OSError):  # beside a teacher that cannot be written to, it is asked again next time
            atomic_save(self.path, lambda stream: np.save(stream, logits))
            self.saved = True


def loss(logits: Tensor, label_loss: Tensor, targets: Tensor) -> Tensor:
    """`label_loss` and the divergence from the teachers' `targets`, in their shares.

    The divergence is scaled by the temperature's square, so that its gradients do not shrink with it.
    """
    divergence = F.kl_div(F.log_softmax(logits / TEMPERATURE, 1), targets, reduction="batchmean")
    return (1 - SHARE) * label_loss + SHARE * TEMPERATURE**2 * divergence
