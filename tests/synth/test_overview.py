"""Table and picture of a placed network agree with its placement."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from fer_edge.estimate import estimate
from fer_edge.models import deployable
from fer_edge.network import IntegerNetwork
from fer_edge.registers import DATA_INSTANCE_BYTES, MASK_COLUMNS
from fer_edge.synth import overview
from fer_edge.synth.masks import pack
from fer_edge.synth.placement import set_bits
from fer_edge.synth.placer import place
from fer_edge.synth.synthesize import estimate_placed
from tests.strategies import networks

SVG = "{http://www.w3.org/2000/svg}"


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


@given(networks(max_layers=4))
def test_the_picture_shows_each_tensor_where_it_lies(network: IntegerNetwork) -> None:
    placement = place(network)
    root = ET.fromstring(overview.memory_map(network, placement, pack(network, placement)))
    titles = [node.text or "" for node in root.iter(f"{SVG}title")][1:]
    for layer, placed in zip(network.layers, placement.layers, strict=True):
        memories = {p // 4 for p in set_bits(placed.output_processors)}
        drawn = [t for t in titles if t.startswith(f"{layer.name}: ") and f"at {placed.out_offset:#06x}" in t]
        assert len(drawn) == len(memories)
    for title in titles:
        if (end := re.search(r"columns \d+–(\d+)", title)) is not None:
            assert int(end[1]) < MASK_COLUMNS
        if (size := re.search(r": (\d+) bytes at (0x[0-9a-f]+)", title)) is not None:
            assert int(size[1]) + int(size[2], 16) <= DATA_INSTANCE_BYTES


def test_an_architecture_is_estimated_before_any_training() -> None:
    table, cost = estimate_placed(deployable.blueprint("fernet-nano"))
    assert cost.cycles == estimate(deployable.blueprint("fernet-nano")).cycles
    text = overview.render(table, cost)
    assert "conv1" in text
    assert text.count("(estimated)") >= 4
    assert "(assumed)" in text
