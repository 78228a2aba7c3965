"""A network beside its mirror image cannot tell left from right, and adds up what it saw of both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fer_edge.errors import NetworkError
from fer_edge.models import deployable
from fer_edge.models.mirror import with_mirror
from fer_edge.network import WEIGHT_RANGE, IntegerNetwork
from fer_edge.simulate import activations, simulate
from tests.test_exact import hold_together

ARCHES = ("global_8-8_12_8", "global_4_8-12_8_8", "global_68_72_72")


def random_network(arch: str, weight_bits: str = "4,conv1=8") -> IntegerNetwork:
    """Of an architecture, with random weights and shifts that leave something to see."""
    rng = np.random.default_rng(0)
    layers = []
    for layer in deployable.blueprint(arch, weight_bits).layers:
        assert layer.weight is not None
        low, high = WEIGHT_RANGE[layer.weight_bits]
        shift = round(6.5 - np.log2(-low * np.sqrt(layer.weight[0].size)))
        layers.append(
            replace(
                layer,
                weight=rng.integers(low, high + 1, layer.weight.shape, np.int8),
                bias=rng.integers(-20, 20, len(layer.weight), np.int8),
                output_shift=0 if layer.output_width == 32 else shift,
            )
        )
    return replace(deployable.blueprint(arch, weight_bits), name="random", layers=tuple(layers))


def faces(network: IntegerNetwork) -> tuple[np.ndarray, np.ndarray]:
    """What the accelerator gets for five random faces, and for their mirror images."""
    pixels = np.random.default_rng(1).integers(0, 256, (5, 1, 48, 48), np.uint8)
    return network.device_input(pixels), network.device_input(np.ascontiguousarray(pixels[..., ::-1]))


@pytest.mark.parametrize("arch", ARCHES)
def test_it_says_the_same_of_a_face_and_its_mirror_image(arch: str) -> None:
    network = random_network(arch)
    images, mirrored = faces(network)
    assert not np.array_equal(simulate(network, images), simulate(network, mirrored))
    joined = with_mirror(network)
    assert np.array_equal(simulate(joined, images), simulate(joined, mirrored))


@pytest.mark.parametrize("arch", ARCHES)
def test_the_last_layer_sees_the_sum_of_half_of_both(arch: str) -> None:
    network = random_network(arch)
    *body, before, last = network.layers
    halved = replace(network, layers=(*body, replace(before, output_shift=before.output_shift - 1), last))
    seen, mirrored = (activations(halved, images)[-2].max((2, 3)).astype(int) for images in faces(network))
    features = np.minimum(seen + mirrored, 127)
    assert last.weight is not None
    assert last.bias is not None
    logits = features @ last.weight[:, :, 0, 0].astype(int).T + 128 * last.bias.astype(int)
    assert np.array_equal(simulate(with_mirror(network), faces(network)[0]), logits)


def test_the_accelerator_computes_it() -> None:
    hold_together(with_mirror(random_network("global_60-64_64_128")))


def test_it_takes_twice_the_weights_but_one_last_layer() -> None:
    network = random_network("global_8-8_12_8")
    assert with_mirror(network).weight_bytes == 2 * network.weight_bytes - network.layers[-1].weight_bytes


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (deployable.blueprint("chain_8_8_8"), "sees 3×3 positions, not one. Use an architecture `global_…`"),
        (with_mirror(random_network("global_8_8_8")), "does not read the one before it alone"),
    ],
    ids=["3x3", "joined already"],
)
def test_a_network_to_which_left_and_right_matter_is_refused(network: IntegerNetwork, words: str) -> None:
    with pytest.raises(NetworkError, match=words):
        with_mirror(network)


def test_a_pool_that_leaves_out_the_last_column_is_refused() -> None:
    network = random_network("global_8_8_8")
    first, second, third, last = network.layers
    uneven = replace(second, pool_size=(3, 3), pool_stride=3, pad=0)  # 24 columns: even; then 6: 4 are not
    layers = (first, uneven, replace(third, pool_size=(2, 2), pool_stride=3), replace(last, pool_size=(2, 2)))
    with pytest.raises(NetworkError, match="leaves out columns on one side"):
        with_mirror(replace(network, layers=layers))
