"""Checkpoints (`.pth.tar`) in the vendor's layout, read and written without torch and without running their code.

A checkpoint is a zip archive around a pickle. Reading it means: numpy arrays for tensors, plain Python for numbers,
strings, lists and dicts, and an inert placeholder for everything else, so whatever a foreign file asks to call is
never looked up, let alone called. Nor can it unpack to many times its size.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_edge.errors import LIMITS, CheckpointError
from fer_edge.filenames import BEST, CHECKPOINT, FLOAT, QUANTIZED
from fer_edge.files import atomic_write, check_input
from fer_edge.network import WEIGHT_RANGE, IntegerNetwork, Operator
from fer_edge.registers import WEIGHT_BYTES

MAX_WEIGHTS = 8 * WEIGHT_BYTES
"""Most weights that fit the accelerator, if each has one bit."""

QUANTIZE_FIRST = (
    "Quantize it first: with fer-edge quantize --checkpoint F --output G if it is of an architecture of fer-edge,"
    " else with the vendor's quantize.py."
)


@dataclass(frozen=True)
class Checkpoint:
    """What a `.pth.tar` holds: tensors as arrays under the vendor's keys, in the file's order."""

    path: Path
    arch: str
    epoch: int
    state: dict[str, np.ndarray]
    extras: dict[str, Any]


@dataclass(frozen=True)
class QuantizedLayer:
    """Integers of one convolution or linear layer; `weight_bits` and `output_shift` are None where not stored."""

    name: str
    weight: np.ndarray
    bias: np.ndarray | None
    weight_bits: int | None
    output_shift: int | None


def read(path: Path | str) -> Checkpoint:
    """Read a checkpoint; CheckpointError says what is wrong with it."""
    path = Path(path)
    check_input(path)
    if path.is_dir():
        inside = [name for name in (QUANTIZED, BEST, FLOAT, CHECKPOINT) if (path / name).is_file()]
        cure = f"Give {path / inside[0]}." if inside else "Give a checkpoint (.pth.tar)."
        raise CheckpointError(f"{path} is a folder, not a checkpoint.", cure)
    if path.suffix == ".onnx":
        raise CheckpointError(
            f"{path} is an ONNX model, not a checkpoint.",
            "Give the folder that `synth` wrote it to, or to `synth` its network description, too (--yaml).",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            content = _unpickle(archive, EXPANSION * path.stat().st_size)
    except FileNotFoundError:
        raise CheckpointError(f"There is no checkpoint {path}.", "Check the path.") from None
    except zipfile.BadZipFile:
        raise CheckpointError(
            f"{path} is not a checkpoint of torch 1.6 or newer, or is cut short.",
            "Copy it again, or load and save it once with a current torch.",
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.", _COPY) from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error.what}", error.cure) from None
    except Exception as error:  # a damaged pickle raises almost anything
        raise CheckpointError(f"{path} is damaged: {type(error).__name__}: {error}.", _COPY) from error
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise CheckpointError(
            f"{path} holds no 'state_dict'.", "Give a checkpoint of qat-train or the vendor's trainer."
        )
    arch, extras, epoch = content.get("arch"), content.get("extras"), content.get("epoch")
    state = {
        key: value
        for key, value in content["state_dict"].items()
        if isinstance(key, str) and isinstance(value, np.ndarray)
    }
    # Training on several GPUs wraps the vendor's models; a layer of ours may itself be called so.
    wrapped = not (isinstance(extras, dict) and "network" in extras)
    if wrapped and all(key.startswith(_WRAPPER) for key in state):
        state = {key.removeprefix(_WRAPPER): value for key, value in state.items()}
    return Checkpoint(
        path=path,
        arch=arch if isinstance(arch, str) else "",
        epoch=epoch if isinstance(epoch, int) else 0,
        state=state,
        extras=extras if isinstance(extras, dict) else {},
    )


def weight_names(checkpoint: Checkpoint) -> list[str]:
    """The names of all layers with weights, in the checkpoint's order."""
    return [_layer_name(key) for key in checkpoint.state if key.endswith(".weight")]


