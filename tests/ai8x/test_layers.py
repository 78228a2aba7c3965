"""The layers against the vendor's formulas and against the simulator."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fer_edge import ai8x
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.simulate import activations
from tests.present import present

KEYS = [
    "output_shift",
    "weight_bits",
    "bias_bits",
    "quantize_activation",
    "adjust_output_shift",
    "shift_quantile",
    "op.weight",
    "op.bias",
]


def integers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Activations as the accelerator holds them, in a float tensor."""
    return torch.randint(-128, 128, shape, generator=torch.Generator().manual_seed(seed)).float()


def test_checkpoint_keys_are_the_vendors() -> None:
    assert list(ai8x.FusedConv2dReLU(1, 2, 3).state_dict()) == KEYS
    with_norm = ai8x.FusedMaxPoolConv2dBNReLU(1, 2, 3).state_dict()
    assert set(with_norm) - set(KEYS) == {
        f"bn.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    }
    assert list(ai8x.FusedLinearReLU(3, 2, bias=True).state_dict()) == KEYS
    assert list(ai8x.AvgPool2d(2).state_dict()) == KEYS[:-2]
    assert list(ai8x.Add().state_dict()) == []


def test_float_layers_normalize_quarter_activate_and_clamp() -> None:
    torch.manual_seed(0)
    layer = ai8x.FusedMaxPoolConv2dBNReLU(3, 5, 3, padding=1)
    norm = present(layer.bn)
    norm.weight.data.uniform_(0.5, 8)
    x = torch.rand(4, 3, 8, 8) * 2 - 1
    pooled = torch.nn.functional.max_pool2d(x, 2)
    convolved = torch.nn.functional.conv2d(pooled, layer.op.weight, layer.op.bias, padding=1)
    expected = (copy.deepcopy(norm)(convolved) / 4).relu().clamp(-1, 127 / 128)
    torch.testing.assert_close(layer(x), expected)


def test_float_layers_without_relu_keep_negative_values_and_abs_folds_them() -> None:
    layer = ai8x.Conv2d(1, 1, 1, bias=False)
    layer.op.weight.data.fill_(1.0)
    x = torch.tensor([-3.0, -0.5, 3.0]).reshape(1, 1, 1, 3)
    assert layer(x).flatten().tolist() == [-1, -0.5, 127 / 128]
    layer.activation = "Abs"
    assert layer(x).flatten().tolist() == [127 / 128, 0.5, 127 / 128]


def test_a_wide_layer_is_not_clamped() -> None:
    layer = ai8x.Linear(1, 1, bias=False, wide=True)
    layer.op.weight.data.fill_(3.0)
    assert layer(torch.tensor([[0.9]])).item() == pytest.approx(2.7)
    with pytest.raises(ValueError, match="no activation"):
        ai8x.FusedLinearReLU(1, 1, wide=True)


@pytest.mark.parametrize("batchnorm", ["Affine", "NoAffine"])
def test_folding_batch_norm_changes_nothing(batchnorm: str) -> None:
    torch.manual_seed(0)
    layer = ai8x.FusedConv2dBNReLU(3, 6, 3, padding=1, batchnorm=batchnorm)
    for _ in range(30):
        layer(torch.randn(16, 3, 6, 6) + 0.3)
    layer.eval()
    x = torch.randn(4, 3, 6, 6)
    before = layer(x)
    layer.fold_batchnorm()
    assert layer.bn is None
    torch.testing.assert_close(layer(x), before)


def test_the_cumulative_mean_weighs_every_batch_alike() -> None:
    layer = ai8x.FusedConv2dBN(1, 1, 1, bias=True)
    layer.op.weight.data.fill_(1.0)
    present(layer.op.bias).data.fill_(0.0)
    norm = present(layer.bn)
    norm.momentum = None
    norm.reset_running_stats()
    for value in (1.0, 2.0, 6.0):
        layer(torch.full((2, 1, 2, 2), value))
    assert present(norm.running_mean).item() == pytest.approx(3.0)


def _layer(conv: ai8x.WeightedModule, **kwargs: Any) -> Layer:
    weight, bias, shift = conv.quantized()
    return Layer(
        name="layer",
        inputs=(INPUT,),
        weight=weight.numpy(),
        bias=None if bias is None else bias.numpy(),
        output_shift=shift,
        weight_bits=int(conv.weight_bits),
        activation={"ReLU": "relu", "Abs": "abs", None: None}[conv.activation],
        output_width=32 if conv.wide else 8,
        **kwargs,
    )


def _check(conv: ai8x.QuantizationAwareModule, network: IntegerNetwork, x: torch.Tensor) -> None:
    """QAT and integer mode give the simulator's integers."""
    if not network.exact_in_float32():
        return
    expected = activations(network, x.numpy().astype(np.int8))[-1]
    expected = expected.reshape(conv(x.reshape(len(x), -1) if isinstance(conv, ai8x.Linear) else x).shape)
    flat = x.reshape(len(x), -1) if isinstance(conv, ai8x.Linear) else x
    unit = 128 * (2.0 ** (int(conv.weight_bits) - 1) if conv.wide else 1)
    qat = conv(flat / 128).detach() * unit
    np.testing.assert_array_equal(qat.numpy(), expected)
    conv.to_integer()
    assert conv.mode == "integer"
    np.testing.assert_array_equal(conv(flat).detach().numpy(), expected)


@given(
    channels=st.integers(1, 70),
    kernel=st.sampled_from([1, 3]),
    pooling=st.sampled_from([None, "Max", "Avg"]),
    rounding=st.booleans(),
    bias=st.booleans(),
    activation=st.sampled_from(["ReLU", "Abs", None]),
    wide=st.booleans(),
    bits=st.sampled_from([1, 2, 4, 8]),
    scale=st.sampled_from([0.02, 0.3, 1.0, 4.0]),
    seed=st.integers(0, 1000),
)
def test_qat_and_integer_convolution_are_the_accelerators(
    channels: int,
    kernel: int,
    pooling: Any,
    rounding: bool,
    bias: bool,
    activation: Any,
    wide: bool,
    bits: int,
    scale: float,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    conv = ai8x.Conv2d(
        channels,
        5,
        kernel,
        pooling=pooling,
        pool_size=(2, 3),
        avg_pool_rounding=rounding,
        padding=kernel // 2,
        bias=bias,
        activation=None if wide else activation,
        wide=wide,
    )
    for parameter in conv.parameters():
        parameter.data.normal_(0, scale)
    conv.start_qat(bits)
    pool: dict[str, Any] = (
        {"pool": pooling.lower(), "pool_size": (2, 3), "pool_stride": 2} if pooling is not None else {}
    )
    layer = _layer(conv, operator=Operator.CONV, pad=kernel // 2, **pool)
    network = IntegerNetwork("one", (channels, 6, 5), (layer,), avg_pool_rounding=rounding)
    _check(conv, network, integers(3, channels, 6, 5, seed=seed))


MEANS = [-2.75, -2.5, -2.25, 0.25, 0.5, 2.5, 2.75]


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [(False, [-2, -2, -2, 0, 0, 2, 2]), (True, [-3, -3, -2, 0, 1, 3, 3])],
    ids=["towards zero", "to the nearest"],
)
def test_means_are_whole_steps_in_qat_and_integer_mode(rounding: bool, expected: list[int]) -> None:
    windows = torch.tensor([[mean * 4, 0, 0, 0] for mean in MEANS]).reshape(1, 7, 2, 2)
    pool = ai8x.AvgPool2d(2, avg_pool_rounding=rounding)
    assert (pool(windows / 128) * 128).flatten().tolist() == MEANS
    pool.start_qat()
    assert (pool(windows / 128) * 128).flatten().tolist() == expected
    pool.to_integer()
    assert pool(windows).flatten().tolist() == expected


def test_means_pass_gradients_as_if_they_were_not_rounded() -> None:
    gradients = []
    for mode in ("float", "qat"):
        x = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
        pool = ai8x.AvgPool2d((2, 3), 1)
        if mode == "qat":
            pool.start_qat()
        (pool(x) * torch.arange(20).reshape(5, 4)).sum().backward()
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients)


def test_max_pooling_by_itself_is_torchs() -> None:
    x = integers(2, 3, 7, 7)
    pool = ai8x.MaxPool2d((3, 2), (2, 2))
    assert torch.equal(pool(x), torch.nn.functional.max_pool2d(x, (3, 2), 2))


def test_sums_saturate_as_int8() -> None:
    a, b = torch.tensor([100.0, -100, 3, 127]), torch.tensor([100.0, -100, -5, 1])
    add = ai8x.Add()
    assert (add(a / 128, b / 128) * 128).tolist() == [127, -128, -2, 127]
    assert (add(*3 * [torch.tensor([50 / 128])]) * 128).tolist() == [127]
    add.mode = "integer"
    assert add(a, b).tolist() == [127, -128, -2, 127]


@pytest.mark.parametrize(
    ("layer", "pooling", "batchnorm", "activation"),
    [
        (ai8x.FusedConv2dAbs, None, False, "Abs"),
        (ai8x.FusedConv2dBNReLU, None, True, "ReLU"),
        (ai8x.FusedMaxPoolConv2dAbs, torch.nn.MaxPool2d, False, "Abs"),
        (ai8x.FusedMaxPoolConv2dBNAbs, torch.nn.MaxPool2d, True, "Abs"),
        (ai8x.FusedAvgPoolConv2d, torch.nn.AvgPool2d, False, None),
        (ai8x.FusedAvgPoolConv2dReLU, torch.nn.AvgPool2d, False, "ReLU"),
        (ai8x.FusedAvgPoolConv2dAbs, torch.nn.AvgPool2d, False, "Abs"),
        (ai8x.FusedAvgPoolConv2dBNReLU, torch.nn.AvgPool2d, True, "ReLU"),
        (ai8x.FusedAvgPoolConv2dBNAbs, torch.nn.AvgPool2d, True, "Abs"),
    ],
)
def test_fused_layers_are_what_their_names_say(
    layer: type[ai8x.Conv2d], pooling: type | None, batchnorm: bool, activation: str | None
) -> None:
    module = layer(2, 3, 3, padding=1)
    assert type(module.pool) is (pooling or type(None))
    assert (module.bn is not None) == batchnorm
    assert module.activation == activation
    assert module(torch.zeros(1, 2, 6, 6)).shape == ((1, 3, 3, 3) if pooling else (1, 3, 6, 6))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_weights_of_few_bits_cover_the_share_that_costs_least(bits: int) -> None:
    """Squared error of normally distributed weights, averaged over where they lie between two powers of two."""
    normal = torch.randn(1, 5000, generator=torch.Generator().manual_seed(0))

    def error(quantile: float | None) -> float:
        total = 0.0
        for scale in 2 ** torch.linspace(0, 1, 9)[:-1]:
            layer = ai8x.Linear(5000, 1, bias=False)
            layer.op.weight.data.copy_(normal * scale)
            layer.start_qat(bits, quantile)
            weight, _, shift = layer.quantized()
            total += (weight * 2.0 ** (shift - bits + 1) / scale - normal).square().sum().item()
        return total

    assert error(None) < 1.02 * min(error(quantile) for quantile in torch.linspace(0.4, 1, 31).tolist())


def test_the_shift_leaves_room_for_the_bits() -> None:
    """The accelerator shifts by `8 − bits` on top, and by 15 at most."""
    layer = ai8x.Conv2d(1, 1, 1, bias=False)
    layer.op.weight.data.fill_(-1e6)
    layer.start_qat(1)
    assert layer.quantized()[2] == 8


@given(bits=st.sampled_from([4, 8]), wide=st.booleans(), seed=st.integers(0, 1000))
def test_qat_and_integer_linear_are_the_accelerators(bits: int, wide: bool, seed: int) -> None:
    torch.manual_seed(seed)
    linear = ai8x.Linear(8 * 3 * 3, 7, bias=True, wide=wide)
    linear.start_qat(bits)
    layer = _layer(linear, operator=Operator.LINEAR)
    _check(linear, IntegerNetwork("one", (8, 3, 3), (layer,)), integers(4, 8, 3, 3, seed=seed))


def test_qat_gradients_are_those_of_the_float_layer_where_nothing_saturates() -> None:
    torch.manual_seed(0)
    layer = ai8x.Conv2d(4, 3, 3, padding=1)
    layer.op.weight.data.mul_(0.2)
    x = (torch.rand(8, 4, 6, 6) - 0.5).requires_grad_()
    gradients = []
    for _ in range(2):
        layer.zero_grad()
        x.grad = None
        (layer(x) * torch.linspace(-1, 1, 36).reshape(6, 6)).sum().backward()
        gradients.append([present(t.grad).clone() for t in (x, layer.op.weight, present(layer.op.bias))])
        layer.start_qat()
    for exact, rounded in zip(*gradients, strict=True):
        torch.testing.assert_close(rounded, exact, atol=0.02 * exact.abs().max().item(), rtol=0)


def test_the_mode_travels_with_the_checkpoint() -> None:
    trained = ai8x.FusedConv2dBNReLU(2, 3, 3)
    trained.start_qat(4)
    fresh = ai8x.FusedConv2dReLU(2, 3, 3)
    modes = [fresh.mode]
    fresh.load_state_dict(trained.state_dict())
    modes.append(fresh.mode)
    trained.to_integer()
    fresh.load_state_dict(trained.state_dict())
    assert [*modes, fresh.mode] == ["float", "qat", "integer"]
    x = integers(2, 2, 5, 5)
    assert torch.equal(fresh(x), trained(x))


def test_leaving_qat_uses_the_weights_unrounded() -> None:
    layer = ai8x.FusedConv2dReLU(2, 3, 3)
    x = torch.rand(2, 2, 5, 5)
    before = layer(x)
    layer.start_qat()
    assert not torch.equal(layer(x), before)
    layer.stop_qat()
    assert torch.equal(layer(x), before)


def test_layers_built_quantized_are_in_qat_mode() -> None:
    layer = ai8x.Conv2d(1, 1, 3, weight_bits=8, bias_bits=8, quantize_activation=True)
    assert layer.mode == "qat"
    with pytest.raises(ValueError, match="go together"):
        ai8x.Conv2d(1, 1, 3, weight_bits=8)


@pytest.mark.parametrize(
    "wrong",
    [{"stride": 2}, {"dilation": 2}, {"groups": 2}, {"padding": 3}, {"kernel_size": 5}, {"pooling": "Min"}],
    ids=str,
)
def test_what_the_accelerator_cannot_do_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"MAX78000|pooling"):
        ai8x.Conv2d(**{"in_channels": 2, "out_channels": 2, "kernel_size": 3, **wrong})


