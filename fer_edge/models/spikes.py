"""What a network computes for an image: spikes and synaptic operations, or multiplications, and their energy.

A synaptic operation (AC) is the addition of one weight when one spike arrives. Every spike is followed to the
synapses that it really drives, so that borders, strides and pooling count as they are: a spike that max pooling drops
drives none, and a sum of k spikes, as SEW blocks pass on, drives k times as many. Average pooling counts as part of
the layer behind it. The first layer works on pixels: multiplications (MAC), which are the same at every step and so
are done once per image. Batch norm is taken as folded into the weights before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from spikingjelly.activation_based.neuron import BaseNode
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from fer_edge.faces.dataset import SIDE
from fer_edge.figure import Figure
from fer_edge.models.snn import SpikingNet

MAC_PJ, AC_PJ = 4.6, 0.9
ENERGY_SOURCE = f"{MAC_PJ} pJ per MAC and {AC_PJ} pJ per AC (45 nm, 32-bit float; arithmetic only, no memory)"
PUBLISHED_RATE = 0.0585
"""Mean firing rate published for a spiking network on FER2013; its sparsity is 94.15 %."""


@dataclass(frozen=True)
class NeuronLayer:
    """Neurons of one layer: `spikes` per image, all steps together; `rate` per neuron and step."""

    name: str
    neurons: int
    spikes: float
    rate: float


@dataclass(frozen=True)
class SynapseLayer:
    """A layer of weights that spikes arrive at; `synops` per image, all steps together."""

    name: str
    synops: float


@dataclass(frozen=True)
class SpikeMetrics:
    """Means over `images` images. `macs` and `synops` are per image; `rate` is of all neurons together."""

    images: int
    steps: int
    neurons: tuple[NeuronLayer, ...]
    synapses: tuple[SynapseLayer, ...]
    rate: float
    sparsity: float
    synops: float
    macs: int
    energy: Figure

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts, for JSON."""
        return asdict(self)

    def report(self) -> str:
        """For the terminal."""
        width = max(len(name) for name in [n.name for n in self.neurons] + [s.name for s in self.synapses])
        return "\n".join(
            [
                f"spikes of {self.images:,} images, {self.steps} steps each:",
                *(f"  {n.name:{width}}  {n.neurons:9,} neurons, firing rate {n.rate:.2%}" for n in self.neurons),
                *(f"  {s.name:{width}}  {s.synops:15,.0f} synaptic operations" for s in self.synapses),
                f"  firing rate  {self.rate:.2%}, sparsity {self.sparsity:.2%}"
                f" (published: {PUBLISHED_RATE:.2%}, {1 - PUBLISHED_RATE:.2%})",
                f"  operations   {self.synops:,.0f} AC and {self.macs:,} MAC per image",
                f"  energy       {self.energy}; {self.energy.source}",
            ]
        )


def spike_metrics(model: SpikingNet, images: Tensor, batch: int = 64) -> SpikeMetrics:
    """Spikes of `model` on images (N, 1, 48, 48) as it takes them, `batch` at once."""
    device = next(model.parameters()).device
    names = {module: name for name, module in model.named_modules()}
    neurons = {module: 0 for module in model.modules() if isinstance(module, BaseNode)}
    spikes: dict[nn.Module, float] = dict.fromkeys(neurons, 0.0)
    synops = {module: 0.0 for module in model.spiking.modules() if isinstance(module, nn.Conv2d | nn.Linear)}
    averaged = 1.0  # neurons behind each value that arrives at the next layer of weights

    def count(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal averaged
        if module in neurons:
            neurons[module] = output[0, 0].numel()
            spikes[module] += output.sum(dtype=torch.float64).item()
        elif isinstance(module, nn.AdaptiveAvgPool2d):
            averaged = inputs[0].numel() / output.numel()
        elif isinstance(module, nn.Conv2d | nn.Linear):
            synops[module] += averaged * synaptic_operations(module, inputs[0].flatten(0, 1))
            averaged = 1.0

    with _hooked(model.spiking, count):
        for part in tqdm(images.split(batch), "spikes", unit="batch", leave=False, delay=2, disable=None):
            model(part.to(device))

    total = sum(spikes.values())
    rate = total / (len(images) * model.steps * sum(neurons.values()))
    per_image = sum(synops.values()) / len(images)
    static = macs(model.static)
    return SpikeMetrics(
        images=len(images),
        steps=model.steps,
        neurons=tuple(
            NeuronLayer(names[m], n, spikes[m] / len(images), spikes[m] / (len(images) * model.steps * n))
            for m, n in neurons.items()
        ),
        synapses=tuple(SynapseLayer(names[m], count / len(images)) for m, count in synops.items()),
        rate=rate,
        sparsity=1 - rate,
        synops=per_image,
        macs=static,
        energy=energy(static, per_image),
    )


def synaptic_operations(layer: nn.Conv2d | nn.Linear, spikes: Tensor) -> float:
    """Additions of weights that spikes (N, …) cause in a layer: each spike times the outputs it reaches."""
    if isinstance(layer, nn.Linear):
        return spikes.sum(dtype=torch.float64).item() * layer.out_features
    # With weights of one, each output is the number of spikes that reach it.
    ones = torch.ones_like(layer.weight[: layer.groups])
    reached = F.conv2d(spikes, ones, None, layer.stride, layer.padding, layer.dilation, layer.groups)
    return reached.sum(dtype=torch.float64).item() * (layer.out_channels // layer.groups)


def macs(model: nn.Module, shape: tuple[int, int, int] = (1, SIDE, SIDE)) -> int:
    """Multiplications of convolutions and linear layers for one image; those with padding count as any other.

    A spiking network is counted as if every step multiplied.
    """
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d | nn.Linear):
            total += output.numel() * module.weight[0].numel()

    parameter = next(model.parameters())
    with _hooked(model, count):
        model(torch.zeros(1, *shape, dtype=parameter.dtype, device=parameter.device))
    return total


def energy(macs: float, synops: float = 0.0) -> Figure:
    """Energy of an inference by the usual convention of papers on spiking networks: no figure of any real chip."""
    return Figure((MAC_PJ * macs + AC_PJ * synops) * 1e-6, "µJ", "assumed", ENERGY_SOURCE)


@contextmanager
def _hooked(model: nn.Module, hook: Any) -> Iterator[None]:
    """Evaluation mode, no gradients, and `hook` called after every module."""
    training = model.training
    handles = [module.register_forward_hook(hook) for module in model.modules()]
    try:
        with torch.no_grad():
            model.eval()
            yield
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
