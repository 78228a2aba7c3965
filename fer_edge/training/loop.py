"""The training loop. All randomness is drawn from (seed, epoch, step).

So a run that is killed and resumed ends with the weights of one that was not, on the same processor type and thread
count. `last.pth.tar` holds all that is needed.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from fer_edge import filenames
from fer_edge.errors import CheckpointError, DataError, FerEdgeError
from fer_edge.faces import CLASSES, Faces
from fer_edge.faces.augment import Augmentation, augment
from fer_edge.faces.augment_lens import through_lens
from fer_edge.faces.balance import class_weights, oversample
from fer_edge.faces.dataset import content_keys
from fer_edge.faces.lens import MODERATE
from fer_edge.files import atomic_save, atomic_write
from fer_edge.models.net import DeployableNet
from fer_edge.training import distill, parallel
from fer_edge.training.config import TrainConfig
from fer_edge.training.options import options_of
from fer_edge.training.schedule import learning_rate
from fer_edge.training.tensorboard import TensorBoard

MOMENTUM = 0.9
EMA_WINDOW = 1 / 32
"""Time constant of the moving average, as a share of the run."""
BATCHNORM_BATCHES = 100
"""Batches over which the statistics to be folded are taken."""
CORRECTION_FACES = 512
"""Faces on which biases are corrected for the rounding of weights, or a network that begins with others is prepared."""
LENS_SHARE = 0.5
"""Of the faces, seen by the camera with ``--augment lens``: so many that both are learnt (not searched for)."""
MAX_GRADIENT = 5.0
"""Norm to which gradients are limited. Ordinary ones are smaller; those through one-bit weights are not."""
EVALUATION_BATCH = 64
SHOWN_FACES = 64
"""Of an epoch's first batch, for TensorBoard."""
SAVE_SECONDS = 30
FORECAST_SECONDS = 5
"""Seconds of training after which a line says how long the rest will take."""
WORTH_TELLING_SECONDS = 60


class DivergedError(FerEdgeError):
    """Training that came to a loss that is infinite or no number."""


