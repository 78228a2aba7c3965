"""Named architectures. `names()` lists them, `build(name)` makes one; only `build` needs torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fer_edge.models import deployable

if TYPE_CHECKING:
    from fer_edge.models.net import DeployableNet


def names() -> tuple[str, ...]:
    """Every architecture."""
    return deployable.names()


def build(name: str, weight_bits: str = "8") -> DeployableNet:
    """A new network in float mode, weights drawn from torch's global generator.

    `weight_bits` are those of QAT, as `deployable.parse_weight_bits` takes them. FerEdgeError if there is no such
    architecture or layer; NetworkError if it does not fit the accelerator.
    """
    from fer_edge.models.net import DeployableNet

    return DeployableNet(deployable.blueprint(name, weight_bits))
