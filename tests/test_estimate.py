"""The estimator: the reference's cycles, and figures that say what they are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fer_edge.estimate import estimate
from fer_edge.network import INPUT, IntegerNetwork, Layer


def first_layer(channels: int) -> IntegerNetwork:
    layer = Layer("c", "conv", (INPUT,), np.ones((channels, 1, 3, 3), np.int8), pad=1)
    return IntegerNetwork("first", (1, 48, 48), (layer,))


# Published cycles of a padded 3×3 convolution on a 48×48 single-channel image.
@pytest.mark.parametrize(("channels", "cycles"), [(8, 23_628), (16, 42_060), (24, 60_492)])
def test_first_layer_cycles_are_the_published_ones(channels: int, cycles: int) -> None:
    assert estimate(first_layer(channels)).layers[0].cycles == cycles


def test_latency_and_energy_follow_from_cycles_and_say_what_they_are() -> None:
    cost = estimate(first_layer(8))
    assert cost.cycles == 1 + 23_628
    assert cost.latency.value == pytest.approx(cost.cycles / 50 + 8.3)
    assert (cost.latency.unit, cost.latency.kind) == ("µs", "estimated")
    assert (cost.power.value, cost.power.kind) == (35, "assumed")
    assert cost.energy.value == pytest.approx(0.035 * cost.latency.value)
    assert cost.energy_low.value < cost.energy.value < cost.energy_high.value
    assert sum(layer.share for layer in cost.layers) == pytest.approx(23_628 / 23_629)
    assert json.loads(json.dumps(cost.to_dict()))["latency"]["source"]
