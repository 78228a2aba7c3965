"""The table of a placed network agrees with its placement."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from fer_edge.estimate import estimate
from fer_edge.models import deployable
from fer_edge.network import IntegerNetwork
from fer_edge.synth import overview
from fer_edge.synth.placement import set_bits
from fer_edge.synth.synthesize import estimate_placed
from tests.strategies import networks


@given(st.integers(1, 2**64 - 1))
def test_processor_ranges_name_every_processor_once(processors: int) -> None:
    found: list[int] = []
    for run in overview.ranges(processors).split(", "):
        first, _, last = run.partition("-")
        found += range(int(first), int(last or first) + 1)
    assert found == set_bits(processors)


@given(networks())
def test_the_table_adds_up(network: IntegerNetwork) -> None:
    table, cost = estimate_placed(network)
    rows = list(csv.DictReader(io.StringIO(overview.to_csv(table))))
    assert [row["name"] for row in rows] == [layer.name for layer in network.layers]
    assert 1 + sum(int(row["cycles"]) for row in rows) == cost.cycles
    assert sum(int(row["macs"]) for row in rows) == cost.macs
    assert sum(int(row["weight_bytes"]) for row in rows) == network.weight_bytes


def test_an_architecture_is_estimated_before_any_training() -> None:
    table, cost = estimate_placed(deployable.blueprint("fernet-nano"))
    assert cost.cycles == estimate(deployable.blueprint("fernet-nano")).cycles
    text = overview.render(table, cost)
    assert "conv1" in text
    assert text.count("(estimated)") >= 4
    assert "assumed for this network" in text