def test_only_qat_can_be_quantized() -> None:
    with pytest.raises(ValueError, match="float mode"):
        ai8x.Conv2d(1, 1, 3).to_integer()


@pytest.mark.parametrize(
    "vendors",
    [
        {"kernel_size": (3, 3), "stride": (1, 1), "dilation": (1, 1), "padding": (1, 1)},
        {"kernel_size": [3, 3], "op": "Conv2d", "padding": 1, "pooling": "Max", "pool_stride": (2, 2)},
        {
            "kernel_size": 3,
            "padding": 1,
            "pooling": "Avg",
            "pool_size": (2, 2),
            "pool_stride": None,
            "pool_dilation": 1,
        },
        {"kernel_size": 3, "padding": 1, "weight_bits": None, "bias_bits": None, "quantize_activation": False},
    ],
    ids=str,
)
def test_arguments_are_taken_in_the_vendors_forms(vendors: dict[str, Any]) -> None:
    layer = ai8x.Conv2d(2, 3, **vendors)
    side = 3 if "pooling" in vendors else 6
    assert layer(torch.zeros(1, 2, 6, 6)).shape == (1, 3, side, side)


def test_the_vendors_defaults_are_ours() -> None:
    assert ai8x.Linear(3, 2).op.bias is None
    assert ai8x.Linear(3, 2, None, True).op.bias is not None
    assert present(ai8x.MaxPool2d(3, stride=None, dilation=1).pool).stride == 3


