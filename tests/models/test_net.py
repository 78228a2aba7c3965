"""The torch module of a blueprint computes what its integer network computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fer_edge import models
from fer_edge.faces import drawn
from fer_edge.models.net import DeployableNet, fold
from fer_edge.network import IntegerNetwork, Layer
from fer_edge.simulate import simulate
from fer_edge.training.evaluate import logit_unit
from fer_edge.training.loop import normalize


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    return drawn.draw(range(32))


@pytest.fixture
def net(faces: np.ndarray) -> DeployableNet:
    """fernet-nano in QAT, its statistics taken from faces, some of its weights large."""
    torch.manual_seed(0)
    net = models.build("fernet-nano")
    for layer in net.layers:
        if layer.bn is not None:
            layer.bn.weight.data.uniform_(0.5, 4)
            layer.bn.bias.data.normal_()
    net.train()
    for _ in range(10):
        net(normalize(torch.from_numpy(faces)[:, None]))
    net.start_qat()
    return net.eval()


def test_checkpoint_keys_carry_the_layers_names() -> None:
    state = models.build("fernet-nano").state_dict()
    names = list(dict.fromkeys(key.split(".")[0] for key in state))
    assert names == [f"conv{i + 1}" for i in range(len(names))]
    assert "conv1.op.weight" in state
    assert "conv1.bn.running_mean" in state
    assert f"{names[-1]}.bn.weight" not in state


def test_qat_gives_the_accelerators_integers(net: DeployableNet, faces: np.ndarray) -> None:
    network = net.integer_network()
    assert network.exact_in_float32()
    logits = net(normalize(torch.from_numpy(faces)[:, None])).detach().numpy()
    expected = simulate(network, network.device_input(faces))
    assert len(np.unique(expected)) > 100
    np.testing.assert_array_equal(logits, expected * logit_unit(network))


def test_integer_mode_gives_the_accelerators_integers(net: DeployableNet, faces: np.ndarray) -> None:
    network = net.integer_network()
    for layer in net.layers:
        layer.to_integer()
    logits = net(torch.from_numpy(faces)[:, None].float() - 128).detach().numpy()
    np.testing.assert_array_equal(logits, simulate(network, network.device_input(faces)))


def test_starting_qat_keeps_the_scale_of_the_logits(faces: np.ndarray) -> None:
    torch.manual_seed(0)
    net = models.build("fernet-nano").eval()
    images = normalize(torch.from_numpy(faces)[:, None])
    before = net(images)
    net.start_qat()
    after = net(images)
    assert (after - before).norm() < 0.15 * before.norm()


@given(st.sampled_from([1, 3]), st.sampled_from([1, 2, 4]), st.integers(0, 100))
def test_folding_is_the_hosts(channels: int, factor: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (2, channels, 8, 8), np.uint8)
    rows = 8 // factor
    layer = Layer("all", "pass", (-1,))
    network = IntegerNetwork("fold", (channels * factor**2, rows, rows), (layer,), fold=factor)
    folded = fold(torch.from_numpy(pixels).float() - 128, factor)
    np.testing.assert_array_equal(folded.numpy(), network.device_input(pixels))


def test_only_chains_of_convolutions_are_trained_so_far() -> None:
    weight = np.zeros((4, 4, 3, 3), np.int8)
    layers = (Layer("a", "conv", (-1,), weight, pad=1), Layer("b", "conv", (-1,), weight, pad=1))
    with pytest.raises(NotImplementedError, match="b: only a chain"):
        DeployableNet(IntegerNetwork("fork", (4, 8, 8), layers))
