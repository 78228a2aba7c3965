"""A number that says what it is: its unit, whether it was measured, estimated or assumed, and its source."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["measured", "estimated", "assumed"]
"""How a number came about."""


@dataclass(frozen=True)
class Figure:
    """A finite number with its unit, how it came about and from where. ValueError for any other."""

    value: float
    unit: str
    kind: Kind
    source: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"{self.value} {self.unit} is no figure ({self.source})")

    def __str__(self) -> str:
        return f"{readable(self.value)} {self.unit} ({self.kind})"


def readable(value: float, digits: int = 4) -> str:
    """A number for people, to so many significant digits: thousands apart, and never an exponent.

    >>> readable(11725.4), readable(0.0000123456, 2)
    ('11,730', '0.000012')
    """
    return f"{Decimal(f'{value:.{digits}g}'):,f}"