def _layer_name(key: str) -> str:
    return key.removesuffix(".weight").removesuffix(".op")


def quantized_layers(checkpoint: Checkpoint, count: int | None = None) -> list[QuantizedLayer]:
    """Convolutions and linear layers in the checkpoint's order, as the vendor's Synthesizer takes them: all, or the
    first `count`.

    CheckpointError when weights are not integers, or batch norm is still separate.
    """
    layers: list[QuantizedLayer] = []
    room = MAX_WEIGHTS
    for key, weight in checkpoint.state.items():
        if not key.endswith(".weight"):
            continue
        if len(layers) == count:
            break
        prefix = key.removesuffix(".weight")
        name = _layer_name(key)
        where = f"{checkpoint.path}: {key}"
        if weight.ndim == 1:
            raise CheckpointError(f"{where} has one dimension: batch norm is not folded.", QUANTIZE_FIRST)
        if weight.ndim not in (2, 4):
            raise CheckpointError(
                f"{where} has {weight.ndim} dimensions: only 2-D convolutions and linear layers are supported.", LIMITS
            )
        room -= weight.size
        if room < 0:
            raise too_many_weights(checkpoint.path)
        bits = _scalar(checkpoint, f"{name}.weight_bits")
        if (bits or 8) not in WEIGHT_RANGE:
            raise CheckpointError(f"{checkpoint.path}: {name}.weight_bits is {bits}; it must be 1, 2, 4 or 8.", _ANEW)
        bias = checkpoint.state.get(f"{prefix}.bias")
        layers.append(
            QuantizedLayer(
                name=name,
                weight=_as_int8(weight, where),
                # The vendor stores the hardware's bias times 2^(bits − 1).
                bias=None
                if bias is None
                else _as_int8(np.floor(bias / 2 ** ((bits or 8) - 1)), f"{checkpoint.path}: {prefix}.bias"),
                weight_bits=bits,
                output_shift=_scalar(checkpoint, f"{name}.output_shift"),
            )
        )
    if not layers:
        raise CheckpointError(
            f"{checkpoint.path} holds no weights.", "Give a checkpoint of qat-train or the vendor's trainer."
        )
    return layers


def too_many_weights(path: Path | str) -> CheckpointError:
    """The error for a file with more than `MAX_WEIGHTS`, which need not be read any further."""
    return CheckpointError(
        f"{path} holds more than the {MAX_WEIGHTS:,} weights that fit the accelerator.", "Give a smaller network."
    )


def integer_network(checkpoint: Checkpoint) -> IntegerNetwork:
    """The network of one of our quantized checkpoints, which carry its description in `extras`."""
    by_name = {layer.name: layer for layer in quantized_layers(checkpoint)}
    description = checkpoint.extras.get("network")
    if not isinstance(description, Mapping):
        raise CheckpointError(
            f"{checkpoint.path} does not say how its layers are connected.",
            "Give its network description with --yaml, or use a quantized.pth.tar of qat-train.",
        )
    entries = description.get("layers")
    if not isinstance(entries, Sequence) or not all(isinstance(entry, Mapping) for entry in entries):
        raise CheckpointError(f"{checkpoint.path}: the network's description has no list of layers.", _ANEW)
    described: list[dict[str, Any]] = []
    weights: list[tuple[np.ndarray | None, np.ndarray | None]] = []
    for entry in entries:
        name = entry.get("name")
        layer = by_name.pop(name, None) if isinstance(name, str) else None
        if layer is None and entry.get("operator") != Operator.PASSTHROUGH:
            raise CheckpointError(f"{checkpoint.path} has no weights for layer {len(described)} of its network.", _ANEW)
        weights.append((None, None) if layer is None else (layer.weight, layer.bias))
        stored = {
            key: value
            for key in ("weight_bits", "output_shift")
            if layer is not None and (value := getattr(layer, key)) is not None
        }
        described.append({**entry, **stored})
    if by_name:
        raise CheckpointError(f"{checkpoint.path} holds weights no layer uses: {', '.join(by_name)}.", _ANEW)
    return IntegerNetwork.from_description({**description, "layers": described}, weights)


