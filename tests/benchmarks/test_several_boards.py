"""How much faster two virtual boards are than one: `make benchmark`. Figures are of the machine they are taken on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("unicorn")

from fer_edge.bench.harness import BenchConfig, run_bench

pytestmark = pytest.mark.slow

FACES = 600
SKIPPED = 100
"""Answers at the start that do not count: boards take two seconds to start, one or several."""


def rate(port: str, folder: Path) -> float:
    """Answers a second."""
    run_bench(BenchConfig(port, Path("zoo:fernet-nano"), "drawn", limit=FACES, output_dir=folder))
    lines = (folder / "answers.jsonl").read_text().splitlines()[1 + SKIPPED :]
    return len(lines) / sum(float(json.loads(line)["seconds"]) for line in lines)


def test_two_virtual_boards_on_two_cores(tmp_path: Path) -> None:
    """At least 1.7 times as fast, where two cores have nothing else to do; the better of two runs in turn."""
    load = os.getloadavg()[0]
    runs = [(rate("virtual", tmp_path / f"one{n}"), rate("virtual:2", tmp_path / f"two{n}")) for n in range(2)]
    one, two = (max(rates) for rates in zip(*runs, strict=True))
    print(
        f"\n{one:.1f} faces/s by one, {two:.1f} by two: {two / one:.2f} times; load {load:.1f}, {os.cpu_count()} cores"
    )
    assert two >= 1.7 * one
