"""Every key of the vendor's YAML: taken with its meaning, or refused by its name. None is ignored."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fer_edge import checkpoint
from fer_edge.checkpoint import QuantizedLayer
from fer_edge.cli import main
from fer_edge.errors import FerEdgeError
from fer_edge.load import load_described
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.simulate import activations
from fer_edge.synth import vendor_keys, vendor_yaml
from fer_edge.synth.placer import place
from tests.strategies import inputs_for

VENDOR_GLOBAL = "arch bias dataset layers output_map unload weights snoop data_buffer".split()
"""Keys of the vendor's documentation ("Network Loader Configuration Language") and of its reader, `izer/yamlcfg.py`."""
VENDOR_LAYER = (
    "max_pool avg_pool convolution conv_groups dilation groups in_channels in_dim in_sequences in_skip in_channel_skip"
    " in_offset kernel_size pool_stride out_channels out_offset activate activation data_format eltwise flatten op"
    " operands operation operator output_processors output_width output_shift pool_first processors pad quantization"
    " next_sequence snoop_sequence simulated_sequence sequence streaming stride write_gap bypass bias_group"
    " bias_quadrant calcx4 readahead name pool_dilation output_pad tcalc read_gap output weight_source in_crop"
    " buffer_shift buffer_insert".split()
)

BASE = """\
arch: net
dataset: faces
layers:
  - op: Conv2d
    in_dim: [8, 8]
    name: First
    processors: 0x0000.0000.0000.000f
    pad: 1
    out_offset: 0x2000
  - op: Conv2d
    processors: 0x0000.0000.0000.000f
    out_offset: 0x0000
    pad: 1
  - op: Linear
    processors: 0x0000.0000.0000.000f
    flatten: true
    out_offset: 0x2000
"""
"""Three layers; tests add a line to one of them."""


def build(tmp_path: Path, text: str) -> IntegerNetwork:
    rng = np.random.default_rng(3)
    path = tmp_path / "net.yaml"
    path.write_text(text)
    described = vendor_yaml.read(path)
    shapes = {"Conv2d": (4, 4, 3, 3), "Linear": (4, 256)}
    weights = [
        QuantizedLayer(f"w{i}", rng.integers(-20, 20, shapes[entry.values["op"]], np.int8), None, 8, -2)
        for i, entry in enumerate(entry for entry in described.layers if entry.values["op"] in shapes)
    ]
    return vendor_yaml.build(described, weights)[0]


def added(layer: int, *lines: str) -> str:
    """The description with lines added to one of its layers."""
    before, *layers = BASE.split("  - ")
    layers[layer] += "".join(f"    {line}\n" for line in lines)
    return "  - ".join([before, *layers])


def test_every_key_of_the_vendors_is_taken_or_refused_by_name() -> None:
    assert set(VENDOR_GLOBAL) == vendor_keys.GLOBAL | vendor_keys.REFUSED_GLOBAL.keys()
    assert set(VENDOR_LAYER) == vendor_keys.LAYER | vendor_keys.REFUSED.keys() | vendor_keys.ALIASES.keys()
    assert not vendor_keys.LAYER & vendor_keys.REFUSED.keys()


def test_the_page_of_limits_has_them_all() -> None:
    page = (Path(__file__).parents[2] / "docs" / "limits.md").read_text()
    missing = [key for key in (*vendor_keys.REFUSED, *vendor_keys.REFUSED_GLOBAL) if f"`{key}`" not in page]
    assert not missing
    assert "docs/limits.md" in (Path(__file__).parents[2] / "README.md").read_text()


@pytest.mark.parametrize("key", vendor_keys.REFUSED_GLOBAL)
def test_a_global_key_is_refused_with_its_reason(key: str, tmp_path: Path) -> None:
    with pytest.raises(FerEdgeError, match=rf"net\.yaml:1: {key}: .*docs/limits\.md"):
        build(tmp_path, f"{key}: []\n{BASE}")


@pytest.mark.parametrize("key", vendor_keys.REFUSED)
def test_a_layers_key_is_refused_with_its_reason_and_taken_where_it_asks_for_nothing(key: str, tmp_path: Path) -> None:
    neutral, reason = vendor_keys.REFUSED[key]
    with pytest.raises(FerEdgeError, match=rf"net\.yaml:14: {key} is 7: {reason}.*docs/limits\.md"):
        build(tmp_path, added(1, f"{key}: 7"))
    for value in neutral:
        assert build(tmp_path, added(1, f"{key}: {value}")).content_hash == build(tmp_path, BASE).content_hash


SAME = [
    (2, "output: true"),
    (0, "output: false"),
    (2, "next_sequence: stop"),
    (2, "next_sequence: -1"),
    (0, "next_sequence: 1"),
    (0, "sequence: 0"),
    (1, "sequence: 1"),
    (1, "sequence: 10"),
    (0, "out_channels: 4"),
    (1, "in_channels: 4"),
    (2, "in_channels: 256"),
    (1, "in_dim: [8, 8]"),
    (1, "in_sequences: FIRST"),
    (1, "in_sequences: 0"),
    (0, "in_sequences: Input"),
    (0, "output_processors: 'f'"),
    (0, "output_processors: 0x0000_0000_0000_000F"),
    (1, "pool_stride: 1"),
    (1, "eltwise: none"),
    (1, "kernel_size: 3x3"),
]


@pytest.mark.parametrize(("layer", "line"), SAME)
def test_what_says_nothing_new_is_taken(layer: int, line: str, tmp_path: Path) -> None:
    network = build(tmp_path, added(layer, line))
    assert network.content_hash == build(tmp_path, BASE).content_hash


