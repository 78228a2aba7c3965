"""What calibration may change and what it must keep."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from fer_edge.faces import drawn
from fer_edge.models.calibrate import correct_biases, scale_activations
from fer_edge.models.net import DeployableNet
from fer_edge.network import IntegerNetwork, Layer, Operator
from fer_edge.training.loop import normalize
from tests.present import present


def blueprint(weight_bits: int = 8) -> IntegerNetwork:
    """Two convolutions, a block of copy and convolution, its sum averaged by itself, and a wide classifier."""

    def conv(name: str, out: int, inputs: int, source: tuple[int, ...], **settings: object) -> Layer:
        weight, bias = np.zeros((out, inputs, 3, 3), np.int8), np.zeros(out, np.int8)
        return Layer(name, Operator.CONV, source, weight, bias, weight_bits, **settings)  # type: ignore[arg-type]

    pooled = {"pool": "max", "pool_size": (4, 4), "pool_stride": 4}
    layers = (
        conv("a", 8, 1, (-1,), pad=1, activation="relu", **pooled),
        conv("b", 8, 8, (0,), pad=1, activation="relu"),
        Layer("copy", Operator.PASSTHROUGH, (1,)),
        conv("c", 8, 8, (1,), pad=1),
        Layer("sum", Operator.PASSTHROUGH, (2, 3), pool="avg", pool_size=(4, 4), pool_stride=4),
        conv("d", 7, 8, (4,), output_width=32),
    )
    return IntegerNetwork("small", (1, 48, 48), layers)


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    return normalize(torch.from_numpy(drawn.draw(range(64)))[:, None])


def net(faces: torch.Tensor, weight_bits: int = 8) -> DeployableNet:
    """A float network with batch norm folded, whose activations fill their range."""
    torch.manual_seed(0)
    net = DeployableNet(blueprint(weight_bits)).requires_grad_(False)
    for layer in net.layers:
        if layer.bn is not None:
            layer.bn.momentum = 1  # the statistics of these very faces
    net(faces)
    net.fold_batchnorm()
    return net.eval()


def test_activations_that_use_little_of_the_range_are_scaled_up_and_nothing_else_changes(faces: torch.Tensor) -> None:
    faint = net(faces)
    a, b, c, d = faint.layers
    a.op.weight /= 16
    present(a.op.bias).div_(16)
    b.op.weight *= 2  # an eighth, as c, with which it is added
    present(b.op.bias).div_(8)
    present(c.op.bias).div_(8)
    d.op.weight *= 8
    expected = faint(faces)

    scaled = copy.deepcopy(faint)
    scale_activations(scaled, scaled.blueprint, faces)
    torch.testing.assert_close(scaled(faces), expected, atol=0.02, rtol=0)  # some few activations saturate now
    assert 0.5 < scaled.layers[0](faces).abs().max() < 1

    def error(model: DeployableNet) -> float:
        model.start_qat()
        result: float = (model(faces) - expected).norm().item()
        return result

    assert error(scaled) < 0.3 * error(faint)


def test_activations_in_range_are_left_alone(faces: torch.Tensor) -> None:
    before = net(faces)
    after = copy.deepcopy(before)
    scale_activations(after, after.blueprint, faces)
    assert all(torch.equal(before.state_dict()[key], value) for key, value in after.state_dict().items())


def test_dead_layers_are_left_alone(faces: torch.Tensor) -> None:
    dead = net(faces)
    dead.layers[1].op.weight.zero_()
    present(dead.layers[1].op.bias).fill_(-1)
    scale_activations(dead, dead.blueprint, faces)
    assert all(value.isfinite().all() for value in dead.state_dict().values())


@pytest.mark.parametrize("bits", [8, 2, 1])
def test_corrected_biases_restore_the_means(bits: int, faces: torch.Tensor) -> None:
    reference = net(faces, bits)
    plain, corrected = copy.deepcopy(reference), copy.deepcopy(reference)
    plain.start_qat()
    corrected.start_qat(faces)

    def distance(model: DeployableNet) -> float:
        x = model.layers[0](faces)
        means = [model.layers[1].channel_means(x), reference.layers[1].channel_means(reference.layers[0](faces))]
        return (means[0] - means[1]).abs().max().item()

    step = 2.0 ** (corrected.layers[1].quantized()[2] - (bits - 1))
    assert distance(corrected) <= 0.5 * step * 1.01  # what rounding the bias itself leaves
    assert distance(corrected) < distance(plain)


def test_correcting_leaves_no_hooks_behind(faces: torch.Tensor) -> None:
    reference = net(faces)
    quantized = copy.deepcopy(reference)
    quantized.start_qat()
    correct_biases(quantized, reference, faces)
    for model in (reference, quantized):
        assert not any(layer._forward_pre_hooks or layer._forward_hooks for layer in model.layers)
