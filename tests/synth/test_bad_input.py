"""Whatever stands in a YAML, ONNX, checkpoint or sample file: one clear error, no code run, nothing left behind."""

from __future__ import annotations

import copy
import datetime
import io
import os
import pickle
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_edge import checkpoint
from fer_edge.cli import main
from fer_edge.errors import FerEdgeError
from fer_edge.load import load_for_synthesis, load_network
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.synth import onnx_model, vendor_keys, vendor_yaml
from fer_edge.synth.placer import place
from fer_edge.synth.synthesize import synthesize


def small_network() -> IntegerNetwork:
    """A pooled convolution, a residual add and a linear layer."""
    rng = np.random.default_rng(0)

    def weight(*shape: int) -> np.ndarray:
        return rng.integers(-8, 8, shape, np.int8)

    bias = rng.integers(-128, 128, 4, np.int8)
    layers = (
        Layer(
            "conv1",
            Operator.CONV,
            (INPUT,),
            weight(4, 1, 3, 3),
            bias,
            pad=1,
            pool="max",
            pool_size=(2, 2),
            pool_stride=2,
        ),
        Layer("copy", Operator.PASSTHROUGH, (0,)),
        Layer("conv2", Operator.CONV, (0,), weight(4, 4, 3, 3), pad=1, activation="relu"),
        Layer("sum", Operator.PASSTHROUGH, (1, 2)),
        Layer("fc", Operator.LINEAR, (3,), weight(7, 4 * 4 * 4), weight_bits=4, output_width=32),
    )
    return IntegerNetwork("small", (1, 8, 8), layers)


class Files:
    """The four input files, good ones, and what becomes of them when some are replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder, network, sample = folder, small_network(), io.BytesIO()
        np.save(sample, np.arange(64).reshape(1, 8, 8) - 32)
        self.yaml = vendor_yaml.write(place(network))
        self.pth = checkpoint.to_bytes(network)
        self.onnx = onnx_model.to_bytes(network)
        self.npy = sample.getvalue()

    def write(self, **replaced: bytes) -> list[str]:
        """Write the files, some of them replaced; the command that reads them. The YAML is used where the weights
        need it, or where it is replaced."""
        good = {"yaml": self.yaml.encode(), "pth": self.pth, "onnx": self.onnx, "npy": self.npy}
        for kind, content in (good | replaced).items():
            (self.folder / f"net.{kind}").write_bytes(content)
        weights = "net.onnx" if "onnx" in replaced else "net.pth"
        command = ["synth", "--checkpoint", str(self.folder / weights), "--sample-input", str(self.folder / "net.npy")]
        if "onnx" in replaced or "yaml" in replaced:
            command += ["--yaml", str(self.folder / "net.yaml")]
        return [*command, "--output-dir", str(self.folder / "out")]

    def attempt(self, **replaced: bytes) -> str | None:
        """The error these files meet, or None where they are taken after all, and then load again.

        Any other exception than FerEdgeError is a defect.
        """
        command, out = self.write(**replaced), self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        options = dict(zip(command[1::2], map(Path, command[2::2]), strict=True))
        try:
            placed, sample = load_for_synthesis(
                options["--checkpoint"], description=options.get("--yaml"), sample_path=options["--sample-input"]
            )
            synthesize(placed, out, sample=sample)
            assert load_network(out).content_hash == placed.network.content_hash
        except FerEdgeError as error:
            said = str(error)
        else:
            shutil.rmtree(out)
            return None
        assert not out.exists()
        assert 0 < len(said) < 10_000
        return said


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("files"))


def test_the_good_files_are_good(files: Files) -> None:
    assert files.attempt() is None
    assert files.attempt(yaml=files.yaml.encode()) is None
    assert files.attempt(onnx=files.onnx) is None


# --- fuzzing: values that belong nowhere, and bytes at random ----------------------------------------------

HUGE = 10**4000
NUMBERS = st.integers(-3, 70) | st.sampled_from([2**31, 2**63, 2**64, -(2**70), HUGE, -HUGE]) | st.floats()
WORDS = st.text(max_size=20) | st.sampled_from(
    ["²", "2x²", "0x", "1e9", "nan", "x" * 100_000, "a\nb", "- b", "{", "🙂", "\0", "yes", "conv1", "Conv2d", "1x1"]
)
SCALARS = st.none() | st.booleans() | NUMBERS | WORDS


def values(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A scalar, a list of a few, or a nest of lists and dictionaries."""
    return scalars | st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=5,
    )


