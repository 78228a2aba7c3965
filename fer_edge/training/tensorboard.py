"""A run as TensorBoard shows it: scalars of every epoch, and the faces as training sees them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fer_edge import filenames
from fer_edge.errors import ToolError

SCALARS = {
    "loss/train": "train_loss",
    "loss/val": "val_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/val": "val_accuracy",
    "learning rate": "lr",
    "images per second": "images_per_second",
}
"""TensorBoard's name of each value, and the history's."""
COLUMNS = 8


class TensorBoard:
    """Writes a folder in the run's, which ``tensorboard --logdir RUN`` shows."""

    def __init__(self, output_dir: Path, epoch: int) -> None:
        """Goes on after `epoch` epochs; what an earlier process wrote of later ones is dropped.

        ToolError without the package.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ToolError(
                f"--tensorboard needs TensorBoard: {error}.", "Install it: pip install 'fer-edge[tensorboard]'."
            ) from error
        folder = str(output_dir / filenames.TENSORBOARD)
        self._writer = SummaryWriter(folder, purge_step=epoch + 1)

    def epoch(self, row: Mapping[str, Any], faces: Tensor) -> None:
        """An epoch's row of the history, and augmented faces (N, 1, 48, 48) in [−1, 1)."""
        for name, key in SCALARS.items():
            if key in row:
                self._writer.add_scalar(name, row[key], row["epoch"])
        columns = min(COLUMNS, len(faces))
        rows = faces[: len(faces) // columns * columns].cpu().unflatten(0, (-1, columns))  # (R, C, 1, H, W)
        grid = ((rows + 1) * 127.5).to(torch.uint8).permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)  # (1, R·H, C·W)
        self._writer.add_image("faces as training sees them", grid, row["epoch"])
        self._writer.flush()
