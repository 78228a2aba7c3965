"""Networks that come with fer-edge, trained on FER2013. `zoo:NAME` is accepted wherever a network is.

`<name>/` holds model.onnx and model.yaml, as `fer-edge synth` writes them, model-card.md, whose front matter has the
figures for programs, and recipe.yaml, from which the network was trained. `maintenance.ship` writes all but the last.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fer_edge import filenames
from fer_edge.errors import FerEdgeError

PREFIX = "zoo:"
FOLDER = Path(__file__).resolve().parent


def names() -> tuple[str, ...]:
    """The networks shipped."""
    return tuple(sorted(model.parent.name for model in FOLDER.glob(f"*/{filenames.ONNX}")))


def path(name: str) -> Path:
    """The folder of a shipped network. FerEdgeError if there is none of this name."""
    if name not in names():
        shipped = ", ".join(PREFIX + name for name in names())
        raise FerEdgeError(f"No network {name!r} comes with fer-edge.", f"Use one of: {shipped}.")
    return FOLDER / name


def card(name: str) -> dict[str, Any]:
    """The figures in the front matter of a network's model card (`maintenance.ship` lists them)."""
    import yaml

    _, front_matter, _ = (path(name) / filenames.CARD).read_text(encoding="utf-8").split("---\n", 2)
    content: dict[str, Any] = yaml.safe_load(front_matter)
    return content


def best() -> str:
    """The shipped network that people agree with most; between equals, the one of the highest accuracy."""

    def rank(name: str) -> tuple[float, float]:
        figures = card(name)
        return figures.get("agreement", 0.0), figures["accuracy"]

    return max(names(), key=rank)
