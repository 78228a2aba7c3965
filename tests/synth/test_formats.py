"""YAML, ONNX and C: what is written is read back equal, and wrong files are refused by name and line."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import assume, given

from fer_edge import checkpoint
from fer_edge.checkpoint import QuantizedLayer
from fer_edge.errors import CheckpointError, FerEdgeError, NetworkError
from fer_edge.load import load_described, load_network
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.simulate import simulate
from fer_edge.synth import onnx_model, vendor_yaml
from fer_edge.synth.placement import PlacedNetwork
from fer_edge.synth.placer import place
from fer_edge.synth.synthesize import synthesize
from tests.strategies import networks, overfull


@given(networks())
def test_onnxruntime_gives_the_simulators_integers(network: IntegerNetwork) -> None:
    assume(network.exact_in_float32())
    session = onnxruntime.InferenceSession(onnx_model.to_bytes(network), providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(0).integers(0, 256, (3, *network.image_shape), np.uint8)
    outputs = session.run(None, {"input": pixels.astype(np.float32) - 128})[0]
    assert np.array_equal(outputs.reshape(3, -1).astype(np.int64), simulate(network, network.device_input(pixels)))


@given(networks())
def test_written_folders_load_as_the_same_network(network: IntegerNetwork) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = synthesize(network, folder)
        again = load_network(folder)
        assert (again.content_hash, again.classes) == (network.content_hash, network.classes)
        described = vendor_yaml.read(Path(folder, "model.yaml"))
        weights, fold, rounding, *_ = onnx_model.read(Path(folder, "model.onnx"))
        built, said = vendor_yaml.build(described, weights, fold=fold, avg_pool_rounding=rounding)
        assert place(built, said).placement == written.placed.placement


def test_the_same_network_is_written_byte_for_byte_alike(tmp_path: Path) -> None:
    layer = Layer("c", Operator.CONV, (INPUT,), np.ones((4, 1, 3, 3), np.int8), pad=1)
    network = IntegerNetwork("twice", (1, 8, 8), (layer,))
    for name in ("a", "b"):
        synthesize(network, tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        if file.suffix != ".npz":  # holds time stamps
            assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_a_network_that_does_not_fit_hears_every_reason_at_once(tmp_path: Path) -> None:
    network = overfull()
    placement = place(network).placement
    layers = list(placement.layers)
    layers[3] = dataclasses.replace(layers[3], out_offset=0x7FFC)
    with pytest.raises(NetworkError) as caught:
        synthesize(PlacedNetwork(network, dataclasses.replace(placement, layers=tuple(layers))), tmp_path / "out")
    text = "\n".join(caught.value.violations)
    assert "mask columns on each of 1 processors" in text
    assert "of which a 32,768-byte data memory has 4" in text


def test_nothing_is_left_behind_when_a_network_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(NetworkError):
        synthesize(overfull(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


GOOD = """\
arch: net
dataset: faces
layers:
  - op: Conv2d
    in_dim: [8, 8]
    processors: 0x0000.0000.0000.0001
    pad: 1
    activate: ReLU
    out_offset: 0x2000