REFUSED = [
    (0, "output: true", "several outputs are not supported"),
    (0, "next_sequence: stop", "next_sequence is 'stop', but layers of the MAX78000 run one after another"),
    (0, "next_sequence: 2", "next_sequence is 2"),
    (1, "sequence: 0", "sequence 0 is that of line 4, too"),
    (0, "out_channels: 5", "out_channels is 5, but layer 0 has 4"),
    (1, "in_channels: 2", "in_channels is 2, but layer 1 has 4"),
    (1, "in_dim: [4, 16]", "in_dim is 4×16, but layer 1 receives 8×8: reshaping between layers is not supported"),
    (1, "in_dim: 64", "in_dim is 64×1, but layer 1 receives 8×8"),
    (1, "flatten: true", "flatten is true, but only a linear layer flattens its input"),
    (2, "kernel_size: 1x1", "kernel_size is that of a convolution, not of a linear"),
    (1, "in_sequences: [First, input]", "concatenation is not supported"),
    (
        1,
        "operands: 2\n    in_sequences: [First, First]",
        r"2 operands of no element-wise operation\. Give eltwise: add",
    ),
    (1, "operands: 2", "1 in_sequences for 2 operand"),
    (1, "eltwise: sub", r"eltwise is 'sub', which is not supported\. Use one of none, add\. docs/limits\.md"),
    (1, "quantization: Binary", r"binary weights .* only the MAX78002 has that\. docs/limits\.md"),
    (1, "name: first", "name 'first' is another layer's name"),
    (1, "name: Stop", "name 'Stop' has a meaning of its own"),
    (1, "max_pool: 2\n    pool_stride: [2, 1]", "differs between rows and columns"),
    (1, "sequence: 10\n    in_sequences: 0", r"the layers are not numbered 0, 1, 2 …"),
]


@pytest.mark.parametrize(("layer", "line", "words"), REFUSED)
def test_what_would_change_the_network_is_refused(layer: int, line: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(FerEdgeError, match=words):
        build(tmp_path, added(layer, line))


@pytest.mark.parametrize("operation", ["Conv1d", "ConvTranspose2d", "Sub", "BitwiseOr", "Xor"])
def test_operations_that_are_not_supported_lead_to_the_page_of_limits(operation: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(BASE.replace("Linear", operation))
    with pytest.raises(FerEdgeError, match=rf"net\.yaml:14: op is '{operation}', .* not supported.*docs/limits\.md"):
        vendor_yaml.weighted(vendor_yaml.read(path))


def test_a_linear_layer_on_a_map_must_say_that_it_flattens(tmp_path: Path) -> None:
    with pytest.raises(FerEdgeError, match=r"receives 8×8 pixels\. Write flatten: true"):
        build(tmp_path, BASE.replace("    flatten: true\n", ""))


def test_a_pool_stride_without_pooling_takes_every_so_many_pixels(tmp_path: Path) -> None:
    """As the vendor's tool does."""
    text = added(1, "pool_stride: 2").replace("op: Linear", "op: Passthrough").replace("    flatten: true\n", "")
    strided, plain = build(tmp_path, text), build(tmp_path, text.replace("    pool_stride: 2\n", ""))
    assert strided.shapes[1].output == (4, 4, 4)
    x = inputs_for(plain)
    second = IntegerNetwork("second", (4, 4, 4), (dataclasses.replace(plain.layers[1], inputs=(INPUT,)),))
    taken = activations(plain, x)[0][:, :, ::2, ::2]
    assert np.array_equal(activations(strided, x)[1], activations(second, taken)[0])


def test_layers_run_in_the_order_of_their_sequence(tmp_path: Path) -> None:
    before, first, second, last = BASE.split("  - ")
    turned = "  - ".join(
        [before, second + "    sequence: 1\n", first + "    sequence: 0\n", last + "    sequence: 2\n"]
    )
    assert build(tmp_path, turned).content_hash == build(tmp_path, BASE).content_hash


def test_text_of_a_processor_map_is_hexadecimal(tmp_path: Path) -> None:
    """'10' is processor 4, where the number 10 would be processors 1 and 3."""
    text = "arch: a\ndataset: b\noutput_map: '0x10'\nlayers:\n  - {op: none, in_dim: [4, 4], processors: '10'}\n"
    path = tmp_path / "net.yaml"
    path.write_text(text)
    _, said = vendor_yaml.build(vendor_yaml.read(path), [])
    assert said.processors == ((16, 16),)


def test_surplus_weights_of_a_checkpoint_are_left_out_and_named(tmp_path: Path) -> None:
    """A last linear layer that runs on the processor, for instance; the vendor's tool takes the first weights, too."""
    ones = np.ones((4, 4, 1, 1), np.int8)
    layers = tuple(
        Layer(name, Operator.CONV, (i - 1,), ones) for i, name in enumerate(("conv1", "conv2", "on_processor"))
    )
    whole = IntegerNetwork("net", (4, 4, 4), layers)
    first = IntegerNetwork("net", (4, 4, 4), layers[:2])
    checkpoint.write(tmp_path / "net.pth.tar", whole)
    (tmp_path / "net.yaml").write_text(vendor_yaml.write(place(first)))
    said: list[str] = []
    network, _ = load_described(tmp_path / "net.pth.tar", tmp_path / "net.yaml", say=said.append)
    assert network.content_hash == first.content_hash
    assert [line.endswith("are left out: on_processor.") for line in said] == [True]
    command = ["synth", "--checkpoint", str(tmp_path / "net.pth.tar"), "--yaml", str(tmp_path / "net.yaml")]
    result = CliRunner().invoke(main, [*command, "--output-dir", str(tmp_path / "out")])
    assert (result.exit_code, result.stderr.count("left out: on_processor")) == (0, 1), result.output
