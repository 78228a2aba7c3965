"""Quantities with their unit: `3.16mA`, `5 V`, `1.516 ms`, and columns named `current [mA]`."""

from __future__ import annotations

import re

from fer_edge.errors import FerEdgeError

MOST = 1e6
"""Ampere, volt or second: whatever exceeds it was mistyped, and its products might have no end."""
PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}  # micro sign and Greek mu


def scale(unit: str, base: str) -> float | None:
    """How many `base` (A, V or s) one `unit` is; None if it is a unit of something else."""
    return PREFIXES.get(unit[: -len(base)]) if unit.endswith(base) else None


def quantity(text: str, base: str, name: str) -> float:
    """A typed figure in `base` (A, V or s). FerEdgeError without a unit, with a wrong one, or not in 0 to `MOST`."""
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*([a-zA-Zµμ]*)\s*", text)
    factor = scale(match[2], base) if match else None
    if match is None or factor is None or float(match[1]) == 0:
        why = "has no unit" if match and not match[2] else f"is no positive number with a unit of {base}"
        raise FerEdgeError(f"{name} {text}: {why}.", f"Write it like 1.5m{base} or 1.5{base}.")
    value = float(match[1]) * factor
    if not 0 < value <= MOST:
        raise FerEdgeError(f"{name} {text}: is not above 0 and up to {MOST:,.0f} {base}.", "Check the exponent.")
    return value


def column(header: str) -> tuple[str, str]:
    """Name and unit of a column: ``current [mA]``, ``Current(mA)`` or ``current / mA``; without a unit it is ``""``."""
    match = re.fullmatch(r"\s*([^\[(/]*?)\s*(?:\[\s*(\S*?)\s*\]|\(\s*(\S*?)\s*\)|/\s*(\S*?))?\s*", header)
    if match is None:
        return header.strip().lower(), ""
    return match[1].lower(), match[2] or match[3] or match[4] or ""
