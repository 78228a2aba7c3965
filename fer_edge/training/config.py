"""What a training run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fer_edge.errors import FerEdgeError

QAT_SHARE = 0.25
"""Share of the epochs that are quantization-aware by default."""


@dataclass(frozen=True)
class QatTrainConfig:
    """`fer-edge qat-train`, option by option. `epochs` counts float and QAT epochs together.

    data : folder, .csv file or `drawn`.
    qat_epochs : None is a quarter of `epochs`.
    weight_bits : bits of the quantized weights, of all layers (``4``) or by name (``conv4=4,conv5=2``, others 8).
    lr : the highest learning rate of the run.
    limit : train and validate on samples of at most this many faces.
    balance : against uneven classes, weight the loss or show rare classes more often.
    threads, device : None and `auto` are what torch finds; on resuming, what the run was started with.
    """

    arch: str
    data: str | Path
    output_dir: Path
    epochs: int = 40
    qat_epochs: int | None = None
    weight_bits: str = "8"
    batch_size: int = 64
    lr: float = 0.03
    seed: int = 0
    limit: int | None = None
    balance: Literal["none", "weights", "oversample"] = "none"
    max_minutes: float | None = None
    resume: bool = False
    threads: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        for name in ("epochs", "qat_epochs", "batch_size", "lr", "limit", "max_minutes", "threads"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise FerEdgeError(f"--{name.replace('_', '-')} is {value}.", "Give a positive number.")
        if self.float_epochs < 0:
            raise FerEdgeError(
                f"--qat-epochs {self.qat_epochs} is more than --epochs {self.epochs}, which counts all epochs.",
                f"Give at most {self.epochs}.",
            )

    @property
    def float_epochs(self) -> int:
        """Epochs before quantization-aware training."""
        return self.epochs - (self.qat_epochs or max(1, round(self.epochs * QAT_SHARE)))
