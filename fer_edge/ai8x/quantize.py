"""The accelerator's rounding, with straight-through gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge.network import MAX_SHIFT

HALF_RANGE = 128.0
"""An activation of 1.0 is 128 on the accelerator."""


def output_shift(weight: Tensor, bias: Tensor | None, weight_bits: int = 8, quantile: float = 1.0) -> Tensor:
    """The vendor's rule: the power of two that brings weights and bias just into [−1, 1].

    Limited to −15 … 15, and so that the accelerator's total shift, which adds `8 − weight_bits`, is within 15.
    Returns a scalar tensor, so that nothing waits for the GPU. `quantile` below 1 lets the largest values saturate.
    """
    with torch.no_grad():
        if quantile < 1.0:
            values = weight.flatten() if bias is None else torch.cat((weight.flatten(), bias))
            limit = torch.quantile(values.abs(), quantile)
        else:
            limit = torch.linalg.vector_norm(weight, torch.inf)
            if bias is not None:
                limit = torch.maximum(limit, torch.linalg.vector_norm(bias, torch.inf))
        return (-limit.reciprocal().log2().floor()).clamp(-MAX_SHIFT, MAX_SHIFT - 8 + weight_bits)


def integers(values: Tensor, steps_per_unit: Tensor, low: int, high: int) -> Tensor:
    """`values` in whole steps, half a step rounded up, saturated to `low` … `high`."""
    return torch.floor(values * steps_per_unit + 0.5).clamp_(low, high)


class FakeQuantize(torch.autograd.Function):
    """Values rounded to whole steps and saturated, then multiplied by `gain`. Gradients pass as if unrounded.

    Saturated values keep their gradient, else the largest weight of a layer could never become smaller.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, steps_per_unit: Tensor, low: int, high: int, gain: Tensor) -> Tensor:
        ctx.save_for_backward(gain)
        return integers(values, steps_per_unit, low, high).mul_(gain / steps_per_unit)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gain,) = ctx.saved_tensors
        return gradients[0] * gain, None, None, None, None


class QuantizeActivation(torch.autograd.Function):
    """From the accumulator to an activation, ``clamp(floor(u), low, 127) / 128`` with ``u = 128·y + ½``.

    The convolution delivers `u` itself (its weights and bias carry the 128 and the ½), which saves two passes over
    the activations. Gradients pass where nothing saturates.
    """

    @staticmethod
    def forward(ctx: Any, u: Tensor, low: int) -> Tensor:
        ctx.save_for_backward(u)
        ctx.low = low
        return torch.floor(u).clamp_(low, HALF_RANGE - 1).mul_(1 / HALF_RANGE)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (u,) = ctx.saved_tensors
        smallest = 0.5 if ctx.low == 0 else float(ctx.low)  # ReLU passes y > 0, that is u > ½
        scaled = gradients[0] * (1 / HALF_RANGE)
        return torch.ops.aten.hardtanh_backward(scaled, u, smallest, HALF_RANGE), None


def mean_of_windows(x: Tensor, pool: nn.AvgPool2d, steps_per_unit: float, rounding: bool) -> Tensor:
    """Average pooling in whole steps: means truncated towards zero, or to the nearest, ties away from zero."""
    rows, columns = pool.kernel_size if isinstance(pool.kernel_size, tuple) else (pool.kernel_size, pool.kernel_size)
    sums = F.avg_pool2d(x, pool.kernel_size, pool.stride, divisor_override=1)
    result: Tensor = _WholeSteps.apply(sums * steps_per_unit / (rows * columns), rounding) / steps_per_unit
    return result


class _WholeSteps(torch.autograd.Function):
    """Whole numbers from real ones; gradients pass as if unrounded."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, rounding: bool) -> Tensor:
        return torch.floor(values.abs() + 0.5).copysign_(values) if rounding else torch.trunc(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return gradients[0], None
