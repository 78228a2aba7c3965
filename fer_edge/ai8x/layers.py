"""Layers that compute what the MAX78000 computes, under the vendor's names, arguments and checkpoint keys.

`module.py` says how. An add or a pooling that the accelerator fuses with the next convolution is written here as
modules one after another, as in the vendor's models.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from fer_edge.ai8x.module import Activation, Mode, Pool, QuantizationAwareModule, WeightedModule
from fer_edge.ai8x.quantize import HALF_RANGE

Size = int | tuple[int, int]


def _pool(kind: Literal["Max", "Avg"] | None, size: Size, stride: int | None) -> Pool | None:
    if kind not in (None, "Max", "Avg"):
        raise ValueError(f"pooling is {kind!r}; use 'Max', 'Avg' or None")
    if kind is None:
        return None
    return nn.MaxPool2d(size, stride) if kind == "Max" else nn.AvgPool2d(size, stride)


class Add(nn.Module):
    """The sum of its operands, saturated as int8.

    It has no weights and, as the vendor's, nothing in the checkpoint: whoever goes to integer mode sets `mode`.
    """

    mode: Mode = "float"

    def forward(self, *operands: Tensor) -> Tensor:
        """Operands of one shape; real, or −128 … 127 in integer mode."""
        total = operands[0]
        for operand in operands[1:]:
            total = torch.add(total, operand)
        unit = HALF_RANGE if self.mode == "integer" else 1.0
        return total.clamp(-unit, unit * 127 / 128)


class Conv2d(WeightedModule):
    """Optional pooling ('Max', 'Avg' or None), then 2-D convolution (1×1 or 3×3, stride 1) and activation ('ReLU',
    'Abs' or None).

    Arguments are the vendor's; those the MAX78000 has only one value for are refused otherwise.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        pooling: Literal["Max", "Avg"] | None = None,
        pool_size: Size = 2,
        pool_stride: int | None = 2,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        batchnorm: Literal["Affine", "NoAffine"] | None = None,
        eps: float = 1e-5,
        momentum: float = 0.05,
        **settings: Any,
    ) -> None:
        if (stride, dilation, groups) != (1, 1, 1) or kernel_size not in (1, 3) or not 0 <= padding <= 2:
            raise ValueError("the MAX78000 convolves 1×1 or 3×3 with stride, dilation and groups 1 and padding 0 to 2")
        if batchnorm is not None and not bias:
            raise ValueError("batch norm needs bias=True, into which it is folded")
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, padding=padding, bias=bias),
            pool=_pool(pooling, pool_size, pool_stride),
            bn=nn.BatchNorm2d(out_channels, eps, momentum, batchnorm == "Affine") if batchnorm else None,
            **settings,
        )


class Linear(WeightedModule):
    """Linear layer and activation ('ReLU', 'Abs' or None) on flat inputs (N, in_features)."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        activation: Activation | None = None,
        wide: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(nn.Linear(in_features, out_features, bias), activation=activation, wide=wide, **settings)


class MaxPool2d(QuantizationAwareModule):
    """Max pooling by itself; `stride` None is the window's size."""

    def __init__(self, kernel_size: Size, stride: int | None = None, **settings: Any) -> None:
        super().__init__(pool=_pool("Max", kernel_size, stride), **settings)


class AvgPool2d(QuantizationAwareModule):
    """Average pooling by itself; `stride` None is the window's size."""

    def __init__(self, kernel_size: Size, stride: int | None = None, **settings: Any) -> None:
        super().__init__(pool=_pool("Avg", kernel_size, stride), **settings)


class FusedLinearReLU(Linear):
    """Linear, ReLU."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True, **kwargs: Any) -> None:
        super().__init__(in_features, out_features, bias, activation="ReLU", **kwargs)


class FusedLinearAbs(Linear):
    """Linear, Abs."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True, **kwargs: Any) -> None:
        super().__init__(in_features, out_features, bias, activation="Abs", **kwargs)


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
