"""What all pages and pictures have in common: colours, style sheet, and how a template becomes a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fer_edge.pages.colours import PALETTE


def render(package: str, template: str, filters: dict[str, Callable[..., str]] | None = None, **values: Any) -> str:
    """`template` of `package` as HTML or SVG, with `values` escaped. It may include the templates that lie here."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader("fer_edge.pages", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters or {}
    environment.globals["palette"] = PALETTE
    return environment.get_template(template).render(**values)
