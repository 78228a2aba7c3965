"""Layers that compute what the MAX78000 computes, under the vendor's names, arguments and checkpoint keys.

`module.py` says how. An add or a pooling that the accelerator fuses with the next convolution is written here as
modules one after another, as in the vendor's models.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fer_edge.ai8x.device import dev
from fer_edge.ai8x.module import Activation, Mode, Pool, QuantizationAwareModule, WeightedModule
from fer_edge.ai8x.quantize import HALF_RANGE
from fer_edge.network import MAX_OPERANDS, MAX_POOL

Size = int | Sequence[int]


def _pair(value: Size, what: str) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2:
        raise ValueError(f"{what} is {value}: give one number or two")
    return pair


def _one(value: Size, what: str) -> int:
    """The number of a square `value`."""
    rows, columns = _pair(value, what)
    if rows != columns:
        raise ValueError(f"{what} is {value}: on the MAX78000 it is the same for rows and columns")
    return rows


def _pool(kind: Literal["Max", "Avg"] | None, size: Size, stride: Size | None, dilation: Size = 1) -> Pool | None:
    if kind not in (None, "Max", "Avg"):
        raise ValueError(f"pooling is {kind!r}; use 'Max', 'Avg' or None")
    if kind is None:
        return None
    window = _pair(size, "pool_size")
    step = _one(window if stride is None else stride, "pool_stride")
    if not all(1 <= n <= MAX_POOL for n in (*window, step)) or _one(dilation, "pool_dilation") != 1:
        raise ValueError(f"the MAX78000 pools windows of 1 to {MAX_POOL} by strides of 1 to {MAX_POOL}, undilated")
    return nn.MaxPool2d(window, step) if kind == "Max" else nn.AvgPool2d(window, step)


class Elementwise(nn.Module):
    """2 to 16 operands of one shape, combined from the first to the last, saturated as int8.

    It has no weights and, as the vendor's, nothing in the checkpoint: `update_model` tells it the `mode`.
    """

    mode: Mode

    def __init__(self) -> None:
        super().__init__()
        self.mode = "integer" if dev.simulate else "float"

    def forward(self, *operands: Tensor) -> Tensor:
        """Operands real, or −128 … 127 in integer mode."""
        if not 2 <= len(operands) <= MAX_OPERANDS:
            raise ValueError(f"{len(operands)} operands: the MAX78000 combines 2 to {MAX_OPERANDS}")
        unit = HALF_RANGE if self.mode == "integer" else 1.0
        return reduce(self._combine, operands).clamp(-unit, unit * 127 / 128)

    def _combine(self, a: Tensor, b: Tensor) -> Tensor:
        raise NotImplementedError


class Add(Elementwise):
    """The sum of its operands."""

    def _combine(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.add(a, b)


class Sub(Elementwise):
    """The first operand less all others."""

    def _combine(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.sub(a, b)


class BitwiseXor(Elementwise):
    """The bits, as int8, in which an odd number of operands is set. No gradient passes."""

    def _combine(self, a: Tensor, b: Tensor) -> Tensor:
        return self._from_int8(torch.bitwise_xor(self._int8(a), self._int8(b)), a)

    def _int8(self, x: Tensor) -> Tensor:
        steps = x if self.mode == "integer" else x * HALF_RANGE
        return torch.floor(steps + 0.5).clamp(-128, 127).to(torch.int8)

    def _from_int8(self, x: Tensor, like: Tensor) -> Tensor:
        return x.to(like.dtype) / (1.0 if self.mode == "integer" else HALF_RANGE)


class BitwiseOr(BitwiseXor):
    """The bits, as int8, in which any operand is set. No gradient passes."""

    def _combine(self, a: Tensor, b: Tensor) -> Tensor:
        return self._from_int8(torch.bitwise_or(self._int8(a), self._int8(b)), a)


Xor, Or = BitwiseXor, BitwiseOr  # their earlier names


class Conv2d(WeightedModule):
    """Optional pooling ('Max', 'Avg' or None), then 2-D convolution (1×1 or 3×3, stride 1) and activation ('ReLU',
    'Abs' or None).

    Arguments are the vendor's; those the MAX78000 has only one value for are refused otherwise.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        op: str = "Conv2d",
        *,
        pooling: Literal["Max", "Avg"] | None = None,
        pool_size: Size = 2,
        pool_stride: Size | None = 2,
        pool_dilation: Size = 1,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        batchnorm: Literal["Affine", "NoAffine"] | None = None,
        eps: float = 1e-5,
        momentum: float = 0.05,
        **settings: Any,
    ) -> None:
        if op != "Conv2d":
            raise ValueError(f"op is {op!r}; fer-edge has 'Conv2d' only")
        kernel, pad = _one(kernel_size, "kernel_size"), _one(padding, "padding")
        fixed = (_one(stride, "stride"), _one(dilation, "dilation"), groups)
        if fixed != (1, 1, 1) or kernel not in (1, 3) or not 0 <= pad < kernel:
            raise ValueError(
                "the MAX78000 convolves 1×1 unpadded or 3×3 with padding 0 to 2, and with stride, dilation and groups 1"
            )
        if batchnorm is not None and not bias:
            raise ValueError("batch norm needs bias=True, into which it is folded")
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel, padding=pad, bias=bool(bias)),
            pool=_pool(pooling, pool_size, pool_stride, pool_dilation),
            bn=nn.BatchNorm2d(out_channels, eps, momentum, batchnorm == "Affine") if batchnorm else None,
            **settings,
        )


