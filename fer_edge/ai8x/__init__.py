"""PyTorch layers that know the accelerator: `layers.py` says how they compute."""

from fer_edge.ai8x.layers import (
    Conv2d,
    FusedConv2dBN,
    FusedConv2dBNReLU,
    FusedConv2dReLU,
    FusedLinearReLU,
    FusedMaxPoolConv2d,
    FusedMaxPoolConv2dBN,
    FusedMaxPoolConv2dBNReLU,
    FusedMaxPoolConv2dReLU,
    Linear,
    QuantizationAwareModule,
)

__all__ = [
    "Conv2d",
    "FusedConv2dBN",
    "FusedConv2dBNReLU",
    "FusedConv2dReLU",
    "FusedLinearReLU",
    "FusedMaxPoolConv2d",
    "FusedMaxPoolConv2dBN",
    "FusedMaxPoolConv2dBNReLU",
    "FusedMaxPoolConv2dReLU",
    "Linear",
    "QuantizationAwareModule",
]