@pytest.mark.parametrize(
    "wrong",
    [{"pool_stride": (2, 1)}, {"pool_size": (2, 3), "pool_stride": None}, {"pool_size": 17}, {"pool_dilation": 2}],
    ids=str,
)
def test_pooling_beyond_the_accelerator_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="MAX78000"):
        ai8x.FusedMaxPoolConv2dReLU(2, 2, 3, **wrong)


def test_elementwise_layers_compute_the_accelerators_codes() -> None:
    """As the accelerator's model, which reads ONED.ELTWISE_FN, reduces them: from the first to the last, then clips."""
    operands = [integers(2, 3, 4, 4, seed=seed) for seed in range(3)]
    ufuncs = {ai8x.Add: np.add, ai8x.Sub: np.subtract, ai8x.Or: np.bitwise_or, ai8x.Xor: np.bitwise_xor}
    for layer, ufunc in ufuncs.items():
        expected = ufunc.reduce([x.numpy().astype(np.int32) for x in operands]).clip(-128, 127)
        module = layer()
        np.testing.assert_array_equal(module(*(x / 128 for x in operands)).numpy() * 128, expected)
        module.mode = "integer"
        np.testing.assert_array_equal(module(*operands).numpy(), expected)
        with pytest.raises(ValueError, match="2 to 16"):
            module(*operands * 6)


