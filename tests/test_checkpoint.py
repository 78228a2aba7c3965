"""Checkpoints: read without running anything, written so that torch and the vendor's tool read them."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given

from fer_edge import checkpoint
from fer_edge.errors import CheckpointError
from fer_edge.network import IntegerNetwork
from tests.strategies import networks


@given(networks(max_layers=3))
def test_written_networks_come_back_equal(network: IntegerNetwork) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"fer-edge-test-{os.getpid()}.pth.tar"
    try:
        checkpoint.write(path, network)
        assert checkpoint.integer_network(checkpoint.read(path)).content_hash == network.content_hash
        loaded = torch.load(path, weights_only=True)
    finally:
        path.unlink(missing_ok=True)
    for layer in network.layers:
        if layer.weight is not None:
            assert np.array_equal(loaded["state_dict"][f"{layer.name}.op.weight"].numpy(), layer.weight)
            if layer.bias is not None:
                stored = loaded["state_dict"][f"{layer.name}.op.bias"].numpy()
                assert np.array_equal(stored, layer.bias * 2.0 ** (layer.weight_bits - 1))


def test_tensors_of_every_kind_and_layout_are_read_as_torch_wrote_them(tmp_path: Path) -> None:
    tensors = {
        "a": torch.randn(3, 4, dtype=torch.float64),
        "b": torch.randn(4, 5).t(),  # not contiguous
        "c": torch.arange(6, dtype=torch.int16)[2:],  # an offset
        "d": torch.randn(7).bfloat16(),
        "e": torch.tensor([True, False]),
        "f": torch.nn.Parameter(torch.randn(2).half()),
        "g": torch.zeros(0, 3),
    }
    torch.save({"state_dict": tensors, "epoch": 3, "arch": "x"}, tmp_path / "t.pth.tar")
    read = checkpoint.read(tmp_path / "t.pth.tar")
    assert (read.epoch, read.arch) == (3, "x")
    for key, tensor in tensors.items():
        expected = tensor.detach().float() if tensor.dtype == torch.bfloat16 else tensor.detach()
        assert np.array_equal(read.state[key], expected.numpy()), key


class Payload:
    """Pickles to a call that makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.system, (f"touch {self.path}",)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    content = {"state_dict": {"x.weight": Payload(trap)}, "optimizer": Payload(trap), "epoch": 0}
    torch.save(content, tmp_path / "evil.pth.tar", pickle_module=pickle)
    assert checkpoint.read(tmp_path / "evil.pth.tar").state == {}
    assert not trap.exists()


def edited(path: Path, change: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    out = path.with_name("edited.pth.tar")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w", compression) as target:
        for name in source.namelist():
            target.writestr(name, change.get(name.split("/", 1)[1], source.read(name)))
    return out


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.pth.tar"
    torch.save({"state_dict": {"conv1.op.weight": torch.ones(1, 1, 3, 3)}, "arch": "x", "epoch": 1}, path)
    return path


def test_damaged_checkpoints_are_refused_in_one_sentence(good: Path, tmp_path: Path) -> None:
    data = good.read_bytes()
    for size in range(0, len(data), 97):
        cut = tmp_path / "cut.pth.tar"
        cut.write_bytes(data[:size])
        with pytest.raises(CheckpointError):
            checkpoint.read(cut)
    for broken in (
        edited(good, {"data.pkl": b"\x80\x02}"}),
        edited(good, {"data.pkl": b"garbage"}),
        edited(good, {"data/0": b"\0" * 8}),
        edited(good, {"byteorder": b"big"}),
        edited(good, {}, zipfile.ZIP_DEFLATED),  # how a zip bomb would come
    ):
        with pytest.raises(CheckpointError, match="edited"):
            checkpoint.read(broken)
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        checkpoint.read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (torch.full((1, 1, 3, 3), 0.5), "not quantized"),
        (torch.full((1, 1, 3, 3), float("nan")), "not quantized"),
        (torch.full((1, 1, 3, 3), 200.0), "not quantized"),
        (torch.ones(4), "batch norm is not folded"),
    ],
)
def test_weights_that_are_no_int8_are_refused(weight: torch.Tensor, words: str, tmp_path: Path) -> None:
    torch.save({"state_dict": {"conv1.op.weight": weight}, "epoch": 0}, tmp_path / "w.pth.tar")
    content = checkpoint.read(tmp_path / "w.pth.tar")
    for read in (checkpoint.quantized_layers, checkpoint.integer_network):
        with pytest.raises(CheckpointError, match=f"{words}.*fer-edge quantize --checkpoint"):
            read(content)


def test_a_1d_convolution_is_told_from_batch_norm(tmp_path: Path) -> None:
    torch.save({"state_dict": {"conv1.op.weight": torch.ones(4, 4, 9)}, "epoch": 0}, tmp_path / "w.pth.tar")
    with pytest.raises(CheckpointError, match=r"3 dimensions: only 2-D convolutions .* docs/limits\.md"):
        checkpoint.quantized_layers(checkpoint.read(tmp_path / "w.pth.tar"))


def test_what_is_no_checkpoint_is_named_with_what_to_give(good: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is a folder, not a checkpoint\.\n?.*Give a checkpoint"):
        checkpoint.read(tmp_path / "..")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "quantized.pth.tar").write_bytes(good.read_bytes())
    with pytest.raises(CheckpointError, match=r"(?s)is a folder.*Give .*run/quantized.pth.tar"):
        checkpoint.read(tmp_path / "run")
    (tmp_path / "model.onnx").write_bytes(b"any")
    with pytest.raises(CheckpointError, match=r"(?s)is an ONNX model.*folder that `synth` wrote"):
        checkpoint.read(tmp_path / "model.onnx")


def test_a_checkpoint_without_topology_asks_for_the_yaml(good: Path) -> None:
    with pytest.raises(CheckpointError, match="--yaml"):
        checkpoint.integer_network(checkpoint.read(good))
