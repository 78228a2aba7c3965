"""The integer network as ONNX: integers held in float32, so that any runtime computes the accelerator's results.

The graph takes ``pixel − 128`` as float32 (N, *image_shape), folds it itself, and gives the last layer's integers
(N, channels, rows, columns). Exact while `IntegerNetwork.exact_in_float32` holds.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, assert_never

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fer_edge.checkpoint import MAX_WEIGHTS, QuantizedLayer, too_many_weights
from fer_edge.errors import CheckpointError
from fer_edge.files import MAX_SMALL_BYTES, check_input
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.synth import vendor_onnx

IR_VERSION, OPSET = 8, 17  # what every onnxruntime in use can read
ROUNDING_KEY = "fer_edge.avg_pool_rounding"
BITS_KEY, SHIFT_KEY = "fer_edge.weight_bits", "fer_edge.output_shift"  # one number for each layer with weights
CLASSES_KEY = "fer_edge.classes"
"""Metadata that holds the names of the classes as a JSON list."""


def to_bytes(network: IntegerNetwork) -> bytes:
    """The serialized ONNX model."""
    graph = _Graph()
    weighted = [index for index, layer in enumerate(network.layers) if layer.weight is not None]
    sized = dict(zip(weighted, vendor_onnx.kernel_shapes(network) or [True] * len(weighted), strict=True))
    tensors = {INPUT: "input"}
    if network.fold > 1:
        tensors[INPUT] = graph.node("SpaceToDepth", ["input"], "folded", blocksize=network.fold)
    for index, layer in enumerate(network.layers):
        sources = [tensors[source] for source in layer.inputs]
        tensors[index] = _add_layer(graph, network, index, sources, sized.get(index, True))
    graph.node("Identity", [tensors[len(network.layers) - 1]], "output")
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.name,
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", *network.image_shape])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", *network.output_shape])],
            graph.initializers,
        ),
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="fer-edge",
    )
    layers = [network.layers[index] for index in weighted]
    properties = {
        CLASSES_KEY: json.dumps(network.classes, ensure_ascii=False),
        ROUNDING_KEY: str(int(network.avg_pool_rounding)),
        BITS_KEY: " ".join(str(layer.weight_bits) for layer in layers),
        SHIFT_KEY: " ".join(str(layer.output_shift) for layer in layers),
    }
    helper.set_model_props(model, properties)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


class Stored(NamedTuple):
    """What `read` takes from a file; the graph itself is checked once the network is known (`onnx_graph.check`)."""

    layers: list[QuantizedLayer]
    fold: int
    avg_pool_rounding: bool
    classes: tuple[str, ...]
    model: onnx.ModelProto


def read(path: Path | str) -> Stored:
    """Weights of the Conv and Gemm nodes in order, and what our own models say of themselves.

    As in the vendor's reader a bias is 128 times the accelerator's. Weight bits and shifts are in our own models only.
    """
    check_input(path, MAX_SMALL_BYTES)
    if not Path(path).is_file():
        raise CheckpointError(f"There is no ONNX model {path}.", "Check the path.")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf and onnx raise many kinds
        raise CheckpointError(f"{path} is not a readable ONNX model: {error}.", "Export it again.") from error
    initializers = {item.name: item for item in model.graph.initializer}
    images = {item.name for item in model.graph.input} - initializers.keys()
    layers, fold, room = [], 1, MAX_WEIGHTS
    for node in model.graph.node:
        if node.op_type == "SpaceToDepth" and images.intersection(node.input):
            fold = next((int(a.i) for a in node.attribute if a.name == "blocksize"), 1)
        if node.op_type not in ("Conv", "Gemm"):
            continue
        inputs = [name for name in node.input[1:] if name]  # an optional one that is left out is called ""
        if not inputs or any(name not in initializers for name in inputs):
            raise CheckpointError(
                f"{path}: the weights of {node.op_type} node {node.name!r} are not stored with the graph.",
                "Export it with its weights as initializers.",
            )
        name = inputs[0].removesuffix(".weight").removesuffix(".op")
        weight = _integers(path, name, _array(path, initializers[inputs[0]]))
        room -= weight.size
        if room < 0:
            raise too_many_weights(path)
        bias = None
        if len(inputs) > 1:
            bias = _integers(path, name, np.floor(_array(path, initializers[inputs[1]]) / 128))
        layers.append(QuantizedLayer(name, weight, bias, None, None))
    if not layers:
        raise CheckpointError(f"{path} has no convolution or linear layer.", "Export a network that has.")
    properties = {item.key: item.value for item in model.metadata_props}
    bits, shifts = (_numbers(path, properties, key, len(layers)) for key in (BITS_KEY, SHIFT_KEY))
    layers = [replace(layer, weight_bits=b, output_shift=s) for layer, b, s in zip(layers, bits, shifts, strict=True)]
    classes = _classes(path, properties.get(CLASSES_KEY, "[]"))
    return Stored(layers, fold, properties.get(ROUNDING_KEY) == "1", classes, model)


def _numbers(path: Path | str, properties: dict[str, str], key: str, count: int) -> list[int] | list[None]:
    """What a property says of each layer, or None for each where it is not there."""
    if key not in properties:
        return [None] * count
    try:
        numbers = [int(word) for word in properties[key].split()]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise CheckpointError(f"{path}: its property {key} is damaged.", "Export it again.")
    return numbers


def _classes(path: Path | str, text: str) -> tuple[str, ...]:
    try:
        names = json.loads(text)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("not a list of names")
    except ValueError as error:
        raise CheckpointError(
            f"{path}: its metadata {CLASSES_KEY} is malformed: {error}.", "Export it again."
        ) from error
    return tuple(names)


def _array(path: Path | str, tensor: onnx.TensorProto) -> np.ndarray:
    """A tensor's values as float64; none are taken from other files."""
    try:
        if tensor.data_location == TensorProto.EXTERNAL:
            raise ValueError("its values are in another file")
        return numpy_helper.to_array(tensor).astype(np.float64)
    except Exception as error:  # as above
        raise CheckpointError(f"{path}: {tensor.name} is damaged: {error}.", "Export it again.") from error


