"""Reference networks without spikes and without the accelerator's limits; `resnet` has those of ImageNet.

All take images (N, 1, 48, 48) in [−1, 1) and give logits (N, classes). Where the publication a network comes from
leaves a width or a dropout open, the choice is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.models.net import fold


def build(name: str, classes: int) -> nn.Module:
    """A new network, weights drawn from torch's global generator."""
    return BUILDERS[name](classes)


def _conv(inputs: int, outputs: int) -> list[nn.Module]:
    """3×3 convolution with bias, batch norm, ReLU."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def cnn_585k(classes: int) -> nn.Sequential:
    """Three blocks of two convolutions and a max pool, a last convolution, global average pooling."""
    return nn.Sequential(*_pooled(_two_convs, 32, 64, 128), *_conv(128, 256), *_averaging_classifier(256, classes))


def vgg13_slim(classes: int) -> nn.Sequential:
    """VGG13 with batch norm and half the channels but in its last block, which is averaged for one linear layer."""
    return nn.Sequential(
        *_pooled(_two_convs, 32, 64, 128, 256),
        *_two_convs(256, 512),
        *_averaging_classifier(512, classes),
    )


def _two_convs(inputs: int, outputs: int) -> list[nn.Module]:
    return [*_conv(inputs, outputs), *_conv(outputs, outputs)]


def _pooled(block: Callable[[int, int], list[nn.Module]], *widths: int) -> list[nn.Module]:
    """A block for each width, and a max pool after it; the first sees the face."""
    sizes = pairwise((1, *widths))
    return [layer for inputs, outputs in sizes for layer in (*block(inputs, outputs), nn.MaxPool2d(2))]


def _averaging_classifier(inputs: int, classes: int) -> list[nn.Module]:
    """Dropout, global average pooling, one linear layer."""
    return [nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)]


def cnn_baseline(classes: int) -> nn.Sequential:
    """Three convolutions with batch norm, and a linear layer."""
    return nn.Sequential(*_pooled(_conv, 32, 64, 128), nn.Flatten(), nn.Dropout(0.5), nn.Linear(128 * 6 * 6, classes))


def cnn_attention(classes: int) -> nn.Sequential:
    """`cnn_baseline` with spatial attention after each convolution."""
    return nn.Sequential(
        *_pooled(lambda inputs, outputs: [*_conv(inputs, outputs), SpatialAttention()], 32, 64, 128),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(128 * 6 * 6, classes),
    )


def cnn_3conv(classes: int) -> nn.Sequential:
    """Three convolutions without batch norm, and two linear layers."""
    return nn.Sequential(
        *_pooled(
            lambda inputs, outputs: [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)], 32, 64, 128
        ),
        nn.Flatten(),
        nn.Linear(128 * 6 * 6, 512),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Linear(512, classes),
    )


def csnn_ann(classes: int) -> nn.Sequential:
    """`csnn` with a ReLU for each spiking neuron, but logits instead of the last ones' firing rates."""
    return nn.Sequential(
        *_conv(1, 128),
        nn.MaxPool2d(2),
        *_conv(128, 128),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128 * 12 * 12, 1152),
        nn.ReLU(),
        nn.Linear(1152, 128),
        nn.ReLU(),
        nn.Linear(128, classes),
    )


def resnet18_grey(classes: int) -> nn.Module:
    """torchvision's ResNet18 with one input channel: `sew-resnet18` without spikes."""
    from torchvision.models import resnet18

    net: nn.Module = resnet18(num_classes=classes)
    net.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return net


def resnet18_3x3(classes: int) -> nn.Module:
    """`resnet18-grey` with a first convolution of 3×3 and stride 1, so that its maps are of 48×48 to 3×3."""
    net = resnet18_grey(classes)
    net.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
    return net


class SpatialAttention(nn.Module):
    """Weights every position by a 7×7 convolution of the channels' mean and maximum (Woo et al. 2018, CBAM)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape as `x` (N, C, H, W)."""
        summary = torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), 1)
        result: Tensor = x * self.conv(summary).sigmoid()
        return result


class ResidualBlock(nn.Module):
    """``relu(x + conv(relu(conv(x))))`` with batch norm after each convolution (He et al. 2015)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut.append(nn.Conv2d(inputs, outputs, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class WideResNet(nn.Module):
    """Residual blocks of 64, 128 and 256 channels on the folded face: a teacher for the deployable networks."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(4, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        self.stages = nn.Sequential(ResidualBlock(64, 64, 1), ResidualBlock(64, 128, 2), ResidualBlock(128, 256, 2))
        self.head = nn.Sequential(nn.Dropout(0.3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, classes))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, 1, 48, 48)."""
        result: Tensor = self.head(self.stages(self.stem(fold(images, 2))))
        return result


def resnet9(classes: int) -> nn.Sequential:
    """A residual block on each of three maps of the folded face, of 64, 128 and 256 channels; global max pooling."""
    return nn.Sequential(
        nn.PixelUnshuffle(2),
        *_conv(4, 64),
        ResidualBlock(64, 64, 1),
        *_halving_conv(64, 128),
        ResidualBlock(128, 128, 1),
        *_halving_conv(128, 256),
        ResidualBlock(256, 256, 1),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(256, classes),
    )


def _halving_conv(inputs: int, outputs: int) -> list[nn.Module]:
    """3×3 convolution, max pooling before what is cheaper on the smaller map: batch norm, ReLU."""
    convolution, *rest = _conv(inputs, outputs)
    return [convolution, nn.MaxPool2d(2), *rest]


BUILDERS: dict[str, Callable[[int], nn.Module]] = {
    "cnn-585k": cnn_585k,
    "vgg13-slim": vgg13_slim,
    "cnn-baseline": cnn_baseline,
    "cnn-attention": cnn_attention,
    "cnn-3conv": cnn_3conv,
    "resnet18-grey": resnet18_grey,
    "resnet18-3x3": resnet18_3x3,
    "csnn-ann": csnn_ann,
    "wideresnet": WideResNet,
    "resnet9": resnet9,
}
