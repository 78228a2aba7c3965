"""`fer-edge evaluate`: what a network is worth on faces it has not seen. Imports torch only for unquantized modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from fer_edge import checkpoint, faces, metrics, models, zoo
from fer_edge.errors import CheckpointError
from fer_edge.faces import scenes
from fer_edge.faces.lens import Lens
from fer_edge.load import load_network
from fer_edge.network import IntegerNetwork

if TYPE_CHECKING:
    from torch import nn

    from fer_edge.models.net import DeployableNet

Mode = Literal["float", "qat", "integer"]


def evaluate(
    source: IntegerNetwork | Path | str,
    data: str | Path,
    split: str = "test",
    mode: Mode = "integer",
    limit: int | None = None,
    seed: int = 0,
    labels: Path | None = None,
    lens: str | None = None,
    mirror: bool = False,
) -> dict[str, Any]:
    """`metrics.scores` on faces as `faces.load` takes them, with `data`, which says which they are, and `mode`.

    `source` is a network or any checkpoint of qat-train. Mode `integer` computes what the accelerator computes, `qat`
    the same in training's arithmetic, `float` leaves the weights unrounded; the last two need best.pth.tar, or for a
    network that has seen float epochs only, float.pth.tar. `lens`, as `Lens.parse` reads it, gives it the faces as the
    board's camera would; `mirror` adds up the logits of each face and its mirror image, as firmware built so does.
    """
    if mirror and mode != "integer":
        raise CheckpointError(f"--mirror is what the firmware can do, not mode {mode}.", "Use mode integer.")
    network = source if isinstance(source, IntegerNetwork) else None
    if network is not None and mode != "integer":
        raise CheckpointError(f"A quantized network has no {mode} mode.", "Give best.pth.tar of its training.")
    if network is None:
        path = Path(source)  # type: ignore[arg-type]
        if mode == "integer":
            network = integer_network(path)
        else:
            model, classes = load_model(path, mode), stored_classes(checkpoint.read(path))
    images = faces.load(data, split, limit, seed, labels)
    selection = faces.Selection.of(images, data, split, limit, seed, labels)
    if lens is not None:
        images = replace(images, images=scenes.seen(images.images, Lens.parse(lens), seed))
    if network is not None:
        scored = metrics.score(images, metrics.simulate_faces(network, images, mirror), network.classes)
    else:
        scored = metrics.score(images, model_logits(model, images), classes)
    shown = ({} if lens is None else {"lens": lens}) | ({"mirror": True} if mirror else {})
    return {"data": asdict(selection), "mode": mode, **shown, **scored}


def render(result: Mapping[str, Any]) -> str:
    """What `evaluate` returns, as lines for the terminal."""
    how = [f"lens {result['lens']}"] if "lens" in result else []
    how += ["each also mirrored"] if "mirror" in result else []
    shown = "; ".join([f"{result['mode']}, on {faces.Selection(**result['data'])}", *how])
    return f"{shown}\n{metrics.render(result)}"


def model_logits(model: nn.Module, images: faces.Faces) -> NDArray[np.float32]:
    """Logits of a torch network on the CPU, float32 (N, classes)."""
    import torch

    from fer_edge.training.loop import predict, tensors

    return predict(model, tensors(images, torch.device("cpu"))[0]).numpy()


def load_trained(path: Path) -> nn.Module:
    """The network of a checkpoint as it was trained, in floating point or quantization-aware, ready for evaluation.

    One of few bits is worth less in floating point, which it was not trained for any more, than as it is.
    """
    return load_model(path, "qat" if stored_mode(checkpoint.read(path)) == "qat" else "float")


def integer_network(path: Path) -> IntegerNetwork:
    """The integer network of a checkpoint of qat-train, quantized or not (which takes torch), or what `load_network`
    takes."""
    if path.is_dir() or str(path).startswith(zoo.PREFIX):
        return load_network(path)
    content = checkpoint.read(path)
    if "network" in content.extras:
        return checkpoint.integer_network(content)
    return load_model(path, "qat").integer_network()


def stored_classes(content: checkpoint.Checkpoint) -> tuple[str, ...]:
    """The classes that a checkpoint of our training tells apart; FER2013's where it was written before there were any
    others."""
    return tuple(map(str, _settings(content).get("classes", faces.CLASSES)))


def _settings(content: checkpoint.Checkpoint) -> dict[str, Any]:
    settings = content.extras.get("settings")
    return settings if isinstance(settings, dict) else {}


def stored_mode(content: checkpoint.Checkpoint) -> Mode:
    """How far a checkpoint has come: float weights, quantization-aware ones, or integers (`ai8x.module` says how its
    keys tell)."""

    def on(setting: str) -> bool:
        return any(key.endswith(f".{setting}") and value.any() for key, value in content.state.items())

    return "float" if not on("weight_bits") else "qat" if on("adjust_output_shift") else "integer"


@overload
def load_model(path: Path, mode: Literal["qat"]) -> DeployableNet: ...
@overload
def load_model(path: Path, mode: Literal["float", "qat"]) -> nn.Module: ...
def load_model(path: Path, mode: Literal["float", "qat"]) -> nn.Module:
    """The network of a checkpoint of our training, in `mode`, ready for evaluation on the CPU."""
    import torch

    content = checkpoint.read(path)
    stored = stored_mode(content)
    if stored == "integer":
        raise CheckpointError(
            f"{path} is quantized: mode {mode} needs unrounded weights.",
            "Give best.pth.tar or float.pth.tar of qat-train, or use mode integer.",
        )
    if mode == "qat" and stored == "float":
        raise CheckpointError(
            f"{path} was not trained quantization-aware.",
            "Use mode float, or give it to `fer-edge quantize` first."
            if models.deployable.is_deployable(content.arch)
            else "Use mode float.",
        )
    if content.arch not in models.names() and not models.deployable.is_deployable(content.arch):
        raise CheckpointError(
            f"{path} holds architecture {content.arch!r}, which is none of fer-edge's: {', '.join(models.names())}.",
            "Quantize it with the trainer it comes from; `fer-edge synth` takes the result with its --yaml.",
        )
    if damaged := [key for key, value in content.state.items() if not np.isfinite(value).all()]:
        raise CheckpointError(f"{path}: {damaged[0]} has values that are not finite.", "Train it again.")
    settings = _settings(content)
    bits, steps = str(settings.get("weight_bits", "8")), settings.get("steps")
    model = models.build(content.arch, bits, stored_classes(content), steps=None if steps is None else int(steps))
    if stored == "qat":
        model.start_qat()  # type: ignore[operator]
    try:
        model.load_state_dict({key: torch.from_numpy(value) for key, value in content.state.items()})
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} does not fit {content.arch}: {str(error).splitlines()[1].strip()}", "Train it again."
        ) from error
    if mode == "float" and stored == "qat":
        model.stop_qat()  # type: ignore[operator]
    return model.eval()
