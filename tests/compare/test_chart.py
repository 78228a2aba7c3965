"""Accuracy against energy: like beside like, every point where its figures put it, every name clear of the others."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.compare import chart
from fer_edge.compare.chart import BOTTOM, LEFT, RIGHT, TOP, charts, log_ticks, percent_ticks
from fer_edge.compare.networks import FIGURES, Compared
from fer_edge.figure import Figure
from fer_edge.metrics import wilson_interval


def network(letter: str, right: int, of: int = 1000, **energies: float) -> Compared:
    return Compared(
        letter=letter,
        name=f"net-{letter}",
        source="here",
        arithmetic="integer",
        published=None,
        scores={"accuracy": right / of, "accuracy_95": list(wilson_interval(right, of))},
        figures={key: Figure(value, "µJ", "estimated", "a model") for key, value in energies.items()},
        absent={},
        right=np.zeros(of, np.bool_),
    )


def test_energies_of_different_kinds_never_share_a_chart() -> None:
    found = charts(
        [
            network("A", 600, chip_energy=40),
            network("B", 650, chip_energy=200),
            network("C", 700, convention_energy=400),
            network("D", 500),
            network("E", 500, host_energy=0.0),
        ]
    )
    assert [(c.what, [p.label[0] for p in c.points]) for c in found] == [
        ("MAX78000 energy", ["A", "B"]),
        ("energy by convention", ["C"]),
    ]
    assert charts([network("A", 600)]) == []


def test_points_lie_where_their_figures_put_them() -> None:
    (found,) = charts([network("A", 600, chip_energy=40), network("B", 650, chip_energy=200)])
    a, b = found.points
    assert LEFT < a.x < b.x < RIGHT
    assert TOP <= b.interval[1] < b.y < a.y < a.interval[0] <= BOTTOM
    ticks = {text: place for place, text in found.x_ticks}
    assert ticks["200"] == pytest.approx(b.x)
    assert ticks["50"] - a.x == pytest.approx((b.x - a.x) * np.log(50 / 40) / np.log(5))
    share = {text: place for place, text in found.y_ticks}
    assert b.y == pytest.approx(share["65 %"] if "65 %" in share else (share["64 %"] + share["66 %"]) / 2)
    assert a.title == "A net-A: 60.00 %, 40 µJ (estimated)"


@given(st.lists(st.tuples(st.integers(0, 1000), st.sampled_from([40.0, 41.0, 60.0, 300.0])), min_size=2, max_size=4))
def test_names_keep_clear_of_other_names_where_there_is_room(points: list[tuple[int, float]]) -> None:
    (found,) = charts([network("ABCD"[i], right, chip_energy=e) for i, (right, e) in enumerate(points)])
    for p in found.points:
        assert p.label in (f"{p.label[0]} net-{p.label[0]}", p.label[0])
        assert LEFT < p.x < RIGHT
    if len({energy for _, energy in points} & {40.0, 300.0}) == len(points) == 2:
        assert all(len(p.label) > 1 for p in found.points)
    whole = [p for p in found.points if len(p.label) > 1]
    for p, q in combinations(whole, 2):
        assert abs(p.label_x - q.label_x) > 1 or abs(p.label_y - q.label_y) > 1


@given(st.floats(1e-6, 1e6), st.floats(2.56, 1e6))
def test_a_logarithmic_axis_has_ticks_in_order_and_in_range(low: float, ratio: float) -> None:
    ticks = log_ticks(low, low * ratio)
    assert ticks == sorted(ticks)
    assert 1 <= len(ticks) <= 12
    assert all(low <= tick <= low * ratio for tick in ticks)


@given(st.floats(0, 1), st.floats(0, 1))
def test_an_axis_of_percentages_surrounds_what_it_shows(a: float, b: float) -> None:
    low, high = sorted((a, b))
    ticks = percent_ticks(low, high)
    assert ticks[0] <= 100 * low + 1e-9
    assert ticks[-1] >= 100 * high - 1e-9
    assert 3 <= len(ticks) <= 7


def test_every_energy_is_a_figure_of_the_table() -> None:
    assert set(chart.ENERGIES) <= set(FIGURES)
