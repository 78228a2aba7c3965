"""What all pages and pictures have in common: colours, style sheet, and how a template becomes a page."""

from __future__ import annotations

from typing import Any

from fer_edge.metrics import percent
from fer_edge.pages.colours import PALETTE, TINT, cell_text


def render(package: str, template: str, **values: Any) -> str:
    """`template` of `package` as HTML or SVG, with `values` escaped. It may extend and include those that lie here."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader("fer_edge.pages", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "number": _number, "cell_text": cell_text}
    environment.globals |= {"palette": PALETTE, "tint": TINT}
    return environment.get_template(template).render(**values)


def _number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"