class Linear(WeightedModule):
    """Linear layer and activation ('ReLU', 'Abs' or None) on flat inputs (N, in_features).

    Without `bias`, it has none, as the vendor's. `pooling` and `batchnorm` are there for the vendor's models to pass.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        pooling: None = None,
        bias: bool | None = None,
        *,
        activation: Activation | None = None,
        wide: bool = False,
        batchnorm: None = None,
        **settings: Any,
    ) -> None:
        if pooling is not None or batchnorm is not None:
            raise ValueError("a linear layer has neither pooling nor batch norm")
        super().__init__(nn.Linear(in_features, out_features, bool(bias)), activation=activation, wide=wide, **settings)


class MaxPool2d(QuantizationAwareModule):
    """Max pooling by itself; `stride` None is the window's size."""

    def __init__(self, kernel_size: Size, stride: Size | None = None, dilation: Size = 1, **settings: Any) -> None:
        super().__init__(pool=_pool("Max", kernel_size, stride, dilation), **settings)


class AvgPool2d(QuantizationAwareModule):
    """Average pooling by itself; `stride` None is the window's size."""

    def __init__(self, kernel_size: Size, stride: Size | None = None, **settings: Any) -> None:
        super().__init__(pool=_pool("Avg", kernel_size, stride), **settings)


class FusedLinearReLU(Linear):
    """Linear, ReLU."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, activation="ReLU", **kwargs)


class FusedLinearAbs(Linear):
    """Linear, Abs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, activation="Abs", **kwargs)


class FusedConv2dReLU(Conv2d):
    """Convolution, ReLU."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, activation="ReLU", **kwargs)


class FusedConv2dAbs(Conv2d):
    """Convolution, Abs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, activation="Abs", **kwargs)


class FusedConv2dBN(Conv2d):
    """Convolution, batch norm."""

    def __init__(self, *args: Any, batchnorm: Literal["Affine", "NoAffine"] = "Affine", **kwargs: Any) -> None:
        super().__init__(*args, batchnorm=batchnorm, **kwargs)


class FusedConv2dBNReLU(FusedConv2dBN):
    """Convolution, batch norm, ReLU."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, activation="ReLU", **kwargs)


class FusedMaxPoolConv2d(Conv2d):
    """Max pooling, convolution."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, pooling="Max", **kwargs)


class FusedMaxPoolConv2dReLU(FusedMaxPoolConv2d):
    """Max pooling, convolution, ReLU."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, activation="ReLU", **kwargs)


class FusedMaxPoolConv2dAbs(FusedMaxPoolConv2d):
    """Max pooling, convolution, Abs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, activation="Abs", **kwargs)


class FusedMaxPoolConv2dBN(FusedMaxPoolConv2d):
    """Max pooling, convolution, batch norm."""

    def __init__(self, *args: Any, batchnorm: Literal["Affine", "NoAffine"] = "Affine", **kwargs: Any) -> None:
        super().__init__(*args, batchnorm=batchnorm, **kwargs)


class FusedMaxPoolConv2dBNReLU(FusedMaxPoolConv2dBN):
    """Max pooling, convolution, batch norm, ReLU."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, activation="ReLU", **kwargs)


class FusedMaxPoolConv2dBNAbs(FusedMaxPoolConv2dBN):
    """Max pooling, convolution, batch norm, Abs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, activation="Abs", **kwargs)


class FusedAvgPoolConv2d(Conv2d):
    """Average pooling, convolution."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, pooling="Avg", **kwargs)


class FusedAvgPoolConv2dReLU(FusedAvgPoolConv2d):
    """Average pooling, convolution, ReLU."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, activation="ReLU", **kwargs)


class FusedAvgPoolConv2dAbs(FusedAvgPoolConv2d):
    """Average pooling, convolution, Abs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, activation="Abs", **kwargs)


class FusedAvgPoolConv2dBNReLU(FusedAvgPoolConv2dReLU):
    """Average pooling, convolution, batch norm, ReLU."""

    def __init__(self, *args: Any, batchnorm: Literal["Affine", "NoAffine"] = "Affine", **kwargs: Any) -> None:
        super().__init__(*args, batchnorm=batchnorm, **kwargs)


class FusedAvgPoolConv2dBNAbs(FusedAvgPoolConv2dAbs):
    """Average pooling, convolution, batch norm, Abs."""

    def __init__(self, *args: Any, batchnorm: Literal["Affine", "NoAffine"] = "Affine", **kwargs: Any) -> None:
        super().__init__(*args, batchnorm=batchnorm, **kwargs)
