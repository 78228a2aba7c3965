"""A torch module from a blueprint."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.ai8x import (
    Add,
    AvgPool2d,
    Conv2d,
    Linear,
    MaxPool2d,
    QuantizationAwareModule,
    WeightedModule,
    update_model,
)
from fer_edge.ai8x.module import Mode
from fer_edge.models.calibrate import correct_biases
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator


class DeployableNet(nn.Module):
    """`ai8x` layers as the blueprint connects them.

    The module of layer `conv4` is called `conv4`. Where it has several operands, `conv4_add` adds them; `conv4_pool`
    pools each of them before, or what a linear layer reads. Every biased convolution but the classifier has batch norm,
    until `start_qat` folds it. In training, `dropout` of the classifier's inputs are left out at random.
    """

    def __init__(self, blueprint: IntegerNetwork, dropout: float = 0.0) -> None:
        super().__init__()
        self.blueprint, self.dropout = blueprint, dropout
        for layer in blueprint.layers:
            self._add_modules(layer)
        update_model(self)
        self.register_load_state_dict_post_hook(lambda net, _: update_model(net))  # type: ignore[no-untyped-call]

    def _add_modules(self, layer: Layer) -> None:
        pooling: dict[str, Any] = {}
        if layer.pool is not None:
            pooling = {
                "pooling": layer.pool.title(),
                "pool_size": layer.pool_size,
                "pool_stride": layer.pool_stride,
                "avg_pool_rounding": self.blueprint.avg_pool_rounding,
            }
        several = len(layer.inputs) > 1
        if pooling and (layer.operator == Operator.LINEAR or (several and layer.pool_first)):
            self.add_module(f"{layer.name}_pool", _pool(**pooling))
            pooling = {}
        if several:
            self.add_module(f"{layer.name}_add", Add())
        if layer.weight is None:
            if pooling:
                self.add_module(layer.name, _pool(**pooling))
            return
        outputs, inputs = layer.weight.shape[:2]
        wide, biased = layer.output_width == 32, layer.bias is not None
        settings: dict[str, Any] = {
            "bias": biased,
            "activation": {"relu": "ReLU", "abs": "Abs", None: None}[layer.activation],
            "wide": wide,
        }
        if layer.operator == Operator.LINEAR:
            self.add_module(layer.name, Linear(inputs, outputs, **settings))
        else:
            batchnorm = "Affine" if biased and not wide else None
            self.add_module(
                layer.name,
                Conv2d(
                    inputs,
                    outputs,
                    layer.kernel_size,
                    padding=layer.pad,
                    batchnorm=batchnorm,  # type: ignore[arg-type]
                    **settings,
                    **pooling,
                ),
            )

    @property
    def layers(self) -> list[WeightedModule]:
        """The convolution and linear layers in order."""
        return [module for module in self.children() if isinstance(module, WeightedModule)]

    @property
    def mode(self) -> Mode:
        """The arithmetic of all layers."""
        return self.layers[0].mode

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, *blueprint.image_shape), which are folded here.

        Grey images (N, 1, rows, columns) are seen in every channel, as `device_input` has it.

        Images are (pixel − 128) / 128, in integer mode pixel − 128. Logits are real; in integer mode accumulators.
        """
        colours = images.expand(-1, self.blueprint.image_shape[0], -1, -1)
        outputs = {INPUT: fold(colours, self.blueprint.fold)}
        last = len(self.blueprint.layers) - 1
        for index, layer in enumerate(self.blueprint.layers):
            operands = [outputs[source] for source in layer.inputs]
            if index == last:
                operands = [F.dropout(x, self.dropout, self.training) for x in operands]
            outputs[index] = self._compute(layer, operands)
        # A wide QAT layer leaves out its shift, as the accelerator does. Training must not see its scale jump with it.
        return self._unshift(outputs[last]).flatten(1)

    def _compute(self, layer: Layer, operands: list[Tensor]) -> Tensor:
        pool, add, module = (self._modules.get(layer.name + suffix) for suffix in ("_pool", "_add", ""))
        if pool is not None and layer.pool_first:
            operands = [pool(x) for x in operands]
        x = operands[0] if add is None else add(*operands)
        if pool is not None and not layer.pool_first:
            x = pool(x)
        if module is None:
            return x
        result: Tensor = module(x.flatten(1))[:, :, None, None] if isinstance(module, Linear) else module(x)
        return result

    def _unshift(self, x: Tensor) -> Tensor:
        last = self._modules.get(self.blueprint.layers[-1].name)
        if isinstance(last, WeightedModule) and last.wide and last.mode == "qat":
            return x * torch.exp2(last.output_shift)
        return x

    def fold_batchnorm(self) -> None:
        """Put batch norm into weights and biases."""
        for layer in self.layers:
            layer.fold_batchnorm()

    def start_qat(self, images: Tensor | None = None) -> None:
        """Fold batch norm and go from float to QAT, with the blueprint's weight bits.

        Biases are corrected for what rounding does to `images`, if given.
        """
        before = None if images is None else copy.deepcopy(self)
        bits = {layer.name: layer.weight_bits for layer in self.blueprint.layers}
        for name, module in self.named_children():
            if isinstance(module, QuantizationAwareModule):
                module.start_qat(bits.get(name, 8))
        update_model(self)
        if before is not None and images is not None:
            correct_biases(self, before, images)

    def stop_qat(self) -> None:
        """Go from QAT back to float: the same weights unrounded, batch norm still folded."""
        for module in self.children():
            if isinstance(module, QuantizationAwareModule):
                module.stop_qat()
        update_model(self)

    def to_integer(self) -> None:
        """Go from QAT to the accelerator's integers, for good."""
        for module in self.children():
            if isinstance(module, QuantizationAwareModule):
                module.to_integer()
        update_model(self)

    def integer_network(self) -> IntegerNetwork:
        """What QAT computes, in integers."""
        modules = {name: module for name, module in self.named_children() if isinstance(module, WeightedModule)}
        return dataclasses.replace(
            self.blueprint,
            layers=tuple(
                _quantized(layer, modules[layer.name]) if layer.weight is not None else layer
                for layer in self.blueprint.layers
            ),
        )


def _pool(pooling: str, pool_size: tuple[int, int], pool_stride: int, **settings: Any) -> QuantizationAwareModule:
    return (MaxPool2d if pooling == "Max" else AvgPool2d)(pool_size, pool_stride, **settings)


def _quantized(layer: Layer, module: WeightedModule) -> Layer:
    weight, bias, shift = module.quantized()
    return dataclasses.replace(
        layer,
        weight=weight.cpu().numpy(),
        bias=None if bias is None else bias.cpu().numpy(),
        weight_bits=int(module.weight_bits),
        output_shift=shift,
    )


def fold(images: Tensor, factor: int) -> Tensor:
    """Space to depth: ``folded[(f·i + j)·C + c, y, x] = image[c, f·y + i, f·x + j]``, as `device_input` folds.

    >>> image = torch.tensor([[1, 2], [3, 4]]).reshape(1, 1, 2, 2)
    >>> fold(image, 2).flatten().tolist()  # each corner has become a channel
    [1, 2, 3, 4]
    """
    if factor == 1:
        return images
    n, channels, rows, columns = images.shape
    blocks = images.reshape(n, channels, rows // factor, factor, columns // factor, factor)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(n, -1, rows // factor, columns // factor)
