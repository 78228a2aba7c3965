"""Named architectures. `architectures()` describes them, `build(name)` makes one; only `build` needs torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fer_edge.errors import FerEdgeError
from fer_edge.faces import CLASSES
from fer_edge.models import deployable

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

Family = Literal["deployable", "ann", "snn"]


@dataclass(frozen=True)
class Architecture:
    """What can be told about a network without building it.

    published : accuracy on FER2013 in percent that others have published for it, if any, and where.
    settings : training options for which another default than the usual one serves it.
    pretrained : whether there are published weights for it, of ImageNet or dlib's faces.
    twin : of a spiking network, the same without spikes, whose weights it can begin with.
    """

    name: str
    family: Family
    about: str
    published: tuple[float, str] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    pretrained: bool = False
    twin: str | None = None


_KLE = "Shastri et al., KLE Technological University"
"""Accuracies on their own split, from the slides of github.com/maanasi8/Facial-Emotion-Recognition-System."""
_WESTERN = "Bakhtair et al., University of Western Ontario"
"""Accuracies on their own split, from github.com/ClutchForce/AI-Research."""
_UNNAMED = "student report, authors not noted"
"""Accuracies taken from reports whose names were not kept with the figures."""
_PRETRAINED: dict[str, Any] = {"settings": {"lr": 0.01}, "pretrained": True}
# Under Adam, weight decay is added to gradients, and so many weights have smaller ones than it. Faces moved and lit as
# usual are too much for these networks, which then do not even learn those of train.
_CSNN: dict[str, Any] = {
    "optimizer": "adam",
    "lr": 1e-3,
    "weight_decay": 0.0,
    "batch_size": 16,
    "augment": "none",
}
# One cycle up to the published rate, 1e-3, had taught it nothing after 9,000 faces, and this had.
_CSNN_ITSELF = {**_CSNN, "lr": 1e-4, "schedule": "cosine"}
_SEW = {"optimizer": "adamw", "lr": 1e-3}  # with the usual SGD nothing was learnt in 18,000 faces

_ARCHITECTURES = (
    Architecture("fernet-nano", "deployable", "chain of convolutions, small and fast"),
    Architecture("fernet-fast", "deployable", "chain of convolutions, as fast, with six times the weights"),
    Architecture("fernet", "deployable", "chain of convolutions that fills the weight memory"),
    Architecture("fernet-res", "deployable", "residual blocks and average pooling"),
    Architecture("cnn-585k", "ann", "seven convolutions, global average pooling", (68.24, f"{_UNNAMED}, PublicTest")),
    Architecture("cnn-baseline", "ann", "three convolutions, one linear layer", (58.9, _WESTERN)),
    Architecture("cnn-attention", "ann", "cnn-baseline with spatial attention", (45.4, _WESTERN)),
    Architecture("cnn-3conv", "ann", "three convolutions without batch norm, two linear layers", (52.67, _KLE)),
    Architecture("wideresnet", "ann", "residual blocks on the folded face"),
    Architecture("resnet9", "ann", "residual blocks and max pooling on the folded face; a teacher"),
    Architecture("vgg13-slim", "ann", "VGG13 with half the channels, global average pooling; a teacher"),
    Architecture("resnet18-3x3", "ann", "resnet18-grey with a first convolution of 3×3; a teacher"),
    Architecture("resnet18", "ann", "torchvision's ResNet18", (71.41, _UNNAMED), **_PRETRAINED),
    Architecture("resnet50", "ann", "torchvision's ResNet50", (43.5, f"{_WESTERN}, 5 epochs"), **_PRETRAINED),
    Architecture(
        "resnet50-cbam", "ann", "resnet50 with channel and spatial attention", (67.4, _WESTERN), **_PRETRAINED
    ),
    Architecture("improved-resnet18", "ann", "resnet18 with a larger classifier", (62.76, _KLE), **_PRETRAINED),
    Architecture("improved-resnet50", "ann", "resnet50 with a larger classifier", (64.38, _KLE), **_PRETRAINED),
    Architecture("dlib-resnet", "ann", "dlib's face recognition ResNet, 29 layers", **_PRETRAINED),
    Architecture("resnet18-grey", "ann", "sew-resnet18 without spikes", (66.8, _UNNAMED)),
    Architecture("csnn-ann", "ann", "csnn without spikes", (59.0, _UNNAMED)),
    Architecture("sew-resnet18", "snn", "spiking ResNet18, 8 time steps", (53.8, _UNNAMED), _SEW, twin="resnet18-grey"),
    Architecture(
        "csnn",
        "snn",
        "two convolutions, three linear layers, 4 time steps",
        (60.0, f"{_UNNAMED}, ≈"),
        _CSNN_ITSELF,
        twin="csnn-ann",
    ),
    Architecture("csnn-1conv", "snn", "one convolution", (45.0, _UNNAMED), _CSNN),
    Architecture("snn-fc", "snn", "three linear layers", (38.0, _UNNAMED), _CSNN),
)


def architectures() -> tuple[Architecture, ...]:
    """Every architecture, deployable ones first."""
    return _ARCHITECTURES


def names() -> tuple[str, ...]:
    """The name of every architecture."""
    return tuple(architecture.name for architecture in _ARCHITECTURES)


def get(name: str) -> Architecture:
    """The architecture of this name, which can also describe a deployable one. FerEdgeError if there is none."""
    for architecture in _ARCHITECTURES:
        if architecture.name == name:
            return architecture
    if deployable.is_deployable(name):
        return Architecture(name, "deployable", "as its name describes it")
    others = ", ".join(other for other in names() if other not in deployable.names())
    raise FerEdgeError(
        f"There is no architecture {name!r}.",
        f"Use one of {', '.join(deployable.names())}, or for `fer-edge train` alone, one of {others}.",
    )


def build(
    name: str,
    weight_bits: str = "8",
    classes: Sequence[str] = CLASSES,
    *,
    dropout: float = 0.0,
    pretrained: bool | Path = False,
    size: int | None = None,
    freeze: int = 0,
    steps: int | None = None,
) -> nn.Module:
    """A new network in float mode, with an output for each of `classes`, weights drawn from torch's global generator.

    `weight_bits`, for deployable networks, are those of QAT, as `deployable.parse_weight_bits` takes them; `dropout`,
    for them, too, is that of the last layer's inputs. `steps` are the time steps of spiking ones. The other options are
    for networks with published weights, as `resnet.build` takes them. FerEdgeError if there is no such architecture, or
    not with these options; NetworkError if it does not fit the accelerator.
    """
    architecture = get(name)
    options = {"pretrained": pretrained, "size": size, "freeze": freeze}
    given: dict[str, Any] = {option: value for option, value in options.items() if value}
    if given and not architecture.pretrained:
        able = ", ".join(other.name for other in _ARCHITECTURES if other.pretrained)
        if pretrained:
            able += "; with a run's weights, for spiking networks and those for the accelerator, too"
        raise FerEdgeError(f"{name} takes no --{next(iter(given))}.", f"It is for {able}.")
    if steps is not None and architecture.family != "snn":
        spiking = ", ".join(other.name for other in _ARCHITECTURES if other.family == "snn")
        raise FerEdgeError(f"{name} takes no --steps.", f"They are for {spiking}.")
    if architecture.family == "deployable":
        from fer_edge.models.net import DeployableNet

        return DeployableNet(deployable.blueprint(name, weight_bits, classes), dropout)
    for option, wanted in (("weight-bits", weight_bits != "8"), ("dropout", dropout)):
        if wanted:
            raise FerEdgeError(f"{name} takes no --{option}.", f"It is for {', '.join(deployable.names())}.")
    if architecture.pretrained:
        from fer_edge.models import resnet

        return resnet.build(name, len(classes), **given)
    if architecture.family == "snn":
        from fer_edge.models import snn

        return snn.build(name, len(classes), steps)
    from fer_edge.models import ann

    return ann.build(name, len(classes))
