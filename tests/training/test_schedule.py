"""The learning rate over a run."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.training.schedule import CYCLES, PLATEAU, WARM_UP, Schedule, learning_rate

shares = st.floats(0, 1)


@given(st.sampled_from(get_args(Schedule)), shares)
def test_no_rate_is_negative_or_above_the_peak(schedule: Schedule, progress: float) -> None:
    assert 0 <= learning_rate(schedule, 0.1, progress, []) <= 0.1


@given(shares)
def test_one_cycle_rises_then_falls_to_zero(progress: float) -> None:
    rate = learning_rate("one-cycle", 1.0, progress, [])
    later = learning_rate("one-cycle", 1.0, min(1.0, progress + 0.01), [])
    assert later >= rate if progress + 0.01 <= WARM_UP else later <= rate or progress < WARM_UP
    assert learning_rate("one-cycle", 1.0, WARM_UP, []) == 1
    assert learning_rate("one-cycle", 1.0, 1.0, []) == pytest.approx(0)


@given(shares, shares)
def test_a_cosine_never_rises(one: float, other: float) -> None:
    early, late = sorted((one, other))
    assert learning_rate("cosine", 1.0, early, []) >= learning_rate("cosine", 1.0, late, [])


def test_restarts_start_from_the_peak_each_time_twice_as_long() -> None:
    parts = 2**CYCLES - 1
    starts = [(2**cycle - 1) / parts for cycle in range(CYCLES)]
    assert [learning_rate("restarts", 1.0, start + 1e-9, []) for start in starts] == pytest.approx([1] * CYCLES)
    ends = [*starts[1:], 1.0]
    assert [learning_rate("restarts", 1.0, end - 1e-9, []) for end in ends] == pytest.approx([0] * CYCLES, abs=1e-6)


def test_a_plateau_halves_the_rate_and_a_lower_loss_does_not() -> None:
    falling = [{"train_loss": 2.0, "val_loss": 2.0 - 0.1 * epoch} for epoch in range(4)]
    assert learning_rate("plateau", 1.0, 0.5, falling) == 1
    level = [falling[-1]] * PLATEAU
    assert learning_rate("plateau", 1.0, 0.5, [*falling, *level[1:]]) == 1
    assert learning_rate("plateau", 1.0, 0.5, [*falling, *level]) == 0.5
    assert learning_rate("plateau", 1.0, 0.5, [*falling, *level, *level]) == 0.25


def test_without_val_a_plateau_is_one_of_the_training_loss() -> None:
    assert learning_rate("plateau", 1.0, 0.5, [{"train_loss": 1.0}] * (PLATEAU + 1)) == 0.5
