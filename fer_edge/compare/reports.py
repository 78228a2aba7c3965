"""`fer-edge bench --compare A.json B.json`: two reports side by side, and what their difference is worth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_edge import filenames, pages
from fer_edge.bench.result import FORMAT
from fer_edge.errors import DataError
from fer_edge.faces import Selection
from fer_edge.figure import readable
from fer_edge.files import MAX_SMALL_BYTES, atomic_write, check_input
from fer_edge.metrics import mcnemar, percent


def compare(a: Path, b: Path) -> dict[str, Any]:
    """Two ``report.json`` (or the folders they lie in) as plain values: `rows` of what, a, b, difference, remark.

    With the same faces and both ``answers.jsonl`` at hand, accuracy is compared face by face (exact McNemar test).
    DataError for a file that is no report of this version.
    """
    path_a, path_b = (path / filenames.REPORT if path.is_dir() else path for path in (a, b))
    first, second = _read(path_a), _read(path_b)
    same_faces = first["data"]["fingerprint"] == second["data"]["fingerprint"]
    return {
        "a": _name(first, path_a),
        "b": _name(second, path_b),
        "same_faces": same_faces,
        "rows": [
            _accuracy(first, second, _pairs(path_a, path_b) if same_faces else None),
            *(_recall(first, second, name) for name in dict.fromkeys(first["classes"] + second["classes"])),
            _bytes(first, second),
            _figure("latency, median", first["latency"]["median"], second["latency"]["median"]),
            _figure("throughput", first["throughput"], second["throughput"]),
            *_energies(first, second),
            _differing(first, second),
        ],
    }


def render(comparison: Mapping[str, Any]) -> str:
    """The comparison for the terminal."""
    rows = [
        ("", "A", "B", "B − A", ""),
        *((r["what"], r["a"], r["b"], r["difference"], r["remark"]) for r in comparison["rows"]),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join(
        [
            f"A: {comparison['a']}",
            f"B: {comparison['b']}",
            *(
                "  ".join([row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in (1, 2, 3)), row[4]]).rstrip()
                for row in rows
            ),
        ]
    )


def write_html(comparison: Mapping[str, Any], path: Path) -> None:
    """The comparison as one HTML file that needs nothing else."""
    atomic_write(path, pages.render("fer_edge.compare", "reports.html.j2", c=comparison))


def _read(path: Path) -> dict[str, Any]:
    check_input(path, MAX_SMALL_BYTES)
    try:
        report = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a report ({error}).", "Give a report.json of the bench.") from error
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        raise DataError(f"{path} is no report of this version of fer-edge.", "Run the bench again.")
    return report


def _name(report: Mapping[str, Any], path: Path) -> str:
    where = "virtual board" if report["board"]["virtual"] else "board"
    return f"{report['network']['name']}, {where}, {Selection(**report['data'])} ({path})"


def _row(what: str, a: str, b: str, difference: str, remark: str = "") -> dict[str, str]:
    return {"what": what, "a": a, "b": b, "difference": difference, "remark": remark}


def _points(fraction: float) -> str:
    return f"{100 * fraction:+.2f} pp"


def _accuracy(a: Mapping[str, Any], b: Mapping[str, Any], pairs: tuple[int, int] | None) -> dict[str, str]:
    if pairs is not None:
        remark = f"face by face: {pairs[0]} only A, {pairs[1]} only B right; p = {mcnemar(*pairs):.2g}"
    else:
        (low_a, high_a), (low_b, high_b) = a["accuracy_95"], b["accuracy_95"]
        apart = high_a < low_b or high_b < low_a
        remark = "95 % intervals do not overlap" if apart else "95 % intervals overlap"
        if a["data"]["fingerprint"] != b["data"]["fingerprint"]:
            remark += "; other faces"
        if a["classes"] != b["classes"] or a["data"]["labels"] != b["data"]["labels"]:
            remark += "; other labels: no comparison of like with like"
    return _row(
        "accuracy", percent(a["accuracy"]), percent(b["accuracy"]), _points(b["accuracy"] - a["accuracy"]), remark
    )


def _recall(a: Mapping[str, Any], b: Mapping[str, Any], name: str) -> dict[str, str]:
    """Of a class that has faces in one of them at least."""
    of_class = [report["per_class"].get(name) for report in (a, b)]
    first, second = (c["recall"] if c and c["support"] else None for c in of_class)
    difference = "" if first is None or second is None else _points(second - first)
    said_a, said_b = ("no faces" if r is None else percent(r) for r in (first, second))
    return _row(f"recall {name}", said_a, said_b, difference)


def _bytes(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, str]:
    first, second = a["network"]["weight_bytes"], b["network"]["weight_bytes"]
    return _row("weights", f"{first:,} B", f"{second:,} B", f"{second - first:+,} B")


def _figure(what: str, a: Mapping[str, Any] | None, b: Mapping[str, Any] | None, remark: str = "") -> dict[str, str]:
    if a is None or b is None:
        first, second = ("not known" if f is None else _value(f) for f in (a, b))
        return _row(what, first, second, "", remark)
    if a["kind"] != b["kind"]:
        remark = "; ".join(filter(None, (remark, f"A is {a['kind']}, B {b['kind']}: no comparison of like with like")))
    change = f"{100 * (b['value'] / a['value'] - 1):+.1f} %" if a["value"] else ""
    return _row(what, _value(a), _value(b), change, remark)


def _value(figure: Mapping[str, Any]) -> str:
    error = figure.get("standard_error")
    scatter = "" if error is None else f" ± {readable(error, 2)}"
    return f"{readable(figure['value'])}{scatter} {figure['unit']} ({figure['kind']})"


def _energies(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, str]]:
    remark = "" if a["energy"]["boundary"] == b["energy"]["boundary"] else "the boundaries differ"
    return [
        _figure(f"energy, {what}", a["energy"]["inference"][key], b["energy"]["inference"][key], remark)
        for what, key in (("total", "energy"), ("net of idle", "net"))
    ]


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, str]:
    first, second = (r["logits"]["images_differing"] for r in (a, b))
    remark = "must be 0" if first or second else ""
    return _row("images unlike the simulator", f"{first:,}", f"{second:,}", f"{second - first:+,}", remark)


def _pairs(a: Path, b: Path) -> tuple[int, int] | None:
    """Faces that only A, and that only B got right; None without both files of answers."""
    rights = []
    for path in (a.with_name(filenames.ANSWERS), b.with_name(filenames.ANSWERS)):
        check_input(path)
        try:
            lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
            rights.append([line["predicted"] == line["label"] for line in lines])
        except (OSError, ValueError, KeyError, TypeError):
            return None
    if len(rights[0]) != len(rights[1]):
        return None
    pairs = list(zip(*rights, strict=True))
    return pairs.count((True, False)), pairs.count((False, True))
