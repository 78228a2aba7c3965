"""`fer-edge train` and `fer-edge qat-train`: from faces to a checkpoint, quantized by the latter."""

from __future__ import annotations

import json
import math
import sys
import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from fer_edge import checkpoint, faces, filenames, models
from fer_edge.errors import CheckpointError, FerEdgeError, ToolError
from fer_edge.faces import scenes
from fer_edge.faces.dataset import content_keys
from fer_edge.faces.lens import MODERATE
from fer_edge.faces.split import in_part
from fer_edge.files import atomic_write, check_input, refusal
from fer_edge.metrics import percent, render, score, simulate_faces, softmax
from fer_edge.models.mirror import with_mirror
from fer_edge.simulate import logit_unit
from fer_edge.training import distill, parallel, plots
from fer_edge.training.config import TrainConfig
from fer_edge.training.evaluate import load_model, load_trained, model_logits, stored_classes, stored_mode
from fer_edge.training.host_energy import HostEnergy, HostReading
from fer_edge.training.loop import Trainer, fingerprint
from fer_edge.training.request import check, scored_on

SAVED = {"phase", "settings", "history", "device", "threads", "precision"}
"""What last.pth.tar says of a run."""
PLOTS = CURVES, CONFUSION, PREDICTIONS = "curves.png", "confusion.png", "predictions.png"
_MODES = ("float", "qat", "unmirrored", "integer")


@dataclass(frozen=True)
class TrainResult:
    """How a run ended: `epoch` epochs are done; `summary` (see `run_training`) is None unless it finished.

    interrupted : by Ctrl-C, not by `max_minutes`.
    energy : what the host's sensors counted since the run was started or last resumed.
    """

    output_dir: Path
    finished: bool
    epoch: int
    summary: dict[str, Any] | None = None
    energy: tuple[HostReading, ...] = ()
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "output_dir": str(self.output_dir)}

    def report(self) -> str:
        """What to know and to do next, for the terminal."""
        if self.summary is None:
            return f"stopped after epoch {self.epoch}; the same command with --resume goes on from {self.output_dir}."
        modes = [mode for mode in _MODES if mode in self.summary]
        accuracies = [f"{mode} {percent(self.summary[mode]['accuracy'])}" for mode in modes]
        lines = [f"{self.epoch} epochs done; on {self.summary['split']}: {', '.join(accuracies)}"]
        lines.append(render(self.summary[modes[-1]]))
        if lens := self.summary.get("lens"):
            lines.append(f"  lens        {percent(lens['accuracy'])} by the board's camera at its setting `moderate`")
        delivered = filenames.BEST
        if "integer" in modes:
            lines.append(f"  images on which QAT and integer differ: {self.summary['qat_unequal_integer']}")
            delivered = filenames.QUANTIZED
        lines += [f"  energy      {reading}" for reading in self.energy]
        return "\n".join([*lines, f"  written     {self.output_dir}: {delivered} and plots"])


