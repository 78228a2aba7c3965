"""Mask and bias RAM: packed, then read back the way the accelerator reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fer_edge.errors import NetworkError
from fer_edge.network import INPUT, WEIGHT_RANGE, IntegerNetwork, Layer, Operator
from fer_edge.registers import MASK_COLUMNS
from fer_edge.synth.masks import Masks, pack
from fer_edge.synth.placement import PlacedLayer, PlacedNetwork, set_bits
from fer_edge.synth.placer import place
from tests.strategies import networks, overfull


def placed(network: IntegerNetwork) -> PlacedNetwork:
    try:
        return place(network)
    except NetworkError:
        assume(False)
        raise


def unpack(view: PlacedLayer, masks: Masks) -> np.ndarray:
    """Weights of a layer by the reader's rule: kernel n = output · passes + pass, tap by tap from the end of a
    byte-kernel, `bits` wide from the low end."""
    layer, shape = view.layer, view.shape
    assert layer.weight is not None
    bits, taps = layer.weight_bits, layer.kernel_size**2
    pixels = shape.rows * shape.columns if shape.flatten else 1
    out = np.zeros((len(layer.weight), shape.channels, pixels, taps), np.int64)
    processors = set_bits(view.placement.processors)
    streams = masks.kernel[:, :, ::-1].reshape(64, -1)
    start = masks.offset[view.index] * 9
    for o, c, pixel in np.ndindex(len(layer.weight), shape.channels, pixels):
        group, lane = divmod(c, shape.processors)
        n = (o * pixels + pixel) * shape.passes + group
        byte_kernel, low = divmod(n * bits, 8)
        for tap in range(taps):
            byte = int(streams[processors[lane], start + byte_kernel * taps + taps - 1 - tap])
            code = byte >> low & ((1 << bits) - 1)
            out[o, c, pixel, tap] = code - (1 << bits) if code >> (bits - 1) else code
    return out.reshape(layer.weight.shape)


@given(networks(max_layers=3))
def test_weights_are_found_where_the_accelerator_looks(network: IntegerNetwork) -> None:
    assume(
        max(shape.channels * shape.out_channels for shape in network.shapes) <= 72 * 33
    )  # keep the slow reader short
    there = placed(network)
    masks = pack(there)
    for view in there.layers:
        if view.layer.weight is not None:
            assert np.array_equal(unpack(view, masks), view.layer.weight), view.layer.name


@given(networks())
def test_biases_are_found_in_their_quadrant(network: IntegerNetwork) -> None:
    there = placed(network)
    masks = pack(there)
    for layer, place_ in zip(network.layers, masks.bias_place, strict=True):
        assert (place_ is not None) == layer.has_bias
        if place_ is not None:
            assert layer.bias is not None
            quadrant, start = place_
            assert quadrant in there.placement.quadrants
            assert np.array_equal(masks.bias[quadrant, start : start + len(layer.bias)].view(np.int8), layer.bias)


def test_biases_of_flattened_layers_come_first() -> None:
    """§7: also of one that is said to flatten a single pixel."""
    layers = [
        Layer("a", Operator.CONV, (INPUT,), np.ones((8, 1, 3, 3), np.int8), np.full(8, 1, np.int8)),
        Layer("b", Operator.CONV, (0,), np.ones((70, 8, 1, 1), np.int8), np.full(70, 2, np.int8)),
        Layer("fc", Operator.LINEAR, (1,), np.ones((5, 70), np.int8), np.full(5, 3, np.int8)),
    ]
    for said, quadrants in ((False, [1, 0, 2]), (True, [2, 1, 0])):
        layers[2] = replace(layers[2], flatten=said)
        places = pack(placed(IntegerNetwork("order", (1, 3, 3), tuple(layers)))).bias_place
        assert [place_ and place_[0] for place_ in places] == quadrants


def test_first_tap_stands_in_b0_and_last_in_b8() -> None:
    weight = np.arange(1, 10, dtype=np.int8).reshape(1, 1, 3, 3)
    network = IntegerNetwork("k", (1, 8, 8), (Layer("c", Operator.CONV, (INPUT,), weight, pad=1),))
    assert pack(place(network)).kernel[0, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]


@given(st.sampled_from([1, 2, 4]), st.integers(0, 2**32 - 1))
def test_consecutive_outputs_share_bytes_from_the_low_bits_up(bits: int, seed: int) -> None:
    low, high = WEIGHT_RANGE[bits]
    weight = np.random.default_rng(seed).integers(low, high + 1, (8 // bits, 1, 1, 1), np.int8)
    network = IntegerNetwork("q", (1, 4, 4), (Layer("c", Operator.CONV, (INPUT,), weight, weight_bits=bits),))
    there = place(network)
    processor = set_bits(there.placement.layers[0].processors)[0]
    byte = int(pack(there).kernel[processor, 0, 8])  # the least significant byte of the column
    assert byte == sum((int(w) & (1 << bits) - 1) << (i * bits) for i, w in enumerate(weight.ravel()))


def test_too_many_columns_say_how_many_are_left() -> None:
    with pytest.raises(
        NetworkError, match=rf"mask columns on each of \d+ processors, of which up to \d+ of {MASK_COLUMNS}"
    ):
        pack(place(overfull()))
