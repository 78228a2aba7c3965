"""`fer-edge quantize`: from a trained checkpoint to the integers the accelerator computes with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from fer_edge import checkpoint, faces
from fer_edge.errors import CheckpointError
from fer_edge.metrics import percent, score, simulate_faces
from fer_edge.models.calibrate import scale_activations
from fer_edge.models.net import DeployableNet
from fer_edge.network import IntegerNetwork
from fer_edge.training.evaluate import load_model, model_logits, stored_classes, stored_mode
from fer_edge.training.loop import normalize, tensors
from fer_edge.training.request import scored_on

CALIBRATION_FACES = 1024


@dataclass(frozen=True)
class Quantization:
    """What came of it. `before` and `after` are `metrics.scores` on `split`; None where there were no faces."""

    arch: str
    trained: Literal["float", "qat"]
    output: Path
    split: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "output": str(self.output)}

    def report(self) -> str:
        """Lines for the terminal."""
        how = {"qat": "as trained quantization-aware", "float": "by calibration"}[self.trained]
        lines = [f"{self.arch}: quantized {how}"]
        if self.before is not None and self.after is not None:
            low, high = self.after["accuracy_95"]
            lines.append(
                f"  accuracy    {percent(self.after['accuracy'])} (measured; 95 %: {percent(low)} to {percent(high)},"
                f" n = {self.after['n']:,}) on {self.split}; before {percent(self.before['accuracy'])} (measured)"
            )
        return "\n".join([*lines, f"  written     {self.output}"])


def quantize(
    path: Path,
    output: Path,
    data: str | Path | None = None,
    limit: int | None = None,
    seed: int = 0,
    labels: Path | None = None,
) -> Quantization:
    """Write the integer network of a checkpoint of one of our architectures to `output`.

    A network trained quantization-aware is rounded as its training did. A float one has batch norm folded, its
    activations scaled and its biases corrected on faces of `data`'s train, which it therefore needs. With `data`, both
    are scored before and after, on its test, or on val where there is no test, with `labels` by FERPlus' votes; `limit`
    and `seed` take a sample. Classes are matched by name.

    CheckpointError: not one of our architectures, quantized already, or damaged. DataError: faces of other classes.
    """
    content = checkpoint.read(path)
    trained = stored_mode(content)
    if trained == "integer":
        raise CheckpointError(f"{path} is quantized already.", "Give it to `fer-edge synth`.")
    if output.exists() and output.samefile(path):
        raise CheckpointError(f"{output} is the checkpoint to be quantized.", "Give another --output.")
    model = load_model(path, trained)
    if not isinstance(model, DeployableNet):
        raise CheckpointError(
            f"{path} holds {content.arch}, which is not made for the accelerator.",
            "Train a deployable architecture of `fer-edge list`.",
        )
    classes = stored_classes(content)
    split = before = after = None
    if data is not None:
        split = scored_on(data)
        images = faces.load(data, split, limit, seed, labels)
        before = score(images, model_logits(model, images), classes)
    if trained == "qat":
        network = model.integer_network()
    elif data is not None:
        network = calibrated(model, faces.load(data, "train", CALIBRATION_FACES, seed, labels))
    else:
        raise CheckpointError(
            f"{path} was not trained quantization-aware: it has to be calibrated on faces.", "Give --data."
        )
    if data is not None:
        after = score(images, simulate_faces(network, images), classes)
    checkpoint.write(output, network, epoch=content.epoch)
    return Quantization(content.arch, trained, output, split, before, after)


def calibrated(model: DeployableNet, images: faces.Faces) -> IntegerNetwork:
    """The integer network of a float one, which is changed on the way."""
    inputs = normalize(tensors(images, torch.device("cpu"))[0])
    model.requires_grad_(False)
    model.fold_batchnorm()
    scale_activations(model, model.blueprint, inputs)
    model.start_qat(inputs)
    return model.integer_network()
