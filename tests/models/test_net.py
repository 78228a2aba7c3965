"""The torch module of a blueprint computes what its integer network computes."""

from __future__ import annotations

import tempfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_edge import checkpoint
from fer_edge.faces import drawn
from fer_edge.models import deployable
from fer_edge.models.net import DeployableNet, fold
from fer_edge.network import IntegerNetwork, Layer, Operator
from fer_edge.simulate import logit_unit, simulate
from fer_edge.training.loop import normalize
from tests.nets import deployable_net
from tests.present import present
from tests.strategies import networks


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    return drawn.draw(range(32))


@pytest.fixture
def net(faces: np.ndarray) -> DeployableNet:
    """fernet-nano in QAT, its statistics taken from faces, some of its weights large."""
    torch.manual_seed(0)
    net = deployable_net("fernet-nano")
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
    state = deployable_net("fernet-nano").state_dict()
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
    net.to_integer()
    logits = net(torch.from_numpy(faces)[:, None].float() - 128).detach().numpy()
    np.testing.assert_array_equal(logits, simulate(network, network.device_input(faces)))


def test_starting_qat_keeps_the_scale_of_the_logits(faces: np.ndarray) -> None:
    torch.manual_seed(0)
    net = deployable_net("fernet-nano").eval()
    images = normalize(torch.from_numpy(faces)[:, None])
    before = net(images)
    net.start_qat()
    after = net(images)
    assert (after - before).norm() < 0.15 * before.norm()


@given(st.sampled_from([1, 3]), st.sampled_from([1, 2, 4]), st.integers(0, 100))
def test_folding_is_the_hosts(channels: int, factor: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (2, channels, 8, 8), np.uint8)
    rows = 8 // factor
    layer = Layer("all", Operator.PASSTHROUGH, (-1,))
    network = IntegerNetwork("fold", (channels * factor**2, rows, rows), (layer,), fold=factor)
    folded = fold(torch.from_numpy(pixels).float() - 128, factor)
    np.testing.assert_array_equal(folded.numpy(), network.device_input(pixels))


def hold_together(network: IntegerNetwork) -> None:
    """Integer mode with the network's own integers, and QAT with random weights, against the simulator."""
    images = torch.randint(-128, 128, (2, *network.image_shape), generator=torch.Generator().manual_seed(0))
    inputs = fold(images, network.fold).numpy().astype(np.int8)

    net, dtype = _integer_net(network), _dtype(network)
    logits = net.to(dtype)(images.to(dtype)).numpy()
    np.testing.assert_array_equal(logits, simulate(network, inputs))

    net = _qat_net(network)
    quantized = net.integer_network()
    assert [layer.weight_bits for layer in quantized.layers] == [layer.weight_bits for layer in network.layers]
    dtype, unit = _dtype(quantized), logit_unit(quantized)
    logits = net.to(dtype)(images.to(dtype) / 128).numpy()
    np.testing.assert_array_equal(logits, simulate(quantized, inputs) * unit)
    net.to_integer()
    np.testing.assert_array_equal(net(images.to(dtype)).numpy() * unit, logits)


def _dtype(network: IntegerNetwork) -> torch.dtype:
    return torch.float32 if network.exact_in_float32() else torch.float64


def _integer_net(network: IntegerNetwork) -> DeployableNet:
    """As read from the quantized checkpoint, which has no settings of layers without weights."""
    net = DeployableNet(network).eval().requires_grad_(False)
    net.start_qat()
    net.to_integer()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.write(f"{folder}/net", network)
        missing, unexpected = net.load_state_dict(torch.load(f"{folder}/net")["state_dict"], strict=False)
    assert not unexpected
    assert not [key for key in missing if ".op." in key]
    return net


def _qat_net(network: IntegerNetwork) -> DeployableNet:
    """Weights, biases and batch norms drawn so that activations spread over their range."""
    torch.manual_seed(0)
    net = DeployableNet(network).eval().requires_grad_(False)
    for layer in net.layers:
        layer.op.weight.normal_(0, 2 / layer.op.weight[0].numel() ** 0.5)
        if layer.op.bias is not None:
            layer.op.bias.uniform_(-0.5, 0.5)
        if layer.bn is not None:
            layer.bn.weight.uniform_(1, 6)
            present(layer.bn.running_mean).normal_(0, 0.3)
            present(layer.bn.running_var).uniform_(0.5, 2)
    net.start_qat()
    return net


@given(networks())
def test_random_networks_compute_what_the_simulator_says(network: IntegerNetwork) -> None:
    hold_together(network)


@pytest.mark.slow
@settings(max_examples=300)
@given(networks(max_layers=7))
def test_many_random_networks_compute_what_the_simulator_says(network: IntegerNetwork) -> None:
    hold_together(network)


@pytest.mark.parametrize("name", deployable.names())
def test_gradients_reach_every_weight(name: str, faces: np.ndarray) -> None:
    torch.manual_seed(0)
    net = deployable_net(name)
    for _ in range(2):
        net.zero_grad()
        net(normalize(torch.from_numpy(faces)[:, None])).square().sum().backward()
        assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []
        net.start_qat()


def test_dropout_leaves_out_inputs_of_the_classifier_in_training_alone(faces: np.ndarray) -> None:
    net = deployable_net("fernet-nano").train()
    seen: list[torch.Tensor] = []
    net.layers[-1].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    for net.dropout in (0.0, 0.75):
        net(normalize(torch.from_numpy(faces)[:, None]))
    whole, dropped = seen
    kept = dropped != 0
    assert torch.equal(dropped[kept], 4 * whole[kept]), "what is kept makes up for what is not"
    assert 0.15 < kept.sum() / (whole != 0).sum() < 0.35
    with torch.no_grad():
        net.eval()(normalize(torch.from_numpy(faces)[:, None]))
        net.dropout = 0.0
        net(normalize(torch.from_numpy(faces)[:, None]))
    assert torch.equal(seen[2], seen[3])


def test_adds_learn_their_mode_from_a_checkpoint() -> None:
    net = deployable_net("fernet-res")
    net.start_qat()
    net.to_integer()
    fresh = deployable_net("fernet-res")
    fresh.start_qat()  # folds batch norm, which the state no longer has
    fresh.load_state_dict(net.state_dict())
    assert fresh.get_submodule("add1_add").mode == "integer"