def write(
    path: Path | str, network: IntegerNetwork, *, epoch: int = 0, extras: Mapping[str, Any] | None = None
) -> None:
    """Write `to_bytes` to a file."""
    atomic_write(path, to_bytes(network, epoch=epoch, extras=extras))


def to_bytes(network: IntegerNetwork, *, epoch: int = 0, extras: Mapping[str, Any] | None = None) -> bytes:
    """`network` as a quantized checkpoint that the vendor's Synthesizer, torch and `read` take.

    `extras` may add plain numbers, strings, lists and dicts beside the network's description.
    """
    state: dict[str, np.ndarray] = {}
    for layer in network.layers:
        if layer.weight is None:
            continue
        for key, value in (
            ("output_shift", layer.output_shift),
            ("weight_bits", layer.weight_bits),
            ("bias_bits", 8),
            ("quantize_activation", 1),
            ("adjust_output_shift", 0),
        ):
            state[f"{layer.name}.{key}"] = np.array([value], np.float32)
        state[f"{layer.name}.op.weight"] = layer.weight.astype(np.float32)
        if layer.bias is not None:
            state[f"{layer.name}.op.bias"] = layer.bias.astype(np.float32) * 2 ** (layer.weight_bits - 1)
    return _archive(
        {
            "epoch": epoch,
            "arch": network.name,
            "state_dict": state,
            "extras": {**(extras or {}), "network": network.description()},
        }
    )


def _scalar(checkpoint: Checkpoint, key: str) -> int | None:
    value = checkpoint.state.get(key)
    if value is None:
        return None
    if value.size != 1 or not np.isfinite(value).all() or value.item() != int(value.item()):
        raise CheckpointError(f"{checkpoint.path}: {key} is not one integer.", _ANEW)
    return int(value.item())


def _as_int8(values: np.ndarray, where: str) -> np.ndarray:
    if not np.array_equal(values, np.clip(np.rint(values), -128, 127)):  # which NaN never is
        raise CheckpointError(
            f"{where} is not quantized: its values are not integers of at most 8 bits.",
            QUANTIZE_FIRST,
        )
    return values.astype(np.int8)


# --- reading -----------------------------------------------------------------------------------------------

_COPY = "Copy it again."
_WRAPPER = "module."
_ANEW = "Quantize the network anew."
_SAVE = "Load it with torch on the machine it comes from, and save it anew."

EXPANSION = 4
"""How many times a file's own size its tensors may take, all together: tied ones are there several times."""

MAX_PICKLE_BYTES = 1 << 21  # tensors aside, far more than a training checkpoint has

_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


class _Inert:
    """Stands for any object we do not know: it can be built, called and filled, and does nothing."""

    def __init__(self, *args: object, **kwargs: object) -> None: ...

    def __call__(self, *args: object, **kwargs: object) -> _Inert:
        return self

    def __setstate__(self, state: object) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, value: object) -> None: ...

    def extend(self, values: object) -> None: ...


@dataclass(frozen=True)
class _Storage:
    kind: str


