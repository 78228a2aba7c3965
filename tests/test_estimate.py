"""The estimator: the reference's cycles, and figures that say what they are."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from fer_edge.estimate import estimate
from fer_edge.figure import Figure
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator


def first_layer(channels: int) -> IntegerNetwork:
    layer = Layer("c", Operator.CONV, (INPUT,), np.ones((channels, 1, 3, 3), np.int8), pad=1)
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
    assert (cost.power.value, cost.power.kind) == (38.0, "estimated")  # the vendor's, of another network
    assert cost.energy.value == pytest.approx(0.038 * cost.latency.value)
    assert "assumed for this network" in cost.energy.source
    assert (cost.energy_low.value, cost.energy_high.value) == pytest.approx(
        (0.028 * cost.latency.value, 0.064 * cost.latency.value)
    )
    assert cost.weight_load.value == pytest.approx(11 * 8 * 9 / 4 / 100)
    assert cost.weight_load_energy.value == pytest.approx(0.02001 * cost.weight_load.value)
    assert cost.energy_low.value < cost.energy.value < cost.energy_high.value
    assert sum(layer.share for layer in cost.layers) == pytest.approx(23_628 / 23_629)
    assert json.loads(json.dumps(cost.to_dict()))["latency"]["source"]


def test_a_layers_share_of_the_energy_goes_as_its_cycles_times_its_processors() -> None:
    cost = estimate(built((1, 8, 8), "conv 8 3 1", "conv 8 3 1"))
    first, second = cost.layers  # one processor, then eight
    assert second.energy_share / first.energy_share == pytest.approx(8 * second.cycles / first.cycles)
    assert first.energy_share + second.energy_share == pytest.approx(1)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_figure_is_a_number(value: float) -> None:
    with pytest.raises(ValueError, match="is no figure"):
        Figure(value, "µJ", "estimated", "a test")


def built(shape: tuple[int, int, int], *rows: str) -> IntegerNetwork:
    """Layers as text: ``conv OUT KERNEL PAD [max|avg SIZE STRIDE]``, ``pass max|avg SIZE STRIDE`` or ``linear OUT``."""
    layers: list[Layer] = []
    c, h, w = shape
    for index, row in enumerate(rows):
        kind, *numbers = row.split()
        values: dict[str, Any] = {"inputs": (index - 1,), "name": f"layer{index}"}
        if "max" in row or "avg" in row:
            pool, size, stride = numbers[-3], int(numbers[-2]), int(numbers[-1])
            values |= {"pool": pool, "pool_size": (size, size), "pool_stride": stride}
            h, w = ((n + stride - size) // stride for n in (h, w))
        if kind == "conv":
            out, kernel, pad = map(int, numbers[:3])
            values |= {"weight": np.ones((out, c, kernel, kernel), np.int8), "pad": pad}
            c, h, w = out, h + 2 * pad - kernel + 1, w + 2 * pad - kernel + 1
        elif kind == "linear":
            values |= {"weight": np.ones((int(numbers[0]), c * h * w), np.int8), "output_width": 32}
        layers.append(Layer(operator=Operator(kind), **values))
    return IntegerNetwork("published", shape, tuple(layers))


# Networks with a published time on a board, rebuilt from their public descriptions; weights and MACs show that the
# rebuilding is right. The seventh such network, KWS20 v3, is made of one-dimensional convolutions, which an
# IntegerNetwork does not have.
PUBLISHED = {
    "MNIST ai85net5": (
        built((1, 28, 28), "conv 60 3 1", "conv 60 3 2 max 2 2", "conv 56 3 1 max 2 2", "conv 12 3 1 avg 2 2",
              "linear 10"),
        (71_148, 10_751_808, 70_157, 1410),
    ),
    "CIFAR baseline and improved": (
        built(
            (3, 32, 32), "conv 32 3 1", "conv 32 3 1 max 2 2", "conv 64 3 1 max 2 2", "passthrough max 2 2", "linear 10"
        ),
        (38_752, 4_433_920, 49_749, 1004),
    ),
    "CIFAR deeper": (
        built(
            (3, 32, 32), "conv 32 3 1", "conv 32 3 1 max 2 2", "conv 64 3 1 max 2 2", "conv 64 3 1",
            "conv 128 3 1 max 2 2", "passthrough avg 4 1", "linear 10",
        ),
        (140_384, 7_963_904, 56_020, 1129),
    ),
    "CIFAR mininet": (
        built(
            (3, 32, 32), "conv 32 3 1", "conv 64 3 1 max 2 2", "conv 64 3 1", "conv 64 3 1 max 2 2", "conv 128 3 1",
            "conv 128 3 1 max 2 2", "passthrough avg 4 1", "linear 10",
        ),
        (315_488, 24_478_976, 87_576, 1761),
    ),
    "CIFAR nascifarnet": (
        built(
            (3, 32, 32), "conv 64 3 1", "conv 32 1 0", "conv 64 3 1", "conv 32 3 1 max 2 2", "conv 64 1 0",
            "conv 128 3 1 max 2 2", "conv 128 1 0", "conv 64 3 1 max 2 2", "conv 128 3 1", "conv 128 1 0 max 2 2",
            "linear 10",
        ),
        (301_760, 36_180_992, 228_217, 4573),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_on_board_times_are_met_within_one_per_cent(name: str) -> None:
    network, (weight_bytes, macs, cycles, measured_us) = PUBLISHED[name]
    cost = estimate(network)
    assert (cost.weight_bytes, cost.macs) == (weight_bytes, macs)
    assert cost.cycles == cycles
    assert cost.latency.value == pytest.approx(measured_us, rel=0.01)
