"""simulate.py against a plain reading of the arithmetic, one multiplication at a time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given

from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.simulate import activations, predictions, simulate
from tests.present import present
from tests.strategies import inputs_for, networks


def plain(network: IntegerNetwork, image: np.ndarray) -> list[np.ndarray]:
    """Every layer's output for one image, in int64 and Python integers only."""
    outputs: dict[int, np.ndarray] = {INPUT: image.astype(np.int64)}
    for index, layer in enumerate(network.layers):
        operands = [outputs[i] for i in layer.inputs]

        def pool(x: np.ndarray, layer: Layer = layer) -> np.ndarray:
            return _pool(layer, x, network.avg_pool_rounding) if layer.pool else x

        if layer.pool_first:
            operands = [pool(x) for x in operands]
        x = operands[0] if len(operands) == 1 else np.clip(sum(operands), -128, 127)
        if not layer.pool_first:
            x = pool(x)
        if layer.weight is not None:
            x = _shift(layer, _products(layer, x))
        outputs[index] = x
    return [outputs[i] for i in range(len(network.layers))]


def _pool(layer: Layer, x: np.ndarray, rounding: bool) -> np.ndarray:
    (h, w), s = layer.pool_size, layer.pool_stride
    rows, columns = (x.shape[1] + s - h) // s, (x.shape[2] + s - w) // s
    out = np.empty((len(x), rows, columns), np.int64)
    for c, i, j in itertools.product(range(len(x)), range(rows), range(columns)):
        window = [int(v) for v in x[c, i * s : i * s + h, j * s : j * s + w].ravel()]
        if layer.pool == "max":
            out[c, i, j] = max(window)
            continue
        total, sign = abs(sum(window)), -1 if sum(window) < 0 else 1
        mean = (2 * total + len(window)) // (2 * len(window)) if rounding else total // len(window)
        out[c, i, j] = max(-128, min(127, sign * mean))
    return out


def _products(layer: Layer, x: np.ndarray) -> np.ndarray:
    weight = present(layer.weight).astype(np.int64)
    bias = np.zeros(len(weight), np.int64) if layer.bias is None else 128 * layer.bias.astype(np.int64)
    if layer.operator == Operator.LINEAR:
        result: np.ndarray = (weight @ x.reshape(-1) + bias).reshape(-1, 1, 1)
        return result
    k = layer.kernel_size
    x = np.pad(x, ((0, 0), (layer.pad, layer.pad), (layer.pad, layer.pad)))
    rows, columns = x.shape[1] - k + 1, x.shape[2] - k + 1
    out = np.empty((len(weight), rows, columns), np.int64)
    for i, j in itertools.product(range(rows), range(columns)):
        out[:, i, j] = np.tensordot(weight, x[:, i : i + k, j : j + k], 3) + bias
    return out


def _shift(layer: Layer, acc: np.ndarray) -> np.ndarray:
    if layer.output_width == 32:
        return acc
    s = layer.output_shift + 8 - layer.weight_bits
    # floor(acc · 2^s / 128 + 1/2) in integers
    y: np.ndarray = np.array(
        [(2 * int(a) * 2 ** (s + 15) + 128 * 2**15) // (256 * 2**15) for a in acc.ravel()]
    ).reshape(acc.shape)
    y = np.clip(y, -128, 127)
    if layer.activation == "relu":
        y = np.maximum(y, 0)
    elif layer.activation == "abs":
        y = np.minimum(np.abs(y), 127)
    return y


@given(networks(max_layers=3))
def test_every_layer_equals_the_plain_reading(network: IntegerNetwork) -> None:
    inputs = inputs_for(network)
    outputs = activations(network, inputs)
    for n, image in enumerate(inputs):
        for index, expected in enumerate(plain(network, image)):
            assert np.array_equal(outputs[index][n], expected), f"layer {index}"
    assert np.array_equal(simulate(network, inputs), outputs[-1].reshape(len(inputs), -1))


def one_by_one(weight: int, **values: object) -> IntegerNetwork:
    layer = Layer("conv", Operator.CONV, (INPUT,), np.full((1, 1, 1, 1), weight, np.int8), **values)  # type: ignore[arg-type]
    return IntegerNetwork("one", (1, 1, 1), (layer,))


@pytest.mark.parametrize(
    ("weight", "value", "values", "expected"),
    [
        (1, 64, {}, 1),  # 64/128 = ½ rounds up
        (1, -64, {}, 0),  # −½ rounds up too
        (1, -65, {}, -1),
        (127, 127, {}, 126),  # 16129/128 = 126.0…
        (-128, -128, {}, 127),  # 128 saturates
        (-128, 127, {"output_shift": 1}, -128),
        (127, -128, {"activation": "relu"}, 0),
        (127, -128, {"activation": "abs", "output_shift": 2}, 127),  # |−128| is 127
        (1, 0, {"bias": np.array([-5], np.int8)}, -5),  # bias counts 128 accumulator steps
        (1, 3, {"output_width": 32, "bias": np.array([2], np.int8)}, 259),  # neither shifted nor rounded
        (-1, 127, {"weight_bits": 1}, -127),  # S = 7: one-bit weights weigh a whole
        (-2, 127, {"weight_bits": 2, "output_shift": -1}, -63),  # −63½ rounds towards +∞
    ],
)
def test_rounding_saturation_and_activation(weight: int, value: int, values: dict[str, object], expected: int) -> None:
    network = one_by_one(weight, **values)
    assert simulate(network, np.array([[[[value]]]], np.int8)).item() == expected


def test_sums_beyond_float32_stay_exact() -> None:
    # 9 · 1024 · 128 · 128 > 2^24: float32 could not tell neighbours apart.
    weight = np.full((1, 1024, 3, 3), -128, np.int8)
    weight[0, 0, 0, 0] = 127
    network = IntegerNetwork("big", (1024, 3, 3), (Layer("conv", Operator.CONV, (INPUT,), weight, output_width=32),))
    inputs = np.full((1, 1024, 3, 3), -128, np.int8)
    inputs[0, 0, 0, 0] = 1
    assert not network.exact_in_float32()
    assert simulate(network, inputs).item() == 9215 * 128 * 128 + 127


def test_ties_go_to_the_first_class() -> None:
    assert predictions(np.array([[3, 7, 7], [1, 0, 1]])).tolist() == [1, 0]
