"""Rounding and its gradients."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.ai8x.quantize import FakeQuantize, QuantizeActivation, output_shift

UNITS = torch.tensor(128.0)


@given(st.floats(2**-13, 2**13, width=32))
def test_the_shift_is_the_smallest_power_of_two_that_covers_the_weights(largest: float) -> None:
    shift = int(output_shift(torch.tensor([[largest / 3, -largest]]), None))
    rounding = 1 + 1e-6  # of the logarithm in single precision
    assert 2.0 ** (shift - 1) < largest * rounding
    assert largest <= 2.0**shift * rounding


def test_the_shift_covers_the_bias_too() -> None:
    assert output_shift(torch.tensor([[0.2]]), torch.tensor([-3.0])) == 2


def test_the_shift_stops_at_fifteen() -> None:
    assert output_shift(torch.tensor([[1e9]]), None) == 15
    assert output_shift(torch.tensor([[1e-9]]), None) == -15
    assert output_shift(torch.zeros(1, 1), None) == -15


def test_a_quantile_leaves_the_largest_values_to_saturation() -> None:
    weight = torch.cat((torch.full((99,), 0.4), torch.tensor([5.0])))[None]
    assert output_shift(weight, None) == 3
    assert output_shift(weight, None, quantile=0.98) == -1


def test_powers_of_two_are_exact() -> None:
    exponents = torch.arange(-30, 31, dtype=torch.float32)
    assert torch.exp2(exponents).tolist() == [2.0**e for e in range(-30, 31)]


def test_weights_are_rounded_half_up_and_saturated() -> None:
    values = torch.tensor([0.5 / 128, -0.5 / 128, 1.49 / 128, 1.0, -1.0, -1.2])
    rounded = FakeQuantize.apply(values, UNITS, -128, 127, torch.tensor(1.0)) * 128
    assert rounded.tolist() == [1, 0, 1, 127, -128, -128]


def test_weight_gradients_pass_straight_through_even_when_saturated() -> None:
    values = torch.tensor([0.3, 2.0], requires_grad=True)
    FakeQuantize.apply(values, UNITS, -128, 127, torch.tensor(4.0)).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [4, 4]


@pytest.mark.parametrize(
    ("low", "expected", "gradient"),
    [(-128, [-1, -1, 0, 2 / 128, 127 / 128], [0, 1, 1, 1, 0]), (0, [0, 0, 0, 2 / 128, 127 / 128], [0, 0, 0, 1, 0])],
    ids=["linear", "relu"],
)
def test_activations_are_rounded_clamped_and_pass_gradients_only_within_range(
    low: int, expected: list[float], gradient: list[float]
) -> None:
    y = torch.tensor([-2.0, -1.0, 0.0, 1.6 / 128, 1.5], requires_grad=True)
    rounded = QuantizeActivation.apply(128 * y + 0.5, low)
    rounded.sum().backward()
    assert rounded.tolist() == expected
    assert y.grad is not None
    assert y.grad.tolist() == gradient
