"""The blueprints keep their promises."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge import models
from fer_edge.errors import FerEdgeError, NetworkError
from fer_edge.estimate import estimate
from fer_edge.models import deployable
from fer_edge.network import INPUT, Operator
from fer_edge.registers import WEIGHT_BYTES
from fer_edge.synth import masks
from fer_edge.synth.placer import place
from fer_edge.synth.synthesize import estimate_placed

NAMES = deployable.names()


def test_fernet_nano_is_within_its_budget() -> None:
    network = deployable.blueprint("fernet-nano")
    assert network.weight_bytes <= 70_572
    assert estimate(network).cycles <= 75_400


def test_fernet_fast_is_as_fast_and_fills_the_weight_memory() -> None:
    network = deployable.blueprint("fernet-fast")
    assert 0.9 * WEIGHT_BYTES < network.weight_bytes <= WEIGHT_BYTES
    assert estimate_placed(network)[1].cycles <= 75_400


def test_fernet_fills_the_weight_memory_within_four_milliseconds() -> None:
    network = deployable.blueprint("fernet")
    assert 0.97 * WEIGHT_BYTES < network.weight_bytes <= WEIGHT_BYTES
    assert estimate(network).latency.value < 4000


def test_fernet_res_has_every_kind_of_residual_layer() -> None:
    network = deployable.blueprint("fernet-res")
    kinds = {
        (layer.operator, len(layer.inputs) > 1, layer.pool) for layer in network.layers if layer.inputs != (INPUT,)
    }
    assert kinds >= {
        (Operator.PASSTHROUGH, False, None),
        (Operator.CONV, True, None),  # add fused with a convolution
        (Operator.CONV, True, "max"),  # and pooled before it
        (Operator.PASSTHROUGH, True, "avg"),  # an add by itself, averaging
    }
    # What an average does with negative numbers is not known for certain: these have none.
    for layer in network.layers:
        if layer.pool == "avg":
            assert all(_is_positive(source) for source in layer.inputs)


def _is_positive(index: int) -> bool:
    layer = deployable.blueprint("fernet-res").layers[index]
    return layer.activation == "relu" or (
        layer.operator == Operator.PASSTHROUGH and all(map(_is_positive, layer.inputs))
    )


@pytest.mark.parametrize("name", NAMES)
def test_networks_take_folded_faces_and_give_seven_wide_logits(name: str) -> None:
    network = deployable.blueprint(name)
    assert network.image_shape == (1, 48, 48)
    assert network.input_shape == (4, 24, 24)
    assert network.output_shape == (7, 1, 1)
    assert network.layers[-1].output_width == 32
    assert network.exact_in_float32()


@pytest.mark.parametrize("name", NAMES)
def test_networks_are_of_the_form_the_vendors_onnx_loader_takes(name: str) -> None:
    for layer in deployable.blueprint(name).layers:
        if layer.weight is not None:
            assert (layer.operator, layer.kernel_size, layer.weight_bits) == (Operator.CONV, 3, 8)
            assert layer.bias is not None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weight_bits", ["8", "4", "2", "1", "2,conv1=8,conv3=1"])
def test_networks_find_room_on_the_accelerator(name: str, weight_bits: str) -> None:
    network = deployable.blueprint(name, weight_bits)
    masks.pack(place(network))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(FerEdgeError, match="fernet-nano"):
        models.build("fernet-giga")


def test_an_architecture_over_budget_is_refused_unless_its_weights_have_fewer_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(
        deployable.ARCHITECTURES, "big", lambda n: deployable.chain(((64, 64), (128, 128), (128, 128)), n)
    )
    with pytest.raises(NetworkError, match="weights need"):
        deployable.blueprint("big")
    assert deployable.blueprint("big", "4,conv1=8").weight_bytes < WEIGHT_BYTES


def test_blueprints_need_no_torch() -> None:
    code = "import sys; from fer_edge.models import deployable; deployable.blueprint('fernet-nano')"
    subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=True)


def test_a_name_can_describe_a_chain() -> None:
    network = deployable.blueprint("chain_32-32_36-36-36_40-32", "4")
    named = deployable.blueprint("fernet-nano", "4")
    assert (network.shapes, network.weight_bytes) == (named.shapes, named.weight_bytes)
    assert network.name == "chain_32-32_36-36-36_40-32"


def test_a_chain_of_four_stages_needs_no_pooling_before_the_classifier() -> None:
    network = deployable.blueprint("chain_8_8_8_12-16")
    assert [layer.pool for layer in network.layers] == [None, "max", "max", "max", None, None]
    assert network.output_shape == (7, 1, 1)


def test_equal_widths_of_a_residual_chain_are_blocks() -> None:
    layers = deployable.blueprint("res_8-8_16-16-16-16_16_16-12").layers
    described = [(layer.name, layer.inputs, layer.pool) for layer in layers]
    assert described == [
        ("conv1", (INPUT,), None),
        ("copy1", (0,), None),
        ("conv2", (0,), None),
        ("conv3", (1, 2), "max"),
        ("copy2", (3,), None),
        ("conv4", (3,), None),
        ("conv5", (4, 5), None),
        ("copy3", (6,), None),
        ("conv6", (6,), None),
        ("conv7", (7, 8), "max"),
        ("conv8", (9,), "max"),
        ("conv9", (10,), None),
        ("conv10", (11,), None),
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("chain_", "chain_8_8", "chain_8__8_8", "chain_8_8_8-", "chain_0_8_8", "chain_08_8_8"),
        *("chain_8_8_8\n", "chain_٨_8_8", "res_8_8_8_", "chain_8_8_1000", "Chain_8_8_8", "chain:8/8/8"),
    ],
)
def test_a_malformed_description_is_refused(name: str) -> None:
    assert not deployable.is_deployable(name)
    with pytest.raises(FerEdgeError, match="no architecture"):
        deployable.blueprint(name)


def test_a_chain_of_too_many_stages_is_refused() -> None:
    with pytest.raises(FerEdgeError, match="chain_8_8_8_8_8 has 5 stages"):
        deployable.blueprint("chain_8_8_8_8_8")


@given(st.lists(st.lists(st.integers(1, 16), min_size=1, max_size=3), min_size=3, max_size=4), st.booleans())
def test_every_small_description_is_a_network_that_fits(stages: list[list[int]], residual: bool) -> None:
    text = "_".join("-".join(map(str, stage)) for stage in stages)
    network = deployable.blueprint(f"{'res' if residual else 'chain'}_{text}")
    widths = [layer.weight.shape[0] for layer in network.layers if layer.weight is not None]
    assert widths == [*(width for stage in stages for width in stage), 7]
    masks.pack(place(network))


LAYERS = ("conv1", "conv2", "conv3")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8", (8, 8, 8)), ("4", (4, 4, 4)), ("conv2=4", (8, 4, 8)), ("2, conv3=1 ,conv1=8", (8, 2, 1))],
)
def test_weight_bits_are_for_all_layers_or_by_name(text: str, expected: tuple[int, ...]) -> None:
    assert tuple(deployable.parse_weight_bits(text, LAYERS)[layer] for layer in LAYERS) == expected


@pytest.mark.parametrize("text", ["", "3", "conv1", "conv1=", "conv1=16", "8,", "conv1=4=4", "-8", "²"])
def test_weight_bits_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(FerEdgeError, match="--weight-bits"):
        deployable.parse_weight_bits(text, LAYERS)


def test_weight_bits_of_an_unknown_layer_are_refused_with_the_known_ones() -> None:
    with pytest.raises(FerEdgeError, match=r"no layer conv9\. It has conv1, conv2, conv3"):
        deployable.parse_weight_bits("conv9=4", LAYERS)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        bits = deployable.parse_weight_bits(text, LAYERS)
    except FerEdgeError:
        return
    assert set(bits) == set(LAYERS)
    assert set(bits.values()) <= {1, 2, 4, 8}
