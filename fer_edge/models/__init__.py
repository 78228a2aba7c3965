"""Named architectures. `architectures()` describes them, `build(name)` makes one; only `build` needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fer_edge.errors import FerEdgeError
from fer_edge.models import deployable

if TYPE_CHECKING:
    from torch import nn

Family = Literal["deployable", "ann", "snn"]


@dataclass(frozen=True)
class Architecture:
    """What can be told about a network without building it.

    published : accuracy on FER2013 in percent that others have published for it, and what they say of how; if any.
    settings : training options for which another default than the usual one serves it.
    """

    name: str
    family: Family
    about: str
    published: tuple[float, str] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


_ARCHITECTURES = (
    Architecture("fernet-nano", "deployable", "chain of convolutions, small and fast"),
    Architecture("fernet", "deployable", "chain of convolutions that fills the weight memory"),
    Architecture("fernet-res", "deployable", "residual blocks and average pooling"),
    Architecture("cnn-585k", "ann", "seven convolutions, global average pooling", (68.24, "PublicTest")),
    Architecture("wideresnet", "ann", "residual network on the folded face; a teacher"),
)


def architectures() -> tuple[Architecture, ...]:
    """Every architecture, deployable ones first."""
    return _ARCHITECTURES


def names() -> tuple[str, ...]:
    """The name of every architecture."""
    return tuple(architecture.name for architecture in _ARCHITECTURES)


def get(name: str) -> Architecture:
    """The architecture of this name. FerEdgeError if there is none."""
    for architecture in _ARCHITECTURES:
        if architecture.name == name:
            return architecture
    raise FerEdgeError(f"there is no architecture {name!r}.", f"Use one of: {', '.join(names())}.")


def build(name: str, weight_bits: str = "8") -> nn.Module:
    """A new network in float mode, weights drawn from torch's global generator.

    `weight_bits` are those of QAT, as `deployable.parse_weight_bits` takes them; only deployable networks have any.
    FerEdgeError if there is no such architecture or layer; NetworkError if it does not fit the accelerator.
    """
    if name in deployable.names():
        from fer_edge.models.net import DeployableNet

        return DeployableNet(deployable.blueprint(name, weight_bits))
    get(name)
    from fer_edge.models import ann

    return ann.build(name)
