"""The vendor's functions on whole models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from fer_edge.ai8x.layers import Elementwise
from fer_edge.ai8x.module import QuantizationAwareModule, WeightedModule


def fuse_bn_layers(m: nn.Module) -> None:
    """Put batch norm into weights and biases of every layer of `m`."""
    for module in m.modules():
        if isinstance(module, WeightedModule):
            module.fold_batchnorm()


def initiate_qat(m: nn.Module, qat_policy: Mapping[str, Any]) -> None:
    """Take every layer of `m` from float to QAT, batch norm folded.

    `qat_policy` is the vendor's: `weight_bits`; `shift_quantile`, 1 if absent; `overrides` by the layer's name, with
    `weight_bits`, `shift_quantile` or both. As there, a bias has the range of as many bits as the weights; where the
    policy gives `bias_bits`, of those (the accelerator has 8). Other keys are of the training and not looked at.
    ValueError if an override names no layer.
    """
    overrides = qat_policy.get("overrides", {})
    layers = {name: module for name, module in m.named_modules() if isinstance(module, QuantizationAwareModule)}
    if unknown := sorted(overrides.keys() - layers.keys()):
        raise ValueError(f"overrides of {', '.join(unknown)}: the model's layers are {', '.join(layers)}")
    for name, layer in layers.items():
        policy = {"shift_quantile": 1.0, **qat_policy, **overrides.get(name, {})}
        bits = policy["weight_bits"]
        layer.start_qat(bits, policy["shift_quantile"], policy.get("bias_bits", bits))
    update_model(m)


def update_model(m: nn.Module) -> None:
    """Tell the element-wise layers of `m`, which have nothing in a checkpoint, the mode of the others."""
    modes = [module.mode for module in m.modules() if isinstance(module, QuantizationAwareModule)]
    for module in m.modules():
        if isinstance(module, Elementwise) and modes:
            module.mode = modes[0]
