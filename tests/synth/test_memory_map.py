"""The picture of the memories agrees with the placement, and can be read at any width, in any light."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.load import load_network
from fer_edge.network import IntegerNetwork
from fer_edge.pages.colours import PALETTE
from fer_edge.registers import DATA_INSTANCE_BYTES, MASK_COLUMNS
from fer_edge.synth import memory_map
from fer_edge.synth.masks import pack
from fer_edge.synth.placement import set_bits
from fer_edge.synth.placer import place
from tests.present import present
from tests.strategies import networks

SVG = "{http://www.w3.org/2000/svg}"


def picture(network: IntegerNetwork) -> ET.Element:
    placed = place(network)
    return ET.fromstring(memory_map.render(placed, pack(placed)))


@given(networks(max_layers=4))
def test_the_picture_shows_each_tensor_where_it_lies(network: IntegerNetwork) -> None:
    titles = [node.text or "" for node in picture(network).iter(f"{SVG}title")][1:]
    for view in place(network).layers:
        memories = {p // 4 for p in set_bits(view.placement.output_processors)}
        where = f"at {view.placement.out_offset:#06x}"
        drawn = [t for t in titles if t.startswith(f"{view.layer.name}: ") and where in t]
        assert len(drawn) == len(memories)
    for title in titles:
        if (end := re.search(r"columns \d+–(\d+)", title)) is not None:
            assert int(end[1]) < MASK_COLUMNS
        if (size := re.search(r": (\d+) bytes at (0x[0-9a-f]+)", title)) is not None:
            assert int(size[1]) + int(size[2], 16) <= DATA_INSTANCE_BYTES


@pytest.fixture(scope="module")
def fernet() -> IntegerNetwork:
    return load_network("zoo:fernet")


@pytest.fixture(scope="module")
def root(fernet: IntegerNetwork) -> ET.Element:
    return picture(fernet)


def test_the_picture_takes_the_width_it_is_given(root: ET.Element) -> None:
    assert root.get("width") is root.get("height") is None
    assert re.fullmatch(r"0 0 960 \d+", root.get("viewBox", ""))


def test_the_picture_follows_the_screen_into_the_dark(root: ET.Element) -> None:
    style = root.findtext(f"{SVG}style", "")
    light, dark = style.split("@media screen and (prefers-color-scheme: dark)")
    for name in ("ink", "soft", "paper", "wash"):
        for screen, colours in enumerate((light, dark)):
            assert f".{name} {{ fill: {PALETTE[name][screen]} }}" in colours


def test_the_input_and_every_layer_head_a_column_and_none_collide(root: ET.Element, fernet: IntegerNetwork) -> None:
    heads = [node for node in root.iter(f"{SVG}text") if node.get("class") == "ink slanted"]
    assert [node.text for node in heads] == ["input", *(layer.name for layer in fernet.layers)]
    places = [float(node.get("transform", "").removeprefix("translate(").split()[0]) for node in heads]
    size = float(re.search(r"text\.slanted { font-size: ([\d.]+)px", root.findtext(f"{SVG}style", ""))[1])  # type: ignore[index]
    assert min(b - a for a, b in pairwise(places)) * math.sin(math.radians(45)) >= 0.99 * size >= 13


def test_every_block_of_weights_has_its_name_however_thin_it_is(root: ET.Element, fernet: IntegerNetwork) -> None:
    inside = [node.text for node in root.iter(f"{SVG}text") if (node.get("class") or "").startswith("inside")]
    beside = [node for node in root.iter(f"{SVG}text") if float(node.get("x", 0)) > 104 + memory_map.WIDTH]
    assert sorted(present(text) for text in [*inside, *(node.text for node in beside)]) == sorted(
        layer.name for layer in fernet.layers
    )
    assert "conv11" in [node.text for node in beside]  # of seven columns among 768
    lines = sorted(float(node.get("y", 0)) for node in beside)
    assert min(b - a for a, b in pairwise(lines)) >= memory_map.LINE - 0.1


def test_long_names_are_cut_and_markup_is_text(fernet: IntegerNetwork) -> None:
    first = replace(fernet.layers[0], name="<b>conv</b>" * 3)
    texts = [node.text for node in picture(replace(fernet, layers=(first, *fernet.layers[1:]))).iter(f"{SVG}text")]
    assert "<b>conv</…" in texts
    assert max(len(text or "") for text in texts) < 80


@given(st.lists(st.floats(0, 512), max_size=40).map(sorted), st.floats(1, 50))
def test_names_beside_the_picture_keep_their_order_and_their_distance(places: list[float], gap: float) -> None:
    moved = memory_map.spread(places, gap, 512)
    wanted = min(gap, 512 / max(1, len(places) - 1))
    assert all(b - a >= wanted - 1e-6 for a, b in pairwise(moved))
    assert all(-1e-6 <= place <= 512 for place in moved)
    if all(b - a >= wanted for a, b in pairwise(places)):
        assert moved == places
