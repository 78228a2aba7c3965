"""What images tell about a network before its weights are rounded."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from fer_edge.ai8x import Add, WeightedModule
from fer_edge.network import INPUT, IntegerNetwork

SATURATED = 1e-4
"""Share of a layer's activations that may saturate for the sake of the others' resolution."""
MAX_GAIN = 2.0**8


@torch.no_grad()
def correct_biases(net: nn.Module, reference: nn.Module, images: Tensor) -> None:
    """Shift the biases of `net`, in QAT, so that the mean output of every channel, before its activation, is that of
    `reference`, the same network in float.

    Rounding moves the means: with one-bit weights, which cannot be positive, so far that nothing passes a ReLU.
    """
    means: list[Tensor] = []

    def record(layer: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(layer, WeightedModule)
        means.append(layer.channel_means(*inputs))

    def correct(layer: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(layer, WeightedModule)
        mean = means.pop(0)
        if layer.op.bias is not None:
            layer.op.bias += mean - layer.channel_means(*inputs)

    for model, visit in ((reference, record), (net, correct)):
        layers = [module for module in model.modules() if isinstance(module, WeightedModule)]
        hooks = [layer.register_forward_pre_hook(visit) for layer in layers]
        model.eval()(images)
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def scale_activations(net: nn.Module, network: IntegerNetwork, images: Tensor) -> None:
    """Scale weights and biases of a float network with folded batch norm, so that activations fill [−1, 1); `network`
    is its blueprint.

    Every tensor gets a gain of its own, a power of two, by which the layers that read it divide; operands of an add,
    and whatever is only copied or pooled, share one. What the network computes stays the same.
    """
    group = _same_scale(network)
    index = {layer.name: i for i, layer in enumerate(network.layers)}
    largest = dict.fromkeys(group, 0.0)
    hooks = []
    for name, module in net.named_children():
        if isinstance(module, Add):
            tensor = network.layers[index[name.removesuffix("_add")]].inputs[0]
        elif isinstance(module, WeightedModule):
            tensor = index[name]
        else:
            continue

        def measure(_: nn.Module, inputs: object, output: Tensor, root: int = group[tensor]) -> None:
            magnitudes = output.abs().flatten()
            kept = max(1, math.ceil((1 - SATURATED) * len(magnitudes)))
            largest[root] = max(largest[root], magnitudes.kthvalue(kept).values.item())

        hooks.append(module.register_forward_hook(measure))
    net.eval()(images)
    for hook in hooks:
        hook.remove()

    fixed = {group[INPUT], group[len(network.layers) - 1]}  # the image, and the logits
    gain = {
        root: 1.0 if root in fixed or not value > 0 else min(2.0 ** max(0, math.floor(-math.log2(value))), MAX_GAIN)
        for root, value in largest.items()
    }
    for name, module in net.named_children():
        if isinstance(module, WeightedModule):
            own, source = group[index[name]], group[network.layers[index[name]].inputs[0]]
            module.op.weight *= gain[own] / gain[source]
            if module.op.bias is not None:
                module.op.bias *= gain[own]


def _same_scale(network: IntegerNetwork) -> dict[int, int]:
    """For each tensor, the first of those that must have its scale."""
    group = {tensor: tensor for tensor in range(INPUT, len(network.layers))}
    for index, layer in enumerate(network.layers):
        same = {group[source] for source in layer.inputs} | ({index} if layer.weight is None else set())
        first = min(same)
        group = {tensor: first if root in same else root for tensor, root in group.items()}
    return group
