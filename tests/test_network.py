"""IntegerNetwork refuses what the accelerator cannot run, and says all of it at once."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from fer_edge.errors import CheckpointError, NetworkError
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator, passes
from tests.strategies import networks


def conv(outputs: int = 4, channels: int = 1, k: int = 3, **values: Any) -> Layer:
    common: dict[str, Any] = {"name": "c", "inputs": (INPUT,), "pad": k // 2}
    return Layer(operator=Operator.CONV, weight=np.ones((outputs, channels, k, k), np.int8), **common | values)


def reasons(*layers: Layer, shape: tuple[int, int, int] = (1, 24, 24), **values: Any) -> list[str]:
    with pytest.raises(NetworkError) as caught:
        IntegerNetwork("bad", shape, layers, **values)
    return caught.value.violations


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (conv(k=5), ["5×5", "3×3"]),
        (conv(pad=3), ["padding 3"]),
        (conv(weight_bits=3), ["3-bit", "1, 2, 4 or 8"]),
        (conv(weight_bits=1), ["1…1", "-1…0"]),
        (conv(output_shift=16), ["total shift of 16"]),
        (conv(activation="tanh"), ["tanh", "relu, abs"]),
        (conv(pool="max", pool_size=(17, 1)), ["17×1", "1 to 16"]),
        (conv(output_width=32, activation="relu"), ["32-bit output"]),
        (conv(inputs=(3,)), ["(3,)"]),
        (conv(bias=np.zeros(3, np.int8)), ["3 int8 biases for 4 outputs"]),
        (conv(4, 2), ["weights for 2 inputs but receives 1"]),
        (conv(1025), ["1025 output channels of at most 1024"]),
        (conv(pool_size=(2, 2), pool_stride=2), ["window of 2×2 by 2 and no pooling", "max or avg"]),
        (conv(flatten=True), ["conv and flattens", "only linear"]),
        (conv(pool="max", pool_size=(16, 16), pool_stride=16, pad=0), ["shrinks 24×24"]),
    ],
)
def test_a_broken_layer_is_named_with_number_and_cure(layer: Layer, words: list[str]) -> None:
    text = "\n".join(reasons(layer))
    assert "layer 0 (c)" in text
    for word in words:
        assert word in text


def test_all_violations_come_at_once() -> None:
    found = reasons(
        conv(4, 2), conv(8, 4, name="d", inputs=(0,), pool="max", pool_size=(16, 16), pool_stride=16, pad=0)
    )
    assert len(found) == 2


def test_too_large_a_map_says_by_how_much() -> None:
    text = "\n".join(reasons(conv(64), shape=(1, 100, 100)))
    assert "100×100 pixels × 1 passes × 4 bytes = 40,000 bytes of a 32,768-byte data memory" in text


def test_too_many_weights_say_how_many() -> None:
    layers = [conv(64, 1, name="c0")]
    layers += [conv(64, 64, name=f"c{i}", inputs=(i - 1,)) for i in range(1, 14)]
    assert any("479,808 bytes of 442,368" in text for text in reasons(*layers))


def test_32_bit_outputs_belong_to_the_last_layer() -> None:
    assert any(
        "32-bit output of layer 0" in t for t in reasons(conv(output_width=32), conv(4, 4, name="d", inputs=(0,)))
    )


def test_padding_counts_towards_the_largest_side() -> None:
    assert any(
        "is 1×1023 and 1 of padding on each side, of at most 1023" in t for t in reasons(conv(), shape=(1, 1, 1023))
    )


def test_an_add_of_many_passes_takes_rows_for_them() -> None:
    """RCNT, with rows × passes of it, has ten bits."""
    layers = [conv(256, 1, 1, name=name, pad=0) for name in "ab"]
    layers.append(Layer("sum", Operator.PASSTHROUGH, (0, 1)))
    IntegerNetwork("fits", (1, 255, 1), tuple(layers))
    assert any("makes 1024 rows of at most 1023" in text for text in reasons(*layers, shape=(1, 256, 1)))


def test_a_linear_layer_may_pool_its_map_to_one_pixel() -> None:
    pool: dict[str, Any] = {"pool": "avg", "pool_size": (4, 4)}
    linear = Layer("fc", Operator.LINEAR, (INPUT,), np.ones((5, 8), np.int8), **pool)
    network = IntegerNetwork("pooled", (8, 4, 4), (linear,))
    assert (network.output_shape, network.shapes[0].flatten) == ((5, 1, 1), False)
    assert any("pools and flattens at once" in text for text in reasons(linear, shape=(8, 5, 4)))


def test_a_bias_that_layers_share_is_counted_once() -> None:
    bias = np.arange(1, 5, dtype=np.int8)
    one = (conv(bias=bias), conv(4, 4, name="d", inputs=(0,), bias=bias))
    assert IntegerNetwork("shared", (1, 8, 8), one).bias_bytes == 4


def test_at_most_two_operands_are_added_before_they_are_pooled() -> None:
    layers = [Layer(f"copy{i}", Operator.PASSTHROUGH, (INPUT,)) for i in range(3)]
    pooled: dict[str, Any] = {"pool": "max", "pool_size": (2, 2), "pool_stride": 2, "pool_first": False}
    IntegerNetwork("two", (4, 8, 8), (*layers, Layer("sum", Operator.PASSTHROUGH, (0, 1), **pooled)))
    with pytest.raises(NetworkError, match="adds 3 operands before it pools them, of at most 2; pool first"):
        IntegerNetwork("three", (4, 8, 8), (*layers, Layer("sum", Operator.PASSTHROUGH, (0, 1, 2), **pooled)))


def test_layer_names_are_unique() -> None:
    assert "several layers are called c" in reasons(conv(), conv(4, 4, inputs=(0,)))[0]


@pytest.mark.parametrize(
    ("channels", "expected"), [(1, (1, 1)), (64, (1, 64)), (65, (2, 36)), (128, (2, 64)), (130, (3, 44))]
)
def test_channels_beyond_64_take_more_passes(channels: int, expected: tuple[int, int]) -> None:
    assert passes(channels) == expected


@given(networks())
def test_description_and_weights_are_the_whole_network(network: IntegerNetwork) -> None:
    weights = [(layer.weight, layer.bias) for layer in network.layers]
    again = IntegerNetwork.from_description(network.description(), weights)
    assert again.content_hash == network.content_hash
    assert again.shapes == network.shapes


@given(networks(max_layers=2))
def test_the_hash_sees_every_change_but_names(network: IntegerNetwork) -> None:
    renamed = tuple(dataclasses.replace(layer, name=f"other{i}") for i, layer in enumerate(network.layers))
    assert dataclasses.replace(network, name="other", layers=renamed).content_hash == network.content_hash
    last = network.layers[-1]
    assert last.weight is not None
    flipped = last.weight.copy()
    flipped.flat[0] = 0 if flipped.flat[0] else -1
    changed = dataclasses.replace(last, weight=flipped)
    assert dataclasses.replace(network, layers=(*network.layers[:-1], changed)).content_hash != network.content_hash
    rounding = dataclasses.replace(network, avg_pool_rounding=not network.avg_pool_rounding)
    assert rounding.content_hash != network.content_hash


@pytest.mark.parametrize("broken", [{}, {"layers": 3}, {"layers": [{"name": "x"}]}, {"layers": [{"color": 1}]}])
def test_a_malformed_description_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match="malformed"):
        IntegerNetwork.from_description(
            {"name": "x", "input_shape": [1, 4, 4], "fold": 1, "avg_pool_rounding": False} | broken, [(None, None)]
        )


def test_pixels_become_signed_and_fold_by_the_formula() -> None:
    network = IntegerNetwork("folded", (4, 24, 24), (conv(4, 4),), fold=2)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    folded = network.device_input(pixels)
    assert folded.dtype == np.int8
    for i in range(2):
        for j in range(2):
            assert np.array_equal(folded[:, 2 * i + j].astype(int), pixels[:, i::2, j::2].astype(int) - 128)


def test_colour_folds_position_first_then_channel() -> None:
    network = IntegerNetwork("rgb", (12, 2, 2), (conv(4, 12),), fold=2)
    pixels = np.arange(3 * 16, dtype=np.uint8).reshape(1, 3, 4, 4)
    folded = network.device_input(pixels).astype(int) + 128
    for i, j, c in np.ndindex(2, 2, 3):
        assert np.array_equal(folded[0, (2 * i + j) * 3 + c], pixels[0, c, i::2, j::2])


def test_grey_pixels_are_seen_in_every_channel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 4), np.uint8)
    colours = np.stack([pixels] * 3, axis=1)
    for network in (
        IntegerNetwork("rgb", (3, 4, 4), (conv(4, 3),)),
        IntegerNetwork("rgb", (12, 2, 2), (conv(4, 12),), fold=2),
    ):
        assert np.array_equal(network.device_input(pixels), network.device_input(colours))


def test_an_operator_the_accelerator_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(NetworkError, match=r"layer 0 \(x\) has operator 'deconv'; use conv, linear, passthrough"):
        IntegerNetwork("net", (1, 8, 8), (Layer("x", "deconv", (INPUT,)),))  # type: ignore[arg-type]
    network = IntegerNetwork("net", (1, 8, 8), (conv(1, 1),))
    description = network.description()
    assert description["layers"][0]["operator"] == "conv"
    assert type(description["layers"][0]["operator"]) is str  # a checkpoint holds plain values
    description["layers"][0]["operator"] = "deconv"
    with pytest.raises(CheckpointError, match="'deconv'"):
        IntegerNetwork.from_description(description, [(network.layers[0].weight, None)])
