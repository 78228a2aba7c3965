"""ResNets with published weights, of ImageNet or dlib's faces; our faces are enlarged and repeated for three colours.

All take images (N, 1, 48, 48) in [−1, 1) and give logits (N, classes).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import ResNet, ResNet18_Weights, ResNet50_Weights, WeightsEnum, resnet18, resnet50
from torchvision.models.resnet import Bottleneck

from fer_edge.errors import CheckpointError, FerEdgeError, ToolError
from fer_edge.files import check_input
from fer_edge.models import dlib_resnet
from fer_edge.models.ann import SpatialAttention

SIZE = 112
"""Height and width in pixels to which faces are enlarged for torchvision's networks unless told otherwise."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation of ImageNet's red, green and blue (0 to 1), which torchvision's weights expect to be taken out."""
STAGES = (("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",))
"""Parts of torchvision's networks that can be frozen, first to last."""
REDUCTION = 16
"""Channels of a block for each in the hidden layer of its channel attention, as published."""


class FaceResNet(nn.Module):
    """A ResNet with a classifier of its own; `frozen` names the submodules that are not trained.

    unprepared : its batch norm is folded into weights, and training has to `prepare` it first.

    The state dict holds `size`, so that a checkpoint loads into a network built without it.
    """

    size: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        net: ResNet | dlib_resnet.DlibResNet,
        classifier: nn.Module,
        size: int,
        frozen: Sequence[str],
        mean: Sequence[float],
        std: Sequence[float],
        unprepared: bool = False,
    ) -> None:
        super().__init__()
        self.unprepared = unprepared
        net.fc = classifier
        self.net = net
        self.frozen = [net.get_submodule(name) for name in frozen]
        for module in self.frozen:
            module.requires_grad_(False)
        self.register_buffer("size", torch.tensor(size))
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, 1, 48, 48)."""
        size = int(self.size)
        pixels = F.interpolate(images, (size, size), mode="bilinear", align_corners=False)
        result: Tensor = self.net(((pixels * 128 + 128) / 255 - self.mean) / self.std)
        return result

    @torch.no_grad()
    def prepare(self, images: Tensor) -> None:
        """Undo the folding of batch norm: take the statistics of `images` (N, 1, 48, 48); outputs stay the same."""
        norms = [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]
        hooks = [norm.register_forward_pre_hook(_take) for norm in norms]
        self.eval()(images)
        for hook in hooks:
            hook.remove()
        self.unprepared = False

    def train(self, mode: bool = True) -> FaceResNet:
        """As usual, but the batch-norm statistics of frozen stages stay too."""
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self


def _take(norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
    variance, mean = torch.var_mean(inputs[0], (0, 2, 3), unbiased=False)
    norm.bias.add_(norm.weight * mean)
    norm.weight.mul_((variance + norm.eps).sqrt())
    norm.running_mean, norm.running_var = mean, variance


def build(
    name: str, classes: int, pretrained: bool | Path = False, size: int | None = None, freeze: int = 0
) -> FaceResNet:
    """A ResNet for faces, weights drawn from torch's global generator.

    `pretrained` takes published weights: from a file or, if True, by a download. The first `freeze` stages are not
    trained. FerEdgeError if there are no such weights or stages, or the faces would be too small.
    """
    stages = dlib_resnet.STAGES if name == "dlib-resnet" else STAGES
    if not 0 <= freeze <= len(stages):
        raise FerEdgeError(f"--freeze is {freeze}.", f"Give a number from 0 to {len(stages)}.")
    frozen = [module for stage in stages[:freeze] for module in stage]
    path = None if isinstance(pretrained, bool) else pretrained
    if name == "dlib-resnet":
        size = size or dlib_resnet.SIZE
        if size < dlib_resnet.SMALLEST:
            raise FerEdgeError(f"--size is {size}.", f"{name} needs {dlib_resnet.SMALLEST} pixels at least.")
        face_net = dlib_resnet.DlibResNet()
        if pretrained:
            dlib_resnet.load(face_net, path)
        return FaceResNet(
            face_net,
            nn.Linear(dlib_resnet.WIDTHS[-1][0], classes),
            size,
            frozen,
            dlib_resnet.MEAN,
            dlib_resnet.STD,
            unprepared=bool(pretrained),
        )
    if name.endswith("resnet18"):
        net, weights = resnet18(), ResNet18_Weights.DEFAULT
    else:
        net, weights = resnet50(), ResNet50_Weights.DEFAULT
    if pretrained:
        _load(net, weights, path)
    if name == "resnet50-cbam":
        _add_cbam(net)
    features = net.fc.in_features
    classifier = _improved(features, classes) if name.startswith("improved") else nn.Linear(features, classes)
    return FaceResNet(net, classifier, size or SIZE, frozen, MEAN, STD)


def _load(net: ResNet, weights: WeightsEnum, path: Path | None) -> None:
    """Put ImageNet weights into `net`, from a file if given."""
    if path is None:
        try:
            state = weights.get_state_dict(progress=True, check_hash=True)
        except (OSError, RuntimeError) as error:
            raise ToolError(
                f"The weights could not be downloaded: {error}.",
                f"Fetch {weights.url} on another machine and give the file: --pretrained FILE.",
            ) from error
    else:
        check_input(path)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file raises almost anything
            reason = str(error).splitlines()[0]
            raise CheckpointError(f"{path} cannot be read: {reason}.", f"It should be {weights.url}.") from error
    try:
        net.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} holds other weights.", f"It should be {weights.url}.") from error


def _improved(features: int, classes: int) -> nn.Sequential:
    """Batch norm on the feature vector, a hidden layer, dropout."""
    return nn.Sequential(
        nn.BatchNorm1d(features),
        nn.Linear(features, 256),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Linear(256, classes),
    )


class ChannelAttention(nn.Module):
    """Weights every channel by what two linear layers make of its mean and maximum (Woo et al. 2018, CBAM)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // REDUCTION
        self.layers = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape as `x` (N, C, H, W)."""
        weight = self.layers(x.mean((2, 3))) + self.layers(x.amax((2, 3)))
        result: Tensor = x * weight.sigmoid()[:, :, None, None]
        return result


def _add_cbam(net: ResNet) -> None:
    """Attend to channels, then positions, before the sum of each block (Woo et al. 2018)."""
    for block in net.modules():
        if isinstance(block, Bottleneck):
            block.bn3 = nn.Sequential(block.bn3, ChannelAttention(block.conv3.out_channels), SpatialAttention())