"""


def build(tmp_path: Path, text: str) -> IntegerNetwork:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    weights = [QuantizedLayer("conv1", np.ones((4, 1, 3, 3), np.int8), None, 8, 0)]
    return vendor_yaml.build(vendor_yaml.read(path), weights)[0]


def test_a_hand_written_description_is_taken_with_its_defaults(tmp_path: Path) -> None:
    network = build(tmp_path, GOOD)
    assert network.input_shape == (1, 8, 8)
    assert network.layers[0].activation == "relu"
    assert network.layers[0].pad == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("activate", "activat", r"net.yaml:8: unknown key 'activat'"),
        ("activate: ReLU", "activate: Tanh", r"net.yaml:8: activate is 'Tanh'"),
        ("pad: 1", "pad: one", r"net.yaml:7: pad is 'one', not a number"),
        ("pad: 1", "pad: [1]", r"net.yaml:7: pad is \[1\], not an integer"),
        ("pad: 1", "pad: 1\n    pad: 1", r"net.yaml:8: 'pad' is given twice"),
        ("pad: 1", "stride: 2", r"net.yaml:7: stride is 2"),
        ("pad: 1", "streaming: true", r"net.yaml:7: streaming is True"),
        ("pad: 1", "kernel_size: 1x1", r"net.yaml:7: kernel_size is 1x1"),
        ("pad: 1", "in_sequences: [3]", r"net.yaml:7: in_sequences names 3"),
        ("pad: 1", "max_pool: 2\n    avg_pool: 2", r"net.yaml:8: max_pool and avg_pool"),
        ("pad: 1", "max_pool: 2\n    pool_first: false", r"net.yaml:8: pool_first is false"),
        ("pad: 1", "eltwise: add\n    operands: 1", r"net.yaml:8: 1 operand\(s\) of an addition"),
        ("op: Conv2d", "op: ConvTranspose2d", r"net.yaml:4: op is 'ConvTranspose2d'"),
        ("arch: net\n", "", r"'arch' is missing"),
        ("dataset: faces", "dataset: faces\nspeed: 3", r"net.yaml:3: unknown key 'speed'"),
        ("    out_offset: 0x2000\n", "  - op: passthrough\n", "net.yaml:9: processors is missing"),
        ("    in_dim: [8, 8]\n", "", "size of the input is not known"),
        ("layers:", "layers: 5\nother:", "net.yaml"),
        ("arch", "\tarch", "not valid YAML"),
        (GOOD, "", "is empty"),
        (GOOD, "- 1\n", "expected `key: value`"),
    ],
)
def test_a_wrong_description_is_refused_by_line(old: str, new: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=words):
        build(tmp_path, GOOD.replace(old, new, 1))


def test_a_first_layer_without_weights_has_the_samples_channels(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("arch: net\ndataset: faces\nlayers:\n  - op: passthrough\n  - op: Conv2d\n")
    weights = [QuantizedLayer("conv1", np.ones((4, 130, 3, 3), np.int8), None, 8, 0)]
    network, _ = vendor_yaml.build(vendor_yaml.read(path), weights, sample_shape=(130, 8, 6))
    assert network.input_shape == (130, 8, 6)


@pytest.mark.parametrize(
    "names", [("input", "b"), ("a", "stop"), ("conv", "Conv"), ("module", "b"), ("module.a", "module.b")]
)
def test_any_names_of_layers_are_read_back(names: tuple[str, str], tmp_path: Path) -> None:
    a, b = np.ones((4, 1, 1, 1), np.int8), np.ones((4, 4, 1, 1), np.int8)
    layers = (Layer(names[0], Operator.CONV, (INPUT,), a), Layer(names[1], Operator.CONV, (0,), b))
    network = IntegerNetwork("names", (1, 8, 8), layers)
    synthesize(network, tmp_path)
    for written in (tmp_path, tmp_path / "model.pth.tar"):
        again = load_network(written)
        assert again.content_hash == network.content_hash
        assert tuple(layer.name for layer in again.layers) == names


def test_the_fold_of_an_onnx_model_is_found_whatever_its_input_is_called(tmp_path: Path) -> None:
    layer = Layer("c", Operator.CONV, (INPUT,), np.ones((4, 4, 3, 3), np.int8), pad=1)
    model = onnx.load_from_string(onnx_model.to_bytes(IntegerNetwork("n", (4, 8, 8), (layer,), fold=2)))
    model.graph.input[0].name = model.graph.node[0].input[0] = "face"
    onnx.save(model, tmp_path / "renamed.onnx")
    assert onnx_model.read(tmp_path / "renamed.onnx").fold == 2


def test_layers_and_weights_must_match_in_number(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="the weights are used up"):
        build(tmp_path, GOOD + "  - op: Conv2d\n    processors: 0xf\n")
    path = tmp_path / "net.yaml"
    path.write_text(GOOD)
    two = [QuantizedLayer(f"conv{i}", np.ones((4, 1, 3, 3), np.int8), None, 8, 0) for i in (1, 2)]
    with pytest.raises(CheckpointError, match=r"weights for 2 .next: conv2"):
        vendor_yaml.build(vendor_yaml.read(path), two)


def test_onnx_without_integer_weights_is_refused(tmp_path: Path) -> None:
    layer = Layer("c", Operator.CONV, (INPUT,), np.ones((4, 1, 3, 3), np.int8), pad=1)
    model = onnx.load_from_string(onnx_model.to_bytes(IntegerNetwork("n", (1, 8, 8), (layer,))))
    half = np.full((4, 1, 3, 3), 0.5, np.float32)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(half, "c.op.weight"))
    onnx.save(model, tmp_path / "half.onnx")
    with pytest.raises(CheckpointError, match="c is not quantized"):
        onnx_model.read(tmp_path / "half.onnx")
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    for name in ("junk.onnx", "none.onnx"):
        with pytest.raises(CheckpointError):
            onnx_model.read(tmp_path / name)


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FerEdgeError, match=r"holds neither model.onnx and model.yaml nor quantized.pth.tar"):
        load_network(tmp_path)


def test_a_folder_of_qat_train_is_its_quantized_network(tmp_path: Path) -> None:
    layer = Layer("c", Operator.CONV, (INPUT,), np.ones((4, 1, 3, 3), np.int8), pad=1)
    network = IntegerNetwork("run", (1, 8, 8), (layer,))
    checkpoint.write(tmp_path / "quantized.pth.tar", network)
    assert load_network(tmp_path).content_hash == network.content_hash


def test_the_yaml_a_person_reads_names_every_value(tmp_path: Path) -> None:
    layer = Layer("conv1", Operator.CONV, (INPUT,), np.ones((4, 1, 3, 3), np.int8), pad=1, activation="relu")
    network = IntegerNetwork("nano", (1, 8, 8), (layer,))
    text = vendor_yaml.write(place(network))
    for line in (
        "arch: nano",
        "  # Layer 0: 1×8×8 -> 4×8×8",
        "  - name: conv1",
        "    processors: 0x0000000000000001",
        "    output_processors: 0x000000000000000f",
        "    pad: 1",
        "    quantization: 8",
        "    output_shift: 0",
        "    in_offset: 0x0000",
        "    out_offset: 0x0100",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("pool", "size", "written"), [("max", (2, 1), True), ("avg", (1, 1), False), (None, (1, 1), False)]
)
def test_the_order_of_pooling_is_written_where_there_is_one(
    pool: Any, size: tuple[int, int], written: bool, tmp_path: Path
) -> None:
    """The vendor's tool refuses `pool_first: false` without a window."""
    ones = np.ones((4, 4, 1, 1), np.int8)
    layers = (
        Layer("a", Operator.CONV, (INPUT,), ones),
        Layer("b", Operator.CONV, (INPUT,), ones),
        Layer(
            "sum",
            Operator.PASSTHROUGH,
            (0, 1),
            pool=pool,
            pool_size=size,
            pool_stride=2 if pool else 1,
            pool_first=False,
        ),
    )
    network = IntegerNetwork("sums", (4, 8, 8), layers)
    synthesize(network, tmp_path)
    assert ("pool_first: false" in (tmp_path / "model.yaml").read_text()) is written
    assert load_network(tmp_path).content_hash == network.content_hash


