"""The Synthesizer's YAML network description: read strictly, written in full.

Weights come from elsewhere (checkpoint or ONNX): the YAML says how the layers are connected and placed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from fer_edge.checkpoint import QuantizedLayer
from fer_edge.errors import LIMITS, CheckpointError
from fer_edge.files import check_input
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.registers import QUADRANTS
from fer_edge.synth.placement import DataFormat, PartialPlacement, PlacedLayer, PlacedNetwork
from fer_edge.synth.vendor_keys import ALIASES, GLOBAL, LAYER, MAPS, MAX78002, REFUSED, REFUSED_GLOBAL

MAX_BYTES = 1 << 18
_FORM = "Write it in the form of model.yaml, which `fer-edge synth` writes."
MAX_SCALAR = 256  # characters; a processor map takes 21
MAX_ITEMS = 64  # of a list

OPERATORS = {
    "conv2d": Operator.CONV,
    "linear": Operator.LINEAR,
    "fc": Operator.LINEAR,
    "mlp": Operator.LINEAR,
    "none": Operator.PASSTHROUGH,
    "passthrough": Operator.PASSTHROUGH,
    "add": Operator.PASSTHROUGH,
}
RESERVED = ("input", "stop")
"""What `in_sequences` and `next_sequence` call the network's input and its end."""

ACTIVATIONS: dict[str, Literal["relu", "abs"] | None] = {"relu": "relu", "abs": "abs", "none": None}
WRITTEN = {
    Operator.CONV: "Conv2d",
    Operator.LINEAR: "Linear",
    Operator.PASSTHROUGH: "Passthrough",
    "relu": "ReLU",
    "abs": "Abs",
    None: "None",
}


@dataclass(frozen=True)
class Entry:
    """One mapping of the file with the line of each key (1-based)."""

    path: Path
    values: dict[str, Any]
    lines: dict[str, int]
    line: int

    def fail(self, text: str, key: str | None = None, cure: str = "") -> CheckpointError:
        """An error that names file, line and key."""
        line = self.lines.get(key, self.line) if key else self.line
        return CheckpointError(f"{self.path}:{line}: {text}", cure)

    def integer(self, key: str, default: int) -> int:
        """An integer, or a string such as `0x0000.ffff`; text of a processor map is hexadecimal without `0x`, too."""
        value = self.values.get(key, default)
        if isinstance(value, str):
            try:
                value = int(re.sub("[._]", "", value), 16) if key in MAPS else int(value, 0)
            except ValueError:
                raise self.fail(f"{key} is {value!r}, not a number.", key) from None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fail(f"{key} is {value!r}, not an integer.", key)
        if not -(1 << 31) <= value < 1 << (64 if key in MAPS else 31):
            raise self.fail(f"{key} is {value:#x}, which is out of all range.", key)
        return value

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(f"{key} is {value!r}; use true or false.", key)
        return value

    def pair(self, key: str) -> tuple[int, int]:
        """One integer or two, as `2`, `[2, 3]` or `2x3`."""
        value = self.values[key]
        if isinstance(value, str):
            parts: Any = value.lower().split("x")
            value = [int(part) for part in parts] if all(part.strip().isdecimal() for part in parts) else value
        numbers = value if isinstance(value, list) else [value, value]
        if len(numbers) == 2 and all(type(n) is int and abs(n) < 1 << 31 for n in numbers):
            return numbers[0], numbers[1]
        raise self.fail(f"{key} is {value!r}; use one or two integers.", key)

    def choice(self, key: str, choices: dict[str, Any], default: str) -> Any:
        """One of a few words, in any case (YAML's null counts as `none`)."""
        value = self.values.get(key, default)
        word = "none" if value is None else str(value).lower()
        if word not in choices:
            raise self.fail(
                f"{key} is {value!r}, which is not supported.", key, f"Use one of {', '.join(choices)}. {LIMITS}"
            )
        return choices[word]


@dataclass(frozen=True)
class Description:
    """A YAML file, syntactically checked: its name (`arch`), layers, and the last layer's `output_map` if given."""

    path: Path
    arch: str
    layers: tuple[Entry, ...]
    output_map: int | None


