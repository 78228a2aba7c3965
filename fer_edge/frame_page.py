"""A whole frame as one HTML file: power over time, energy by phase and by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_edge import pages
from fer_edge.estimate import LAYER_ENERGY_SOURCE, Estimate
from fer_edge.figure import readable
from fer_edge.files import atomic_write
from fer_edge.frame import Frame, Phase

WIDTH, HEIGHT = 720, 220
EDGES = LEFT, RIGHT, TOP, BOTTOM = 56, 704, 14, 168
"""Edges of the area of the curve, in the units of an SVG of `WIDTH` × `HEIGHT`."""
NARROW = 30
"""A phase less wide than this has no name below it; pointing at it shows it."""


@dataclass(frozen=True)
class Block:
    """One phase in a chart: a rectangle as wide as its time and as high as its power, so that its area is energy."""

    name: str
    title: str
    x: float
    width: float
    y: float


@dataclass(frozen=True)
class Chart:
    """Power over time, to scale; ticks are places with their texts."""

    what: str
    blocks: tuple[Block, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


def write(path: Path, frame: Frame, cost: Estimate) -> None:
    """Write the page of a frame, and of the layers of the network whose cost is `cost`. OSError if that fails."""
    atomic_write(path, html(frame, cost))


def html(frame: Frame, cost: Estimate) -> str:
    """The page as text."""
    inference = [phase for phase in frame.phases if phase.name not in ("capture", "sleep")]
    return pages.render(
        "fer_edge.pages",
        "frame.html.j2",
        frame=frame,
        cost=cost,
        charts=(
            power_chart("The whole frame", frame.phases),
            power_chart("Of it, the picture's way through the network", inference),
        ),
        layer_energy=LAYER_ENERGY_SOURCE,
        size=(WIDTH, HEIGHT),
        edges=EDGES,
        narrow=NARROW,
    )


def power_chart(what: str, phases: Sequence[Phase]) -> Chart:
    """Power of `phases`, one after the other, over time."""
    length = sum(phase.time.value for phase in phases)
    top = 10 * (max(phase.power.value for phase in phases) // 10 + 1)  # mW
    scale, blocks, began = (RIGHT - LEFT) / length, [], 0.0
    for phase in phases:
        y = BOTTOM - (BOTTOM - TOP) * phase.power.value / top
        title = f"{phase.name}: {phase.time}, {phase.power}, {phase.energy}"
        blocks.append(Block(phase.name, title, LEFT + scale * began, scale * phase.time.value, y))
        began += phase.time.value
    return Chart(
        what=what,
        blocks=tuple(blocks),
        x_ticks=tuple((LEFT + (RIGHT - LEFT) * i / 4, readable(length * i / 4e3, 3)) for i in range(5)),
        y_ticks=tuple((BOTTOM - (BOTTOM - TOP) * i / 2, f"{top * i / 2:g}") for i in range(3)),
    )
