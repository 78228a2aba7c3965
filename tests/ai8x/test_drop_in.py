"""What a model written for the vendor's trainer needs of `ai8x` besides its layers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fer_edge import ai8x
from fer_edge.ai8x.device import dev

DOCUMENT = Path(__file__).parents[2] / "docs" / "ai8x.md"


class Residual(nn.Module):
    """As the vendor's models are written."""

    def __init__(self, bias: bool = True, **kwargs: Any) -> None:
        super().__init__()
        self.conv1 = ai8x.FusedConv2dBNReLU(1, 4, (3, 3), stride=1, padding=1, bias=bias, **kwargs)
        self.conv2 = ai8x.FusedConv2dReLU(4, 4, 3, stride=1, padding=1, bias=bias, **kwargs)
        self.resid = ai8x.Add()
        self.pool = ai8x.AvgPool2d(2, 2, **kwargs)
        self.fc = ai8x.Linear(4 * 4 * 4, 3, bias=bias, wide=True, **kwargs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(x)
        result: torch.Tensor = self.fc(self.pool(self.resid(x, self.conv2(x))).flatten(1))
        return result


@pytest.fixture(autouse=True)
def _device() -> Iterator[None]:
    yield
    dev.simulate = dev.round_avg = False


def _images() -> torch.Tensor:
    return torch.randint(-128, 128, (5, 1, 8, 8), generator=torch.Generator().manual_seed(0)).float()


def test_the_vendors_functions_take_a_model_from_float_to_the_accelerators_integers() -> None:
    ai8x.set_device(85, False, False, verbose=False)
    torch.manual_seed(0)
    model = Residual(weight_bits=None, bias_bits=None, quantize_activation=False)
    model(_images() / 128)
    model.eval()
    before = model(_images() / 128)
    ai8x.fuse_bn_layers(model)
    assert model.conv1.bn is None
    torch.testing.assert_close(model(_images() / 128), before)

    policy = {"start_epoch": 1, "weight_bits": 8, "shift_quantile": 0.99, "overrides": {"conv2": {"weight_bits": 4}}}
    ai8x.initiate_qat(model, qat_policy=policy)
    assert [int(layer.weight_bits) for layer in (model.conv1, model.conv2, model.fc)] == [8, 4, 8]
    assert [int(layer.bias_bits) for layer in (model.conv1, model.conv2)] == [8, 4]
    assert model.conv2.shift_quantile.item() == pytest.approx(0.99)
    qat = model(_images() / 128)
    assert not torch.equal(qat, before)

    for layer in model.children():
        if isinstance(layer, ai8x.QuantizationAwareModule):
            layer.to_integer()
    ai8x.set_device(85, True, False, verbose=False)
    simulated = Residual(weight_bits=8, bias_bits=8, quantize_activation=True)
    assert simulated.conv1.mode == simulated.resid.mode == "integer"
    simulated.load_state_dict({k: v for k, v in model.state_dict().items() if ".bn." not in k}, strict=False)
    ai8x.fuse_bn_layers(simulated)
    simulated.conv1.load_state_dict(model.conv1.state_dict())
    assert torch.equal(simulated(_images()), (qat * 128 * 128).round())


def test_an_override_of_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"conv9.*conv1, conv2, pool, fc"):
        ai8x.initiate_qat(Residual(), {"weight_bits": 8, "overrides": {"conv9": {"weight_bits": 4}}})


def test_elementwise_layers_are_told_the_mode_of_a_loaded_model() -> None:
    trained = Residual()
    ai8x.initiate_qat(trained, {"weight_bits": 8})
    for layer in trained.children():
        if isinstance(layer, ai8x.QuantizationAwareModule):
            layer.to_integer()
    model = Residual()
    ai8x.fuse_bn_layers(model)
    model.load_state_dict(trained.state_dict())
    ai8x.update_model(model)
    assert model.resid.mode == "integer"


def test_set_device_chooses_how_means_are_rounded() -> None:
    ai8x.set_device(85, False, True, verbose=False)
    assert ai8x.AvgPool2d(2).avg_pool_rounding
    assert not ai8x.AvgPool2d(2, avg_pool_rounding=False).avg_pool_rounding
    with pytest.raises(ValueError, match="not the MAX78000"):
        ai8x.set_device(87, False, False)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("FusedConv1dReLU", "one-dimensional"),
        ("FusedMaxPoolConvTranspose2dReLU", "transposed"),
        ("DepthwiseConv2d", "no depthwise"),
        ("SoftwareLinear", "AI84"),
        ("onnx_export_prep", "docs/ai8x.md"),
    ],
)
def test_a_name_that_only_the_vendor_has_says_why_it_is_not_here(name: str, reason: str) -> None:
    with pytest.raises(AttributeError, match=reason):
        getattr(ai8x, name)
    assert f"`{name}`" in DOCUMENT.read_text(encoding="utf-8")


def test_the_document_lists_every_class_and_function() -> None:
    listed, _ = DOCUMENT.read_text(encoding="utf-8").split("## Not here")
    names = set(re.findall(r"`([A-Za-z_0-9]+)`", listed))
    assert set(ai8x.__all__) <= names
