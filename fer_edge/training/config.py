"""What a training run, or a search, is asked to do. `training.options` says what the fields' metadata are for."""

from __future__ import annotations

import re
from dataclasses import MISSING, asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from fer_edge.errors import FerEdgeError
from fer_edge.network import WEIGHT_RANGE
from fer_edge.registers import WEIGHT_BYTES
from fer_edge.training.options import (
    DATA_HELP,
    LABELS_HELP,
    LIMIT_HELP,
    SEED_HELP,
    THREADS_HELP,
    check,
    option,
    options_of,
)
from fer_edge.training.schedule import Schedule

MAX_SEED = 2**32 - 1
MAX_EPOCHS = 100_000
MAX_TRIALS = 100_000
MAX_THREADS = 1024
MAX_STEPS = 1024
SIZES = (32, 512)
"""Pixels that faces of 48 may be enlarged to: what published weights see at least, and what is no use beyond."""
QAT_SHARE = 0.25
"""Share of the epochs that are quantization-aware by default."""
FLOAT, QAT = ("train",), ("qat-train",)
"""The command that alone has an option."""


@dataclass(frozen=True)
class TrainConfig:
    """`fer-edge train` and `qat-train`, option by option."""

    arch: str = option(MISSING, "Architecture to train.", hidden=True)
    data: str | Path = option(MISSING, DATA_HELP, recipe=False, shared=True)
    output_dir: Path = option(
        MISSING, "Folder for checkpoints, history and plots.", output=True, compared=False, recipe=False
    )
    labels: Path | None = option(None, LABELS_HELP, unset="FER2013's labels", compared=False, shared=True)
    privileged: Path | None = option(
        None,
        "FERPlus' fer2013new.csv beside FER2013's labels: targets are half the label, half what the votes tell of it.",
        unset="labels only",
        compared=False,
    )
    epochs: int = option(
        40,
        "Times that every face is seen; in qat-train, float and quantization-aware epochs together.",
        least=1,
        most=MAX_EPOCHS,
    )
    qat_epochs: int | None = option(
        None, "Quantization-aware epochs.", commands=QAT, unset="a quarter of the epochs", least=0
    )
    weight_bits: str = option(
        "8", "Bits of all weights (1, 2, 4 or 8), or by layer: conv4=4,conv5=2 (others 8).", commands=QAT
    )
    mirror: bool = option(
        False,
        "Deliver the network beside its mirror image: twice its weights and cycles, for architectures `global_...`.",
        commands=QAT,
        compared=False,
    )
    pretrained: str | None = option(
        None,
        "Begin with published weights, of ImageNet or dlib's faces: a download, or a file of theirs; architectures"
        " for the accelerator and spiking ones, with a run's weights before quantization (best.pth.tar of train,"
        " float.pth.tar of qat-train), the last layer anew where it told other classes apart; sew-resnet18 and csnn,"
        " with those of resnet18-grey and csnn-ann, too.",
        unset="random weights",
        without_value="download",
    )
    size: int | None = option(
        None,
        "Pixels that faces are enlarged to, for networks with published weights.",
        commands=FLOAT,
        unset="the architecture's",
        least=SIZES[0],
        most=SIZES[1],
    )
    freeze: int = option(0, "Early stages that are not trained, of a network with published weights.", commands=FLOAT)
    steps: int | None = option(
        None,
        "Time steps of a spiking network.",
        commands=FLOAT,
        unset="the architecture's",
        least=1,
        most=MAX_STEPS,
    )
    batch_size: int = option(64, "Faces in one step.", least=1)
    optimizer: Literal["sgd", "adam", "adamw"] = option(
        "sgd", "Optimizer: SGD with Nesterov momentum 0.9, Adam or AdamW."
    )
    lr: float = option(0.03, "Highest learning rate of the run.", positive=True)
    schedule: Schedule = option("one-cycle", "Learning-rate schedule.")
    weight_decay: float = option(
        5e-4, "Weight decay of kernels and matrices, decoupled from the gradient with AdamW.", least=0, most=1
    )
    label_smoothing: float = option(0.1, "Share of a label that is spread over all classes.", least=0, most=1)
    patience: int | None = option(
        None,
        "Stop when the best accuracy on val is this many epochs old.",
        commands=FLOAT,
        unset="all epochs are run",
        least=1,
    )
    seed: int = option(0, SEED_HELP, least=0, most=MAX_SEED)
    limit: int | None = option(None, LIMIT_HELP, unset="all faces", least=1, compared=False, recipe=False, shared=True)
    hold_out: bool = option(
        True, "Choose the best epoch on a held-out val; or train on val, too, and deliver the last epoch."
    )
    leave_out: str | None = option(
        None,
        "Leave out the K-th of N parts of train, written K/N: whom this network teaches asks it about the faces of that"
        " part, which it did not learn by heart.",
        unset="no part",
    )
    balance: Literal["none", "weights", "oversample"] = option(
        "none", "Against uneven classes: weight the loss, or show rare classes more often."
    )
    mixup: float = option(
        0.0, "Blend pairs of faces; both parameters of the Beta distribution of their shares.", least=0, most=10
    )
    augment: Literal["standard", "strong", "lens", "none"] = option(
        "standard",
        "What happens to faces at random: moved, turned, lit; with `strong`, moved and resized by up to a fifth, for"
        " wide networks and long runs; with `lens`, the board's camera then sees half of them, at its setting"
        " `moderate`; with `none`, nothing, which suits networks too weak for more.",
    )
    dropout: float = option(
        0.0,
        "Share of the classifier's inputs that a step leaves out, of architectures for the accelerator.",
        least=0,
        most=0.9,
    )
    erase: float = option(0.0, "Probability with which a rectangle of a face is painted over.", least=0, most=1)
    teachers: tuple[Path, ...] = option(
        (),
        "Checkpoint of a finished run, whose output is learnt along with the labels (distillation); may be given"
        " repeatedly.",
        name="teacher",
    )
    teacher_share: float = option(0.8, "Share of the teachers in the loss; the rest is the labels'.", least=0, most=1)
    tensorboard: bool = option(
        False,
        "Write every epoch for TensorBoard, too: `tensorboard --logdir` of --output-dir.",
        compared=False,
        recipe=False,
        shared=True,
    )
    max_minutes: float | None = option(
        None,
        "Save and stop after this many minutes; go on with --resume.",
        unset="no limit",
        positive=True,
        compared=False,
        recipe=False,
    )
    resume: bool = option(False, "Go on with the run in --output-dir.", compared=False, recipe=False)
    threads: int | None = option(
        None,
        THREADS_HELP,
        unset="all; on resuming, as before",
        least=1,
        most=MAX_THREADS,
        compared=False,
        recipe=False,
        shared=True,
    )
    device: Literal["auto", "cpu", "cuda"] = option(
        "auto",
        "Device to train on; auto is what torch finds, or on resuming the one before.",
        compared=False,
        recipe=False,
        shared=True,
    )
    precision: Literal["auto", "float32", "bfloat16"] = option(
        "auto",
        "Precision of training's convolutions; auto is bfloat16 where the hardware multiplies matrices of it, else"
        " float32, or on resuming the one before. Evaluation is always float32.",
        compared=False,
        shared=True,
    )

    def __post_init__(self) -> None:
        check(self)
        if self.qat_epochs is not None and self.qat_epochs > self.epochs:
            raise FerEdgeError(f"--qat-epochs is {self.qat_epochs} of {self.epochs}.", "Give as many at most.")
        if self.leave_out is not None:
            part, parts = self.part_left_out
            if not 1 <= part <= parts or parts < 2:
                raise FerEdgeError(
                    f"--leave-out is {self.leave_out!r}.", "Give the part and their number, 1/4 to 4/4 for four."
                )
        if self.labels is not None and self.privileged is not None:
            raise FerEdgeError(
                "With --labels, votes are the labels already, and --privileged adds nothing.", "Give one of them."
            )
        if self.patience is not None and (self.float_epochs < self.epochs or not self.hold_out):
            raise FerEdgeError("--patience needs a float run with a val to watch.", "Leave it out.")

    @property
    def part_left_out(self) -> tuple[int, int]:
        """`leave_out` as the part's number and how many there are; zeros where that is not what is written."""
        written = re.fullmatch(r"(\d{1,2})/(\d{1,2})", self.leave_out or "")
        return (int(written[1]), int(written[2])) if written else (0, 0)

    @property
    def float_epochs(self) -> int:
        """Epochs before quantization-aware training."""
        qat = max(1, round(self.epochs * QAT_SHARE)) if self.qat_epochs is None else self.qat_epochs
        return self.epochs - qat

    @property
    def comparable(self) -> dict[str, Any]:
        """What a run and the run that it goes on with must have in common, as far as it stands here."""
        return {name: getattr(self, name) for name, _, about in options_of(TrainConfig) if about.compared}


