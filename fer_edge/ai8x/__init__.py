"""PyTorch layers that know the accelerator: `module.py` says how they compute, `layers.py` lists them.

Names, arguments and checkpoint keys are the vendor's; docs/ai8x.md says which are here and what differs.
"""

from typing import Any

from fer_edge.ai8x.device import set_device
from fer_edge.ai8x.layers import (
    Add,
    AvgPool2d,
    BitwiseOr,
    BitwiseXor,
    Conv2d,
    Elementwise,
    FusedAvgPoolConv2d,
    FusedAvgPoolConv2dAbs,
    FusedAvgPoolConv2dBNAbs,
    FusedAvgPoolConv2dBNReLU,
    FusedAvgPoolConv2dReLU,
    FusedConv2dAbs,
    FusedConv2dBN,
    FusedConv2dBNReLU,
    FusedConv2dReLU,
    FusedLinearAbs,
    FusedLinearReLU,
    FusedMaxPoolConv2d,
    FusedMaxPoolConv2dAbs,
    FusedMaxPoolConv2dBN,
    FusedMaxPoolConv2dBNAbs,
    FusedMaxPoolConv2dBNReLU,
    FusedMaxPoolConv2dReLU,
    Linear,
    MaxPool2d,
    Or,
    Sub,
    Xor,
)
from fer_edge.ai8x.model import fuse_bn_layers, initiate_qat, update_model
from fer_edge.ai8x.module import QuantizationAwareModule, WeightedModule

__all__ = [
    "Add",
    "AvgPool2d",
    "BitwiseOr",
    "BitwiseXor",
    "Conv2d",
    "Elementwise",
    "FusedAvgPoolConv2d",
    "FusedAvgPoolConv2dAbs",
    "FusedAvgPoolConv2dBNAbs",
    "FusedAvgPoolConv2dBNReLU",
    "FusedAvgPoolConv2dReLU",
    "FusedConv2dAbs",
    "FusedConv2dBN",
    "FusedConv2dBNReLU",
    "FusedConv2dReLU",
    "FusedLinearAbs",
    "FusedLinearReLU",
    "FusedMaxPoolConv2d",
    "FusedMaxPoolConv2dAbs",
    "FusedMaxPoolConv2dBN",
    "FusedMaxPoolConv2dBNAbs",
    "FusedMaxPoolConv2dBNReLU",
    "FusedMaxPoolConv2dReLU",
    "Linear",
    "MaxPool2d",
    "Or",
    "QuantizationAwareModule",
    "Sub",
    "WeightedModule",
    "Xor",
    "fuse_bn_layers",
    "initiate_qat",
    "set_device",
    "update_model",
]

_ABSENT = {
    "Depthwise": "the MAX78000 has no depthwise convolution",
    "Transpose": "fer-edge has no transposed convolution",
    "1d": "fer-edge has no one-dimensional layers",
    "SoftwareLinear": "it is for the AI84, and Linear runs on the MAX78000",
}
"""Why a name of the vendor's is not here, by a part of it."""


def __getattr__(name: str) -> Any:
    """AttributeError with the reason, for names that only the vendor has."""
    reason = next((why for part, why in _ABSENT.items() if part in name), "docs/ai8x.md lists what is here")
    raise AttributeError(f"fer_edge.ai8x has no {name}: {reason}")
