"""Reference networks with spikes, on SpikingJelly.

All take images (N, 1, 48, 48) in [−1, 1) and give (N, classes): firing rates of the output neurons where `loss` is
``mse``, else logits. Images are encoded directly: the first layer sees the same pixels at every time step. Neurons
fire at 1 and fall back to 0, with the arctangent as surrogate gradient, cut at the reset. Where the publication a
network comes from leaves a width or a kind of neuron open, the choice is ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Literal

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

CHARGE_QUANTILE = 0.75
"""Of currents above zero, those that charge less than the threshold in a step: of 0.5 to 0.999, what `csnn` and
`sew-resnet18` began best with in 2 and 4 steps."""
BALANCED_FACES = 64
"""Enough for quantiles of currents, of which each face has 295,000 in the first layer of `csnn` in every step."""
BLOCK = 1 << 15
"""Neurons computed together: a few arrays of so many stay in a processor's cache (chosen by measuring)."""


def build(name: str, classes: int, steps: int | None = None) -> SpikingNet:
    """A new network, weights drawn from torch's global generator; `steps` instead of the time steps it comes with."""
    net = BUILDERS[name](classes)
    net.steps = steps or net.steps
    return net


class SpikingNet(nn.Module):
    """`static`, whose input does not change with time, once; `spiking` on its output at every step; the mean of those.

    All steps run at once, SpikingJelly's multi-step mode, which is faster than one after another. Neurons are reset
    by every call, so that calls do not depend on each other.

    unprepared : the weights are of the network without spikes, and training has to `prepare` it first.
    """

    def __init__(self, static: nn.Module, spiking: nn.Module, steps: int, loss: Loss) -> None:
        super().__init__()
        functional.set_step_mode(spiking, "m")
        self.static, self.spiking, self.steps, self.loss = static, spiking, steps, loss
        self.unprepared = False

    @torch.no_grad()
    def prepare(self, images: Tensor) -> None:
        """Scale the weights before every layer of neurons to the currents that `images` (N, 1, 48, 48) give.

        One after another, as balancing of thresholds does (Sengupta et al. 2019, arXiv 1802.02627), but so that
        CHARGE_QUANTILE of the currents above zero charge less than the threshold in one step, for few steps, where
        thresholds at the largest currents are for many.
        """
        weighted: list[nn.Module] = []

        def note(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            if isinstance(module, nn.BatchNorm2d | nn.Linear):
                weighted[:] = [module]

        def scale(node: IF | LIF, inputs: tuple[Tensor]) -> tuple[Tensor]:
            (currents,) = inputs
            positive = currents[currents > 0]
            rank = max(1, round(CHARGE_QUANTILE * len(positive)))
            factor = node.tau / positive.kthvalue(rank).values if len(positive) else 1
            for parameter in weighted[0].parameters():
                parameter.mul_(factor)
            return (currents * factor,)

        hooks = [module.register_forward_hook(note) for module in self.modules()]
        nodes = [module for module in self.modules() if isinstance(module, IF | LIF)]
        hooks += [node.register_forward_pre_hook(scale) for node in nodes]
        self.eval()(images[:BALANCED_FACES])
        for hook in hooks:
            hook.remove()
        self.unprepared = False

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


class FewerPasses(Float32Membrane):
    """SpikingJelly's multi-step mode in fewer passes over memory; the same spikes and gradients."""

    tau = 1.0

    def multi_step_forward(self, x_seq: Tensor) -> Tensor:
        """Spikes (T, N, …) of currents of that shape, by neurons at rest before."""
        spikes: Tensor = _Fire.apply(x_seq, self.tau)
        return spikes


class _Fire(torch.autograd.Function):
    """Neurons that charge, fire at 1 and fall back to 0, step by step.

    Charging is h = v + (x − v)/τ, without a leak (τ = 1) v + x; s = h ≥ 1; v = h (1 − s), through which s gets no
    gradient. ds/dh = 1/(1 + (π(h − 1))²), the arctangent of Fang et al. 2021 (arXiv 2007.05785) with α = 2.
    """

    # No masks of booleans, and no types mixed in one operation: torch computes both several times as slowly.

    @staticmethod
    def forward(ctx: Any, currents: Tensor, tau: float) -> Tensor:
        excess, spikes = currents.new_empty(currents.shape), currents.new_empty(currents.shape)
        for x, over, s in _blocks(currents, excess, spikes):
            membrane = torch.zeros(x[0].shape, device=currents.device)
            fired = torch.empty_like(membrane)
            for t in range(len(x)):
                current = x[t].float()
                membrane += current if tau == 1 else (current - membrane) / tau
                over[t].copy_(membrane - 1)
                torch.ge(membrane, 1, out=fired)
                s[t].copy_(fired)
                membrane.addcmul_(membrane, fired, value=-1)
        ctx.save_for_backward(excess)
        ctx.tau = tau
        return spikes

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (excess,) = ctx.saved_tensors
        result = torch.empty_like(excess)
        for over, of_s, of_x in _blocks(excess, gradient, result):
            of_v = torch.zeros(over[0].shape, device=gradient.device)
            fired = torch.empty_like(of_v)
            for t in reversed(range(len(over))):
                h = over[t].float()
                torch.ge(h, 0, out=fired)
                of_h = of_s[t].float() / h.square().mul_(math.pi**2).add_(1)
                of_h += of_v.addcmul_(of_v, fired, value=-1)
                of_x[t].copy_(of_h / ctx.tau)
                of_v = of_h * (1 - 1 / ctx.tau) if ctx.tau != 1 else of_h
        return result, None


def _blocks(*sequences: Tensor) -> Iterator[tuple[list[Tensor], ...]]:
    """Parts of equal sequences (T, …) that stay in the processor's cache, each a list of T flat tensors."""
    steps = [[step.reshape(-1) for step in sequence] for sequence in sequences]
    for start in range(0, len(steps[0][0]), BLOCK):
        yield tuple([step[start : start + BLOCK] for step in sequence] for sequence in steps)


class IF(FewerPasses, neuron.IFNode):  # type: ignore[misc]
    """Integrate and fire."""

    def __init__(self) -> None:
        super().__init__(surrogate_function=surrogate.ATan(), detach_reset=True)


class LIF(FewerPasses, neuron.LIFNode):  # type: ignore[misc]
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
