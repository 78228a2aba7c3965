"""`make bench-zoo`: figures of the files themselves, beside the targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_edge import zoo
from fer_edge.maintenance.bench_zoo import TARGETS, bench, render

from .conftest import Run


def test_accuracy_is_counted_from_the_shipped_files(run: Run, shipped: Path) -> None:
    (row,) = bench(run.data)
    assert row["accuracy"]["accuracy"] == run.history["result"]["integer"]["accuracy"]
    assert row["accuracy"]["n"] == 42
    assert row["cycles"] == zoo.card("tiny")["cycles"]
    assert row["logits_differing"] is None


def test_a_sample_will_do(run: Run, shipped: Path) -> None:
    assert bench(run.data, limit=14)[0]["accuracy"]["n"] == 14


def test_the_table_has_targets_and_says_measured_and_estimated(run: Run, shipped: Path) -> None:
    (row,) = bench(run.data)
    text = render([{**row, "name": "fernet-nano", "target": TARGETS["fernet-nano"]}, row])
    assert "n = 42" in text
    assert "accuracy on the labels (measured)" in text
    assert "cycles (estimated)" in text
    assert "≤ 70,572 B" in text
    assert "≥ 67.00 %" in text
    assert "not asked" in text


def test_logits_that_differ_are_not_overlooked(run: Run, shipped: Path) -> None:
    (row,) = bench(run.data)
    assert "DIFFER on 1 of 5 faces" in render([{**row, "board_faces": 5, "logits_differing": 1}])
    assert "equal on 5 faces" in render([{**row, "board_faces": 5, "logits_differing": 0}])


@pytest.mark.slow
def test_the_virtual_board_sends_the_same_logits(
    run: Run, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (row,) = bench(run.data, port="virtual", faces=7)
    assert (row["board_faces"], row["logits_differing"]) == (7, 0)
