"""Accuracy against energy: a chart for each kind of energy that the networks of a comparison have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fer_edge.compare.networks import FIGURES, Compared

ENERGIES = ("chip_energy", "convention_energy", "host_energy")
"""Keys of `FIGURES` that are energies of one image. They differ in what they cover, so each has a chart of its own."""
WIDTH, HEIGHT = 400, 280
LEFT, RIGHT, TOP, BOTTOM = 52, 388, 14, 228
"""Edges of the area of the points, in the units of an SVG of `WIDTH` × `HEIGHT`."""
RADIUS, LETTER, LINE = 5, 9, 16
"""Radius of a point; width of a letter and height of a line of the larger text that narrow screens get."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Point:
    """One network: where its point lies, where its 95 % interval ends, and where its name stands."""

    label: str
    title: str
    x: float
    y: float
    interval: tuple[float, float]
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True)
class Chart:
    """Accuracy against one kind of energy, on a logarithmic axis; ticks are places with their texts."""

    what: str
    kind: str
    unit: str
    points: tuple[Point, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


def charts(networks: Sequence[Compared]) -> list[Chart]:
    """A chart for each of `ENERGIES` that at least one network has."""
    having = {key: [n for n in networks if key in n.figures and n.figures[key].value > 0] for key in ENERGIES}
    return [_chart(key, some) for key, some in having.items() if some]


def _chart(key: str, networks: Sequence[Compared]) -> Chart:
    energies = [network.figures[key].value for network in networks]
    x_low, x_high = math.log10(min(energies) / 1.6), math.log10(max(energies) * 1.6)
    intervals = [network.scores["accuracy_95"] for network in networks]
    y_values = percent_ticks(min(low for low, _ in intervals), max(high for _, high in intervals))

    def x(energy: float) -> float:
        return LEFT + (RIGHT - LEFT) * (math.log10(energy) - x_low) / (x_high - x_low)

    def y(accuracy: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (100 * accuracy - y_values[0]) / (y_values[-1] - y_values[0])

    places = [(x(e), y(n.scores["accuracy"])) for e, n in zip(energies, networks, strict=True)]
    ends = [(y(low), y(high)) for low, high in intervals]
    labels = _labels([f"{n.letter} {n.name}" for n in networks], places, ends)
    drawn = zip(networks, places, ends, labels, strict=True)
    figure = networks[0].figures[key]
    return Chart(
        what=FIGURES[key],
        kind=figure.kind,
        unit=figure.unit,
        points=tuple(
            Point(text, _title(network, key), *place, end, label_x, label_y, anchor)
            for network, place, end, (text, label_x, label_y, anchor) in drawn
        ),
        x_ticks=tuple((x(value), f"{value:,g}") for value in log_ticks(10**x_low, 10**x_high)),
        y_ticks=tuple((y(value / 100), f"{value:g} %") for value in y_values),
    )


def _title(network: Compared, key: str) -> str:
    figure, scores = network.figures[key], network.scores
    return f"{network.letter} {network.name}: {100 * scores['accuracy']:.2f} %, {figure}"


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between `low` and `high`; over three decades and more, the powers alone."""
    steps = (1, 2, 5) if high / low < 1000 else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]


def percent_ticks(low: float, high: float) -> list[float]:
    """Three to seven whole percentages, evenly apart, the first and last around the fractions `low` and `high`."""
    for step in (1, 2, 5, 10, 20):
        first, last = math.floor(100 * low / step), math.ceil(100 * high / step)
        if last - first <= 6:
            break
    return [float(step * i) for i in range(first, max(last, first + 2) + 1)]


def _labels(
    names: Sequence[str], places: Sequence[tuple[float, float]], ends: Sequence[tuple[float, float]]
) -> list[tuple[str, float, float, str]]:
    """Text, place and anchor of each point's name: beside, above or below it, clear of the others; else its letter."""
    taken: list[Box] = [
        (x - RADIUS, min(end) - 1, x + RADIUS, max(end) + 1) for (x, _), end in zip(places, ends, strict=True)
    ]
    found = []
    for index, (name, (x, y)) in enumerate(zip(names, places, strict=True)):
        others = taken[:index] + taken[index + 1 :]
        low, high = max(ends[index]), min(ends[index])
        for text in (name, name.partition(" ")[0]):
            width, gap = LETTER * len(text), RADIUS + 4
            candidates = (
                ((x + gap, y - LINE / 2, x + gap + width, y + LINE / 2), "start", x + gap, y + 4),
                ((x - gap - width, y - LINE / 2, x - gap, y + LINE / 2), "end", x - gap, y + 4),
                ((x - width / 2, high - LINE - 3, x + width / 2, high - 3), "middle", x, high - 6),
                ((x - width / 2, low + 3, x + width / 2, low + LINE + 3), "middle", x, low + LINE - 1),
            )
            free = [c for c in candidates if _inside(c[0]) and not any(_overlap(c[0], box) for box in others)]
            if free:
                break
        box, anchor, label_x, label_y = (free or candidates)[0]
        taken.append(box)
        found.append((text, label_x, label_y, anchor))
    return found


def _inside(box: Box) -> bool:
    return box[0] >= LEFT and box[1] >= 0 and box[2] <= WIDTH and box[3] <= BOTTOM


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