@dataclass(frozen=True)
class SearchConfig:
    """`fer-edge search`, option by option."""

    data: str | Path = option(MISSING, DATA_HELP)
    output_dir: Path = option(
        MISSING, "Folder of the study; the same command goes on with it.", output=True, compared=False
    )
    storage: str | None = option(
        None,
        "PostgreSQL database of the study, postgresql://user@host/database, which machines share; each has a folder of"
        " its own.",
        unset="a file in the folder",
        compared=False,
    )
    trials: int = option(
        50,
        "Candidates to train, those of earlier runs, other processes and other machines included.",
        least=1,
        most=MAX_TRIALS,
        compared=False,
    )
    epochs: int = option(6, "Float epochs of each candidate.", least=1, most=MAX_EPOCHS)
    max_cycles: int | None = option(None, "Most cycles of an inference (estimated).", unset="no limit", least=1)
    max_weight_bytes: int = option(WEIGHT_BYTES, "Most bytes of weights.", least=1)
    weight_bits: int = option(8, "Bits of all weights: 1, 2, 4 or 8. They decide what fits; trials are float.")
    seed: int = option(0, SEED_HELP, least=0, most=MAX_SEED)
    threads: int | None = option(None, THREADS_HELP, unset="all", least=1, most=MAX_THREADS, compared=False)
    limit: int | None = option(None, LIMIT_HELP, unset="all faces", least=1)

    def __post_init__(self) -> None:
        check(self)
        if self.storage is not None and not self.storage.startswith("postgresql://"):
            raise FerEdgeError(
                f"--storage {self.storage.partition(':')[0]}:… is no PostgreSQL database.",
                "Give it as postgresql://user:password@host:5432/database, or leave it out.",
            )
        if self.weight_bits not in WEIGHT_RANGE:
            raise FerEdgeError(f"--weight-bits is {self.weight_bits}.", "Give 1, 2, 4 or 8.")

    @property
    def comparable(self) -> dict[str, Any]:
        """What all trials of a study must have in common."""
        settings = {**asdict(self), "data": str(self.data)}
        return {name: settings[name] for name, _, about in options_of(SearchConfig) if about.compared}