class Trainer:
    """The state of a run: model, its moving average, optimizer, position, history.

    The moving average (EMA) of the weights is what is validated, folded and delivered.
    """

    def __init__(
        self,
        config: TrainConfig,
        model: nn.Module,
        train: Faces,
        val: Faces,
        device: torch.device,
        teachers: Sequence[distill.Teacher] = (),
        left_out: NDArray[np.int64] | None = None,
    ) -> None:
        if not len(train) or (config.hold_out and not len(val)):
            raise DataError(
                f"{config.data} has {len(train)} faces to train on and {len(val)} to validate on.", "Add faces to it."
            )
        self.config, self.device = config, device
        self.labels, self.classes = train.labels, train.classes
        self.train_images, _ = tensors(train, device)
        self.train_targets = torch.from_numpy(train.targets()).to(device)
        self.val_images, self.val_labels = tensors(val, device)
        usual = {"none": Augmentation.none(), "strong": Augmentation.strong()}.get(config.augment, Augmentation())
        self.augmentation = replace(usual, erase=config.erase, erase_side=Augmentation.erase_side)
        self.precision = _precision(config.precision, device)
        self.teachers = distill.Teachers(teachers, train.images, device) if teachers else None
        self.left_out = left_out
        self.batch_size = min(config.batch_size, len(train))
        self.settings = {
            **config.comparable,
            "classes": list(train.classes),
            "data": fingerprint(train, val),
            "qat_epochs": config.epochs - config.float_epochs,
            "privileged": config.privileged and "votes",
            "teachers": tuple(_digest(path) for path in config.teachers),
        }
        classes = len(train.classes)
        weights = class_weights(train.labels, classes) if config.balance == "weights" else np.ones(classes, np.float32)
        self.class_weights = torch.from_numpy(weights).to(device)
        self.epoch = self.step = self.updates = 0
        self.model = _place(model, device)
        if getattr(model, "unprepared", False):
            model.prepare(self._batch(self._order(0)[:CORRECTION_FACES], 0))  # type: ignore[operator]
        self.ema = copy.deepcopy(self.model)
        self.steps = len(self._order(0)) // self.batch_size  # per epoch
        self.optimizer = new_optimizer(self.config, self.model)
        self.sums = torch.zeros(2, dtype=torch.float64, device=device)  # of this epoch: labels' loss, right answers
        self.seconds = 0.0
        self.best = -1.0
        self.history: list[dict[str, Any]] = []
        self.interrupted = False
        self._tensorboard: TensorBoard | None = None

    def run(self, deadline: float = math.inf) -> bool:
        """Train to the end. False, with the state saved, if stopped by Ctrl-C or at `deadline` (`time.monotonic`)."""
        if self.config.tensorboard and parallel.rank() == 0:
            self._tensorboard = TensorBoard(self.config.output_dir, self.epoch)
        images = self.config.epochs * self.steps * self.batch_size
        done = (self.epoch * self.steps + self.step) * self.batch_size
        with (
            _interruptible() as interrupted,
            tqdm(
                total=images,
                initial=done,
                unit="img",
                unit_scale=True,
                dynamic_ncols=True,
                disable=True if parallel.rank() > 0 else None,  # None: where there is no terminal
            ) as bar,
        ):
            self._forecast = _Forecast(self.config.epochs * self.steps - (self.epoch * self.steps + self.step))
            while self.epoch < self.config.epochs and not self._out_of_patience():
                if self.epoch >= self.config.float_epochs and self.phase == "float":
                    self._start_qat()
                bar.set_description(f"{self.phase} epoch {self.epoch + 1}/{self.config.epochs}")
                if not self._train_epoch(bar, lambda: interrupted() or time.monotonic() >= deadline):
                    self.save()
                    self.interrupted = interrupted()
                    return False
                self._end_epoch()
        return True

    @property
    def phase(self) -> str:
        """``float`` or ``qat``."""
        return self.model.mode if isinstance(self.model, DeployableNet) else "float"

    def _train_epoch(self, bar: tqdm[Any], stop: Callable[[], bool]) -> bool:
        """The rest of this epoch; False if stopped before its end."""
        order = self._order(self.epoch)
        self.model.train()
        started = saved = time.monotonic()
        for step in range(self.step, self.steps):
            progress = (self.epoch + step / self.steps) / self.config.epochs
            rate = learning_rate(self.config.schedule, self.config.lr, progress, self.history)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            index = order[step * self.batch_size : (step + 1) * self.batch_size]
            torch.manual_seed(self._seed(step))  # dropout's
            images, targets, asked = self._examples(index, step)
            with self._autocast():
                logits = self.model(images).float()
            loss = label_loss = self._loss(logits, targets)
            if self.teachers and asked is not None:
                soft_targets = self.teachers.soft_targets(images, asked, self._autocast())
                loss = distill.loss(logits, loss, soft_targets, self.config.teacher_share)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            parallel.average_(p.grad for p in self.model.parameters() if p.grad is not None)
            nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRADIENT)
            self.optimizer.step()
            self._average()
            with torch.no_grad():
                self.sums += torch.stack((label_loss.double(), (logits.argmax(1) == targets.argmax(1)).double().mean()))
            self.step = step + 1
            now = time.monotonic()
            self.seconds += now - started
            started = now
            bar.update(self.batch_size)
            self._forecast.step(self.batch_size)
            if self.device.type == "cpu" or self.step % 20 == 0:  # a GPU would be waited for
                self._check_finite()
            if self.step % 20 == 0:
                loss_mean, accuracy = (self.sums / self.step).tolist()
                bar.set_postfix(loss=f"{loss_mean:.3f}", acc=f"{accuracy:.3f}", val=self._val_text(), refresh=False)
            if parallel.anywhere(stop(), self.device):
                return False
            if now - saved > SAVE_SECONDS:
                self.save()
                saved = now
        return True

    def _end_epoch(self) -> None:
        """Validate, write what is best, go to the next epoch."""
        self._check_finite(weights=True)
        parallel.average_([self.sums, *_statistics(self.model), *_statistics(self.ema)])
        loss, accuracy = (self.sums / self.steps).tolist()
        row: dict[str, Any] = {
            "epoch": self.epoch + 1,
            "phase": self.phase,
            "lr": self.optimizer.param_groups[0]["lr"],
            "train_loss": loss,
            "train_accuracy": accuracy,
            "seconds": self.seconds,
            "images_per_second": self.steps * self.batch_size / max(self.seconds, 1e-9),
        }
        validation = ""
        if len(self.val_labels):
            logits = predict(self.ema, self.val_images)
            row["val_loss"] = self._loss(logits, F.one_hot(self.val_labels, len(self.classes)).float()).item()
            row["val_accuracy"] = (logits.argmax(1) == self.val_labels).double().mean().item()
            validation = f"  val loss {row['val_loss']:.4f}  val accuracy {row['val_accuracy']:.4f}"
        self.history.append(row)
        if parallel.rank() == 0:
            tqdm.write(
                f"epoch {row['epoch']:3d} {row['phase']:5s}  loss {loss:.4f}  accuracy {accuracy:.4f}{validation}"
                f"  {row['images_per_second']:.0f} images/s",
                file=sys.stderr,
            )
        if self._tensorboard:
            self._tensorboard.epoch(row, self._batch(self._order(self.epoch)[:SHOWN_FACES], 0))
        self.epoch, self.step, self.seconds = self.epoch + 1, 0, 0.0
        self.sums.zero_()
        if not len(self.val_labels):
            self.save_model(filenames.BEST)
        elif row["val_accuracy"] > self.best:
            self.best = row["val_accuracy"]
            self.save_model(filenames.BEST)
        self.save()

    def _check_finite(self, weights: bool = False) -> None:
        """DivergedError if the loss, or a weight, is infinite or no number; before anything of it is written."""
        values = [self.sums, *(_averaged(self.model) if weights else ())]
        if all(bool(value.isfinite().all()) for value in values):
            return
        kept = [name for name in (filenames.LAST, filenames.BEST) if (self.config.output_dir / name).exists()]
        raise DivergedError(
            f"The loss is not finite any more, in epoch {self.epoch + 1}, step {self.step} of {self.steps}"
            f" (--lr {self.config.lr:g}). "
            + (f"{self.config.output_dir} keeps {' and '.join(kept)} of before." if kept else "Nothing was saved yet."),
            "Train anew with a smaller --lr, in another --output-dir.",
        )

    def _start_qat(self) -> None:
        """Go on from the moving average: take its batch-norm statistics anew, fold them, quantize."""
        assert isinstance(self.ema, DeployableNet)
        order = self._order(self.epoch)
        norms = [layer.bn for layer in self.ema.layers if layer.bn is not None]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean of all batches
        self.ema.train()
        with torch.no_grad():
            steps = range(min(BATCHNORM_BATCHES, self.steps))
            for step in tqdm(steps, "batch-norm statistics", unit="batch", leave=False, delay=2, disable=None):
                self.ema(self._batch(order[step * self.batch_size : (step + 1) * self.batch_size], step))
        if self.config.float_epochs or self.config.pretrained:  # else it has learnt nothing yet
            self.save_model(filenames.FLOAT)
        self.ema.start_qat(self._batch(order[:CORRECTION_FACES], 0))
        self.model = copy.deepcopy(self.ema)
        self.optimizer = new_optimizer(self.config, self.model)
        self.updates = 0
        self.best = -1.0  # a float network, however good, is not the result

    def _order(self, epoch: int) -> Tensor:
        """Indices of the training faces in an epoch's order."""
        seed = (self.config.seed, epoch)
        if self.config.balance == "oversample":
            return torch.from_numpy(oversample(self.labels, seed))
        return torch.from_numpy(np.random.default_rng(seed).permutation(len(self.labels)))

    def _seed(self, step: int, *purpose: int) -> int:
        entropy = (self.config.seed, self.epoch, step, *purpose)
        return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0])

    def _batch(self, index: Tensor, step: int) -> Tensor:
        """Augmented images as the model takes them."""
        generator = torch.Generator().manual_seed(self._seed(step))
        images = augment(self.train_images[index.to(self.device)], self.augmentation, generator)
        if self.config.augment == "lens":
            images = through_lens(images, MODERATE, LENS_SHARE, generator)
        return normalize(images)

    def _examples(self, index: Tensor, step: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """Images, targets and the teacher to be asked of each, of this process.

        It prepares the whole batch, so the number of processes changes nothing. On two faces blended into one, a
        teacher of either is asked.
        """
        mine = slice(parallel.rank(), None, parallel.processes())
        images, targets = self._mix(self._batch(index, step), self.train_targets[index.to(self.device)], step)
        if not self.teachers:
            return images[mine], targets[mine], None
        shares = self.teachers.shares[index]
        if self.config.mixup:
            shares = (shares + shares.roll(1, 0)) / 2
        asked = shares.multinomial(1, generator=torch.Generator().manual_seed(self._seed(step, 2)))[:, 0]
        return images[mine], targets[mine], asked[mine].to(self.device)

    def _mix(self, images: Tensor, targets: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Images, and targets (N, classes), blended with their neighbours in the batch: mixup (arXiv 1710.09412)."""
        if not self.config.mixup:
            return images, targets
        rng = np.random.default_rng((self.config.seed, self.epoch, step, 1))
        shares = rng.beta(self.config.mixup, self.config.mixup, (len(images), 1)).astype(np.float32)
        share = torch.from_numpy(shares).to(self.device)
        mixed = images.lerp(images.roll(1, 0), share[..., None, None])
        return mixed, targets.lerp(targets.roll(1, 0), share)

    def _autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy, or for firing rates the squared error, to smoothed targets (N, classes)."""
        smoothing = self.config.label_smoothing
        if getattr(self.model, "loss", "cross-entropy") == "cross-entropy":
            return F.cross_entropy(logits, targets, self.class_weights, label_smoothing=smoothing)
        errors = (logits - (1 - smoothing) * targets - smoothing / len(self.classes)).square()
        return (errors.mean(1) * (targets @ self.class_weights)).mean()

    def _out_of_patience(self) -> bool:
        """Whether the best val accuracy is too old."""
        accuracies = [row["val_accuracy"] for row in self.history] if self.config.patience else []
        return bool(accuracies) and len(accuracies) - 1 - accuracies.index(max(accuracies)) >= (
            self.config.patience or 0
        )

    @torch.no_grad()
    def _average(self) -> None:
        """Move the EMA towards the model; faster in the beginning."""
        self.updates += 1
        share = max(10 / (10 + self.updates), 1 / (1 + EMA_WINDOW * self.config.epochs * self.steps))
        torch._foreach_lerp_(_averaged(self.ema), _averaged(self.model), share)

    def _val_text(self) -> str:
        return f"{self.history[-1]['val_accuracy']:.3f}" if self.history and len(self.val_labels) else "-"

    def save_model(self, name: str) -> None:
        """Write the EMA under the vendor's keys."""
        _save(self._content(), self.config.output_dir / name)

    def _content(self) -> dict[str, Any]:
        """What every checkpoint of a run has."""
        extras = {"phase": self.phase, "settings": self.settings, "history": self.history}
        if self.left_out is not None:
            extras["left_out"] = torch.from_numpy(self.left_out)
        return {
            "epoch": self.epoch,
            "arch": self.config.arch,
            "state_dict": self.ema.state_dict(),
            "extras": extras,
        }

    def save(self) -> None:
        """Write last.pth.tar and history.json. DivergedError, and nothing written, if the weights are not finite."""
        self._check_finite(weights=True)
        content = self._content()
        content["extras"] |= {
            "device": self.device.type,
            "threads": torch.get_num_threads(),
            "precision": self.precision,
        }
        content["resume"] = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "updates": self.updates,
            "sums": self.sums,
            "seconds": self.seconds,
            "best": self.best,
        }
        _save(content, self.config.output_dir / filenames.LAST)
        if parallel.rank() == 0:
            summary = {"settings": self.settings, "epochs": self.history}
            atomic_write(self.config.output_dir / filenames.HISTORY, json.dumps(summary, indent=1))

    def restore(self, saved: dict[str, Any]) -> None:
        """Take up the state `save` wrote. CheckpointError if the run had other settings."""
        extras, resume = saved["extras"], saved["resume"]
        then, now = extras["settings"], self.settings
        # A setting that has come since then had what is the default now.
        then = {**{name: default for name, default, _ in options_of(TrainConfig)}, "classes": list(CLASSES), **then}
        if other := [key for key in now if then[key] != now[key]]:
            texts = ["other faces" if k == "data" else f"{k} {then[k]!r}, not {now[k]!r}" for k in other]
            raise CheckpointError(
                f"The run in {self.config.output_dir} was started with {'; '.join(texts)}.",
                "Resume it with the same settings and faces, or start a new one in another --output-dir.",
            )
        if self.config.precision == "auto":
            self.precision = extras["precision"]
        if extras["phase"] == "qat":
            for model in (self.model, self.ema):
                assert isinstance(model, DeployableNet)
                model.start_qat()
            self.optimizer = new_optimizer(self.config, self.model)
        self.model.load_state_dict(resume["model"])
        self.ema.load_state_dict(saved["state_dict"])
        self.optimizer.load_state_dict(resume["optimizer"])
        self.epoch, self.step, self.updates = saved["epoch"], resume["step"], resume["updates"]
        self.sums.copy_(resume["sums"])
        self.seconds, self.best, self.history = resume["seconds"], resume["best"], extras["history"]


def new_optimizer(config: TrainConfig, model: nn.Module) -> torch.optim.Optimizer:
    """What `config` asks for, with weight decay on kernels and matrices only."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, config.lr, momentum=MOMENTUM, nesterov=True)
    adam = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    result: torch.optim.Optimizer = adam(groups, config.lr, fused=True)  # one pass over the weights instead of many
    return result


def tensors(faces: Faces, device: torch.device) -> tuple[Tensor, Tensor]:
    """Images uint8 (N, 1, 48, 48) and labels int64 (N,)."""
    return torch.from_numpy(faces.images)[:, None].to(device), torch.from_numpy(faces.labels).to(device)


def normalize(pixels: Tensor) -> Tensor:
    """uint8 pixels as training sees them: (pixel − 128) / 128."""
    return pixels.float().sub_(128).mul_(1 / 128)


@torch.no_grad()
def predict(model: nn.Module, images: Tensor) -> Tensor:
    """Logits (N, classes), on the model's device, of uint8 images (N, 1, 48, 48)."""
    training = model.training
    model.eval()
    parts = tqdm(images.split(EVALUATION_BATCH), "evaluating", unit="batch", leave=False, delay=2, disable=None)
    batches = [model(normalize(part)) for part in parts]
    model.train(training)
    return torch.cat(batches)


def _averaged(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *_statistics(model)]


def _statistics(model: nn.Module) -> list[Tensor]:
    return [buffer for name, buffer in model.named_buffers() if name.endswith(("running_mean", "running_var"))]


def _precision(wanted: str, device: torch.device) -> str:
    if wanted != "auto":
        return wanted
    # What AMX computes with it, AVX-512 has instructions for, too.
    fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if fast else "float32"


def _place(model: nn.Module, device: torch.device) -> nn.Module:
    # Channels last: nearly twice as fast on a CPU, except where time steps come before the channels.
    spiking = hasattr(model, "steps")
    layout = torch.contiguous_format if spiking else torch.channels_last
    result: nn.Module = model.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    return result


def fingerprint(*sets: Faces) -> str:
    """Changes with the faces, not with where they lie."""
    digest = hashlib.blake2b(digest_size=8)
    for part in sets:
        digest.update(content_keys(part.images).tobytes())
        digest.update(part.labels.tobytes())
        if part.soft_targets is not None:
            digest.update(part.soft_targets.tobytes())
    return digest.hexdigest()


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()


def _save(content: dict[str, Any], path: Path) -> None:
    if parallel.rank() == 0:
        atomic_save(path, lambda stream: torch.save(content, stream))


class _Forecast:
    """Says once how long the steps that are left will take, where that is long."""

    def __init__(self, steps: int) -> None:
        self._left, self._done, self._begun, self._told = steps, 0, time.monotonic(), parallel.rank() > 0

    def step(self, images: int) -> None:
        """A step of so many images is done."""
        self._left, self._done = self._left - 1, self._done + 1
        seconds = time.monotonic() - self._begun
        if self._told or seconds < FORECAST_SECONDS:
            return
        self._told = True
        rest = self._left * seconds / self._done
        if rest > WORTH_TELLING_SECONDS:
            rate = self._done * images / seconds
            tqdm.write(f"{rate:,.0f} images/s: about {_duration(rest)} to go", file=sys.stderr)


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 90:
        return f"{minutes:.0f} minutes"
    return f"{minutes / 60:,.1f} hours" if minutes < 48 * 60 else f"{minutes / 60 / 24:,.0f} days"


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a request that the function given reports; the second one interrupts as usual."""
    requested = False

    def request(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        requested = True
        signal.signal(signal.SIGINT, before)

    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, request)
    except ValueError:  # not in the main thread, where Ctrl-C does not arrive either
        yield lambda: False
        return
    try:
        yield lambda: requested
    finally:
        signal.signal(signal.SIGINT, before)