def read(path: Path | str) -> Description:
    """Read a network description. CheckpointError names file and line of an unknown key or wrong value."""
    path = Path(path)
    top = _mapping(path, _compose(path))
    for key in top.values:
        if key in REFUSED_GLOBAL:
            raise top.fail(f"{key}: {REFUSED_GLOBAL[key]}.", key, LIMITS)
        if key not in GLOBAL:
            raise top.fail(f"unknown key {key!r}.", key)
    for key in ("arch", "dataset", "layers"):
        if key not in top.values:
            raise top.fail(f"{key!r} is missing.", cure="A network description has arch, dataset and layers.")
    nodes = top.values["layers"]
    if not isinstance(nodes, list) or not nodes:
        raise top.fail("layers is not a list of layers.", "layers")
    layers = [_mapping(path, node) for node in nodes]
    for entry in layers:
        _check_keys(entry)
    layers = _in_order(layers)
    output_map = top.integer("output_map", 0) if "output_map" in top.values else None
    return Description(path, str(top.values["arch"]), tuple(layers), output_map)


def _compose(path: Path) -> yaml.Node:
    check_input(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise CheckpointError(f"{path} is no network description: it is larger than {MAX_BYTES:,} bytes.", _FORM)
        node = yaml.compose(content.decode(), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise CheckpointError(f"There is no network description {path}.", "Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.", "Save it as UTF-8 text.") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise CheckpointError(f"{where}: not valid YAML: {_reason(error)}.", _FORM) from error
    if node is None:
        raise CheckpointError(f"{path} is empty.", _FORM)
    return node


def _reason(error: Exception) -> str:
    """One line of what can be several."""
    return " ".join(str(getattr(error, "problem", None) or error).split())


def _mapping(path: Path, node: yaml.Node) -> Entry:
    """A mapping node as values; the nodes of `layers` stay nodes, so that their lines are known later."""
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise CheckpointError(f"{path}:{line}: expected `key: value` lines.", _FORM)
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        at = key_node.start_mark.line + 1
        if not _is_scalar(key_node):
            raise CheckpointError(f"{path}:{at}: expected `key: value`.", _FORM)
        key = ALIASES.get(key_node.value, key_node.value)
        if key in values:
            raise CheckpointError(f"{path}:{at}: {key!r} is given twice (first on line {lines[key]}).", "Keep one.")
        if key == "layers" and isinstance(value_node, yaml.SequenceNode):
            values[key] = value_node.value
        elif not _is_plain(value_node):
            raise CheckpointError(f"{path}:{at}: {key} is neither a number nor a word nor a short list of them.", _FORM)
        else:
            try:
                values[key] = yaml.SafeLoader("").construct_object(value_node, deep=True)
            except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
                raise CheckpointError(f"{path}:{at}: {key} cannot be read: {_reason(error)}.", _FORM) from error
        lines[key] = at
    return Entry(path, values, lines, line)


def _is_scalar(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and len(node.value) <= MAX_SCALAR


def _is_plain(node: yaml.Node) -> bool:
    """A scalar or a flat list of scalars: all this schema has, and nothing that aliases could blow up."""
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return len(items) <= MAX_ITEMS and all(_is_scalar(item) for item in items)


def _check_keys(entry: Entry) -> None:
    for key, value in entry.values.items():
        if key in REFUSED:
            neutral, reason = REFUSED[key]
            if value not in neutral:
                raise entry.fail(f"{key} is {value!r}: {reason}.", key, LIMITS)
        elif key not in LAYER:
            raise entry.fail(f"unknown key {key!r}.", key)


def _in_order(entries: list[Entry]) -> list[Entry]:
    """The layers by their `sequence`, which counts on from the layer before where it is not given."""
    places: dict[int, Entry] = {}
    at = -1
    for entry in entries:
        at = entry.integer("sequence", at + 1)
        if at in places:
            raise entry.fail(f"sequence {at} is that of line {places[at].line}, too.", "sequence", "Number them apart.")
        places[at] = entry
    order = sorted(places)
    for entry in entries:
        # What a number means where others are missing, the vendor's documentation and its tool disagree about.
        if order != list(range(len(order))) and {"in_sequences", "next_sequence"} & entry.values.keys():
            raise entry.fail("the layers are not numbered 0, 1, 2 …", cure="Number them without gaps.")
    return [places[at] for at in order]


def build(
    description: Description,
    weights: Sequence[QuantizedLayer],
    *,
    sample_shape: Sequence[int] | None = None,
    fold: int = 1,
    avg_pool_rounding: bool = False,
) -> tuple[IntegerNetwork, PartialPlacement]:
    """Join a description and its weights, matched in order as the vendor's tool does.

    `sample_shape` is (channels, rows, columns) of an input, for what the YAML does not say of it.
    """
    entries = description.layers
    stack = list(weights)
    labels = _labels(entries)
    layers = [_layer(entry, index, labels, stack) for index, entry in enumerate(entries)]
    if stack:
        raise CheckpointError(
            f"{description.path} describes {len(weights) - len(stack)} layers with weights, but there are weights for"
            f" {len(weights)} (next: {stack[0].name}).",
            "Describe every layer.",
        )
    channels, size = _input(entries[0], layers[0], sample_shape)
    network = IntegerNetwork(
        description.arch, (channels, *size), tuple(layers), fold=fold, avg_pool_rounding=avg_pool_rounding
    )
    for index, entry in enumerate(entries):
        _check_sizes(entry, network, index)
        _check_order(entry, index, labels, len(entries))
    return network, _placement(description, network)


def weighted(description: Description) -> int:
    """How many of the layers have weights."""
    return sum(entry.choice("op", OPERATORS, "conv2d") != Operator.PASSTHROUGH for entry in description.layers)


def require_scales(description: Description, weights: Sequence[QuantizedLayer]) -> None:
    """CheckpointError where neither the description nor the weights say a layer's bits and shift.

    Of a checkpoint without them the vendor's tool takes 8 and 0; an ONNX model never has them, except one of ours.
    """
    entries = [entry for entry in description.layers if entry.choice("op", OPERATORS, "conv2d") != Operator.PASSTHROUGH]
    for entry, layer in zip(entries, weights, strict=False):
        wide = entry.integer("output_width", 8) == 32  # not shifted
        for key, known in (("quantization", layer.weight_bits), ("output_shift", 0 if wide else layer.output_shift)):
            if known is None and key not in entry.values:
                raise entry.fail(
                    f"{key} is missing, and the ONNX model does not say it.",
                    cure="Write what the network was quantized with, or give its checkpoint instead.",
                )


def _input(first: Entry, layer: Layer, sample_shape: Sequence[int] | None) -> tuple[int, tuple[int, int]]:
    """Channels and (rows, columns) of the network's input."""
    if "in_dim" in first.values:
        size = _dimensions(first)
    elif sample_shape is not None:
        size = sample_shape[1], sample_shape[2]
    else:
        raise first.fail("the size of the input is not known.", cure="Give in_dim: [rows, columns] on the first layer.")
    if layer.weight is not None:
        known = layer.weight.shape[1]
    else:  # of several passes the processors tell only those of one
        known = sample_shape[0] if sample_shape else first.integer("processors", 1).bit_count()
    channels = first.integer("in_channels", known)
    flattens = layer.operator == Operator.LINEAR and layer.pool is None
    return channels // max(1, size[0] * size[1]) if flattens else channels, size


def _dimensions(entry: Entry) -> tuple[int, int]:
    """`in_dim`: rows and columns, or one number for data of one column."""
    return (entry.values["in_dim"], 1) if type(entry.values["in_dim"]) is int else entry.pair("in_dim")


def _labels(entries: Sequence[Entry]) -> dict[str, int]:
    """Layers by name, in lower case."""
    labels: dict[str, int] = {}
    for index, entry in enumerate(entries):
        if isinstance(name := entry.values.get("name"), str):
            if name.lower() in labels or name.lower() in RESERVED:
                why = "is another layer's name" if name.lower() in labels else "has a meaning of its own"
                raise entry.fail(f"name {name!r} {why}.", "name", "Give each layer its own name.")
            labels[name.lower()] = index
    return labels


def _check_sizes(entry: Entry, network: IntegerNetwork, index: int) -> None:
    """Sizes a layer states, against those that arrive at it."""
    shape, layer = network.shapes[index], network.layers[index]
    received = shape.channels * (shape.rows * shape.columns if shape.flatten else 1)
    for key, actual in (("in_channels", received), ("out_channels", shape.out_channels)):
        if entry.integer(key, actual) != actual:
            raise entry.fail(f"{key} is {entry.values[key]}, but layer {index} has {actual}.", key, "Leave it out.")
    if "in_dim" in entry.values and (size := _dimensions(entry)) != (shape.rows, shape.columns):
        raise entry.fail(
            f"in_dim is {size[0]}×{size[1]}, but layer {index} receives {shape.rows}×{shape.columns}: reshaping between"
            " layers is not supported.",
            "in_dim",
            LIMITS,
        )
    flatten = entry.flag("flatten", False)
    if flatten and layer.operator != Operator.LINEAR:
        raise entry.fail("flatten is true, but only a linear layer flattens its input.", "flatten", "Use op: Linear.")
    if shape.flatten and not flatten:
        raise entry.fail(
            f"layer {index} is linear and receives {shape.rows}×{shape.columns} pixels.", "op", "Write flatten: true."
        )


def _check_order(entry: Entry, index: int, labels: dict[str, int], count: int) -> None:
    """`output` and `next_sequence` may say what is so anyway: layers run in turn, and the last is the output."""
    last = index == count - 1
    if entry.flag("output", False) and not last:
        raise entry.fail("output is true before the last layer: several outputs are not supported.", "output", LIMITS)
    following = entry.values.get("next_sequence")
    if isinstance(following, str):
        following = -1 if following.lower() == "stop" else labels.get(following.lower(), following)
    if following is not None and following != (-1 if last else index + 1):
        raise entry.fail(
            f"next_sequence is {entry.values['next_sequence']!r}, but layers of the MAX78000 run one after another.",
            "next_sequence",
            "Leave it out, and layers that do not run, too.",
        )


def _layer(entry: Entry, index: int, labels: dict[str, int], stack: list[QuantizedLayer]) -> Layer:
    word = str(entry.values.get("op", "conv2d")).lower()
    operator = entry.choice("op", OPERATORS, "conv2d")
    elementwise = word == "add" or entry.choice("eltwise", {"none": False, "add": True}, "none")
    inputs = _inputs(entry, index, labels)
    operands = entry.integer("operands", 2 if elementwise else 1)
    if len(inputs) != operands:
        raise entry.fail(
            f"{len(inputs)} in_sequences for {operands} operand(s); concatenation is not supported.",
            "in_sequences",
            f"Name one producer for each operand. {LIMITS}",
        )
    if operands > 1 and not elementwise:
        raise entry.fail(f"{operands} operands of no element-wise operation.", "operands", "Give eltwise: add.")
    if elementwise and operands < 2:
        raise entry.fail(f"{operands} operand(s) of an addition.", "operands", "Add at least 2.")
    if operator != Operator.CONV and "kernel_size" in entry.values:
        raise entry.fail(f"kernel_size is that of a convolution, not of a {word}.", "kernel_size", "Leave it out.")
    label = entry.values.get("name")
    common: dict[str, Any] = {
        "operator": operator,
        "inputs": inputs,
        "activation": entry.choice("activate", ACTIVATIONS, "none"),
        "output_width": entry.integer("output_width", 8),
        **_pooling(entry),
    }
    if not common["pool_first"] and (operands < 2 or common["pool_size"] == (1, 1)):
        raise entry.fail("pool_first is false, but nothing is both added and pooled.", "pool_first", "Leave it out.")
    if operator == Operator.PASSTHROUGH:
        shift = entry.integer("output_shift", 0)
        return Layer(name=str(label or f"{word}{index}"), pad=entry.integer("pad", 0), output_shift=shift, **common)
    if not stack:
        raise entry.fail(f"layer {index} is a {word}, but the weights are used up.", cure="Give the right checkpoint.")
    weights = stack.pop(0)
    kernel = entry.pair("kernel_size") if "kernel_size" in entry.values else (3, 3)
    if operator == Operator.CONV and weights.weight.shape[2:] != kernel:
        raise entry.fail(
            f"kernel_size is {kernel[0]}x{kernel[1]}, but {weights.name} has weights of shape {weights.weight.shape}.",
            "kernel_size",
            "Make them agree.",
        )
    if operator == Operator.LINEAR and weights.weight.ndim != 2:
        raise entry.fail(f"op is {word}, but {weights.name} has convolution weights.", "op", "Use Conv2d.")
    if str(entry.values.get("quantization")).lower() in ("bin", "binary"):
        raise entry.fail(f"binary weights (−1 and +1): {MAX78002}.", "quantization", LIMITS)
    return Layer(
        name=str(label or weights.name),
        weight=weights.weight,
        bias=weights.bias,
        weight_bits=entry.integer("quantization", weights.weight_bits or 8),
        output_shift=entry.integer("output_shift", weights.output_shift or 0),
        pad=entry.integer("pad", 1 if operator == Operator.CONV else 0),
        flatten=operator == Operator.LINEAR and entry.flag("flatten", False),
        **common,
    )


def _pooling(entry: Entry) -> dict[str, Any]:
    pools = [key for key in ("max_pool", "avg_pool") if entry.values.get(key) is not None]
    if len(pools) == 2:
        raise entry.fail("max_pool and avg_pool at once; use one.", pools[1])
    stride = entry.pair("pool_stride") if "pool_stride" in entry.values else (1, 1)
    if stride[0] != stride[1]:
        raise entry.fail(f"pool_stride {stride} differs between rows and columns; use one number.", "pool_stride")
    pool = pools[0].removesuffix("_pool") if pools else None
    return {
        "pool": pool or ("max" if stride[0] > 1 else None),  # a stride by itself takes every so many pixels
        "pool_size": entry.pair(pools[0]) if pools else (1, 1),
        "pool_stride": stride[0],
        "pool_first": entry.flag("pool_first", True),
    }


def _inputs(entry: Entry, index: int, labels: dict[str, int]) -> tuple[int, ...]:
    if "in_sequences" not in entry.values:
        return (index - 1 if index else INPUT,)
    value = entry.values["in_sequences"]
    inputs = []
    for item in value if isinstance(value, list) else [value]:
        source = labels.get(item.lower(), item) if isinstance(item, str) else item
        source = INPUT if isinstance(source, str) and source.lower() == "input" else source
        if type(source) is not int or not INPUT <= source < index:
            raise entry.fail(f"in_sequences names {item!r}, which is no earlier layer.", "in_sequences")
        inputs.append(source)
    return tuple(inputs)


def _placement(description: Description, network: IntegerNetwork) -> PartialPlacement:
    """The placement a description gives: processors of all layers or of none, and likewise offsets."""
    entries = description.layers
    formats: dict[str, DataFormat] = {"hwc": "HWC", "little": "HWC", "chw": "CHW", "big": "CHW"}
    for entry in entries[1:]:
        if entry.choice("data_format", formats, "hwc") == "CHW":
            raise entry.fail("only the first layer can read CHW data.", "data_format")
    said = "data_format" in entries[0].values
    return PartialPlacement(
        processors=_processors(description, network),
        offsets=_offsets(entries),
        bias_quadrants=tuple(_bias_quadrants(entry) for entry in entries),
        data_format=entries[0].choice("data_format", formats, "hwc") if said else None,
    )


def _processors(description: Description, network: IntegerNetwork) -> tuple[tuple[int, int], ...] | None:
    missing = [entry for entry in description.layers if "processors" not in entry.values]
    if len(missing) == len(description.layers):
        return None
    if missing:
        raise missing[0].fail("processors is missing.", cure="Give it on every layer, or on none to have all placed.")
    return tuple(
        (entry.integer("processors", 0), _output_map(description, network, index))
        for index, entry in enumerate(description.layers)
    )


def _offsets(entries: Sequence[Entry]) -> tuple[tuple[int, int, int], ...] | None:
    """Where a layer reads is, unless it says so, where the one before it writes."""
    if not any(key in entry.values for entry in entries for key in ("in_offset", "out_offset", "write_gap")):
        return None
    offsets: list[tuple[int, int, int]] = []
    for entry in entries:
        read = entry.integer("in_offset", offsets[-1][1] if offsets else 0)
        offsets.append((read, entry.integer("out_offset", 0), entry.integer("write_gap", 0)))
    return tuple(offsets)


def _bias_quadrants(entry: Entry) -> tuple[int, ...]:
    quadrants = entry.values.get("bias_quadrant", [])
    quadrants = quadrants if isinstance(quadrants, list) else [quadrants]
    if not all(type(q) is int and 0 <= q < QUADRANTS for q in quadrants):
        raise entry.fail(f"bias_quadrant is {quadrants}; use 0 to {QUADRANTS - 1}.", "bias_quadrant")
    return tuple(quadrants)


def _output_map(description: Description, network: IntegerNetwork, index: int) -> int:
    """Where a layer writes: as said, else where the next one in the list reads, else the lowest processors."""
    entries = description.layers
    if "output_processors" in entries[index].values:
        return entries[index].integer("output_processors", 0)
    if index + 1 < len(entries):
        return entries[index + 1].integer("processors", 0)
    if description.output_map is not None:
        return description.output_map
    return (1 << network.shapes[index].out_processors) - 1


def write(placed: PlacedNetwork, *, trained: bool = True) -> str:
    """The description of a placed network as YAML, every value explicit, with a comment per layer.

    Of a network not `trained` yet the output shifts are left to the checkpoint.
    """
    network = placed.network
    lines = [
        "---",
        f"# {network.name}: input {_times(network.input_shape)}"
        + (f", folded {network.fold}×{network.fold} from {_times(network.image_shape)}" if network.fold > 1 else "")
        + f", {network.weight_bytes:,} bytes of weights. Written by fer-edge.",
        f"arch: {_quoted(network.name)}",
        "dataset: FER2013",
        "",
        "layers:",
    ]
    for view in placed.layers:
        source = (view.shape.channels, view.shape.rows, view.shape.columns)
        lines.append(f"  # Layer {view.index}: {_times(source)} -> {_times(view.shape.output)}")
        entries = _entries(placed, view)
        if not trained:
            entries.pop("output_shift", None)
        lines += [f"  {'-' if i == 0 else ' '} {key}: {value}" for i, (key, value) in enumerate(entries.items())]
    return "\n".join([*lines, ""])


def _entries(placed: PlacedNetwork, view: PlacedLayer) -> dict[str, str]:
    index, layer, shape, place = view.index, view.layer, view.shape, view.placement
    entries = {"name": _quoted(layer.name)} if _is_label(placed.network, index) else {}
    entries["op"] = WRITTEN[layer.operator]
    operands = len(layer.inputs)
    if not layer.weighted and operands > 1:
        entries["op"] = "Add"
    elif operands > 1:
        entries["eltwise"] = "add"
    if operands > 2:
        entries["operands"] = str(operands)
    if layer.inputs != (index - 1,):
        entries["in_sequences"] = f"[{', '.join(map(str, layer.inputs))}]"
    if index == 0:
        channels = shape.channels * (shape.rows * shape.columns if shape.flatten else 1)
        entries |= {
            "data_format": placed.placement.data_format,
            "in_channels": str(channels),
            "in_dim": f"[{shape.rows}, {shape.columns}]",
        }
    entries["processors"] = f"{place.processors:#018x}"
    entries["output_processors"] = f"{place.output_processors:#018x}"
    if layer.operator == Operator.CONV:
        entries |= {"kernel_size": f"{layer.kernel_size}x{layer.kernel_size}", "pad": str(layer.pad)}
    if shape.flatten:
        entries["flatten"] = "true"
    if layer.pool:
        entries[f"{layer.pool}_pool"] = f"[{layer.pool_size[0]}, {layer.pool_size[1]}]"
        entries["pool_stride"] = str(layer.pool_stride)
        if operands > 1 and layer.pool_size != (1, 1):  # without a window the vendor's tool refuses false
            entries["pool_first"] = str(layer.pool_first).lower()
    if layer.weighted:
        entries |= {
            "activate": str(WRITTEN[layer.activation]),
            "quantization": str(layer.weight_bits),
            "output_shift": str(layer.output_shift),
        }
    if layer.output_width != 8:
        entries["output_width"] = str(layer.output_width)
    entries |= {"in_offset": f"{place.in_offset:#06x}", "out_offset": f"{place.out_offset:#06x}"}
    if place.write_gap:
        entries["write_gap"] = str(place.write_gap)
    if place.bias_quadrants:
        entries["bias_quadrant"] = f"[{', '.join(map(str, place.bias_quadrants))}]"
    return entries


def _is_label(network: IntegerNetwork, index: int) -> bool:
    """Whether a layer's name is free for it here, where case does not count; else its weights' name names it."""
    name = network.layers[index].name.lower()
    return name not in RESERVED and name not in (layer.name.lower() for layer in network.layers[:index])


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _quoted(text: str) -> str:
    """A name as YAML that reads back as just that, in quotes where it would read as something else."""
    try:
        plain = yaml.safe_load(text) == text
    except (yaml.YAMLError, ValueError):
        plain = False
    return text if plain else yaml.safe_dump(text, default_style='"', width=1000).strip()
