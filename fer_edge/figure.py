"""A number that says what it is: its unit, whether it was measured, estimated or assumed, and its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """A number with its unit, how it came about and from where."""

    value: float
    unit: str
    kind: Literal["measured", "estimated", "assumed"]
    source: str

    def __str__(self) -> str:
        return f"{self.value:,.4g} {self.unit} ({self.kind})"
