"""What of a training run can be refused at once: before torch, which takes seconds, and faces are loaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from fer_edge import filenames, models
from fer_edge.errors import CheckpointError, DataError, FerEdgeError, not_installed
from fer_edge.faces.sources import classes, splits
from fer_edge.files import check_input
from fer_edge.models import deployable
from fer_edge.models.mirror import with_mirror
from fer_edge.training.config import TrainConfig


def check(config: TrainConfig) -> None:
    """FerEdgeError where the network does not fit, or a file, a split or a run is missing or in the way."""
    if deployable.is_deployable(config.arch):
        sketch = deployable.blueprint(config.arch, config.weight_bits, classes(config.data, config.labels))
        if config.mirror:
            with_mirror(sketch)
    if config.pretrained == "download" and models.get(config.arch).family != "ann":
        raise FerEdgeError(
            f"There are no published weights for {config.arch}.", "Give --pretrained a checkpoint of a run of it."
        )
    if not deployable.is_deployable(config.arch) and config.float_epochs < config.epochs:
        raise FerEdgeError(f"{config.arch} is not made for the accelerator.", "Use `fer-edge train` for it.")
    if config.privileged is not None and find_spec("sklearn") is None:
        raise not_installed("sklearn")
    for teacher in config.teachers:
        check_input(teacher)
        if not teacher.is_file():
            raise CheckpointError(f"There is no teacher {teacher}.", "Give best.pth.tar of a finished run.")
    begun = (config.output_dir / filenames.LAST).exists()
    if begun and not config.resume:
        raise FerEdgeError(
            f"{config.output_dir} already holds a run.", "Go on with it by --resume, or give another --output-dir."
        )
    if config.resume and not begun:
        raise nothing_to_resume(config.output_dir)
    held = splits(config.data)
    if "train" not in held:
        raise DataError(f"{config.data} holds {' and '.join(held)}, but no train.", "Add the faces to train on.")
    if not config.hold_out and "test" not in held:
        raise DataError(
            f"{config.data} holds no test, and without --hold-out no val is left to score the network on.",
            "Leave out --no-hold-out, or add a test.",
        )


def nothing_to_resume(folder: Path) -> FerEdgeError:
    """What to say of `--resume` where no run was begun."""
    return FerEdgeError(f"{folder} holds no run to go on with.", "Check --output-dir, or leave out --resume.")


def scored_on(data: str | Path) -> Literal["test", "val"]:
    """The split that a finished network is scored on."""
    return "test" if "test" in splits(data) else "val"
