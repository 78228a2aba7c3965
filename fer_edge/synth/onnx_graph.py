"""An ONNX graph against the network its description says, operator by operator.

The n-th Conv or Gemm node is the n-th layer with weights, as in the vendor's reader. Every tensor is followed as a
function of the last exact thing it came from: the input, a layer's accumulator, a pooling or a sum. Where the next
operator takes it, that function must be the accelerator's: shift, rounding, saturation and activation, compared at
every value where they step. A graph that scales nowhere (no Mul, no Div) leaves shifts and rounding to the description.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fer_edge.errors import CheckpointError
from fer_edge.network import INPUT, MAX_OPERANDS, IntegerNetwork, Layer, Operator

MIN_OPSET = 7
MAX_NODES = 4096  # several times what 32 layers take

Source = tuple[Any, ...]
"""What a tensor is made of: ("image",), ("input",), ("layer", index), ("pool", kind, (rows, columns), stride, source),
("sum", sources …) or ("flatten", source)."""

_UNARY: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "Identity": lambda x: x,
    "Dropout": lambda x: x,
    "Cast": lambda x: x,
    "Relu": lambda x: np.maximum(x, 0),
    "Abs": np.abs,
    "Floor": np.floor,
    "Round": np.round,
    "Sign": np.sign,
}
_BINARY: Mapping[str, Callable[..., np.ndarray]] = {
    "Add": np.add,
    "Sum": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Min": np.minimum,
    "Max": np.maximum,
}


_INPUTS = (
    dict.fromkeys([*_UNARY, "SpaceToDepth", "MaxPool", "AveragePool", "Flatten"], (1, 1))
    | dict.fromkeys(_BINARY, (2, 2))
    | {"Constant": (0, 0), "Conv": (2, 3), "Gemm": (2, 3), "Reshape": (2, 2), "Clip": (1, 3), "Dropout": (1, 3)}
    | {"Sum": (2, MAX_OPERANDS)}
)
"""Every operator a graph may have, with its least and most inputs."""


@dataclass(frozen=True)
class _Tensor:
    """A function of `source` before rounding and saturation: `values` at the points `domain`."""

    source: Source
    domain: np.ndarray
    values: np.ndarray


def check(model: onnx.ModelProto, network: IntegerNetwork, path: Path | str) -> None:
    """CheckpointError that names the first node of `model` (read from `path`) that is not the network's."""
    _Graph(model, network, path).check()