def test_biases_may_have_the_range_of_their_weights_as_in_the_vendors_training() -> None:
    """The vendor's: bias rounded to 2^−(bits−1), clamped to [−1, (2^(bits−1) − 1) / 2^(bits−1)], of the scaled one."""
    layer = ai8x.Conv2d(1, 3, 1)
    layer.op.weight.data.fill_(0.9)
    present(layer.op.bias).data.copy_(torch.tensor([0.99, -0.99, 0.3]))
    layer.start_qat(4, 1.0)
    assert present(layer.quantized()[1]).tolist() == [8, -8, 2]
    layer.start_qat(4, 1.0, bias_bits=4)
    assert present(layer.quantized()[1]).tolist() == [7, -8, 2]
    zero = torch.zeros(1, 1, 1, 1)
    assert layer(zero).flatten().tolist() == [7 / 8, -1, 2 / 8]
    with pytest.raises(ValueError, match="3 bits"):
        layer.start_qat(8, bias_bits=3)


def test_absolute_values_differ_from_the_vendors_training_at_halves_only() -> None:
    """There |y| is rounded, on the accelerator y. Of all values in 1/8 steps, those at −½ differ, by one."""
    layer = ai8x.FusedConv2dAbs(1, 2, 1, bias=False)
    layer.op.weight.data.copy_(torch.tensor([0.5, 0.75]).reshape(2, 1, 1, 1))  # both exact in eight bits
    layer.start_qat()
    steps = torch.arange(-1000, 1000) / 4  # inputs that training cannot see, for sums in eighths of a step
    ours = layer((steps / 128).reshape(1, 1, 1, -1)).detach()[0, 0, 0] * 128
    vendors = torch.floor((steps / 2).abs() + 0.5).clamp(max=127)
    differ = ours != vendors
    assert differ.any()
    assert (vendors - ours)[differ].unique().tolist() == [1]
    assert ((steps[differ] / 2) % 1 == 0.5).all()
    assert (steps[differ] < 0).all()
