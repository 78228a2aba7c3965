"""Torch networks as tests want them."""

from __future__ import annotations

from fer_edge.models import deployable
from fer_edge.models.net import DeployableNet


def deployable_net(name: str, weight_bits: str = "8") -> DeployableNet:
    """What `models.build` makes of the name of a deployable network."""
    return DeployableNet(deployable.blueprint(name, weight_bits))