def mappings(document: object) -> list[dict[Any, Any]]:
    """All dictionaries of a nested document."""
    if isinstance(document, dict):
        return [document, *(found for value in document.values() for found in mappings(value))]
    return [found for item in document for found in mappings(item)] if isinstance(document, list) else []


@st.composite
def changed(draw: st.DrawFn, document: Any, keys: list[Any], replacement: st.SearchStrategy[Any]) -> Any:
    """A nested document with one to three of its entries missing, new or with another value."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        where = draw(st.sampled_from(mappings(document)))
        key = draw(st.sampled_from(sorted(where, key=str)) if where and draw(st.booleans()) else st.sampled_from(keys))
        if draw(st.integers(0, 3)):
            where[key] = draw(replacement)
        else:
            where.pop(key, None)
    return document


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Cut short, or with a few bytes replaced or inserted."""
    data = bytearray(content)
    at, kind = draw(st.integers(0, len(data) - 1)), draw(st.sampled_from(["cut", "replace", "insert"]))
    if kind == "cut":
        return bytes(data[:at])
    junk = draw(st.binary(min_size=1, max_size=8))
    data[at : at + len(junk) * (kind == "replace")] = junk
    return bytes(data)


# --- YAML --------------------------------------------------------------------------------------------------

YAML_KEYS = sorted({*vendor_keys.LAYER, *vendor_keys.REFUSED, *vendor_keys.ALIASES, "arch", "layers", "<<", "unknown"})
YAML_SCALARS = SCALARS | st.dates() | st.binary(max_size=4) | st.just(datetime.datetime(1, 1, 1))


def fuzz_yaml(files: Files, data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        files.attempt(yaml=data.draw(damaged(files.yaml.encode())))
        return
    document = data.draw(changed(yaml.safe_load(files.yaml), YAML_KEYS, values(YAML_SCALARS)))
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    files.attempt(yaml=text.encode())


# --- ONNX --------------------------------------------------------------------------------------------------

INT64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, -1, 1, 3, 2**40])


def spoil_tensor(draw: st.DrawFn, tensor: onnx.TensorProto) -> None:
    match draw(st.sampled_from(["dims", "type", "data", "floats", "external", "name"])):
        case "dims":
            tensor.dims[:] = draw(st.lists(INT64, max_size=5))
        case "type":
            tensor.data_type = draw(st.integers(0, 30))
        case "data":
            tensor.raw_data = draw(st.binary(max_size=8) | damaged(tensor.raw_data or b"\0"))
        case "floats":
            shape = [d if 0 < d < 100 else 1 for d in tensor.dims]
            junk = draw(st.sampled_from([np.nan, np.inf, 0.5, 200.0, -129.0, 1e30]))
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.full(shape, junk, np.float32), tensor.name))
        case "external":
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value=draw(st.sampled_from(["net.npy", "/etc/passwd", "../x"])))
        case "name":
            tensor.name = draw(st.text(max_size=10))


def spoil_node(draw: st.DrawFn, node: onnx.NodeProto) -> None:
    match draw(st.sampled_from(["kind", "inputs", "attribute"])):
        case "kind":
            node.op_type = draw(st.sampled_from(["Conv", "Gemm", "SpaceToDepth", "Relu", ""]))
        case "inputs":
            node.input[:] = draw(st.lists(st.text(max_size=3) | st.sampled_from([*node.input, "input"]), max_size=4))
        case "attribute":
            node.attribute.append(onnx.helper.make_attribute("blocksize", draw(INT64)))


@st.composite
def changed_onnx(draw: st.DrawFn, content: bytes) -> bytes:
    model = onnx.load_from_string(content)
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            spoil_tensor(draw, draw(st.sampled_from(list(model.graph.initializer))))
        else:
            spoil_node(draw, draw(st.sampled_from(list(model.graph.node))))
    return bytes(model.SerializeToString())