def _integers(path: Path | str, name: str, values: np.ndarray) -> np.ndarray:
    if not np.array_equal(values, np.clip(np.rint(values), -128, 127)):  # which NaN never is
        raise CheckpointError(
            f"{path}: {name} is not quantized: its values are not integers of at most 8 bits.",
            "Export the quantized network.",
        )
    return values.astype(np.int8)


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, values: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def number(self, value: float) -> str:
        name = f"constant.{value:g}"
        if all(item.name != name for item in self.initializers):
            self.constant(name, np.array(value, np.float32))
        return name


def _add_layer(graph: _Graph, network: IntegerNetwork, index: int, sources: list[str], sized: bool) -> str:
    """The nodes of one layer; a convolution that is not `sized` leaves out its kernel_shape, which is optional."""
    layer, shape = network.layers[index], network.shapes[index]
    name = f"{index}.{layer.name}"

    def pool(x: str, suffix: str = "") -> str:
        return _add_pool(graph, network, index, x, f"{name}.pool{suffix}") if layer.pool else x

    if len(sources) > 1:
        if layer.pool_first:
            sources = [pool(source, str(i)) for i, source in enumerate(sources)]
        data = graph.node("Sum", sources, f"{name}.sum")
        data = graph.node("Clip", [data, graph.number(-128), graph.number(127)], f"{name}.saturated")
        data = data if layer.pool_first else pool(data)
    else:
        data = pool(sources[0])
    match layer.operator:
        case Operator.PASSTHROUGH:
            return graph.node("Identity", [data], f"{name}.output")
        case Operator.CONV:
            size = {"kernel_shape": [layer.kernel_size] * 2} if sized else {}
            inputs = [data, *_parameters(graph, layer)]
            data = graph.node("Conv", inputs, f"{name}.acc", pads=[layer.pad] * 4, strides=[1, 1], **size)
        case Operator.LINEAR:
            inputs = [graph.node("Flatten", [data], f"{name}.flat", axis=1), *_parameters(graph, layer)]
            flat = graph.node("Gemm", inputs, f"{name}.gemm", transB=1)
            sizes = graph.constant(f"{name}.shape", np.array([0, shape.out_channels, 1, 1], np.int64))
            data = graph.node("Reshape", [flat, sizes], f"{name}.acc")
        case _:
            assert_never(layer.operator)
    if layer.output_width == 32:
        return data
    data = graph.node("Mul", [data, graph.number(2.0 ** (layer.shift - 7))], f"{name}.scaled")
    data = graph.node("Add", [data, graph.number(0.5)], f"{name}.half")
    data = graph.node("Floor", [data], f"{name}.rounded")
    data = graph.node("Clip", [data, graph.number(-128), graph.number(127)], f"{name}.output")
    if layer.activation == "relu":
        data = graph.node("Relu", [data], f"{name}.relu")
    elif layer.activation == "abs":
        data = graph.node("Abs", [data], f"{name}.abs")
        data = graph.node("Min", [data, graph.number(127)], f"{name}.abs127")
    return data


def _parameters(graph: _Graph, layer: Layer) -> list[str]:
    """Weights and biases, as constants under the names of the vendor's checkpoints."""
    arrays = {"weight": layer.weight, "bias": None if layer.bias is None else 128 * layer.bias.astype(np.float32)}
    return [
        graph.constant(f"{layer.name}.op.{key}", array.astype(np.float32))
        for key, array in arrays.items()
        if array is not None
    ]


def _add_pool(graph: _Graph, network: IntegerNetwork, index: int, data: str, name: str) -> str:
    layer = network.layers[index]
    window = {"kernel_shape": list(layer.pool_size), "strides": [layer.pool_stride] * 2}
    if layer.pool == "max":
        return graph.node("MaxPool", [data], name, **window)
    # A runtime may average with a rounded reciprocal: go back to the exact sum first.
    count = graph.number(float(layer.pool_size[0] * layer.pool_size[1]))
    mean = graph.node("AveragePool", [data], f"{name}.mean", **window)
    total = graph.node("Round", [graph.node("Mul", [mean, count], f"{name}.scaled")], f"{name}.total")
    mean = graph.node("Div", [total, count], f"{name}.exact")
    size = graph.node("Abs", [mean], f"{name}.size")
    if network.avg_pool_rounding:
        size = graph.node("Add", [size, graph.number(0.5)], f"{name}.half")
    size = graph.node("Floor", [size], f"{name}.floor")
    signed = graph.node("Mul", [size, graph.node("Sign", [mean], f"{name}.sign")], f"{name}.signed")
    return graph.node("Clip", [signed, graph.number(-128), graph.number(127)], name)
