"""IntegerNetwork: what the accelerator computes, as integers. Everything else takes one or gives one.

A network is a list of layers in the order the accelerator runs them. Each adds its inputs if there are several, pools,
and convolves::

    int8 ─▶ [add operands] ─▶ [pool] ─▶ [conv | linear] ─▶ shift, round, saturate ─▶ [activation] ─▶ int8

with ``acc = Σ w·x + 128·bias``, exact in 32 bits, and ``y = floor(acc · 2^S / 128 + 1/2)``,
``S = output_shift + 8 − weight_bits``. A 32-bit last layer gives ``acc`` itself. `simulate.py` computes it for images,
`synth/` places it on the accelerator.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, assert_never

import numpy as np

from fer_edge.errors import CheckpointError, NetworkError
from fer_edge.registers import (
    BIAS_BYTES_PER_QUADRANT,
    DATA_INSTANCE_BYTES,
    MAX_CHANNELS,
    MAX_DIMENSION,
    MAX_LAYERS,
    PROCESSORS,
    QUADRANTS,
    WEIGHT_BYTES,
)

INPUT = -1
"""Input reference that means the network's input."""

WEIGHT_RANGE = {8: (-128, 127), 4: (-8, 7), 2: (-2, 1), 1: (-1, 0)}
"""Smallest and largest weight by weight bits (one-bit weights are −1 and 0)."""

FLOAT32_EXACT = 1 << 24
"""Integers up to this are exact in float32, and so is any sum whose absolute terms stay below it."""

MAX_NAME = 64
MAX_SHIFT = 15
MAX_POOL = 16
MAX_OPERANDS = 16
MAX_OPERANDS_POOLED_LAST = 2
MAX_FLATTEN = 256  # IE·PH·PW: the pass count of a flattened layer has eight bits