def without(lines: str, key: str) -> str:
    return "".join(line for line in lines.splitlines(True) if not line.startswith(f"    {key}:"))


@pytest.mark.parametrize("key", ["output_shift", "quantization"])
def test_onnx_whose_scale_nobody_says_is_refused(key: str, tmp_path: Path) -> None:
    """Only the YAML says it, or a property of a model of ours; zero and eight are no guesses to make."""
    weight = np.full((4, 1, 3, 3), 7, np.int8)
    network = IntegerNetwork(
        "n", (1, 8, 8), (Layer("c", Operator.CONV, (INPUT,), weight, weight_bits=4, output_shift=-2),)
    )
    model, description = tmp_path / "model.onnx", tmp_path / "model.yaml"
    model.write_bytes(onnx_model.to_bytes(network))
    description.write_text(without(vendor_yaml.write(place(network)), key))
    assert load_described(model, description)[0].content_hash == network.content_hash
    foreign = onnx.load(str(model))
    del foreign.metadata_props[:]
    onnx.save(foreign, model)
    with pytest.raises(CheckpointError, match=rf"model\.yaml:8: {key} is missing, .*give its checkpoint"):
        load_described(model, description)
    description.write_text(vendor_yaml.write(place(network)))
    assert load_described(model, description)[0].content_hash == network.content_hash


@pytest.mark.parametrize("value", ["", "4 4", "four", "9" * 5000])
def test_onnx_with_damaged_properties_is_refused(value: str, tmp_path: Path) -> None:
    layer = Layer("c", Operator.CONV, (INPUT,), np.ones((4, 1, 3, 3), np.int8))
    model = onnx.load_from_string(onnx_model.to_bytes(IntegerNetwork("n", (1, 8, 8), (layer,))))
    next(item for item in model.metadata_props if item.key == onnx_model.SHIFT_KEY).value = value
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(CheckpointError, match=r"its property fer_edge\.output_shift is damaged"):
        onnx_model.read(tmp_path / "model.onnx")
