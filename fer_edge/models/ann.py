"""Reference networks without spikes and without the accelerator's limits.

All take images (N, 1, 48, 48) in [−1, 1) and give logits (N, classes).
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.faces import CLASSES
from fer_edge.models.net import fold


def build(name: str) -> nn.Module:
    """A new network, weights drawn from torch's global generator."""
    return BUILDERS[name]()


def _conv(inputs: int, outputs: int) -> list[nn.Module]:
    """3×3 convolution with bias, batch norm, ReLU."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def cnn_585k() -> nn.Sequential:
    """Three blocks of two convolutions and a max pool, a last convolution, global average pooling."""
    layers: list[nn.Module] = []
    inputs = 1
    for width in (32, 64, 128):
        layers += [*_conv(inputs, width), *_conv(width, width), nn.MaxPool2d(2)]
        inputs = width
    return nn.Sequential(
        *layers,
        *_conv(128, 256),
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(256, len(CLASSES)),
    )


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

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(4, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        self.stages = nn.Sequential(ResidualBlock(64, 64, 1), ResidualBlock(64, 128, 2), ResidualBlock(128, 256, 2))
        self.head = nn.Sequential(nn.Dropout(0.3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, len(CLASSES)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, 1, 48, 48)."""
        return self.head(self.stages(self.stem(fold(images, 2))))


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "cnn-585k": cnn_585k,
    "wideresnet": WideResNet,
}
