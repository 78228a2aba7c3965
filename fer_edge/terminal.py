"""Text on its way to a terminal."""

from __future__ import annotations

import unicodedata

_HARMLESS = "\n\t"
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format (as right-to-left override), half a pair, separators


def shown(text: str) -> str:
    r"""`text` with control characters, which names of files and networks may hold, in writing: ``\x1b`` for Escape.

    Sent as they are, they could move the cursor, hide words or retitle the window.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in _HARMLESS or unicodedata.category(c) not in _HIDDEN else _written(c) for c in text)


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode()