def _rebuild_parameter(data: object, *_: object) -> object:
    return data


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, archive: zipfile.ZipFile, root: str, room: int) -> None:
        super().__init__(io.BytesIO(data))
        self._archive, self._root, self._room = archive, root, room

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) in (("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor")):
            return self._rebuild_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _rebuild_parameter
        if module == "torch" and name in _STORAGES:
            return _Storage(name)
        return _Inert

    def persistent_load(self, pid: Any) -> Any:
        kind, storage, key, _location, count = pid
        if kind != "storage" or not isinstance(storage, _Storage):
            return _Inert()
        dtype = np.dtype(_STORAGES[storage.kind])
        name = f"{self._root}/data/{key}"
        self._take(self._archive.getinfo(name).file_size)
        data = _member(self._archive, name)
        if len(data) < count * dtype.itemsize:
            raise CheckpointError(f"Tensor data {key} is cut short.", "Copy the file again.")
        values = np.frombuffer(data, dtype, count)
        if storage.kind == "BFloat16Storage":  # the upper half of a float32
            values = (values.astype(np.uint32) << 16).view(np.float32)
        return values

    def _rebuild_tensor(
        self, storage: object, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
    ) -> Any:
        if not isinstance(storage, np.ndarray):
            return _Inert()
        if len(size) != len(stride) or any(n < 0 for n in (offset, *size, *stride)):
            raise CheckpointError("A tensor has a negative size.", _COPY)
        count = int(np.prod(size, dtype=object))
        reach = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if count else offset
        if count > storage.size or reach >= storage.size + (count == 0):
            raise CheckpointError("A tensor reaches beyond its storage.", _COPY)
        self._take(count * storage.itemsize)
        steps = tuple(s * storage.itemsize for s in stride)
        return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False).copy()

    def _take(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise CheckpointError("Its tensors unpack to many times the file's size, which torch's never do.", _SAVE)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:  # torch never compresses; a bomb does
        raise CheckpointError(f"Member {name} is compressed, which torch never writes.", _SAVE)
    return archive.read(info)


def _unpickle(archive: zipfile.ZipFile, room: int) -> Any:
    names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(names) != 1:
        raise CheckpointError("The archive is not a checkpoint: it has no data.pkl.", _SAVE)
    root = names[0].removesuffix("/data.pkl")
    order = f"{root}/byteorder"
    if order in archive.namelist() and _member(archive, order) != b"little":
        raise CheckpointError("The checkpoint was written on a big-endian machine.", _SAVE)
    data = _member(archive, names[0])
    if len(data) > MAX_PICKLE_BYTES:
        raise CheckpointError(
            f"Its data.pkl has {len(data):,} bytes beside the tensors; {MAX_PICKLE_BYTES:,} is the most.", _SAVE
        )
    for opcode, argument, _ in pickletools.genops(data):
        # The memo is an array: one large index would fill the computer's memory.
        if "PUT" in opcode.name and int(argument or 0) > len(data):
            raise CheckpointError("Its data.pkl is damaged.", _COPY)
    return _Unpickler(data, archive, root, room).load()


# --- writing -----------------------------------------------------------------------------------------------


def _archive(content: Mapping[str, Any]) -> bytes:
    storages: list[bytes] = []
    pickled = b"\x80\x02" + _pickle(content, storages) + b"."
    members = {"data.pkl": pickled, "byteorder": b"little", "version": b"3\n"}
    members |= {f"data/{i}": data for i, data in enumerate(storages)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), data)  # dated 1980: same content, same bytes
    return buffer.getvalue()


def _pickle(value: Any, storages: list[bytes]) -> bytes:
    """Pickle protocol 2 for plain values, and for float32 arrays as torch's tensors."""
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return b"X" + struct.pack("<I", len(data)) + data
    if isinstance(value, list | tuple):
        items = b"".join(_pickle(item, storages) for item in value)
        return b"](" + items + b"e" if isinstance(value, list) else b"(" + items + b"t"
    if isinstance(value, Mapping):
        return b"}(" + b"".join(_pickle(k, storages) + _pickle(v, storages) for k, v in value.items()) + b"u"
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        key = str(len(storages))
        storages.append(np.ascontiguousarray(value).tobytes())
        stride = tuple(step // value.itemsize for step in np.ascontiguousarray(value).strides)
        storage = (
            b"("
            + _pickle("storage", storages)
            + b"ctorch\nFloatStorage\n"
            + b"".join(_pickle(item, storages) for item in (key, "cpu", value.size))
            + b"tQ"
        )
        rest = b"".join(_pickle(item, storages) for item in (0, value.shape, stride, False))
        return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest + b"ccollections\nOrderedDict\n)RtR"
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__}")
