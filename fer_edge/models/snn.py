"""Reference networks with spikes, on SpikingJelly.

All take images (N, 1, 48, 48) in [−1, 1) and give (N, classes): firing rates of the output neurons where `loss` is
``mse``, else logits. Images are encoded directly: the first layer sees the same pixels at every time step. Neurons
fire at 1 and fall back to 0, with the arctangent as surrogate gradient, cut at the reset. Where the publication a
network comes from leaves a width or a kind of neuron open, the choice is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from fer_edge.errors import ToolError
from fer_edge.faces.dataset import SIDE

try:
    from spikingjelly.activation_based import functional, layer, neuron, surrogate
    from spikingjelly.activation_based.model.sew_resnet import sew_resnet18 as spikingjelly_sew_resnet18
except ImportError as error:
    raise ToolError(
        f"Spiking networks need SpikingJelly 2: {error}.", "Install it: pip install 'spikingjelly>=2'."
    ) from error

Loss = Literal["cross-entropy", "mse"]


def build(name: str, classes: int) -> SpikingNet:
    """A new network, weights drawn from torch's global generator."""
    return BUILDERS[name](classes)


class SpikingNet(nn.Module):
    """`static`, whose input does not change with time, once; `spiking` on its output at every step; the mean of those.

    All steps run at once, SpikingJelly's multi-step mode, which is faster than one after another. Neurons are reset
    by every call, so that calls do not depend on each other.
    """

    def __init__(self, static: nn.Module, spiking: nn.Module, steps: int, loss: Loss) -> None:
        super().__init__()
        functional.set_step_mode(spiking, "m")
        self.static, self.spiking, self.steps, self.loss = static, spiking, steps, loss

    def forward(self, images: Tensor) -> Tensor:
        """(N, classes) from images (N, 1, 48, 48)."""
        current = self.static(images)
        try:
            result: Tensor = self.spiking(current.expand(self.steps, *current.shape)).mean(0)
            return result
        finally:
            functional.reset_net(self.spiking)


class Float32Membrane:
    """Keeps membranes in float32 under autocast, where currents and spikes, which are exact in it, are bfloat16."""

    def materialize_states(
        self, inputs: tuple[Tensor, ...], states: tuple[float | Tensor, ...], step_mode: str
    ) -> tuple[Tensor]:
        """The membrane that SpikingJelly's neuron starts from; at rest after a reset."""
        (membrane,) = states
        if isinstance(membrane, Tensor):
            return (membrane,)
        step = inputs[0][0] if step_mode == "m" else inputs[0]
        return (torch.zeros_like(step, dtype=torch.float32),)


class IF(Float32Membrane, neuron.IFNode):  # type: ignore[misc]
    """Integrate and fire."""

    def __init__(self) -> None:
        super().__init__(surrogate_function=surrogate.ATan(), detach_reset=True)


class LIF(Float32Membrane, neuron.LIFNode):  # type: ignore[misc]
    """Integrate and fire with a leak, whose time constant is two steps."""

    def __init__(self) -> None:
        super().__init__(tau=2.0, surrogate_function=surrogate.ATan(), detach_reset=True)


def sew_resnet18(classes: int) -> SpikingNet:
    """SpikingJelly's SEW-ResNet18, its first convolution for one channel instead of three; 8 steps."""
    net = spikingjelly_sew_resnet18(cnf="ADD", spiking_neuron=IF, num_classes=classes)
    stem = layer.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")  # as all others of this network
    blocks = (net.layer1, net.layer2, net.layer3, net.layer4)
    spiking = nn.Sequential(net.sn1, net.maxpool, *blocks, net.avgpool, layer.Flatten(), net.fc)
    return SpikingNet(nn.Sequential(stem, net.bn1), spiking, steps=8, loss="cross-entropy")


def csnn(classes: int) -> SpikingNet:
    """Two convolutions of 128 channels, three linear layers; 4 steps."""
    static = nn.Sequential(layer.Conv2d(1, 128, 3, padding=1), layer.BatchNorm2d(128))
    convolutions = [
        *(IF(), layer.MaxPool2d(2)),
        *(layer.Conv2d(128, 128, 3, padding=1), layer.BatchNorm2d(128), IF(), layer.MaxPool2d(2)),
    ]
    spiking = nn.Sequential(*convolutions, layer.Flatten(), *_linear(128 * 12 * 12, 1152, 128, classes))
    return SpikingNet(static, spiking, steps=4, loss="mse")


def csnn_1conv(classes: int) -> SpikingNet:
    """One convolution of 32 channels, two linear layers; 4 steps."""
    static = nn.Sequential(layer.Conv2d(1, 32, 3, padding=1), layer.BatchNorm2d(32))
    spiking = nn.Sequential(IF(), layer.MaxPool2d(2), layer.Flatten(), *_linear(32 * 24 * 24, 128, classes))
    return SpikingNet(static, spiking, steps=4, loss="mse")


def snn_fc(classes: int) -> SpikingNet:
    """Three linear layers; 4 steps."""
    first, *others = _linear(SIDE * SIDE, 512, 128, classes)
    return SpikingNet(nn.Sequential(layer.Flatten(), first), nn.Sequential(*others), steps=4, loss="mse")


def _linear(*widths: int) -> list[nn.Module]:
    """Linear layers between these widths, each followed by leaky neurons."""
    modules: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        linear = layer.Linear(inputs, outputs)
        nn.init.kaiming_normal_(linear.weight)  # with torch's smaller weights no neuron fires at first
        modules += [linear, LIF()]
    return modules


BUILDERS: dict[str, Callable[[int], SpikingNet]] = {
    "sew-resnet18": sew_resnet18,
    "csnn": csnn,
    "csnn-1conv": csnn_1conv,
    "snn-fc": snn_fc,
}
