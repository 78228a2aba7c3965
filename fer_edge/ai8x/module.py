"""What the layers share: three modes of computing, and the settings that a checkpoint carries.

Each layer pools, convolves, normalizes, shifts, activates and clamps, in one of three modes:

``float``
    Real weights. Activations are clamped to [−1, 127/128]. Batch norm's output is divided by four (the vendor's
    convention), which puts four standard deviations into that range.
``qat``
    Weights, bias, means and activations rounded as on the accelerator, gradients straight through; batch norm folded.
    One unit is 128 steps of an activation and 2^(weight_bits−1) steps of a weight. The shift follows the weights.
``integer``
    Integer weights in float tensors, activations −128 … 127: the accelerator's own numbers. Exact while
    `IntegerNetwork.exact_in_float32`.

The mode is part of the checkpoint: `weight_bits` 0 is float, else `adjust_output_shift` 1 is qat and 0 integer.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.ai8x.device import dev
from fer_edge.ai8x.quantize import (
    HALF_RANGE,
    FakeQuantize,
    QuantizeActivation,
    integers,
    mean_of_windows,
    output_shift,
)
from fer_edge.network import WEIGHT_RANGE

Mode = Literal["float", "qat", "integer"]
Activation = Literal["ReLU", "Abs"]
Pool = nn.MaxPool2d | nn.AvgPool2d

BATCHNORM_SCALE = 0.25

SHIFT_QUANTILE = {8: 1.0, 4: 0.96, 2: 0.86, 1: 0.6}
"""Share of the weights, by magnitude, that weights of so many bits cover; larger ones saturate. With few bits, covering
all as the vendor does leaves most weights zero. These give the least squared error for normally distributed weights."""


class QuantizationAwareModule(nn.Module):
    """The mode, and pooling, which is all that a layer without weights does.

    Input and output are float tensors, [−1, 127/128] or integers by mode. The mean of a window truncates towards zero
    or, with `avg_pool_rounding` (None is what `set_device` says), goes to the nearest integer, ties away from zero.
    """

    output_shift: Tensor
    weight_bits: Tensor
    bias_bits: Tensor
    quantize_activation: Tensor
    adjust_output_shift: Tensor
    shift_quantile: Tensor

    def __init__(
        self,
        *,
        pool: Pool | None = None,
        avg_pool_rounding: bool | None = None,
        weight_bits: int | None = None,
        bias_bits: int | None = None,
        quantize_activation: bool = False,
        shift_quantile: float = 1.0,
    ) -> None:
        super().__init__()
        if (weight_bits is None) != (bias_bits is None) or (weight_bits is not None) != quantize_activation:
            raise ValueError("weight_bits, bias_bits and quantize_activation go together")
        _check_bits(weight_bits, bias_bits)
        self.pool = pool
        self.avg_pool_rounding = dev.round_avg if avg_pool_rounding is None else avg_pool_rounding
        for name, value in (
            ("output_shift", 0.0),
            ("weight_bits", weight_bits or 0),
            ("bias_bits", bias_bits or 0),
            ("quantize_activation", quantize_activation),
            ("adjust_output_shift", quantize_activation and not dev.simulate),
            ("shift_quantile", shift_quantile),
        ):
            self.register_buffer(name, torch.tensor([float(value)]))
        self._read_mode()
        self.register_load_state_dict_post_hook(lambda module, _: module._read_mode())  # type: ignore[no-untyped-call]

    def _read_mode(self) -> None:
        """Take the settings from the buffers into plain numbers, for which the GPU need not be waited for."""
        self._bits, self._bias_bits = int(self.weight_bits), int(self.bias_bits)
        self._quantile = float(self.shift_quantile)
        self._shift = int(self.output_shift)  # in integer mode; QAT works it out from the weights
        self.mode: Mode = "float" if not self._bits else "qat" if self.adjust_output_shift.bool().item() else "integer"

    def forward(self, x: Tensor) -> Tensor:
        """One layer; shapes as for the PyTorch operator of the same name."""
        if self.pool is None:
            return x
        if isinstance(self.pool, nn.MaxPool2d) or self.mode == "float":
            result: Tensor = self.pool(x)
            return result
        return mean_of_windows(x, self.pool, HALF_RANGE if self.mode == "qat" else 1.0, self.avg_pool_rounding)

    def start_qat(self, weight_bits: int = 8, shift_quantile: float | None = None, bias_bits: int = 8) -> None:
        """Go from float to QAT; `shift_quantile` None is `SHIFT_QUANTILE`'s.

        The accelerator has eight bits for every bias; fewer narrow its range, not its step, as the vendor trains.
        """
        _check_bits(weight_bits, bias_bits)
        self.shift_quantile.fill_(SHIFT_QUANTILE[weight_bits] if shift_quantile is None else shift_quantile)
        self._set_mode(weight_bits, bias_bits, qat=1)

    def stop_qat(self) -> None:
        """Go from QAT back to float: the same weights unrounded, batch norm still folded."""
        self._set_mode(0, bias_bits=0, qat=0)

    def to_integer(self) -> None:
        """Go from QAT to the accelerator's integers, for good."""
        self.adjust_output_shift.fill_(0)
        self._read_mode()

    def _set_mode(self, weight_bits: int, bias_bits: int, qat: int) -> None:
        self.weight_bits.fill_(weight_bits)
        self.bias_bits.fill_(bias_bits)
        self.quantize_activation.fill_(qat)
        self.adjust_output_shift.fill_(qat)
        self._read_mode()


