"""A torch module from a blueprint."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from fer_edge.ai8x import Conv2d, QuantizationAwareModule
from fer_edge.network import IntegerNetwork


class DeployableNet(nn.Module):
    """A chain of `ai8x` layers, one for each layer of the blueprint and named as there.

    Every biased layer but the classifier has batch norm, until `start_qat` folds it.
    """

    def __init__(self, blueprint: IntegerNetwork) -> None:
        super().__init__()
        self.blueprint = blueprint
        for index, layer in enumerate(blueprint.layers):
            if layer.operator != "conv" or layer.inputs != (index - 1,) or layer.pool == "avg" or layer.weight is None:
                raise NotImplementedError(f"layer {layer.name}: only a chain of convolutions can be trained so far")
            out_channels, in_channels, kernel_size, _ = layer.weight.shape
            wide = layer.output_width == 32
            module = Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                pooling="Max" if layer.pool else None,
                pool_size=layer.pool_size,
                pool_stride=layer.pool_stride,
                padding=layer.pad,
                bias=layer.bias is not None,
                activation={"relu": "ReLU", "abs": "Abs", None: None}[layer.activation],
                wide=wide,
                batchnorm=None if wide or layer.bias is None else "Affine",
            )
            self.add_module(layer.name, module)

    @property
    def layers(self) -> list[QuantizationAwareModule]:
        """The layers in order."""
        return [module for module in self.children() if isinstance(module, QuantizationAwareModule)]

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, *blueprint.image_shape), which are folded here.

        Images are (pixel − 128) / 128, in integer mode pixel − 128. Logits are real; in integer mode accumulators.
        """
        x = fold(images, self.blueprint.fold)
        for layer in self.layers:
            x = layer(x)
        # A wide QAT layer leaves out its shift, as the accelerator does. Training must not see its scale jump with it.
        return self._unshift(x).flatten(1)

    def _unshift(self, x: Tensor) -> Tensor:
        last = self.layers[-1]
        return x * torch.exp2(last.output_shift) if last.wide and last.mode == "qat" else x

    def start_qat(self) -> None:
        """Fold batch norm and go from float to QAT."""
        for layer, plan in zip(self.layers, self.blueprint.layers, strict=True):
            layer.start_qat(plan.weight_bits)

    def integer_network(self) -> IntegerNetwork:
        """What QAT computes, in integers."""
        layers = []
        for module, plan in zip(self.layers, self.blueprint.layers, strict=True):
            weight, bias, shift = module.quantized()
            layers.append(
                dataclasses.replace(
                    plan,
                    weight=weight.cpu().numpy(),
                    bias=None if bias is None else bias.cpu().numpy(),
                    output_shift=shift,
                )
            )
        return dataclasses.replace(self.blueprint, layers=tuple(layers))


def fold(images: Tensor, factor: int) -> Tensor:
    """Space to depth: ``folded[(f·i + j)·C + c, y, x] = image[c, f·y + i, f·x + j]``, as `device_input` folds."""
    if factor == 1:
        return images
    n, channels, rows, columns = images.shape
    blocks = images.reshape(n, channels, rows // factor, factor, columns // factor, factor)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(n, -1, rows // factor, columns // factor)
