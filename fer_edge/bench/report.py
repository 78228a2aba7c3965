"""The result of a bench as JSON, as one HTML file that needs nothing else, and as lines for the terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fer_edge.files import atomic_write
from fer_edge.training.metrics import percent, render

PUBLISHED: dict[str, Any] = {
    "name": "published system on the MAX78000FTHR",
    "accuracy": 0.5782,
    "weight_bytes": 70572,
    "latency_ms": 1.516,
    "energy_uj": 23.7,
}
"""The system this project measures itself against, as its report prints it (its time in µs, which can only be ms)."""

HISTOGRAM_BINS = 24


def write(result: Mapping[str, Any], folder: Path) -> None:
    """Write ``report.json`` and ``report.html`` into `folder`."""
    atomic_write(folder / "report.json", json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    atomic_write(folder / "report.html", html(result))


def html(result: Mapping[str, Any]) -> str:
    """The report as one self-contained HTML page; charts are inline SVG."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fer_edge.bench", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    environment.filters["number"] = _number
    page = environment.get_template("report.html.j2")
    return page.render(r=result, histogram=histogram(result["latency"]["microseconds"]), comparison=comparison(result))


def histogram(microseconds: Sequence[Sequence[int]]) -> list[tuple[int, int, int]]:
    """Bins of equal width over latencies, given as [µs, how often]: from, to, count. One bin if all are equal."""
    low = min(value for value, _ in microseconds)
    high = max(value for value, _ in microseconds)
    # Latencies are whole microseconds: so are the bins, or some would stay empty for no reason.
    width = math.ceil((high - low + 1) / HISTOGRAM_BINS)
    counts = [0] * ((high - low) // width + 1)
    for value, count in microseconds:
        counts[(value - low) // width] += count
    return [(low + i * width, low + (i + 1) * width, count) for i, count in enumerate(counts)]


def comparison(result: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows of the table beside the published system: what, ours, theirs, and how far they can be compared."""
    published, data, latency = result["published"], result["data"], result["latency"]["median"]
    energy = result["energy"]["inference"]["energy"]
    same_task = data["source"] != "drawn"
    return [
        {
            "what": "accuracy",
            "ours": percent(result["accuracy"]),
            "published": percent(published["accuracy"]),
            "comparable": (
                f"The same task on other images: ours are {result['n']:,} of split {data['split']}; its test set "
                "joined public and private test."
                if same_task
                else "No: these faces are drawn, and far easier than FER2013."
            ),
        },
        {
            "what": "weights",
            "ours": f"{result['network']['weight_bytes']:,} bytes",
            "published": f"{published['weight_bytes']:,} bytes",
            "comparable": "Yes.",
        },
        {
            "what": "latency",
            "ours": f"{latency['value'] / 1000:.3f} ms ({latency['kind']})",
            "published": f"{published['latency_ms']:.3f} ms",
            "comparable": (
                "In kind: ours is the accelerator from start to done. Its boundary is not stated, "
                "and it is printed in µs, which can only be ms."
            ),
        },
        {
            "what": "energy",
            "ours": f"{energy['value']:.1f} µJ ({energy['kind']})",
            "published": f"{published['energy_uj']:.1f} µJ",
            "comparable": (
                "No: its boundary, idle current and repeats are not stated; 3.16 mA × 5 V is less than any published "
                "power of this chip, so probably the increase over idle. Ours is total power, idle not subtracted."
            ),
        },
    ]


def summary(result: Mapping[str, Any]) -> str:
    """The result for the terminal."""
    data, latency, energy, logits = result["data"], result["latency"], result["energy"], result["logits"]
    where = "the virtual board" if result["board"]["virtual"] else result["board"]["port"]
    inference, whole = energy["inference"], energy["whole"]
    lines = [
        f"{result['network']['name']} on {where}: {result['n']:,} faces of {data['source']}, split {data['split']}",
        *_logit_lines(logits),
        render(result),
        f"  latency     {latency['median']['value']:,.0f} µs median, {latency['min']['value']:,.0f} to "
        f"{latency['max']['value']:,.0f} ({latency['median']['kind']})",
        f"  throughput  {result['throughput']['value']:,.1f} images/s "
        f"({result['throughput']['kind']}: {result['throughput']['source']})",
        f"  energy      {inference['energy']['value']:.1f} µJ per inference ({inference['energy']['kind']}; "
        f"{inference['low']['value']:.1f} to {inference['high']['value']:.1f}), "
        f"{whole['energy']['value']:.1f} µJ with loading and reading",
        f"              {inference['energy']['source']}",
        f"  report      {result['output_dir']}/report.html",
    ]
    return "\n".join(lines)


def _logit_lines(logits: Mapping[str, Any]) -> list[str]:
    if not logits["images_differing"]:
        return [f"  logits      {logits['compared']:,} compared, all equal to the simulator's"]
    return [
        f"  LOGITS      DIFFER from the simulator's in {logits['images_differing']:,} images:",
        *(
            f"    {d['name']} (image {d['image']}): board {d['board']} ({d['board_class']}), "
            f"simulator {d['simulator']} ({d['simulator_class']})"
            for d in logits["first_differing"][:5]
        ),
    ]


def _number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"