def fuzz_onnx(files: Files, data: st.DataObject) -> None:
    files.attempt(onnx=data.draw(changed_onnx(files.onnx) | damaged(files.onnx)))


# --- checkpoints -------------------------------------------------------------------------------------------


class Tensor:
    """Pickles as torch's tensor over storage 0 of a file; `_rebuild` and `_Storage` only lend their names."""

    def __init__(self, size: Any, stride: Any, offset: Any = 0, key: Any = "0", count: Any = 9) -> None:
        self.arguments: tuple[Any, ...] = (offset, size, stride, False, {})
        self.storage = (key, "cpu", count)

    def __reduce__(self) -> Any:
        return _rebuild_tensor_v2, (_Persistent(self.storage), *self.arguments)


class _Persistent:
    def __init__(self, storage: Any) -> None:
        self.storage = storage


def _rebuild_tensor_v2(*_: object) -> None: ...


class FloatStorage: ...


_rebuild_tensor_v2.__module__, FloatStorage.__module__ = "torch._utils", "torch"


class Payload:
    """Pickles to a call that makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


class _Pickler(pickle._Pickler):  # the one in Python: it does not look names up
    def persistent_id(self, item: object) -> Any:
        return ("storage", FloatStorage, *item.storage) if isinstance(item, _Persistent) else None

    def save_global(self, item: Any, name: str | None = None) -> None:
        self.write(f"c{item.__module__}\n{item.__qualname__}\n".encode())  # type: ignore[attr-defined]
        self.memoize(item)  # type: ignore[attr-defined]


_GLOBAL: Any = _Pickler.save_global
_Pickler.dispatch = _Pickler.dispatch | {type(_rebuild_tensor_v2): _GLOBAL, type: _GLOBAL}


def pickled(content: object) -> bytes:
    """As torch pickles, with `Tensor` for tensors."""
    buffer = io.BytesIO()
    _Pickler(buffer, 2).dump(content)
    return buffer.getvalue()


def archive(data: bytes, storages: list[bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A checkpoint file around a pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as target:
        target.writestr("x/data.pkl", data)
        for i, storage in enumerate(storages):
            target.writestr(f"x/data/{i}", storage)
    return buffer.getvalue()


def plain_checkpoint() -> dict[str, Any]:
    """A valid checkpoint of one layer, all of whose tensors are nine ones."""
    network = IntegerNetwork("one", (1, 8, 8), (Layer("c", Operator.CONV, (INPUT,), np.ones((1, 1, 3, 3), np.int8)),))
    state = {"c.op.weight": Tensor((1, 1, 3, 3), (9, 9, 3, 1)), "c.op.bias": Tensor((1,), (1,)), "x": 1}
    return {"epoch": 1, "arch": "one", "state_dict": state, "extras": {"network": network.description()}}


ONES = struct.pack("<9f", *[1] * 9)
SIZES = st.lists(st.integers(0, 4) | st.sampled_from([-1, 2**31, 2**62]), max_size=5).map(tuple)
TENSORS = st.builds(Tensor, SIZES, SIZES, st.integers(-1, 10), st.sampled_from(["0", "1", 0, None]), NUMBERS)
KEYS = [
    "state_dict",
    "arch",
    "epoch",
    "extras",
    "network",
    "layers",
    "c.weight_bits",
    "c.output_shift",
    "d.weight",
    1,
    None,
]
KEYS += ["name", "fold", "operator", "inputs", "pool_size", "input_shape"]


def fuzz_checkpoint(files: Files, data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        files.attempt(pth=data.draw(damaged(files.pth)))
        return
    trap = files.folder / "ran"
    replacement = values(SCALARS | TENSORS | st.just(Payload(trap)))
    content = pickled(data.draw(changed(plain_checkpoint(), KEYS, replacement)))
    files.attempt(
        pth=archive(data.draw(st.just(content) | damaged(content)), [ONES]), npy=npy(np.zeros((1, 8, 8), int))
    )
    assert not trap.exists()


def test_the_checkpoint_that_is_fuzzed_is_good_itself(files: Files) -> None:
    assert files.attempt(pth=archive(pickled(plain_checkpoint()), [ONES])) is None


# --- samples -----------------------------------------------------------------------------------------------


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


ARRAYS = st.builds(
    lambda shape, kind, value: np.full(shape, value).astype(kind),
    st.sampled_from([(1, 8, 8), (8, 8), (0, 8, 8), (1, 8, 9), (), (2, 1, 8, 8)]),
    st.sampled_from(["i8", ">i2", "u1", "f4", "?", "c8", "S3", "U2", "O", "M8[s]", "i4,f4"]),
    st.sampled_from([0, 1, 127, 128, 200, 255]),
)


def fuzz_sample(files: Files, data: st.DataObject) -> None:
    files.attempt(npy=data.draw(ARRAYS.map(npy) | damaged(files.npy)))


FUZZERS = [fuzz_yaml, fuzz_onnx, fuzz_checkpoint, fuzz_sample]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fuzz", FUZZERS, ids=lambda f: f.__name__)
@given(data=st.data())
def test_anything_is_taken_or_refused_with_one_error(
    files: Files, fuzz: Callable[[Files, st.DataObject], None], data: st.DataObject
) -> None:
    fuzz(files, data)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fuzz", FUZZERS, ids=lambda f: f.__name__)
@settings(max_examples=1500)
@given(data=st.data())
def test_very_much_is_taken_or_refused_with_one_error(
    files: Files, fuzz: Callable[[Files, st.DataObject], None], data: st.DataObject
) -> None:
    fuzz(files, data)


# --- bombs and traps: the command itself, with its time and memory -----------------------------------------

SECONDS, KILOBYTES = 10, 250_000
PROGRAM = """
from fer_edge.cli import main
try:
    main()
