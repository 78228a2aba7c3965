"""What a training run, or a search, is asked to do."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from fer_edge.errors import FerEdgeError
from fer_edge.network import WEIGHT_RANGE
from fer_edge.registers import WEIGHT_BYTES
from fer_edge.training.schedule import Schedule

MAX_SEED = 2**32 - 1
MAX_EPOCHS = 100_000
MAX_TRIALS = 100_000
MAX_THREADS = 1024
SIZES = (32, 512)
"""Pixels that faces of 48 may be enlarged to: what published weights see at least, and what is no use beyond."""
QAT_SHARE = 0.25
"""Share of the epochs that are quantization-aware by default."""


@dataclass(frozen=True)
class TrainConfig:
    """`fer-edge train` and `qat-train`, option by option. `epochs` counts float and QAT epochs together.

    data : folder, .csv file or `drawn`.
    labels : FERPlus' votes on FER2013, to learn and to be tested by (see `faces.ferplus`).
    qat_epochs : 0 for a float run (`train`); None is a quarter of `epochs`.
    weight_bits : bits of the quantized weights, of all layers (``4``) or by name (``conv4=4,conv5=2``, others 8).
    mirror : deliver the quantized network beside its mirror image, as `models.mirror` joins them.
    pretrained : begin with published weights, see `models.resnet`: from a file or by a download (`download`).
    size, freeze : of networks that have such weights, see `models.resnet.build`.
    lr : the highest learning rate of the run; `schedule` says how it goes (see `training.schedule`).
    weight_decay : of kernels and matrices only; decoupled from the gradient with AdamW.
    patience : stop when the best val accuracy is so many epochs old. Float runs only.
    limit : train and validate on samples of at most this many faces.
    hold_out : choose the best epoch on val. If false, val is trained on as well, and the last epoch is delivered.
    balance : against uneven classes, weight the loss or show rare classes more often.
    mixup : both parameters of the Beta distribution that shares are drawn from; 0 is no mixup.
    erase : probability with which a rectangle of a face is painted over.
    teachers : checkpoints of finished runs whose mean output is learnt along with the labels.
    precision : of training's convolutions, rounding apart; `auto` is bfloat16 where the hardware multiplies matrices
        of it, else float32. Evaluation is always float32.
    threads, device, precision : None and `auto` are what torch finds; on resuming, what the run was started with.
    """

    arch: str
    data: str | Path
    output_dir: Path
    labels: Path | None = None
    epochs: int = 40
    qat_epochs: int | None = None
    weight_bits: str = "8"
    mirror: bool = False
    pretrained: str | None = None
    size: int | None = None
    freeze: int = 0
    batch_size: int = 64
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    lr: float = 0.03
    schedule: Schedule = "one-cycle"
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    patience: int | None = None
    seed: int = 0
    limit: int | None = None
    hold_out: bool = True
    balance: Literal["none", "weights", "oversample"] = "none"
    mixup: float = 0.0
    erase: float = 0.0
    teachers: tuple[Path, ...] = ()
    max_minutes: float | None = None
    resume: bool = False
    threads: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    def __post_init__(self) -> None:
        _check_positive(self, "epochs", "batch_size", "lr", "patience", "limit", "max_minutes", "threads")
        _check_range(self, "epochs", 1, MAX_EPOCHS)
        _check_range(self, "threads", 1, MAX_THREADS)
        _check_range(self, "seed", 0, MAX_SEED)
        _check_range(self, "size", *SIZES)
        shares = ("weight_decay", "label_smoothing", "erase")
        for name, most in (("qat_epochs", self.epochs), ("mixup", 10), *((share, 1) for share in shares)):
            _check_range(self, name, 0, most)
        if self.patience is not None and (self.float_epochs < self.epochs or not self.hold_out):
            raise FerEdgeError("--patience needs a float run with a val to watch.", "Leave it out.")

    @property
    def float_epochs(self) -> int:
        """Epochs before quantization-aware training."""
        qat = max(1, round(self.epochs * QAT_SHARE)) if self.qat_epochs is None else self.qat_epochs
        return self.epochs - qat


@dataclass(frozen=True)
class SearchConfig:
    """`fer-edge search`, option by option.

    data : folder, .csv file or `drawn`.
    trials : candidates to train, those of earlier and of other processes on this folder included.
    epochs : float epochs of each.
    max_cycles : None is no limit.
    weight_bits : 1, 2, 4 or 8, of all layers. It decides what fits; the trials themselves are float.
    limit : train and validate on samples of at most this many faces.
    """

    data: str | Path
    output_dir: Path
    trials: int = 50
    epochs: int = 6
    max_cycles: int | None = None
    max_weight_bytes: int = WEIGHT_BYTES
    weight_bits: int = 8
    seed: int = 0
    threads: int | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        _check_positive(self, "trials", "epochs", "max_cycles", "max_weight_bytes", "threads", "limit")
        for name, most in (("trials", MAX_TRIALS), ("epochs", MAX_EPOCHS), ("threads", MAX_THREADS)):
            _check_range(self, name, 1, most)
        _check_range(self, "seed", 0, MAX_SEED)
        if self.weight_bits not in WEIGHT_RANGE:
            raise FerEdgeError(f"--weight-bits is {self.weight_bits}.", "Give 1, 2, 4 or 8.")

    @property
    def comparable(self) -> dict[str, Any]:
        """What all trials of a study must have in common."""
        settings = {**asdict(self), "data": str(self.data)}
        return {key: settings[key] for key in settings.keys() - {"output_dir", "trials", "threads"}}


def _check_positive(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if value is not None and not 0 < value < math.inf:
            raise FerEdgeError(f"--{name.replace('_', '-')} is {value}.", "Give a positive number.")


def _check_range(config: object, name: str, least: int, most: int) -> None:
    value = getattr(config, name)
    if value is not None and not least <= value <= most:
        raise FerEdgeError(f"--{name.replace('_', '-')} is {value}.", f"Give a number from {least} to {most}.")
