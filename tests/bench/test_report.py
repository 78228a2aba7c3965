"""The report says what it knows and how it knows it, and needs nothing but itself."""

import copy
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.bench import report

Result = dict[str, Any]


@pytest.fixture
def differing(result: Result) -> Result:
    changed = copy.deepcopy(result)
    changed["logits"]["images_differing"] = 1
    changed["logits"]["first_differing"] = [
        {
            "image": 3,
            "name": "<b>face & co</b>.png",
            "board": [1, 2, 3, 4, 5, 6, 7],
            "simulator": [1, 2, 3, 4, 5, 6, 8],
            "board_class": "surprise",
            "simulator_class": "surprise",
        }
    ]
    return changed


def test_the_page_needs_no_network(result: Result) -> None:
    assert not re.search(r"https?://|\bsrc=|\bhref=|@import|url\(|<script|<link", report.html(result))


def test_every_chart_is_well_formed(result: Result) -> None:
    charts = re.findall(r"<svg.*?</svg>", report.html(result), re.DOTALL)
    assert len(charts) == 2
    for chart in charts:
        ElementTree.fromstring(chart)


def test_the_page_states_accuracy_with_interval_and_number(result: Result) -> None:
    page = report.html(result)
    low, high = (f"{100 * bound:.2f} %" for bound in result["accuracy_95"])
    assert f"95 %: {low} to {high}, n = 70" in page
    assert "split test" in page


def test_estimated_and_assumed_figures_are_named_so(result: Result) -> None:
    page = report.html(result)
    assert re.search(r'35\.00 mW</td><td><span class="tag assumed"', page)
    assert re.search(r'One inference.*?class="tag estimated"', page, re.DOTALL)
    assert "Energy net of idle needs a measured idle window" in page


def test_equal_latencies_are_told_in_words(result: Result) -> None:
    constant = copy.deepcopy(result)
    constant["latency"]["microseconds"] = [[1211, 70]]
    assert "does not depend on what it sees" in report.html(constant)


def test_differing_logits_are_loud(result: Result, differing: Result) -> None:
    assert "all equal to the simulator's" in report.summary(result)
    assert "bit for bit" in report.html(result)
    assert "LOGITS      DIFFER" in report.summary(differing)
    assert "bit for bit" not in report.html(differing)


def test_names_of_files_are_text_not_html(differing: Result) -> None:
    assert "&lt;b&gt;face &amp; co&lt;/b&gt;.png" in report.html(differing)


def test_drawn_faces_are_not_compared_with_fer2013(result: Result) -> None:
    rows = {row["what"]: row for row in report.comparison({**result, "data": {**result["data"], "source": "drawn"}})}
    assert rows["accuracy"]["comparable"].startswith("No")
    assert rows["energy"]["comparable"].startswith("No")
    assert rows["latency"]["published"] == "1.516 ms"


def test_the_summary_fits_a_terminal(result: Result) -> None:
    text = report.summary(result)
    assert "µJ (estimated) per inference" in text
    assert max(map(len, text.splitlines())) <= 160


@given(st.dictionaries(st.integers(500, 5000), st.integers(1, 100), min_size=1, max_size=50))
def test_every_latency_is_in_one_bin_of_the_histogram(microseconds: dict[int, int]) -> None:
    bins = report.histogram(list(microseconds.items()))
    assert len(bins) <= report.HISTOGRAM_BINS
    for low, high, count in bins:
        assert count == sum(n for value, n in microseconds.items() if low <= value < high)
    assert sum(count for _, _, count in bins) == sum(microseconds.values())