finally:
    print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def run_command(files: Files, **replaced: bytes) -> str:
    """What the command says about bad files; it must be one message, said soon, with little memory."""
    if sys.platform != "linux":
        pytest.skip("peak memory is read as Linux tells it")
    command = [sys.executable, "-c", PROGRAM, *files.write(**replaced)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 1, done.stdout
    assert int(done.stdout) < KILOBYTES
    first, *reasons = done.stderr.splitlines()
    assert first.startswith("fer-edge: ")
    assert all(line.startswith("  ") for line in reasons), done.stderr
    assert len(reasons) < 10
    assert not (files.folder / "out").exists()
    return done.stderr


def aliases(levels: int = 30) -> str:
    """Lists of aliases of lists: 2^levels words, were they written out."""
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, levels))]
    return "\n".join(lines) + f"\narch: *a{levels - 1}\n"


YAML_BOMBS: dict[str, Callable[[str], str]] = {
    "aliases": lambda good: aliases(),
    "aliases in a value": lambda good: good.replace("arch: small", aliases()[:-1]),
    "nesting": lambda good: "arch: " + "[" * 100_000,
    "a long number": lambda good: good.replace("pad: 1", "pad: " + "9" * 100_000),
    "a long sexagesimal number": lambda good: good.replace("pad: 1", "pad: 1" + ":1" * 400_000),
    "a great file": lambda good: good + "#" * 2**21,
    "a great list": lambda good: good.replace("in_dim: [8, 8]", "in_dim: [" + "8, " * 300_000 + "8]"),
    "very many layers": lambda good: good + "  - {op: none, processors: 1}\n" * 8000,
    "a Python object": lambda good: good.replace("arch: small", "arch: !!python/object/apply:os.abort []"),
}


@pytest.mark.parametrize("bomb", YAML_BOMBS)
def test_yaml_bombs(files: Files, bomb: str) -> None:
    run_command(files, yaml=YAML_BOMBS[bomb](files.yaml).encode())


def onnx_with(files: Files, change: Callable[[onnx.TensorProto], object]) -> bytes:
    model = onnx.load_from_string(files.onnx)
    change(next(item for item in model.graph.initializer if item.name == "conv1.op.weight"))
    return bytes(model.SerializeToString())


def test_onnx_weights_of_gigantic_size(files: Files) -> None:
    assert "damaged" in run_command(files, onnx=onnx_with(files, lambda t: t.dims.__setitem__(0, 2**40)))


