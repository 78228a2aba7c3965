"""Placement: ours always holds, and a wrong one is refused with the reason."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fer_edge.errors import NetworkError
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.synth.placement import DataFormat, PartialPlacement, PlacedNetwork, check, region
from fer_edge.synth.placer import cost, place
from tests.strategies import networks


def chain(*channels: int, size: int = 8, **values: Any) -> IntegerNetwork:
    layers = [
        Layer(f"c{i}", Operator.CONV, (i - 1,), np.ones((o, c, 3, 3), np.int8), pad=1, **values)
        for i, (c, o) in enumerate(itertools.pairwise(channels))
    ]
    return IntegerNetwork("chain", (channels[0], size, size), tuple(layers))


@given(networks())
def test_no_tensor_is_overwritten_while_it_is_needed(network: IntegerNetwork) -> None:
    """A second reading by brute force: walk the layers, and let each word remember whose it is."""
    placed = place(network)
    owner: dict[tuple[int, int], int] = {}

    def write(tensor: int) -> None:
        where = region(placed, tensor)
        assert where.words.min() >= 0
        assert where.words.max() < 8192
        owner.update(((i, w), tensor) for i in where.instances for w in where.words.tolist())

    write(INPUT)
    for index, layer in enumerate(network.layers):
        write(index)  # the accelerator may write any output word before it has read all inputs
        for source in layer.inputs:
            where = region(placed, source)
            assert all(owner[i, w] == source for i in where.instances for w in where.words.tolist())


@given(networks(max_layers=3))
def test_placement_is_deterministic(network: IntegerNetwork) -> None:
    assert place(network) == place(network)


def every_placement(network: IntegerNetwork) -> Iterator[dict[int, int]]:
    """All ways to give each tensor neighbouring processors from a multiple of 4, by brute force."""
    width = {INPUT: network.shapes[0].processors} | {i: s.out_processors for i, s in enumerate(network.shapes)}
    for starts in itertools.product(*(range(0, 64 - width[t] + 1, 4) for t in width)):
        maps = {t: ((1 << width[t]) - 1) << start for t, start in zip(width, starts, strict=True)}
        if all(
            maps[t] == maps[layer.inputs[0]]
            for index, layer in enumerate(network.layers)
            for t in (*layer.inputs[1:], *((index,) if layer.operator == Operator.PASSTHROUGH else ()))
        ):
            yield maps


# Wide tensors, so that brute force has few enough choices for networks of several layers.
@given(networks(max_layers=5, channels=st.sampled_from([33, 48, 56, 64, 72, 100])))
@settings(max_examples=25, suppress_health_check=[HealthCheck.filter_too_much])
def test_no_other_choice_of_processors_is_better(network: IntegerNetwork) -> None:
    choices = [16 - (s.out_processors - 1) // 4 for s in network.shapes]
    assume(len(network.layers) <= 5 and 1 < np.prod(choices) * 16 <= 4_000)
    placement = place(network).placement
    ours = {INPUT: placement.layers[0].processors}
    ours |= {i: placed.output_processors for i, placed in enumerate(placement.layers)}
    chosen = placement.data_format
    assert cost(network, ours, chosen) <= min(cost(network, maps, chosen) for maps in every_placement(network))


def moved(network: IntegerNetwork, index: int, **values: Any) -> PlacedNetwork:
    placement = place(network).placement
    layers = list(placement.layers)
    layers[index] = dataclasses.replace(layers[index], **values)
    return PlacedNetwork(network, dataclasses.replace(placement, layers=tuple(layers)))


@pytest.mark.parametrize(
    ("index", "values", "words"),
    [
        (0, {"processors": 0x3}, "has 2 processors, but 1 channels need 1"),
        (1, {"processors": 0xF0}, "make them equal"),
        (0, {"output_processors": 0x1E}, "begin at a multiple of 4"),
        (0, {"output_processors": 0x17}, "has gaps"),
        (0, {"out_offset": 0x4002}, "not a multiple of 4"),
        (0, {"out_offset": 0x7F00}, "make them equal"),
        (0, {"out_offset": 0}, "overwrites the input, which layer 0"),
        (1, {"in_offset": 0x40}, "written at"),
        (0, {"write_gap": 1}, "writes with a gap of 1"),
        (0, {"write_gap": 16}, "skips 16 words of at most 15"),
        (1, {"bias_quadrants": (0, 3)}, r"layer 1 \(c1\): bias_quadrant 0, 3 is not among those in use, 0;"),
    ],
)
def test_a_wrong_placement_is_refused_with_its_reason(index: int, values: dict[str, Any], words: str) -> None:
    network = chain(1, 4, 4)
    with pytest.raises(NetworkError, match=words):
        check(moved(network, index, **values))


def by_hand(network: IntegerNetwork, *maps: tuple[int, int], data_format: DataFormat = "HWC") -> PlacedNetwork:
    return place(network, PartialPlacement(processors=maps, data_format=data_format))


def test_without_a_convolution_each_quadrants_processors_are_neighbours() -> None:
    """§2 and §9b of the reference: what such a layer writes is counted from the first processor of a quadrant."""
    layers = (
        Layer("pool", Operator.PASSTHROUGH, (INPUT,), pool="max", pool_size=(2, 2), pool_stride=2),
        Layer("c", Operator.CONV, (0,), np.ones((4, 2, 1, 1), np.int8)),
    )
    network = IntegerNetwork("pass", (2, 8, 8), layers)
    check(by_hand(network, (1 | 1 << 32, 1 | 1 << 32), (1 | 1 << 32, 0xF)))
    for gaps in (0x11, 0x5, 0x6):
        with pytest.raises(NetworkError, match=r"without convolution reads and writes processors .* which has gaps"):
            check(by_hand(network, (gaps, gaps), (gaps, 0xF)))


def test_an_add_without_a_convolution_leaves_as_many_words_as_it_says() -> None:
    """§4: LCTL2 holds write_gap itself for a layer without convolution, however many passes it has."""
    layers = (
        Layer("a", Operator.CONV, (INPUT,), np.ones((576, 1, 1, 1), np.int8)),
        Layer("p", Operator.PASSTHROUGH, (0,)),
        Layer("q", Operator.PASSTHROUGH, (0,)),
        Layer("sum", Operator.PASSTHROUGH, (1, 2)),
    )
    check(place(IntegerNetwork("wide", (1, 3, 3), layers)))


def test_what_nobody_reads_is_not_written_where_memory_is_off() -> None:
    wide, narrow = (np.ones((n, 1, 3, 3), np.int8) for n in (64, 8))
    layers = (Layer("a", Operator.CONV, (INPUT,), wide, pad=1), Layer("b", Operator.CONV, (INPUT,), narrow, pad=1))
    with pytest.raises(NetworkError, match=r"layer 0 \(a\): writes to quadrant 3, which is off"):
        check(place(IntegerNetwork("dead end", (1, 8, 8), layers)))
    check(place(IntegerNetwork("dead end", (1, 8, 8), (layers[1], dataclasses.replace(layers[1], name="c")))))


def test_four_pixels_to_the_word_cannot_be_flattened() -> None:
    linear = Layer("fc", Operator.LINEAR, (INPUT,), np.ones((4, 64), np.int8))
    network = IntegerNetwork("flat", (1, 8, 8), (linear,))
    check(by_hand(network, (1, 0xF)))
    with pytest.raises(NetworkError, match="CHW input can be read by the first layer only, in one pass"):
        check(by_hand(network, (1, 0xF), data_format="CHW"))


def test_a_map_beyond_its_memory_says_what_would_fit() -> None:
    network = chain(1, 128, 4, size=40)
    with pytest.raises(NetworkError, match=r"needs 12,800 bytes from offset 0x6000, of which a 32,768-byte data memory"
                                           r" has 8,192; pool before it or use at most 64 channels"):  # fmt: skip
        check(moved(network, 0, out_offset=0x6000))


def test_a_long_skip_is_protected() -> None:
    """The tensor between producer and a distant reader is exactly what the vendor's tool does not check."""
    one = np.ones((4, 4, 1, 1), np.int8)
    layers = (
        Layer("a", Operator.CONV, (INPUT,), np.ones((4, 1, 1, 1), np.int8)),
        Layer("b", Operator.CONV, (0,), one),
        Layer("c", Operator.CONV, (1,), one),
        Layer("d", Operator.CONV, (0,), one),  # reads `a` again
    )
    network = IntegerNetwork("skip", (1, 8, 8), layers)
    offset = place(network).placement.layers[0].out_offset
    with pytest.raises(
        NetworkError, match=r"output of layer 2 \(c\) overwrites the output of layer 0, which layer 3 \(d\)"
    ):
        check(moved(network, 2, out_offset=offset))