def run_training(config: TrainConfig) -> TrainResult:
    """Train and report; with QAT epochs, fold and quantize too.

    Writes into `output_dir`: last.pth.tar (to resume from), best.pth.tar (best on `val`; of the QAT epochs as soon as
    there are any), history.json, curves.png, and confusion.png and predictions.png of the result on `test`, or on
    `val` where the faces have no `test`. With QAT also quantized.pth.tar, and float.pth.tar (before folding) unless
    the run began quantization-aware with random weights. With `mirror` quantized.pth.tar holds the joined network, and
    `unmirrored` in the summary is what it is worth by itself.

    Stopped by `max_minutes` or Ctrl-C it saves its state and returns with `finished` False, and says which. Under
    `torchrun`, the processes share every batch, and the first one does what is written here.
    """
    deadline = time.monotonic() + 60 * config.max_minutes if config.max_minutes else math.inf
    torch.manual_seed(config.seed)
    check(config)  # first of all
    classes = faces.classes(config.data, config.labels)
    model = _model(config, classes)
    teachers = [_teacher(path, classes) for path in config.teachers]
    last = config.output_dir / filenames.LAST
    saved = load_saved(last) if last.exists() else None
    device = _device(config.device, saved)
    if threads := config.threads or (saved and saved["extras"]["threads"]):
        torch.set_num_threads(threads)
    train, val = faces.train_and_val(
        config.data,
        config.limit,
        config.seed,
        labels=config.labels,
        privileged=config.privileged,
        hold_out=config.hold_out,
    )
    left_out = None
    if config.leave_out:
        away = in_part(train.images, *config.part_left_out)
        left_out = content_keys(train.images[away]).view(np.int64)
        train = train.take(np.flatnonzero(~away))
    images = _to_score_on(config) if parallel.rank() == 0 else None
    trainer = Trainer(config, model, train, val, device, teachers, left_out)
    if saved:
        try:
            trainer.restore(saved)
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:  # of a file that is damaged
            raise _not_resumable(last, error) from error
    try:
        with parallel.group(device), HostEnergy(gpu=device.type == "cuda") as energy:
            finished = trainer.run(deadline)
        summary = _finish(config, trainer, images) if finished and images is not None else None
    except OSError as error:
        refused = refusal(error)
        go_on = f" Then the same command with --resume goes on from {last}." if last.exists() else ""
        raise FerEdgeError(refused.what, refused.cure + go_on) from error
    return TrainResult(config.output_dir, finished, trainer.epoch, summary, energy.readings, trainer.interrupted)


def _model(config: TrainConfig, classes: Sequence[str]) -> nn.Module:
    """What the run begins with."""
    weights = config.pretrained and (config.pretrained == "download" or Path(config.pretrained))
    ours = models.get(config.arch).family != "ann"
    model = models.build(
        config.arch,
        config.weight_bits,
        classes,
        dropout=config.dropout,
        pretrained=(not ours and weights) or False,
        size=config.size,
        freeze=config.freeze,
        steps=config.steps,
    )
    if ours and isinstance(weights, Path):
        _take_over(weights, config.arch, model, classes)
    return model


def _take_over(path: Path, arch: str, model: nn.Module, classes: Sequence[str]) -> None:
    """Give a new network the weights of a run's, before quantization; the last layer's only for the same classes.

    A spiking network takes those of its twin without spikes, too.
    """
    content = checkpoint.read(path)
    known = [arch, *filter(None, [models.get(arch).twin])]
    if content.arch not in known:
        raise CheckpointError(
            f"{path} holds a {content.arch}, not a {' or '.join(known)}.", "Give --pretrained one of the same --arch."
        )
    if stored_mode(content) != "float":
        raise CheckpointError(
            f"{path} is quantized, or trained for it.", "Give --pretrained float.pth.tar, which stands beside it."
        )
    begun = load_model(path, "float").state_dict()
    state = dict(zip(model.state_dict(), begun.values(), strict=True))  # without spikes, the names are others
    if stored_classes(content) != tuple(classes):
        last = list(state)[-1].rpartition(".")[0]
        state = {name: values for name, values in state.items() if name.rpartition(".")[0] != last}
    model.load_state_dict(state, strict=False)
    if content.arch != arch:
        model.unprepared = True  # type: ignore[assignment]


def _teacher(path: Path, classes: Sequence[str]) -> distill.Teacher:
    """A finished network that tells the same classes apart. CheckpointError if it tells others."""
    content = checkpoint.read(path)
    if (known := stored_classes(content)) != tuple(classes):
        raise CheckpointError(
            f"{path} tells {', '.join(known)} apart, the faces are {', '.join(classes)}.",
            "Give a teacher of the same classes; --labels decides which those of FER2013 are.",
        )
    match content.extras.get("left_out"):
        case np.ndarray(dtype=np.int64) as left_out:
            pass
        case _:
            left_out = np.empty(0, np.int64)
    return distill.Teacher(load_trained(path), left_out)


