"""What we say of the vendor's ONNX reader, held to a stand-in of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from hypothesis import given, settings

from fer_edge import checkpoint, zoo
from fer_edge.cli import main
from fer_edge.load import load_network
from fer_edge.network import IntegerNetwork, Layer, Operator
from fer_edge.synth import onnx_model, vendor_onnx, vendor_yaml
from fer_edge.synth.placer import place
from tests.strategies import networks
from tests.synth.stand_in.onnx_reader import RefusedError, read


def taken_right(network: IntegerNetwork) -> bool:
    """Whether the reader gets the network's weights, biases, widths and shifts from the files we write."""
    with tempfile.TemporaryDirectory() as folder:
        model, description = Path(folder, "model.onnx"), Path(folder, "model.yaml")
        model.write_bytes(onnx_model.to_bytes(network))
        description.write_text(vendor_yaml.write(place(network)))
        try:
            layers = read(model, description)
        except RefusedError:
            return False
    return all(
        np.array_equal(have.weight, want.weight)
        and (have.bias is None) == (want.bias is None)
        and (have.bias is None or want.bias is None or np.array_equal(have.bias, want.bias))
        and have.bits == want.weight_bits
        and (have.shift == want.shift or want.output_width == 32)  # which is not shifted
        for have, want in zip(layers, network.layers, strict=True)
        if want.weight is not None and have.weight is not None
    )


@settings(max_examples=100)
@given(networks())
def test_what_we_say_it_takes_it_takes_and_nothing_else(network: IntegerNetwork) -> None:
    assert (vendor_onnx.refusal(network) is None) is taken_right(network)


def chain(*kinds: str) -> IntegerNetwork:
    """Layers given as `3b4`: kernel size, b with bias, weight bits; `passthrough` for none."""
    layers: list[Layer] = []
    for i, kind in enumerate(kinds):
        if kind == "passthrough":
            layers.append(Layer(f"l{i}", Operator.PASSTHROUGH, (i - 1,)))
            continue
        bits, size = int(kind[-1]), int(kind[0])
        weight = np.full((4, 4, size, size), -(1 << (bits - 1)), np.int8)
        bias = np.ones(4, np.int8) if "b" in kind else None
        layers.append(Layer(f"l{i}", Operator.CONV, (i - 1,), weight, bias, weight_bits=bits, pad=size // 2))
    return IntegerNetwork("chain", (4, 8, 8), tuple(layers))


@pytest.mark.parametrize(
    ("kinds", "written"),
    [
        ("38 18 38", (True, True, True)),  # no bias: nothing is counted twice
        ("3b8 3b8 3b8", (True, True, True)),  # one size: nothing can be mistaken
        ("3b8 3b8 1b8", (True, False, True)),
        ("3b8 3b8 3b8 3b8 18", (True, False, True, False, True)),
        ("3b8 38 3b8 1b8", (True, True, False, True)),
        ("3b8 1b8", None),
        ("3b8 3b8 3b8 1b8", None),
    ],
)
def test_kernel_shape_is_left_out_where_that_helps(kinds: str, written: tuple[bool, ...] | None) -> None:
    network = chain(*kinds.split())
    assert vendor_onnx.kernel_shapes(network) == written
    model = onnx.load_from_string(onnx_model.to_bytes(network))
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    has = tuple(any(a.name == "kernel_shape" for a in node.attribute) for node in convolutions)
    assert has == (written or (True,) * len(convolutions))
    assert taken_right(network) is (written is not None)


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        ("38 passthrough 38", None),
        ("38 passthrough 38 34", "is shifted as if its weights had 8 bits, and its outputs are wrong"),
        ("34 passthrough 34", "has no weights, but gets the shift of narrow ones, and is refused"),
        ("34 34 passthrough", None),  # behind all weights, where nothing is mistaken for it
        ("38 passthrough 38 34 38", "checks the weights of l4 against the width of those of l3"),
        ("3b8 1b8", "counts two kernel sizes for a convolution with bias"),
    ],
)
def test_each_way_it_goes_wrong_is_named(kinds: str, reason: str | None) -> None:
    network = chain(*kinds.split())
    said = vendor_onnx.refusal(network)
    assert (said is None) if reason is None else reason in str(said)
    assert taken_right(network) is (reason is None)


TAKES_ONNX = {name: name != "fernet-nano-res" for name in zoo.names()}
"""As docs/vendor-tool.md says of each shipped network."""


@pytest.mark.parametrize("name", zoo.names())
def test_the_shipped_graphs_are_what_is_written_for_the_reader(name: str) -> None:
    network = load_network(f"zoo:{name}")
    shipped, written = onnx.load(zoo.path(name) / "model.onnx"), onnx.load_from_string(onnx_model.to_bytes(network))
    assert shipped.graph == written.graph
    assert taken_right(network) is TAKES_ONNX[name]


def test_synth_says_which_route_the_vendors_tool_takes(tmp_path: Path) -> None:
    for kinds, said in (
        ("3b8", "with model.pth.tar or with model.onnx"),
        ("34 passthrough 34", "not with model.onnx: layer 1"),
    ):
        network = chain(*kinds.split())
        checkpoint.write(tmp_path / "net.pth.tar", network)
        command = ["synth", "--checkpoint", str(tmp_path / "net.pth.tar"), "--output-dir", str(tmp_path / "out")]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
        assert said in result.stdout.splitlines()[-1]