def test_a_large_single_channel_image_is_fed_four_pixels_to_the_word() -> None:
    pooled = {"pool": "max", "pool_size": (2, 2), "pool_stride": 2}
    layer = Layer("c", Operator.CONV, (INPUT,), np.ones((4, 1, 3, 3), np.int8), pad=1, **pooled)  # type: ignore[arg-type]
    network = IntegerNetwork("big", (1, 120, 120), (layer,))
    assert place(network).placement.data_format == "CHW"
    assert place(chain(1, 4)).placement.data_format == "HWC"


def test_a_tensor_read_plain_and_added_asks_for_a_copy() -> None:
    one = np.ones((4, 4, 1, 1), np.int8)
    layers = (
        Layer("a", Operator.CONV, (INPUT,), np.ones((4, 1, 1, 1), np.int8)),
        Layer("b", Operator.CONV, (0,), one),
        Layer("sum", Operator.PASSTHROUGH, (0, 1)),
    )
    with pytest.raises(NetworkError, match="copy it for the add with a passthrough layer"):
        place(IntegerNetwork("residual", (1, 8, 8), layers))


@pytest.mark.parametrize("left_out", [(), ("processors",), ("offsets",), ("processors", "offsets"), ("data_format",)])
@given(networks(max_layers=4))
def test_what_is_given_is_kept_and_the_rest_is_chosen(left_out: tuple[str, ...], network: IntegerNetwork) -> None:
    whole = place(network).placement
    given_ = PartialPlacement(
        processors=tuple((layer.processors, layer.output_processors) for layer in whole.layers),
        offsets=tuple((layer.in_offset, layer.out_offset, layer.write_gap) for layer in whole.layers),
        data_format=whole.data_format,
    )
    assert place(network, dataclasses.replace(given_, **dict.fromkeys(left_out))).placement == whole
