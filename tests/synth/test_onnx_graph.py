"""A graph that is not the network its description says is refused, whatever the difference."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from onnx import helper, numpy_helper

from fer_edge.errors import CheckpointError
from fer_edge.load import load_described
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.simulate import simulate
from fer_edge.synth import onnx_graph, onnx_model, vendor_yaml
from fer_edge.synth.placer import place
from tests.strategies import inputs_for, networks


def network(rounding: bool = False) -> IntegerNetwork:
    """All there is: both poolings, a residual add pooled last, both activations, bias, a linear layer."""
    rng = np.random.default_rng(1)

    def conv(name: str, source: int, outputs: int, inputs: int, **more: object) -> Layer:
        weight = rng.integers(-30, 31, (outputs, inputs, 3, 3), np.int8)
        return Layer(name, "conv", (source,), weight, pad=1, output_shift=-1, **more)  # type: ignore[arg-type]

    pooled = {"pool": "avg", "pool_size": (2, 2), "pool_stride": 2}
    layers = (
        conv("conv1", INPUT, 8, 4, activation="relu", bias=rng.integers(-99, 99, 8, np.int8)),
        Layer("copy", Operator.PASSTHROUGH, (0,)),
        conv("conv2", 0, 8, 8, activation="abs"),
        Layer("sum", Operator.PASSTHROUGH, (1, 2), pool="max", pool_size=(2, 2), pool_stride=2, pool_first=False),
        conv("conv3", 3, 4, 8),
        conv("conv4", 4, 4, 4, **pooled, output_width=8),
        Layer("fc", Operator.LINEAR, (5,), rng.integers(-30, 31, (7, 4 * 2 * 2), np.int8), output_width=32),
    )
    return IntegerNetwork("all", (4, 8, 8), layers, fold=2, avg_pool_rounding=rounding)


def model_of(net: IntegerNetwork) -> onnx.ModelProto:
    return onnx.load_from_string(onnx_model.to_bytes(net))


def taken(model: onnx.ModelProto, net: IntegerNetwork) -> bool:
    try:
        onnx_graph.check(model, net, "model.onnx")
    except CheckpointError:
        return False
    return True


def computes_the_same(model: onnx.ModelProto, net: IntegerNetwork) -> bool:
    """By onnxruntime, on random inputs and on extreme ones."""
    x = np.concatenate([inputs_for(net, 20), np.full((1, *net.input_shape), -128, np.int8)])
    images = (np.random.default_rng(0).integers(0, 256, (20, *net.image_shape), np.uint8)) if net.fold > 1 else None
    pixels = images if images is not None else (x.astype(np.int16) + 128).astype(np.uint8)
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        outputs = session.run(None, {session.get_inputs()[0].name: pixels.astype(np.float32) - 128})
    except Exception:  # onnxruntime raises many kinds
        return False
    return np.array_equal(outputs[0].reshape(len(pixels), -1), simulate(net, net.device_input(pixels)))


@settings(max_examples=100)
@given(networks())
def test_our_own_graphs_are_taken(net: IntegerNetwork) -> None:
    onnx_graph.check(model_of(net), net, "model.onnx")


OTHERS = (
    "Sigmoid",
    "Relu",
    "Abs",
    "Floor",
    "Ceil",
    "Round",
    "Neg",
    "Identity",
    "Tanh",
    "MaxPool",
    "Softmax",
    "Mul",
    "Max",
)


def _set_kind(node: int, kind: str, model: onnx.ModelProto) -> None:
    model.graph.node[node].op_type = kind


def _set_input(node: int, place: int, name: str, model: onnx.ModelProto) -> None:
    model.graph.node[node].input[place] = name


def changes(model: onnx.ModelProto) -> Iterator[tuple[str, Callable[[onnx.ModelProto], None]]]:
    """One change of one thing in the graph: each operator, attribute, input and number."""
    names = [name for node in model.graph.node for name in node.output]
    for i, node in enumerate(model.graph.node):
        for kind in OTHERS:
            if kind != node.op_type:
                yield f"{node.name} is {kind}", partial(_set_kind, i, kind)
        for j, attribute in enumerate(node.attribute):
            for by in (-1, 1):

                def change(m: onnx.ModelProto, i: int = i, j: int = j, by: int = by) -> None:
                    target = m.graph.node[i].attribute[j]
                    if target.ints:
                        target.ints[0] += by
                    else:
                        target.i += by

                yield f"{node.name}.{attribute.name} by {by}", change
        data = node.input[:1] if node.op_type in ("Conv", "Gemm") else node.input  # weights are read elsewhere
        for j, name in enumerate(data):
            for other in names[max(0, i - 6) : i]:  # a few of those before it
                if other != name:
                    yield f"{node.name} reads {other}", partial(_set_input, i, j, other)
    for i, item in enumerate(model.graph.initializer):
        if item.name.startswith("constant."):
            for step in (-1.0, 0.25, 1.0):

                def shift(m: onnx.ModelProto, i: int = i, by: float = step) -> None:
                    target = m.graph.initializer[i]
                    value = numpy_helper.to_array(target) + np.float32(by)
                    target.CopyFrom(numpy_helper.from_array(value.astype(np.float32), target.name))

                yield f"{item.name} by {step}", shift


@pytest.mark.parametrize("rounding", [False, True])
def test_no_change_is_taken_that_changes_a_result(rounding: bool) -> None:
    net = network(rounding)
    good = model_of(net)
    assert taken(good, net)
    assert computes_the_same(good, net)
    count = refused = 0
    for said, change in changes(good):
        model = copy.deepcopy(good)
        change(model)
        count += 1
        if taken(model, net):
            assert computes_the_same(model, net), said
        else:
            refused += 1
    assert count > 500
    assert refused > 0.9 * count


def node_of(model: onnx.ModelProto, kind: str) -> onnx.NodeProto:
    result: onnx.NodeProto = next(node for node in model.graph.node if node.op_type == kind)
    return result


def append_lstm(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("LSTM", ["output", "w", "r"], ["after"], hidden_size=3))


def make_cycle(model: onnx.ModelProto) -> None:
    node_of(model, "Relu").input[0] = model.graph.node[-3].output[0]


SPOILED: dict[str, tuple[Callable[[onnx.ModelProto], object], str]] = {
    "sigmoid": (
        lambda m: setattr(node_of(m, "Relu"), "op_type", "Sigmoid"),
        "Sigmoid node '0.conv1.relu' is no operator",
    ),
    "LSTM": (append_lstm, "LSTM node 'after' is no operator"),
    "groups": (
        lambda m: node_of(m, "Conv").attribute.append(helper.make_attribute("group", 2)),
        "Conv node '0.conv1.acc' has group 2, but should have 1",
    ),
    "cycle": (make_cycle, "which nothing before it gives: the graph has a cycle or a gap"),
    "opset": (lambda m: setattr(m.opset_import[0], "version", 99), "it is of opset 99, of which 7 to"),
    "no relu": (
        lambda m: setattr(node_of(m, "Relu"), "op_type", "Identity"),
        r"what the graph makes of layer 0 \(conv1\) is not what the network does",
    ),
    "skip left out": (
        lambda m: node_of(m, "Sum").input.__setitem__(0, node_of(m, "Sum").input[1]),
        r"the sum of layer 2 \(conv2\) and layer 2 \(conv2\), max pooled 2×2 by 2, but layer 4 \(conv3\) reads the sum",
    ),
    "another domain": (lambda m: setattr(node_of(m, "Relu"), "domain", "com.microsoft"), "is no operator"),
    "two inputs": (
        lambda m: m.graph.input.append(helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, [1])),
        "2 inputs",
    ),
    "two outputs": (
        lambda m: m.graph.output.append(helper.make_tensor_value_info("folded", onnx.TensorProto.FLOAT, [1])),
        "has outputs output, folded; a network has one",
    ),
    "other size": (
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[2], "dim_value", 17),
        r"its input is \[1, 17, 16\], but the network's \[1, 16, 16\]",
    ),
    "cut off": (lambda m: m.graph.node.__delitem__(slice(-8, None)), r"the graph ends before layer 6 \(fc\)"),
}


def test_a_linear_layer_may_read_a_linear_layer() -> None:
    rng = np.random.default_rng(0)
    first = Layer(
        "fc1", Operator.LINEAR, (INPUT,), rng.integers(-8, 8, (6, 12), np.int8), weight_bits=4, activation="relu"
    )
    second = Layer("fc2", Operator.LINEAR, (0,), rng.integers(-128, 128, (3, 6), np.int8), output_width=32)
    network = IntegerNetwork("two", (3, 2, 2), (first, second))
    onnx_graph.check(onnx.load_from_string(onnx_model.to_bytes(network)), network, "two.onnx")


@pytest.mark.parametrize("name", SPOILED)
def test_what_differs_is_named(name: str) -> None:
    change, words = SPOILED[name]
    model = model_of(network())
    change(model)
    with pytest.raises(CheckpointError, match=words):
        onnx_graph.check(model, network(), "model.onnx")


def test_a_surplus_layer_of_the_graph_is_refused_by_synth(tmp_path: Path) -> None:
    net = network()
    model = model_of(net)
    model.graph.initializer.append(numpy_helper.from_array(np.ones((7, 7), np.float32), "more"))
    model.graph.node.append(helper.make_node("Gemm", ["output", "more"], ["after"], transB=1))
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "net.onnx")
    (tmp_path / "net.yaml").write_text(vendor_yaml.write(place(net)))
    with pytest.raises(CheckpointError, match=r"describes 5 layers with weights, but there are weights for 6"):
        load_described(tmp_path / "net.onnx", tmp_path / "net.yaml")


# --- graphs of others --------------------------------------------------------------------------------------


def foreign(*after_conv: str) -> tuple[onnx.ModelProto, IntegerNetwork]:
    """As other exporters write: integers, the operators of the network, and of scaling what is given or nothing."""
    rng = np.random.default_rng(2)
    first, last = rng.integers(-9, 9, (4, 1, 3, 3), np.int8), rng.integers(-9, 9, (7, 4 * 16), np.int8)
    layers = (
        Layer("a", Operator.CONV, (INPUT,), first, pad=1, activation="relu", output_shift=2),
        Layer("b", Operator.PASSTHROUGH, (0,), pool="avg", pool_size=(2, 2), pool_stride=2),
        Layer("c", Operator.LINEAR, (1,), last, output_width=32),
    )
    tensor, nodes = "acc", [helper.make_node("Conv", ["x", "w"], ["acc"], kernel_shape=[3, 3], pads=[1] * 4)]
    numbers = {"four": 4.0, "shift": 128.0, "half": 0.5, "low": -128.0, "high": 127.0}
    for i, step in enumerate(after_conv):
        kind, *constants = step.split()
        nodes.append(helper.make_node(kind, [tensor, *constants], [f"t{i}"]))
        tensor = f"t{i}"
    nodes += [
        helper.make_node("AveragePool", [tensor], ["mean"], kernel_shape=[2, 2], strides=[2, 2]),
        # After a ReLU truncation is Floor; a graph that scales must say that, too.
        helper.make_node("Floor" if any("Mul" in step for step in after_conv) else "Identity", ["mean"], ["whole"]),
        helper.make_node("Reshape", ["whole", "sizes"], ["flat"]),
        helper.make_node("Gemm", ["flat", "v"], ["y"], transB=1),
    ]
    stored: dict[str, np.ndarray] = {
        "w": first.astype(np.float32),
        "v": last.astype(np.float32),
        "sizes": np.array([1, -1], np.int64),
    }
    stored |= {name: np.array([value], np.float32) for name, value in numbers.items()}
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 7])],
        [numpy_helper.from_array(value, name) for name, value in stored.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    return model, IntegerNetwork("foreign", (1, 8, 8), layers)


@pytest.mark.parametrize(
    "after_conv",
    [
        ("Relu",),
        ("Clip low high", "Relu"),
        ("Relu", "Min high"),
        ("Mul four", "Div shift", "Add half", "Floor", "Clip low high", "Relu"),
        ("Relu", "Mul four", "Div shift", "Add half", "Floor", "Min high"),
    ],
)
def test_graphs_of_others_are_taken_where_they_say_the_same_or_nothing(after_conv: tuple[str, ...]) -> None:
    model, net = foreign(*after_conv)
    onnx_graph.check(model, net, "foreign.onnx")


@pytest.mark.parametrize(
    "after_conv",
    [
        (),
        ("Abs",),
        ("Sigmoid",),
        ("Relu", "Neg"),
        ("Relu", "Mul four"),
        ("Relu", "Min four"),
        ("Mul four", "Div shift", "Floor", "Clip low high", "Relu"),
        ("Div shift", "Add half", "Floor", "Clip low high", "Relu"),
    ],
)
def test_graphs_of_others_that_compute_something_else_are_refused(after_conv: tuple[str, ...]) -> None:
    model, net = foreign(*after_conv)
    assert not taken(model, net)