def test_onnx_weights_used_very_often(files: Files) -> None:
    model = onnx.load_from_string(files.onnx)
    big = onnx.numpy_helper.from_array(np.ones((1024, 1024, 1, 1), np.int8), "big")
    model.graph.initializer.append(big)
    for _ in range(1000):
        model.graph.node.append(onnx.helper.make_node("Conv", ["input", "big"], ["x"]))
    assert "weights that fit" in run_command(files, onnx=bytes(model.SerializeToString()))


def test_onnx_weights_are_not_taken_from_other_files(files: Files) -> None:
    def elsewhere(tensor: onnx.TensorProto) -> None:
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=str(files.folder / "net.npy"))

    assert "in another file" in run_command(files, onnx=onnx_with(files, elsewhere))


def shared_lists(levels: int = 40) -> Any:
    """Lists that hold the same list twice: 2^levels strings, were they written out."""
    item: Any = "x"
    for _ in range(levels):
        item = [item, item]
    return item


def with_entry(value: Any, *keys: str) -> bytes:
    """The checkpoint that is fuzzed, with one entry set; storage 1 holds a number with 30 digits."""
    content = where = plain_checkpoint()
    for key in keys[:-1]:
        where = where[key]
    where[keys[-1]] = value
    return archive(pickled(content), [ONES, struct.pack("<f", 1e30)])


def copies_of_a_tensor() -> bytes:
    """A thousand tensors over one storage of a megabyte, each of which asks for it again."""
    state = {f"c{i}.weight": Tensor((512, 512), (512, 1), count=2**18) for i in range(1000)}
    return archive(pickled({"state_dict": state}), [bytes(2**20)])


CHECKPOINT_BOMBS: dict[str, Callable[[], bytes]] = {
    "a compressed member": lambda: archive(pickled(plain_checkpoint()), [bytes(3 * 10**8)], zipfile.ZIP_DEFLATED),
    "a compressed pickle": lambda: archive(b"\x80\x02" + b"]0" * 10**8 + b".", [], zipfile.ZIP_DEFLATED),
    "a great pickle": lambda: archive(b"\x80\x02" + b"]" * 10**7 + b".", []),
    "copies of a tensor": copies_of_a_tensor,
    "a memo without end": lambda: archive(b"\x80\x02Nr\xff\xff\xff\x7f.", []),
    "an array that is not there": lambda: archive(b"\x80\x05\x96" + struct.pack("<Q", 10**11) + b".", []),
    "nesting": lambda: archive(b"\x80\x02" + b"(" * 10**6 + b"t" * 10**6 + b".", []),
    "shared lists for a network": lambda: with_entry(shared_lists(), "extras", "network", "name"),
    "shared lists for layers": lambda: with_entry(shared_lists(), "extras", "network", "layers"),
    "shared lists for a fold": lambda: with_entry(shared_lists(), "extras", "network", "fold"),
    "very many layers": lambda: with_entry(
        [{"name": "x", "operator": "passthrough"}] * 20_000, "extras", "network", "layers"
    ),
    "a number of many digits": lambda: with_entry(10**5000, "extras", "network", "fold"),
    "weights of very many bits": lambda: with_entry(
        Tensor((1,), (1,), key="1", count=1), "state_dict", "c.weight_bits"
    ),
}


@pytest.mark.parametrize("bomb", CHECKPOINT_BOMBS)
def test_checkpoint_bombs(files: Files, bomb: str) -> None:
    run_command(files, pth=CHECKPOINT_BOMBS[bomb](), npy=npy(np.zeros((1, 8, 8), int)))


def test_a_sample_that_says_it_is_gigantic(files: Files) -> None:
    assert "not a readable" in run_command(files, npy=files.npy.replace(b"(1, 8, 8)", b"(9999999, 9999, 9)"))


def test_a_sample_with_code_is_not_run(files: Files) -> None:
    trap = files.folder / "trap"
    run_command(files, npy=npy(np.array([Payload(trap)])))
    assert not trap.exists()


def test_an_output_folder_that_cannot_be_written_is_told(files: Files) -> None:
    (files.folder / "file").touch()
    command = files.write()
    command[-1] = str(files.folder / "file" / "out")
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "Not a directory" in result.stderr