class WeightedModule(QuantizationAwareModule):
    """What convolution and linear layers share.

    A `wide` layer gives the accumulator: it has no shift, activation or clamp.
    """

    def __init__(
        self,
        op: nn.Conv2d | nn.Linear,
        *,
        bn: nn.BatchNorm2d | None = None,
        activation: Activation | None = None,
        wide: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        if wide and activation is not None:
            raise ValueError("a wide (32-bit) layer has no activation")
        self.op, self.bn = op, bn
        self.activation, self.wide = activation, wide

    def forward(self, x: Tensor) -> Tensor:
        """One layer; shapes as for the PyTorch operator of the same name."""
        x = super().forward(x)
        if self.mode == "float":
            return self._forward_float(x)
        if self.mode == "qat":
            return self._forward_qat(x)
        return self._forward_integer(x)

    def _forward_float(self, x: Tensor) -> Tensor:
        x = self.op(x)
        if self.bn is not None:
            x = _quarter_batchnorm(self.bn, x)
        if self.wide:
            return x
        if self.activation == "Abs":
            x = x.abs()
        return F.hardtanh(x, 0.0 if self.activation == "ReLU" else -1.0, 127 / 128)

    def _forward_qat(self, x: Tensor) -> Tensor:
        weight, bias = self.op.weight, self.op.bias
        shift = output_shift(weight, bias, self._bits, self._quantile)
        self.output_shift.copy_(shift)
        unit = 2.0 ** (self._bits - 1)
        steps = torch.exp2(-shift) * unit
        # The accelerator's wide output has seen no shift; any other is wanted in steps of an activation.
        gain = torch.exp2(-shift) if self.wide else torch.full_like(shift, HALF_RANGE)
        weight = FakeQuantize.apply(weight, steps, *WEIGHT_RANGE[self._bits], gain)
        if bias is not None:
            bias = FakeQuantize.apply(bias, steps, *WEIGHT_RANGE[self._bias_bits], gain)
        if self.wide:
            return self._operate(x, weight, bias)
        bias = bias + 0.5 if bias is not None else x.new_full((len(weight),), 0.5)
        u = self._operate(x, weight, bias)
        y = QuantizeActivation.apply(u, 0 if self.activation == "ReLU" else -128)
        result: Tensor = y.abs().clamp(max=127 / 128) if self.activation == "Abs" else y
        return result

    def _forward_integer(self, x: Tensor) -> Tensor:
        bias = self.op.bias
        if bias is not None:
            bias = bias * 2.0 ** (8 - self._bits)  # the checkpoint's bias: hardware bias · 2^(weight_bits−1)
        accumulator = self._operate(x, self.op.weight, bias)
        if self.wide:
            return accumulator
        scale = 2.0 ** (self._shift + 8 - self._bits) / HALF_RANGE
        y = torch.floor(accumulator * scale + 0.5)
        y = y.clamp(0 if self.activation == "ReLU" else -128, 127)
        return y.abs().clamp(max=127) if self.activation == "Abs" else y

    def _operate(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if isinstance(self.op, nn.Linear):
            return F.linear(x, weight, bias)
        return F.conv2d(x, weight, bias, padding=self.op.padding)

    def fold_batchnorm(self) -> None:
        """Put batch norm, with its running statistics and the quarter, into weight and bias."""
        if self.bn is None:
            return
        bn, op = self.bn, self.op
        if bn.running_mean is None or bn.running_var is None or op.bias is None:
            raise ValueError("only batch norm with running statistics, after a biased layer, can be folded")
        with torch.no_grad():
            factor = torch.rsqrt(bn.running_var + bn.eps) * BATCHNORM_SCALE
            if bn.affine:
                factor *= bn.weight
            op.bias.copy_((op.bias - bn.running_mean) * factor + (bn.bias * BATCHNORM_SCALE if bn.affine else 0))
            op.weight.mul_(factor.reshape(-1, 1, 1, 1))
        self.bn = None

    def start_qat(self, weight_bits: int = 8, shift_quantile: float | None = None, bias_bits: int = 8) -> None:
        """Fold batch norm and go from float to QAT, see `QuantizationAwareModule.start_qat`."""
        self.fold_batchnorm()
        super().start_qat(weight_bits, shift_quantile, bias_bits)

    @torch.no_grad()
    def quantized(self) -> tuple[Tensor, Tensor | None, int]:
        """The integers that QAT computes with: int8 weight, int8 bias (in 128 accumulator steps), output shift."""
        if self.mode != "qat":
            raise ValueError(f"this layer is in {self.mode} mode; start QAT first")
        shift = output_shift(self.op.weight, self.op.bias, self._bits, self._quantile)
        steps = torch.exp2(-shift) * 2.0 ** (self._bits - 1)
        weight = integers(self.op.weight, steps, *WEIGHT_RANGE[self._bits]).to(torch.int8)
        bias = self.op.bias
        if bias is not None:
            bias = integers(bias, steps, *WEIGHT_RANGE[self._bias_bits]).to(torch.int8)
        return weight, bias, int(shift)

    @torch.no_grad()
    def channel_means(self, x: Tensor) -> Tensor:
        """Mean over images and pixels of what the activation is given, (outputs,), for inputs `x`.

        In QAT the weights are rounded, but not the bias.
        """
        x = super().forward(x)
        if self.mode == "float":
            y = self.op(x)
            y = y if self.bn is None else _quarter_batchnorm(self.bn, y)
        else:
            weight, _, shift = self.quantized()
            y = self._operate(x, weight * 2.0 ** (shift - (self._bits - 1)), self.op.bias)
        result: Tensor = y.flatten(2).mean((0, 2)) if y.ndim == 4 else y.mean(0)
        return result

    @torch.no_grad()
    def to_integer(self) -> None:
        """Go from QAT to the accelerator's integers, for good."""
        weight, bias, shift = self.quantized()
        self.op.weight.copy_(weight)
        if self.op.bias is not None and bias is not None:
            self.op.bias.copy_(bias * 2.0 ** (self._bits - 1))
        self.output_shift.fill_(shift)
        super().to_integer()


def _check_bits(*widths: int | None) -> None:
    if wrong := [bits for bits in widths if bits is not None and bits not in WEIGHT_RANGE]:
        raise ValueError(f"{wrong[0]} bits: the MAX78000 has weights of 1, 2, 4 or 8")


def _quarter_batchnorm(bn: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """``bn(x) / 4`` without another pass over the data where scale and offset can carry the quarter."""
    if not bn.affine:
        result: Tensor = bn(x) * BATCHNORM_SCALE
        return result
    momentum = bn.momentum
    if bn.training and bn.num_batches_tracked is not None:
        bn.num_batches_tracked.add_(1)
        if momentum is None:  # the mean of all batches
            momentum = 1.0 / float(bn.num_batches_tracked)
    return F.batch_norm(
        x,
        bn.running_mean,
        bn.running_var,
        bn.weight * BATCHNORM_SCALE,
        bn.bias * BATCHNORM_SCALE,
        bn.training,
        momentum or 0.0,
        bn.eps,
    )
