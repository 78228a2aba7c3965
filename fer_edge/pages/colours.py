"""The colours of pages and pictures, for light and dark screens, and which text is legible on a colour.

Colours are ``#rrggbb``. Contrast is that of WCAG 2.1: 1 for none, 21 for black on white; text wants 4.5.
"""

from __future__ import annotations

import colorsys

PALETTE: dict[str, tuple[str, str]] = {
    "ink": ("#1c2430", "#e6eaf0"),
    "soft": ("#5b6675", "#9eabbc"),
    "line": ("#e3e7ec", "#2c3541"),
    "axis": ("#c4ccd6", "#465262"),
    "paper": ("#ffffff", "#161c24"),
    "wash": ("#f1f3f6", "#0d1218"),
    "accent": ("#1f5fa8", "#6ba6ee"),
    "shade": ("#1f5fa8", "#2c68b4"),
    "good": ("#14532d", "#93dbb1"),
    "good-wash": ("#e6f4ea", "#143122"),
    "bad": ("#8a1111", "#f7b2ae"),
    "bad-wash": ("#fdecec", "#45191a"),
    "measured": ("#14532d", "#93dbb1"),
    "measured-wash": ("#e6f4ea", "#143122"),
    "estimated": ("#6b4700", "#f1cd7c"),
    "estimated-wash": ("#fff3d6", "#392c0d"),
    "assumed": ("#414b59", "#bcc6d3"),
    "assumed-wash": ("#eceff3", "#2b333e"),
    "published": ("#17406f", "#abccf5"),
    "published-wash": ("#e4edf9", "#17304e"),
    "absent": ("#5e2a58", "#e2b6de"),
    "absent-wash": ("#f4e9f3", "#38223b"),
}
"""What a colour is for, and the colour on light and on dark screens. X is the text on X-wash."""

BLACK, WHITE = "#000000", "#ffffff"
TINT = 0.05
"""How much of the shade a cell of a confusion matrix has that holds nothing."""


def contrast(a: str, b: str) -> float:
    """Contrast of two colours, 1 to 21."""
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def text_on(background: str) -> str:
    """Black or white, whichever is the more legible: its contrast is 4.58 or more on any colour."""
    return max(BLACK, WHITE, key=lambda text: contrast(text, background))


def cell_text(share: float) -> tuple[str, str]:
    """Text on a cell of a confusion matrix with `share` (0 to 1) of its row, on light and on dark screens."""
    return text_on(cell(share, 0)), text_on(cell(share, 1))


def cell(share: float, screen: int) -> str:
    """Colour of such a cell on a light (0) or dark (1) screen, as the style sheet has it: shade over paper."""
    return mix(PALETTE["paper"][screen], PALETTE["shade"][screen], TINT + (1 - TINT) * share)


def mix(a: str, b: str, share: float) -> str:
    """`share` of `b` in `a`, as CSS's ``color-mix(in srgb, ...)`` has it."""
    pairs = zip(_channels(a), _channels(b), strict=True)
    return "#" + "".join(f"{round(255 * (x + share * (y - x))):02x}" for x, y in pairs)


def hue(index: int, count: int) -> str:
    """One of `count` evenly spread hues, alternating in lightness so that neighbours differ."""
    rgb = colorsys.hls_to_rgb(index / max(1, count), 0.53 if index % 2 else 0.7, 0.6)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in rgb)


def _channels(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
