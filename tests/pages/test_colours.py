"""Text is legible wherever it stands: contrast 4.5 and more, on light and on dark screens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.pages.colours import BLACK, PALETTE, WHITE, cell, cell_text, contrast, hue, mix, text_on

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)
LIGHT, DARK = ({name: pair[screen] for name, pair in PALETTE.items()} for screen in (0, 1))


def test_contrast_against_published_values() -> None:
    assert contrast(BLACK, WHITE) == pytest.approx(21)
    assert contrast(WHITE, "#767676") == pytest.approx(4.54, abs=0.005)  # WCAG's own example of the lightest grey


@given(COLOURS)
def test_black_or_white_is_legible_on_any_colour(colour: str) -> None:
    assert contrast(text_on(colour), colour) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_the_palettes_texts_are_legible(palette: dict[str, str]) -> None:
    for ground in ("paper", "wash"):
        for text in ("ink", "soft", "accent"):
            assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)
    for name in palette:
        if name.endswith("-wash"):
            assert contrast(palette[name.removesuffix("-wash")], palette[name]) >= 4.5, name


@given(st.floats(0, 1))
def test_every_cell_of_a_confusion_matrix_is_legible_on_both_screens(share: float) -> None:
    for screen, text in enumerate(cell_text(share)):
        assert contrast(text, cell(share, screen)) >= 4.5


@given(st.integers(0, 1))
def test_a_mixture_ends_at_its_colours(share: int) -> None:
    assert mix("#1f5fa8", "#ffffff", share) == ("#1f5fa8", "#ffffff")[share]


@given(st.integers(2, 40))
def test_all_hues_differ(count: int) -> None:
    hues = [hue(index, count) for index in range(count)]
    assert len(set(hues)) == count