def load_saved(path: Path) -> dict[str, Any]:
    """Our own last.pth.tar, whole. CheckpointError if it is damaged or something else."""
    check_input(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():  # torch does not look at checksums
                raise ValueError(f"{damaged} in it is damaged")
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        known = {"epoch", "state_dict", "extras", "resume"} <= saved.keys()
        if not known or not saved["resume"] or not saved["extras"].keys() >= SAVED:
            raise ValueError("no state of training in it")
    except Exception as error:  # a damaged file raises almost anything
        raise _not_resumable(path, error) from error
    return saved


def _not_resumable(path: Path, error: Exception) -> CheckpointError:
    reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(":.")
    return CheckpointError(f"{path} cannot be resumed from: {reason}.", "Start anew in another folder.")


def _device(wanted: str, saved: dict[str, Any] | None) -> torch.device:
    if wanted == "auto":
        wanted = saved["extras"]["device"] if saved else "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ToolError("There is no GPU here.", "Give --device cpu.")
    return torch.device(wanted, parallel.local_rank()) if wanted == "cuda" else torch.device(wanted)


def _to_score_on(config: TrainConfig) -> faces.Faces:
    """The faces that the result will be scored on, read before any training, which would be lost on an unreadable one.

    Where they are no test, says so.
    """
    split = scored_on(config.data)
    if split == "val":
        tqdm.write(f"{config.data} holds no test: the result will be scored on val.", file=sys.stderr)
    return faces.load(config.data, split, config.limit, config.seed, config.labels)


def _finish(config: TrainConfig, trainer: Trainer, images: faces.Faces) -> dict[str, Any]:
    """Quantize what was trained for it, score the best network in every mode, draw the plots, complete history.json.

    Of a run that was finished before, only the result is read.
    """
    folder = config.output_dir
    if not (folder / filenames.BEST).exists():
        raise CheckpointError(
            f"{folder / 'best.pth.tar'} has been removed during the run.",
            "Give last.pth.tar, the last epoch's weights, to evaluate and quantize in its place; or train again.",
        )
    settings = {**trainer.settings, "mirror": config.mirror}
    history = {"settings": settings, "epochs": trainer.history, "scored_on": fingerprint(images)}
    written = [*PLOTS, *([filenames.QUANTIZED] if trainer.phase == "qat" else [])]
    if all((folder / name).exists() for name in written) and (result := _known_result(folder, history)):
        return result
    split = scored_on(config.data)
    summary: dict[str, Any] = {"split": split}
    float_path = folder / (filenames.FLOAT if trainer.phase == "qat" else filenames.BEST)
    if float_path.exists():  # not where nothing was learnt before quantization
        mode = "float"
        logits = model_logits(load_model(float_path, "float"), images)
        summary["float"] = score(images, logits)
    if trainer.phase == "qat":
        mode = "integer"
        model = load_model(folder / filenames.BEST, "qat")
        network = model.integer_network()
        logits, qat_logits = simulate_faces(network, images) * logit_unit(network), model_logits(model, images)
        summary["qat"] = score(images, qat_logits)
        summary["qat_unequal_integer"] = int((qat_logits != logits).any(axis=1).sum())
        if config.mirror:
            summary["unmirrored"] = score(images, logits)
            network = with_mirror(network)
            logits = simulate_faces(network, images) * logit_unit(network)
        checkpoint.write(folder / filenames.QUANTIZED, network, epoch=trainer.epoch)
        summary["integer"] = score(images, logits)
        if config.augment == "lens":
            seen = replace(images, images=scenes.seen(images.images, MODERATE, config.seed))
            summary["lens"] = score(seen, simulate_faces(network, seen))

    augmented = config.augment != "none" or config.erase > 0 or config.mixup > 0
    plots.curves(trainer.history, f"{config.arch}: training", folder / CURVES, augmented=augmented)
    title = f"{config.arch}, {mode}, {split}"
    plots.confusion(summary[mode], title, folder / CONFUSION)
    plots.predictions(images, softmax(logits), title, folder / PREDICTIONS)
    atomic_write(folder / filenames.HISTORY, json.dumps({**history, "result": summary}, indent=1))
    return summary


def _known_result(folder: Path, history: dict[str, Any]) -> dict[str, Any] | None:
    """The result that history.json has of this very run, if it was finished before."""
    try:
        before = json.loads((folder / filenames.HISTORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    result: dict[str, Any] | None = before.pop("result", None)
    return result if before == json.loads(json.dumps(history)) else None
