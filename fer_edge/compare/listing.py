"""`fer-edge list`: the architectures there are, and the networks that come trained. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fer_edge import models, zoo
from fer_edge.metrics import percent
from fer_edge.models.deployable import blueprint
from fer_edge.synth.synthesize import estimate_placed


def listing() -> dict[str, Any]:
    """`architectures` and `networks`, as plain values.

    Of an architecture: name, family, about; `parameters`, `weight_bytes` at 8 bits and `cycles` (estimated) where it is
    for the accelerator, else None; `published` accuracy and what is said of it, where there is one. Of a network: the
    figures of its model card.
    """
    return {
        "architectures": [
            {
                "name": architecture.name,
                "family": architecture.family,
                "about": architecture.about,
                **_cost(architecture),
                "published": architecture.published and list(architecture.published),
            }
            for architecture in models.architectures()
        ],
        "networks": [zoo.card(name) for name in zoo.names()],
    }


def render(listed: Mapping[str, Any]) -> str:
    """What `listing` gives, for the terminal."""
    architectures = [("architecture", "family", "parameters", "weights", "cycles", "published", "about")]
    for row in listed["architectures"]:
        published = row["published"]
        architectures.append(
            (
                row["name"],
                row["family"],
                *("" if row[key] is None else f"{row[key]:,}" for key in ("parameters", "weight_bytes", "cycles")),
                f"{published[0]:.2f} % ({published[1]})" if published else "",
                row["about"],
            )
        )
    networks = [("trained network", "architecture", "weights", "cycles", "latency", "agreement", "accuracy")]
    for row in listed["networks"]:
        networks.append(
            (
                zoo.PREFIX + row["name"],
                row["architecture"],
                f"{row['weight_bytes']:,}",
                f"{row['cycles']:,}",
                f"{row['latency_us']:,.0f} µs",
                *(_with_interval(row, key) for key in ("agreement", "accuracy")),
            )
        )
    return "\n".join(
        [
            *_table(architectures, right=(2, 3, 4)),
            "",
            *_table(networks, right=(2, 3, 4)),
            "",
            "weights: in bytes, at 8 bits where not trained. cycles, latency: estimated.",
            "Measured on FER2013's PublicTest, 95 % interval: agreement with the majority of ten people (FERPlus);",
            "accuracy on FER2013's own labels. published: accuracy on FER2013 that others state.",
        ]
    )


def _with_interval(row: Mapping[str, Any], key: str) -> str:
    if key not in row:
        return ""
    low, high = row[f"{key}_95"]
    return f"{percent(row[key])} ({percent(low)} to {percent(high)})"


def _cost(architecture: models.Architecture) -> dict[str, int | None]:
    if architecture.family != "deployable":
        return dict.fromkeys(("parameters", "weight_bytes", "cycles"))
    network = blueprint(architecture.name)
    arrays = [array for layer in network.layers for array in (layer.weight, layer.bias) if array is not None]
    cost = estimate_placed(network)[1]
    return {"parameters": sum(a.size for a in arrays), "weight_bytes": cost.weight_bytes, "cycles": cost.cycles}


def _table(rows: Sequence[Sequence[str]], right: Sequence[int]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
