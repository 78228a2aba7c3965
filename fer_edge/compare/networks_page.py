"""A comparison of networks as lines for the terminal and as one HTML file that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fer_edge import pages
from fer_edge.compare import chart
from fer_edge.compare.networks import FIGURES, Comparison
from fer_edge.figure import Figure, readable
from fer_edge.files import atomic_write
from fer_edge.metrics import percent

NONE = "–"
MEANS = ("macro_f1", "weighted_f1", "macro_precision", "macro_recall")


@dataclass(frozen=True)
class Row:
    """A row of the table: what, a text for each network, and how its figures came about."""

    what: str
    cells: tuple[str, ...]
    kind: str


def table(comparison: Comparison) -> dict[str, list[Row]]:
    """The comparison as rows under headings."""
    return {
        "Accuracy": _accuracy(comparison),
        "Recall / F1 of each class": _classes(comparison),
        "Cost": _costs(comparison),
    }


def _accuracy(comparison: Comparison) -> list[Row]:
    scores = [network.scores for network in comparison.networks]
    cells = {
        "accuracy": [percent(s["accuracy"]) for s in scores],
        "  95 % interval": [" to ".join(map(percent, s["accuracy_95"])) for s in scores],
        **{mean.replace("_", " ").replace("f1", "F1"): [f"{s[mean]:.3f}" for s in scores] for mean in MEANS},
    }
    rows = [Row(what, tuple(texts), "measured") for what, texts in cells.items()]
    published = [network.published for network in comparison.networks]
    if any(published):
        rows.append(Row("accuracy of others", tuple(f"{p[0]:g} %" if p else NONE for p in published), "published"))
    return rows


def _classes(comparison: Comparison) -> list[Row]:
    return [
        Row(name, tuple(f"{percent(c['recall'])} / {c['f1']:.3f}" for c in column), "measured")
        for name in comparison.networks[0].scores["per_class"]
        for column in [[network.scores["per_class"][name] for network in comparison.networks]]
    ]


def _costs(comparison: Comparison) -> list[Row]:
    rows = []
    for key, what in FIGURES.items():
        figures = [network.figures.get(key) for network in comparison.networks]
        if kinds := [figure.kind for figure in figures if figure]:
            rows.append(Row(what, tuple(_value(figure) if figure else NONE for figure in figures), kinds[0]))
        elif any(key in network.absent for network in comparison.networks):
            rows.append(Row(what, (NONE,) * len(figures), "absent"))
    return rows


def remarks(comparison: Comparison) -> list[str]:
    """Sentences below the table: what differences are worth, how figures came about, why some are missing."""
    told: dict[str, list[str]] = {}
    for network in comparison.networks:
        if network.published:
            told.setdefault(f"accuracy of others: {network.published[1]}", []).append(network.letter)
        for key, what in FIGURES.items():
            if key in network.figures:
                told.setdefault(f"{what}: {network.figures[key].source}", []).append(network.letter)
            elif key in network.absent:
                told.setdefault(f"{what}: absent. {network.absent[key]}", []).append(network.letter)
    return [
        *([f"Interrupted before {', '.join(comparison.missing)}."] if comparison.missing else []),
        *(
            f"{pair.b} beside {pair.a}, face by face: {pair.only_a:,} only {pair.a}, {pair.only_b:,} only {pair.b} "
            f"right; exact McNemar test p = {pair.p:.2g}"
            for pair in comparison.neighbours
        ),
        *(f"{', '.join(letters)}: {text}" for text, letters in sorted(told.items(), key=_row_order)),
    ]


def _row_order(item: tuple[str, list[str]]) -> int:
    """Remarks come in the order of the table's rows."""
    whats = list(FIGURES.values())
    what = item[0].partition(": ")[0]
    return whats.index(what) if what in whats else -1


def render(comparison: Comparison) -> str:
    """The comparison for the terminal."""
    sections = table(comparison)
    header = Row("", tuple(f"{network.letter} {network.name}" for network in comparison.networks), "")
    rows = [header, *(row for section in sections.values() for row in section)]
    first = max(len(row.what) for row in rows)
    widths = [max(map(len, column)) for column in zip(*(row.cells for row in rows), strict=True)]

    def line(row: Row) -> str:
        cells = (cell.rjust(width) for cell, width in zip(row.cells, widths, strict=True))
        return "  ".join([row.what.ljust(first), *cells, row.kind]).rstrip()

    lines = [f"{comparison.data}; host: {comparison.host}"]
    lines += [f"{n.letter}: {n.name}, {n.arithmetic} ({n.source})" for n in comparison.networks]
    lines += ["", line(header)]
    for heading, section in sections.items():
        lines += ["", heading, *map(line, section)]
    return "\n".join([*lines, "", *remarks(comparison)])


def write_html(comparison: Comparison, path: Path) -> None:
    """The comparison as one HTML file, with charts of accuracy against energy and all confusion matrices."""
    page = pages.render(
        "fer_edge.compare",
        "networks.html.j2",
        c=comparison,
        charts=chart.charts(comparison.networks),
        size=(chart.WIDTH, chart.HEIGHT),
        left=chart.LEFT,
        right=chart.RIGHT,
        bottom=chart.BOTTOM,
        radius=chart.RADIUS,
        sections=table(comparison),
        remarks=remarks(comparison),
    )
    atomic_write(path, page)


def _value(figure: Figure) -> str:
    whole = figure.value == int(figure.value)
    return f"{f'{figure.value:,.0f}' if whole else readable(figure.value)} {figure.unit}".rstrip()