class _Graph:
    def __init__(self, model: onnx.ModelProto, network: IntegerNetwork, path: Path | str) -> None:
        self._model, self._network, self._path = model, network, path
        self._weighted = [index for index, layer in enumerate(network.layers) if layer.weight is not None]
        self._scales = any(node.op_type in ("Mul", "Div") for node in model.graph.node)
        self._seen = 0  # layers with weights
        self._initializers = {item.name: item for item in model.graph.initializer}
        self._constants: dict[str, np.ndarray] = {}
        self._tensors: dict[str, _Tensor] = {}
        self._sources: dict[int, Source] = {INPUT: ("input",)}
        for index, layer in enumerate(network.layers):
            self._sources[index] = ("layer", index) if layer.weight is not None else self._read_by(index)

    def check(self) -> None:
        self._check_header()
        for node in self._model.graph.node:
            there = self._tensors.keys() | self._constants.keys() | self._initializers.keys()
            if len(node.output) != 1 or node.output[0] in there:
                raise self._fail(node, "has several outputs, or one that is there already")
            self._follow(node)
        if self._seen < len(self._weighted):
            raise self._error(f"the graph ends before {self._say(('layer', self._weighted[self._seen]))}")
        outputs = [item.name for item in self._model.graph.output]
        if len(outputs) != 1 or outputs[0] not in self._tensors:
            raise self._error(f"the graph has outputs {', '.join(outputs)}; a network has one")
        source = self._settle(self._tensors[outputs[0]], "the output")
        last = self._sources[len(self._network.layers) - 1]
        if source not in (last, self._flat(last)):
            raise self._error(f"the output is {self._say(source)}, but should be {self._say(last)}")

    # --- what the network says ---

    def _read_by(self, index: int) -> Source:
        """What layer `index` convolves."""
        layer = self._network.layers[index]
        sources = [self._sources[i] for i in layer.inputs]
        if len(sources) == 1:
            return _pooled(layer, sources[0])
        if layer.pool_first:
            return _sum([_pooled(layer, source) for source in sources])
        return _pooled(layer, _sum(sources))

    def _range(self, source: Source) -> tuple[int, int]:
        """Least and greatest value."""
        if source[0] == "layer":
            return (-128 if self._network.layers[source[1]].activation is None else 0), 127
        return self._range(source[-1]) if source[0] in ("pool", "flatten") else (-128, 127)

    def _expected(self, tensor: _Tensor) -> np.ndarray:
        """What the accelerator makes of the values at `domain`."""
        y: np.ndarray
        x, source = tensor.domain, tensor.source
        if source[0] == "sum":
            y = np.clip(x, -128, 127)
            return y
        if source[0] == "pool" and source[1] == "avg":
            if not self._scales:
                return x
            nearest = np.copysign(np.floor(np.abs(x) + 0.5), x)
            y = np.clip(nearest, -128, 127) if self._network.avg_pool_rounding else np.trunc(x)
            return y
        if source[0] != "layer" or self._network.layers[source[1]].output_width == 32:
            return x
        layer = self._network.layers[source[1]]
        y = np.clip(np.floor(x * 2.0 ** (layer.shift - 7) + 0.5) if self._scales else x, -128, 127)
        if layer.activation == "abs":
            y = np.minimum(np.abs(y), 127)
        elif layer.activation == "relu":
            y = np.maximum(y, 0)
        return y

    # --- what the graph says ---

    def _check_header(self) -> None:
        model, graph = self._model, self._model.graph
        newest = onnx.defs.onnx_opset_version()
        for item in model.opset_import:
            if item.domain in ("", "ai.onnx") and not MIN_OPSET <= item.version <= newest:
                raise self._error(f"it is of opset {item.version}, of which {MIN_OPSET} to {newest} are known")
        if len(graph.node) > MAX_NODES or model.functions:
            raise self._error(f"it has functions of its own, or {len(graph.node)} nodes of at most {MAX_NODES}")
        inputs = [item for item in graph.input if item.name not in self._initializers]
        if len(inputs) != 1:
            raise self._error(f"the graph has {len(inputs)} inputs; a network has one")
        shape = [size.dim_value for size in inputs[0].type.tensor_type.shape.dim][1:]  # 0: not given
        if shape and (
            len(shape) != 3 or any(a not in (0, b) for a, b in zip(shape, self._network.image_shape, strict=True))
        ):
            raise self._error(f"its input is {shape}, but the network's {list(self._network.image_shape)}")
        source = ("image",) if self._network.fold > 1 else ("input",)
        self._tensors[inputs[0].name] = self._exact(source)

    def _follow(self, node: onnx.NodeProto) -> None:
        kind, name = node.op_type, node.output[0]
        if node.domain not in ("", "ai.onnx") or kind not in _INPUTS:
            raise self._fail(node, "is no operator of a network for the accelerator")
        least, most = _INPUTS[kind]
        if not least <= len(node.input) <= most:
            raise self._fail(node, f"has {len(node.input)} inputs, of {least} to {most}")
        if kind == "Constant":
            self._constants[name] = self._constant_node(node)
        elif kind in ("Conv", "Gemm"):
            self._tensors[name] = self._layer(node)
        elif kind in ("MaxPool", "AveragePool"):
            self._tensors[name] = self._pool(node)
        elif kind in ("Flatten", "Reshape"):
            self._tensors[name] = self._reshape(node)
        elif kind == "SpaceToDepth":
            folded = _attributes(node).get("blocksize") == self._network.fold
            if self._input(node).source != ("image",) or not folded:
                raise self._fail(node, f"does not fold the image by {self._network.fold}")
            self._tensors[name] = self._exact(("input",))
        else:
            self._tensors[name] = self._pointwise(node)

    def _layer(self, node: onnx.NodeProto) -> _Tensor:
        if self._seen == len(self._weighted):
            raise self._fail(node, "has weights of no layer of the description")
        index = self._weighted[self._seen]
        self._seen += 1
        layer, has = self._network.layers[index], _attributes(node)
        expected = self._read_by(index)
        if layer.operator == Operator.CONV:
            size = [layer.kernel_size] * 2
            wanted: dict[str, Any] = {"kernel_shape": size, "pads": [layer.pad] * 4}
            neutral = {"strides": [1, 1], "dilations": [1, 1], "group": 1, "auto_pad": b"NOTSET", "kernel_shape": size}
        else:
            expected = self._flat(expected)
            wanted = {"transB": 1}
            neutral = {"alpha": 1.0, "beta": 1.0, "transA": 0}
        self._require(node, has, wanted, {"pads": [0] * 4, "transB": 0} | neutral)
        if (node.op_type == "Conv") != (layer.operator == Operator.CONV):
            raise self._fail(node, f"is {self._say(('layer', index))}, which is {layer.operator}")
        source = self._settle(self._input(node), f"what {self._node(node)} reads")
        if source != expected:
            raise self._fail(
                node, f"reads {self._say(source)}, but {self._say(('layer', index))} reads {self._say(expected)}"
            )
        points = self._accumulators(layer, self._network.accumulator_bound(index))
        return _Tensor(("layer", index), points, points)

    def _accumulators(self, layer: Layer, bound: int) -> np.ndarray:
        """Accumulators that tell one scaling from another: those around each step of the output, the ends, and all of
        eight bits."""
        steps = np.floor((np.arange(-129, 130) - 0.5) * 2.0 ** (7 - layer.shift))
        points = np.concatenate([steps - 1, steps, steps + 1, np.arange(-128, 128), [-bound, bound]])
        return np.unique(points[np.abs(points) <= max(bound, 128)])

    def _pool(self, node: onnx.NodeProto) -> _Tensor:
        has = _attributes(node)
        size: Any = has.get("kernel_shape")
        strides: Any = has.get("strides", [1, 1])
        neutral = {"pads": [0] * 4, "dilations": [1, 1], "ceil_mode": 0, "auto_pad": b"NOTSET"}
        self._require(node, has, {}, neutral)
        if not (_is_pair(size) and _is_pair(strides) and strides[0] == strides[1]):
            raise self._fail(node, f"pools {size} by {strides}, not rows × columns by one stride")
        kind = "max" if node.op_type == "MaxPool" else "avg"
        inner = self._settle(self._input(node), f"what {self._node(node)} reads")
        source: Source = ("pool", kind, tuple(size), strides[0], inner)
        if kind == "max":
            return self._exact(source)
        count = size[0] * size[1]
        low, high = self._range(inner)
        near = np.array([-1, 0, 1, count // 2 - 1, count // 2, count // 2 + 1])
        sums = np.unique((np.arange(low, high + 1)[:, None] * count + near).clip(low * count, high * count))
        return _Tensor(source, sums / count, sums / count)

    def _reshape(self, node: onnx.NodeProto) -> _Tensor:
        """To one row for each image, or to one pixel; both keep the order of the values."""
        tensor = self._input(node)
        if node.op_type == "Flatten":
            self._require(node, _attributes(node), {}, {"axis": 1})
            rank = 2
        else:
            sizes = self._constant(node.input[1])
            rank = 0 if sizes is None else sizes.size
            if (
                sizes is None
                or rank == 0
                or (rank == 4 and sizes.ravel()[2:].tolist() != [1, 1])
                or sizes.ravel()[0] not in (-1, 0, 1)
            ):
                raise self._fail(node, "gives the data another shape")
        if rank == 2 and self._flat(tensor.source) != tensor.source:
            source = self._settle(tensor, f"what {self._node(node)} reads")
            return self._exact(self._flat(source))
        if rank not in (2, 4) or self._flat(tensor.source) != tensor.source:
            raise self._fail(node, "gives the data another shape")
        return tensor

    def _flat(self, source: Source) -> Source:
        """One row for each image, which the output of a linear layer is already."""
        linear = source[0] == "layer" and self._network.layers[source[1]].operator == Operator.LINEAR
        return source if linear or source[0] == "flatten" else ("flatten", source)

    def _pointwise(self, node: onnx.NodeProto) -> _Tensor:
        kind, has = node.op_type, _attributes(node)
        if kind == "Clip":
            low, high = self._limit(node, has, 1, "min"), self._limit(node, has, 2, "max")
            tensor = self._input(node)
            return replace(tensor, values=np.clip(tensor.values, low, high))
        if kind == "Cast" and has.get("to") not in (TensorProto.FLOAT, TensorProto.DOUBLE):
            raise self._fail(node, "casts to another type than float32")
        if kind in _UNARY:
            tensor = self._input(node)
            return replace(tensor, values=_UNARY[kind](tensor.values))
        operands = [self._constant(name) if name not in self._tensors else self._tensors[name] for name in node.input]
        tensors = [operand for operand in operands if isinstance(operand, _Tensor)]
        if kind in ("Add", "Sum") and len(tensors) == len(operands) > 1:
            return self._added([self._settle(tensor, f"what {self._node(node)} reads") for tensor in tensors])
        if len(operands) != 2 or not tensors or any(tensor.source != tensors[0].source for tensor in tensors):
            raise self._fail(node, "does not combine one tensor with a number, or with itself")
        if any(operand is None or (isinstance(operand, np.ndarray) and operand.size != 1) for operand in operands):
            raise self._fail(node, "reads what is neither computed before it (a cycle?) nor a single number")
        a, b = (item.values if isinstance(item, _Tensor) else item.reshape(1) for item in operands if item is not None)
        with np.errstate(all="ignore"):
            return replace(tensors[0], values=_BINARY[kind](a, b))

    def _added(self, sources: Sequence[Source]) -> _Tensor:
        low, high = (sum(ends) for ends in zip(*map(self._range, sources), strict=True))
        points = np.arange(low, high + 1, dtype=np.float64)
        return _Tensor(_sum(sources), points, points)

    def _settle(self, tensor: _Tensor, where: str) -> Source:
        """The exact thing a tensor is, once it is seen to be what the accelerator makes of its source."""
        source = tensor.source
        bits = source[0] == "layer" and self._network.layers[source[1]].output_width == 8
        told = np.ones(tensor.domain.shape, bool)
        if not self._scales and (bits or source[0] == "sum"):  # then only eight bits can be compared
            lowest = -127 if bits and self._network.layers[source[1]].activation == "abs" else -128
            told = (lowest <= tensor.domain) & (tensor.domain <= 127)
        if not np.array_equal(tensor.values[told], self._expected(tensor)[told]):
            raise self._error(f"{where}: what the graph makes of {self._say(source)} is not what the network does")
        if source[0] != "pool":
            return source
        return _trivial(source[1], source[2], source[3], source[4])

    # --- reading nodes ---

    def _exact(self, source: Source) -> _Tensor:
        low, high = self._range(source)
        points = np.arange(low, high + 1, dtype=np.float64)
        return _Tensor(source, points, points)

    def _input(self, node: onnx.NodeProto) -> _Tensor:
        name = node.input[0]
        if name not in self._tensors:
            raise self._fail(node, f"reads {name!r}, which nothing before it gives: the graph has a cycle or a gap")
        return self._tensors[name]

    def _constant_node(self, node: onnx.NodeProto) -> np.ndarray:
        value: Any = _attributes(node).get("value")
        try:
            return np.asarray(numpy_helper.to_array(value), np.float64)
        except Exception as error:  # a damaged tensor raises almost anything
            raise self._fail(node, "is a constant that cannot be read") from error

    def _constant(self, name: str) -> np.ndarray | None:
        if name in self._initializers and name not in self._constants:
            item = self._initializers[name]
            try:
                self._constants[name] = np.asarray(numpy_helper.to_array(item), np.float64)
            except Exception as error:  # as above
                raise self._error(f"the constant {name!r} cannot be read") from error
        return self._constants.get(name)

    def _limit(self, node: onnx.NodeProto, has: Mapping[str, Any], position: int, name: str) -> float:
        """An end of Clip, which is an attribute or an input."""
        given = has.get(name)
        if len(node.input) > position and node.input[position]:
            constant = self._constant(node.input[position])
            if constant is None or constant.size != 1:
                raise self._fail(node, "clips to something else than a number")
            given = float(constant.reshape(1)[0])
        if not isinstance(given, int | float):
            return -np.inf if name == "min" else np.inf
        return float(given)

    def _require(
        self, node: onnx.NodeProto, has: Mapping[str, Any], wanted: Mapping[str, Any], neutral: Mapping[str, Any]
    ) -> None:
        """The attributes `wanted`, and no others than neutral ones."""
        for key, default in neutral.items():
            value, should = has.get(key, default), wanted.get(key, default)
            if value != should:
                raise self._fail(node, f"has {key} {value}, but should have {should}")

    # --- words ---

    def _say(self, source: Source) -> str:
        match source:
            case ("layer", index):
                return f"layer {index} ({self._network.layers[index].name})"
            case ("pool", kind, size, stride, inner):
                return f"{self._say(inner)}, {kind} pooled {size[0]}×{size[1]} by {stride}"
            case ("flatten", inner):
                return f"{self._say(inner)}, flattened"
            case ("sum", *inner):
                return f"the sum of {' and '.join(map(self._say, inner))}"
        return f"the {source[0]}"

    @staticmethod
    def _node(node: onnx.NodeProto) -> str:
        return f"{node.op_type or 'unnamed'} node {node.name or ' '.join(node.output)!r}"

    def _fail(self, node: onnx.NodeProto, what: str) -> CheckpointError:
        return self._error(f"{self._node(node)} {what}")

    def _error(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"{self._path}: {what}.", "Give the graph and the description of the same network, or its checkpoint."
        )


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Attributes as numbers, bytes, tensors and lists of numbers."""
    found = {}
    for attribute in node.attribute:
        try:
            value = helper.get_attribute_value(attribute)
        except ValueError:
            value = None
        found[attribute.name] = list(value) if isinstance(value, Sequence) and not isinstance(value, bytes) else value
    return found


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(n) is int and 0 < n <= 16 for n in value)


def _pooled(layer: Layer, source: Source) -> Source:
    return _trivial(layer.pool, layer.pool_size, layer.pool_stride, source) if layer.pool else source


def _trivial(kind: str, size: tuple[int, int], stride: int, source: Source) -> Source:
    """A pooling in its simplest form: of one pixel they are all the same, or nothing at all."""
    if size != (1, 1):
        return ("pool", kind, size, stride, source)
    return source if stride == 1 else ("pool", "max", size, stride, source)


def _sum(sources: Sequence[Source]) -> Source:
    return ("sum", *sorted(sources, key=repr))