def passes(channels: int) -> tuple[int, int]:
    """Passes over the 64 processors, and processors per pass, for a number of channels.

    With several passes, processors are taken in whole groups of four.

    >>> passes(48), passes(64), passes(65), passes(130)
    ((1, 48), (1, 64), (2, 36), (3, 44))
    """
    count = -(-channels // PROCESSORS)
    per_pass = -(-channels // count)
    return count, per_pass if count == 1 else min(-(-per_pass // 4) * 4, PROCESSORS)


class Operator(StrEnum):
    """What a layer does to its inputs once they are added and pooled."""

    CONV = "conv"
    LINEAR = "linear"
    PASSTHROUGH = "passthrough"


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer, as plain integers.

    `inputs` are indices of earlier layers or `INPUT`; two or more are added element by element, saturated to int8.
    `weight` is int8 (out, in, k, k) for `conv` and (out, in·H·W), PyTorch flatten order, for `linear`; `bias` is int8
    (out,) in units of 128 accumulator steps. Pooling comes before convolution; `pool_first` False adds the operands
    before it pools them. `flatten` is for a `linear` layer on one pixel alone (on more it flattens anyway): it changes
    no result, but how the vendor's tool lays out its kernels and orders biases.
    """

    name: str
    operator: Operator
    inputs: tuple[int, ...]
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None
    weight_bits: int = 8
    output_shift: int = 0
    pad: int = 0
    pool: Literal["max", "avg"] | None = None
    pool_size: tuple[int, int] = (1, 1)
    pool_stride: int = 1
    pool_first: bool = True
    activation: Literal["relu", "abs"] | None = None
    output_width: Literal[8, 32] = 8
    flatten: bool = False

    def __post_init__(self) -> None:
        # One form for what is the same: the order matters only where there are several operands and a window.
        if self.pool is None or self.pool_size == (1, 1) or len(self.inputs) == 1:
            object.__setattr__(self, "pool_first", True)

    @property
    def weighted(self) -> bool:
        """Whether it computes with weights: all but a passthrough."""
        match self.operator:
            case Operator.CONV | Operator.LINEAR:
                return True
            case Operator.PASSTHROUGH:
                return False
            case _:
                assert_never(self.operator)

    @property
    def kernel_size(self) -> int:
        """Side of the kernel: 3 or 1 (a linear layer is a 1×1 convolution)."""
        return int(self.weight.shape[-1]) if self.operator == Operator.CONV and self.weight is not None else 1

    @property
    def shift(self) -> int:
        """S: the left shift of the accumulator before it is divided by 128."""
        return self.output_shift + 8 - self.weight_bits if self.weighted else 0

    @property
    def has_bias(self) -> bool:
        """Whether any bias is non-zero; an all-zero bias takes no bias memory."""
        return self.bias is not None and bool(self.bias.any())

    @property
    def weight_bytes(self) -> int:
        """Bytes of weight memory the values need, padding not counted."""
        return 0 if self.weight is None else self.weight.size * self.weight_bits // 8


@dataclass(frozen=True)
class Shape:
    """Sizes of one layer: input, after pooling, and output; rows × columns."""

    channels: int
    rows: int
    columns: int
    pooled_rows: int
    pooled_columns: int
    out_channels: int
    out_rows: int
    out_columns: int
    operands: int
    flatten: bool

    @property
    def passes(self) -> int:
        """Input passes (groups of up to 64 channels)."""
        return passes(self.channels)[0]

    @property
    def processors(self) -> int:
        """Processors that hold the input of one pass."""
        return passes(self.channels)[1]

    @property
    def out_passes(self) -> int:
        """Output passes."""
        return passes(self.out_channels)[0]

    @property
    def out_processors(self) -> int:
        """Processors that receive the output of one pass."""
        return passes(self.out_channels)[1]

    @property
    def output(self) -> tuple[int, int, int]:
        """(channels, rows, columns) of the output."""
        return self.out_channels, self.out_rows, self.out_columns

    @property
    def emulated(self) -> bool:
        """Whether it has more operands and passes than run together (2 × 2): a stand-alone add then takes its passes
        as further rows, and nothing else can be done with them."""
        return self.operands > 1 and self.passes > 1 and (self.operands, self.passes) != (2, 2)


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """A network of integers, valid on construction: `NetworkError` lists every limit it breaks.

    `input_shape` is (channels, rows, columns) as the accelerator sees it: after folding, if `fold` > 1. `classes` names
    the outputs in order, and is empty where nobody named them.
    """

    name: str
    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    fold: int = 1
    avg_pool_rounding: bool = False
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if violations := list(self._violations()):
            count = f"{len(violations)} reason{'s' if len(violations) > 1 else ''}"
            raise NetworkError(f"Network {self.name!r} cannot run on the MAX78000, for {count}:", violations)

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The sizes of each layer."""
        shapes: list[Shape] = []
        for layer in self.layers:
            source = layer.inputs[0]
            channels, rows, columns = self.input_shape if source == INPUT else shapes[source].output
            height, width = layer.pool_size
            pooled = [(n + layer.pool_stride - w) // layer.pool_stride for n, w in ((rows, height), (columns, width))]
            flatten = layer.operator == Operator.LINEAR and (layer.flatten or pooled != [1, 1])
            output: tuple[int, int, int]
            match layer.operator:
                case Operator.PASSTHROUGH:
                    output = (channels, pooled[0], pooled[1])
                case Operator.LINEAR:
                    output = (len(_weight(layer)), 1, 1)
                case Operator.CONV:
                    grow = 2 * layer.pad - layer.kernel_size + 1
                    output = (len(_weight(layer)), pooled[0] + grow, pooled[1] + grow)
                case _:
                    assert_never(layer.operator)
            shapes.append(Shape(channels, rows, columns, pooled[0], pooled[1], *output, len(layer.inputs), flatten))
        return tuple(shapes)

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """(channels, rows, columns) of the last layer."""
        return self.shapes[-1].output

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, rows, columns) of an image before folding."""
        channels, rows, columns = self.input_shape
        return channels // self.fold**2, rows * self.fold, columns * self.fold

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights."""
        return sum(layer.weight_bytes for layer in self.layers)

    @property
    def bias_bytes(self) -> int:
        """Bytes of all biases that are not all zero, those that several layers share counted once."""
        return sum(
            map(len, {layer.bias.tobytes() for layer in self.layers if layer.bias is not None and layer.has_bias})
        )

    @property
    def macs(self) -> tuple[int, ...]:
        """Multiply-accumulate operations of each layer."""
        return tuple(
            0 if layer.weight is None else layer.weight.size * shape.out_rows * shape.out_columns
            for layer, shape in zip(self.layers, self.shapes, strict=True)
        )

    @property
    def logit_shift(self) -> int:
        """Left shift that brings 32-bit logits of sub-byte weights to Q17.14 (0 for 8-bit weights or outputs)."""
        last = self.layers[-1]
        return 8 - last.weight_bits if last.output_width == 32 else 0

    @property
    def logit_fraction(self) -> int:
        """Bits of an output below the binary point: output · 2^−fraction is the logit that training sees."""
        last = self.layers[-1]
        return 6 + last.weight_bits - last.output_shift if last.output_width == 32 else 7

    def device_input(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels as the accelerator takes them: ``int8 = pixel − 128``, folded.

        `pixels`: uint8 (N, rows, columns) or (N, channels, rows, columns) → int8 (N, *input_shape). A network of
        several channels sees grey pixels in each of them.
        Folding is ``folded[(f·i + j)·C + c, y, x] = image[c, f·y + i, f·x + j]`` (ONNX SpaceToDepth).
        """
        channels, rows, columns = self.image_shape
        if pixels.ndim == 3 and channels > 1:
            pixels = np.repeat(pixels[:, None], channels, axis=1)
        images = pixels.reshape(len(pixels), channels, rows, columns)
        signed = (images ^ 0x80).view(np.int8)
        if self.fold == 1:
            return signed
        f, (channels, rows, columns) = self.fold, self.input_shape
        blocks = signed.reshape(len(pixels), channels // f**2, rows, f, columns, f)
        return np.ascontiguousarray(blocks.transpose(0, 3, 5, 1, 2, 4)).reshape(len(pixels), *self.input_shape)

    def accumulator_bound(self, index: int) -> int:
        """The largest |acc| (and partial sum) layer `index` can reach with any int8 input."""
        layer = self.layers[index]
        if layer.weight is None:
            return 128 * len(layer.inputs) * layer.pool_size[0] * layer.pool_size[1]
        weights = np.abs(layer.weight.astype(np.int64)).reshape(len(layer.weight), -1).sum(axis=1)
        bias = np.abs(layer.bias.astype(np.int64)) if layer.bias is not None else 0
        return int((128 * (weights + bias)).max())

    def exact_in_float32(self) -> bool:
        """Whether float32 arithmetic (torch, onnxruntime) gives this network's integers exactly."""
        return all(self.accumulator_bound(i) < FLOAT32_EXACT for i in range(len(self.layers)))

    def description(self) -> dict[str, Any]:
        """Everything but weights and biases, as plain numbers, strings, lists and dicts."""
        return {
            "name": self.name,
            "input_shape": list(self.input_shape),
            "fold": self.fold,
            "avg_pool_rounding": self.avg_pool_rounding,
            "classes": list(self.classes),
            "layers": [
                {key: list(value) if isinstance(value, tuple) else value for key, value in _plain(layer).items()}
                for layer in self.layers
            ],
        }

    @classmethod
    def from_description(
        cls, description: Mapping[str, Any], weights: Sequence[tuple[np.ndarray | None, np.ndarray | None]]
    ) -> IntegerNetwork:
        """The inverse of `description`, with (weight, bias) for each layer; CheckpointError if it is malformed."""
        try:
            settings = [{key: description[key] for key in ("name", "input_shape", "fold", "avg_pool_rounding")}]
            if not all(_is_plain(entry) for entry in [*settings, *description["layers"]]):
                raise ValueError("it holds something else than names, numbers and short lists of numbers")
            layers = []
            for entry, (weight, bias) in zip(description["layers"], weights, strict=True):
                values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
                operator = Operator(values.pop("operator"))
                layers.append(Layer(operator=operator, weight=weight, bias=bias, **values))
            return cls(
                name=str(description["name"]),
                input_shape=tuple(int(n) for n in description["input_shape"]),  # type: ignore[arg-type]
                layers=tuple(layers),
                fold=int(description["fold"]),
                avg_pool_rounding=bool(description["avg_pool_rounding"]),
                classes=tuple(description.get("classes", ())),  # none in those written before there were any
            )
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise CheckpointError(f"The network's description is malformed: {error}.", "Quantize it anew.") from error

    @cached_property
    def content_hash(self) -> bytes:
        """16 bytes that change with anything that changes a result: all but names, and `flatten` on one pixel."""
        digest = hashlib.sha256()
        content = self.description()
        del content["name"], content["classes"]
        for layer in content["layers"]:
            del layer["name"], layer["flatten"]
        digest.update(json.dumps(content, sort_keys=True).encode())
        for layer in self.layers:
            if layer.weight is not None:
                digest.update(layer.weight.tobytes())
            if layer.bias is not None and layer.has_bias:
                digest.update(layer.bias.tobytes())
        return digest.digest()[:16]

    def _violations(self) -> list[str]:
        if not self.layers:
            return ["it has no layers; add at least one."]
        if wiring := [text for i, layer in enumerate(self.layers) for text in _field_violations(i, layer)]:
            return wiring  # sizes cannot be worked out from malformed fields
        found: list[str] = []
        if not _is_name(self.name):
            found.append(f"its name is no text of 1 to {MAX_NAME} printable characters; give it another.")
        if twice := sorted(name for name, count in Counter(layer.name for layer in self.layers).items() if count > 1):
            found.append(f"several layers are called {', '.join(twice)}; give each its own name.")
        channels, rows, columns = self.input_shape
        if min(self.input_shape) < 1 or self.fold < 1 or channels % self.fold**2:
            found.append(f"the input is {channels}×{rows}×{columns} with fold {self.fold}; use positive sizes.")
            return found
        if len(self.layers) > MAX_LAYERS:
            found.append(f"it has {len(self.layers)} layers of at most {MAX_LAYERS}; merge or drop some.")
        if self.weight_bytes > WEIGHT_BYTES:
            found.append(
                f"its weights need {self.weight_bytes:,} bytes of {WEIGHT_BYTES:,}; use fewer channels or fewer bits."
            )
        if self.bias_bytes > QUADRANTS * BIAS_BYTES_PER_QUADRANT:
            found.append(
                f"its biases need {self.bias_bytes:,} bytes of {QUADRANTS * BIAS_BYTES_PER_QUADRANT:,};"
                " drop the bias of some layers."
            )
        try:
            shapes = self.shapes
        except (ValueError, IndexError) as error:
            return [*found, f"its layers do not fit together: {error}."]
        if self.classes:
            found += _class_violations(self.classes, math.prod(shapes[-1].output))
        for index, (layer, shape) in enumerate(zip(self.layers, shapes, strict=True)):
            found += [f"layer {index} ({layer.name}) {text}" for text in self._layer_violations(index, layer, shape)]
        return found

    def _layer_violations(self, index: int, layer: Layer, shape: Shape) -> list[str]:
        found = []
        for source in layer.inputs[1:]:
            other = self.input_shape if source == INPUT else self.shapes[source].output
            first = (shape.channels, shape.rows, shape.columns)
            if other != first:
                found.append(f"adds {_times(first)} and {_times(other)}; give both operands the same size.")
        for source in layer.inputs:
            if source != INPUT and self.layers[source].output_width == 32:
                found.append(f"reads the 32-bit output of layer {source}; only the last layer may be 32 bit.")
        if max(shape.channels, shape.out_channels) > MAX_CHANNELS:
            found.append(
                f"has {shape.channels} input and {shape.out_channels} output channels of at most {MAX_CHANNELS};"
                " use fewer channels."
            )
        if max(shape.rows, shape.columns) + 2 * layer.pad > MAX_DIMENSION:
            padded = f" and {layer.pad} of padding on each side" if layer.pad else ""
            found.append(
                f"is {shape.rows}×{shape.columns}{padded}, of at most {MAX_DIMENSION} a side; use a smaller input."
            )
        if min(shape.pooled_rows, shape.pooled_columns, shape.out_rows, shape.out_columns) < 1:
            found.append(
                f"shrinks {shape.rows}×{shape.columns} to {shape.out_rows}×{shape.out_columns}; pool less or pad more."
            )
            return found
        if layer.weight is not None:
            expected = shape.channels * (shape.rows * shape.columns if shape.flatten else 1)
            if layer.weight.shape[1] != expected:
                found.append(f"has weights for {layer.weight.shape[1]} inputs but receives {expected}.")
        if shape.flatten:
            if layer.pool is not None:
                found.append("pools and flattens at once; pool in the layer before.")
            pixels = shape.passes * shape.rows * shape.columns
            if pixels > MAX_FLATTEN:
                found.append(
                    f"flattens {pixels} pixels × passes of at most {MAX_FLATTEN}; pool the layer before it further."
                )
        if shape.emulated:
            if layer.weighted or layer.pool is not None:
                found.append(
                    f"adds {shape.operands} operands of {shape.passes} passes together with a convolution or pooling;"
                    " use a stand-alone add."
                )
            if (rows := shape.rows * shape.passes) > MAX_DIMENSION:
                found.append(
                    f"adds {shape.operands} operands of {shape.passes} passes, which makes {rows} rows of at most"
                    f" {MAX_DIMENSION}; pool before it or use fewer channels."
                )
        elif not layer.weighted and layer.pool and shape.passes > 1 and shape.output[1:] != (1, 1):
            found.append(f"pools {shape.channels} channels by itself; pool in the convolution that follows.")
        if layer.bias is not None and layer.has_bias and len(layer.bias) > BIAS_BYTES_PER_QUADRANT:
            found.append(
                f"has {len(layer.bias)} biases of at most {BIAS_BYTES_PER_QUADRANT}; use fewer channels or no bias."
            )
        # The input may also come as CHW, four pixels to the word, which placement decides.
        taken = shape.rows * shape.columns * shape.passes * shape.operands * 4
        packed = INPUT in layer.inputs and index == 0
        whole = taken // 4 if packed else taken
        if whole > DATA_INSTANCE_BYTES:
            found.append(
                f"reads {shape.rows}×{shape.columns} pixels × {shape.passes} passes × {shape.operands} operands = "
                f"{whole:,} bytes of a {DATA_INSTANCE_BYTES:,}-byte data memory; "
                + ("use a smaller input." if packed else fitting_channels(whole // shape.passes, DATA_INSTANCE_BYTES))
            )
        written = shape.out_rows * shape.out_columns * shape.out_passes * 4 * layer.output_width // 8
        if written > DATA_INSTANCE_BYTES:
            found.append(
                f"writes {shape.out_rows}×{shape.out_columns} pixels × {shape.out_passes} passes × "
                f"{layer.output_width // 2} bytes = {written:,} bytes of a {DATA_INSTANCE_BYTES:,}-byte data memory; "
                + fitting_channels(written // shape.out_passes, DATA_INSTANCE_BYTES)
            )
        return found


def fitting_channels(bytes_per_pass: int, available: int) -> str:
    """The cure for a map that is too large for the bytes available in each data memory."""
    if most := available // bytes_per_pass * PROCESSORS:
        return f"pool before it or use at most {most} channels."
    return f"pool before it: even {PROCESSORS} channels take {bytes_per_pass:,} bytes."


def _weight(layer: Layer) -> np.ndarray:
    assert layer.weight is not None  # _field_violations has seen to it
    return layer.weight


def _plain(layer: Layer) -> dict[str, Any]:
    plain = {f.name: getattr(layer, f.name) for f in fields(layer) if f.name not in ("weight", "bias")}
    return plain | {"operator": str(layer.operator)}


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME and name.isprintable()


def _class_violations(classes: Sequence[object], outputs: int) -> Iterator[str]:
    if len(classes) != outputs:
        yield f"it names {len(classes)} classes and has {outputs} outputs; name each output once."
    elif not all(map(_is_name, classes)) or len(set(classes)) < len(classes):
        yield f"its classes are no different texts of 1 to {MAX_NAME} printable characters; name them anew."


def _is_plain(entry: Mapping[str, object]) -> bool:
    """Whether a part of a description holds nothing but what `IntegerNetwork.description` puts there."""

    def single(value: object) -> bool:
        if isinstance(value, int):
            return abs(value) < 1 << 31
        return value is None or (isinstance(value, str) and len(value) <= MAX_NAME)

    def several(value: object) -> bool:
        return isinstance(value, list | tuple) and len(value) <= MAX_OPERANDS and all(map(single, value))

    return all(single(key) and (single(value) or several(value)) for key, value in entry.items())


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _field_violations(index: int, layer: Layer) -> list[str]:
    """What is wrong with a layer on its own, whatever surrounds it."""
    found = []

    def check(good: bool, text: str) -> None:
        if not good:
            found.append(f"layer {index} ({layer.name}) {text}")

    if not _is_name(layer.name):
        return [f"layer {index} has no name of 1 to {MAX_NAME} printable characters; give it one."]
    check(layer.operator in tuple(Operator), f"has operator {layer.operator!r}; use {', '.join(Operator)}.")
    check(
        1 <= len(layer.inputs) <= MAX_OPERANDS and all(isinstance(i, int) and INPUT <= i < index for i in layer.inputs),
        f"reads {layer.inputs}; give 1 to {MAX_OPERANDS} earlier layers ({INPUT} is the network's input).",
    )
    integers = (layer.output_shift, layer.pad, layer.pool_stride, *layer.pool_size)
    check(all(isinstance(n, int) for n in integers), "has a shift, padding or pooling that is not an integer.")
    check(layer.weight_bits in WEIGHT_RANGE, f"has {layer.weight_bits}-bit weights; use 1, 2, 4 or 8.")
    check(layer.activation in (None, "relu", "abs"), f"has activation {layer.activation!r}; use relu, abs or none.")
    check(layer.pool in (None, "max", "avg"), f"has pooling {layer.pool!r}; use max, avg or none.")
    check(
        layer.pool is not None or (tuple(layer.pool_size), layer.pool_stride) == ((1, 1), 1),
        f"has a window of {_times(layer.pool_size)} by {layer.pool_stride} and no pooling; use max or avg.",
    )
    check(
        not layer.flatten or layer.operator == Operator.LINEAR, f"is {layer.operator} and flattens; only linear does."
    )
    check(layer.output_width in (8, 32), f"has {layer.output_width}-bit output; use 8 or 32.")
    check(
        layer.pool_first or len(layer.inputs) <= MAX_OPERANDS_POOLED_LAST,
        f"adds {len(layer.inputs)} operands before it pools them, of at most {MAX_OPERANDS_POOLED_LAST}; pool first.",
    )
    if found:
        return found
    check(
        all(1 <= n <= MAX_POOL for n in (*layer.pool_size, layer.pool_stride)),
        f"pools {_times(layer.pool_size)} by {layer.pool_stride}; use 1 to {MAX_POOL}.",
    )
    if not layer.weighted:
        check(layer.weight is None and layer.bias is None, "has no operation but weights; use conv or linear.")
        check(
            layer.activation is None and layer.pad == 0 and layer.output_shift == 0 and layer.output_width == 8,
            "has no operation but an activation, padding, shift or 32-bit output; move it to a convolution.",
        )
        return found
    check(
        abs(layer.shift) <= MAX_SHIFT,
        f"has a total shift of {layer.shift} (output_shift {layer.output_shift} + 8 − {layer.weight_bits} bits);"
        f" use −{MAX_SHIFT} to {MAX_SHIFT}.",
    )
    check(layer.output_width == 8 or layer.activation is None, "has an activation on a 32-bit output; drop one.")
    weight = layer.weight
    if weight is None or weight.dtype != np.int8 or weight.ndim != (4 if layer.operator == Operator.CONV else 2):
        check(False, "has no int8 weights of four (conv) or two (linear) dimensions.")
        return found
    check(weight.size > 0, "has no weights at all.")
    if layer.operator == Operator.CONV:
        check(
            weight.shape[2:] in ((1, 1), (3, 3)),
            f"has a {_times(weight.shape[2:])} kernel; use 1×1 or 3×3 (two 3×3 layers see 5×5).",
        )
        check(
            0 <= layer.pad < min(3, weight.shape[-1]),
            f"has padding {layer.pad} with a {_times(weight.shape[2:])} kernel; use less than 3 and than the kernel.",
        )
    else:
        check(layer.pad == 0, "is linear and padded; drop the padding.")
    low, high = WEIGHT_RANGE[layer.weight_bits]
    if weight.size and (weight.min() < low or weight.max() > high):
        check(
            False,
            f"has weights {weight.min()}…{weight.max()}, which {layer.weight_bits} bits ({low}…{high}) cannot hold;"
            " quantize it again or use more bits.",
        )
    if layer.bias is not None:
        check(
            layer.bias.dtype == np.int8 and layer.bias.shape == (len(weight),),
            f"has {layer.bias.size} {layer.bias.dtype} biases for {len(weight)} outputs; give one int8 each.",
        )
    return found
