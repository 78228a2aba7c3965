"""All pages share one style sheet, which knows dark screens and narrow ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fer_edge
from fer_edge import pages
from fer_edge.pages.colours import PALETTE

PACKAGE = Path(fer_edge.__file__).parent
PAGES = sorted(path for path in PACKAGE.rglob("*.html.j2") if path.parent.name != "pages")


def page() -> str:
    return pages.render("fer_edge.pages", "page.html.j2")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_brings_no_style_of_its_own(path: Path) -> None:
    source = path.read_text()
    assert source.startswith('{% extends "page.html.j2" %}')
    assert not re.search(r"<style|#[0-9a-f]{3,6}\b|style=\"[^\"]*(color|fill)", source)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_table_scrolls_in_its_card_and_can_be_reached_by_keyboard(path: Path) -> None:
    source = path.read_text()
    tables = re.findall(r'<div class="scroll" role="region" tabindex="0" aria-label="[^"]+"><table', source)
    assert len(tables) == source.count("<table") > 0
    assert re.search(r"\.scroll { overflow-x: auto;", page())


def test_dark_screens_have_colours_of_their_own_and_paper_has_none() -> None:
    light, dark = page().split("@media screen and (prefers-color-scheme: dark)")[:2]
    for name, colours in PALETTE.items():
        assert f"--{name}: {colours[0]};" in light
        assert f"--{name}: {colours[1]};" in dark


def test_every_colour_a_page_asks_for_is_in_the_palette() -> None:
    asked = set(re.findall(r"var\(--([a-z-]+)\)", page())) - {"on-light", "on-dark", "shade-share"}
    assert asked <= set(PALETTE)
