"""The result of a bench as JSON, CSV, one HTML file that needs nothing else, and lines for the terminal."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_edge import filenames, frame_page, pages
from fer_edge.bench import duty, published
from fer_edge.bench.result import BenchResult, BoardShare, Energy, Logits, Mean, OperationEnergy, ThroughCamera
from fer_edge.faces import CLASSES, Faces
from fer_edge.faces.dataset import SIDE
from fer_edge.figure import Figure
from fer_edge.files import MAX_SMALL_BYTES, atomic_write, check_input
from fer_edge.metrics import percent, render

HISTOGRAM_BINS = 24
CHART_WIDTH = 480
"""Width of a chart, in the units of its SVG."""


def write(result: BenchResult, faces: Faces, folder: Path) -> None:
    """Write ``report.json``, ``report.csv`` and ``report.html`` into `folder`. `faces`: those that `result` is of."""
    atomic_write(
        folder / filenames.REPORT, json.dumps(result.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
    atomic_write(folder / filenames.REPORT_CSV, as_csv(result))
    atomic_write(folder / filenames.REPORT_HTML, html(result, faces))


def run_of(folder: Path) -> str | None:
    """The `BenchResult.run` whose report lies in `folder`, ``unknown`` if it does not say; None if there is none."""
    path = folder / filenames.REPORT
    if not path.exists():
        return None
    check_input(path, MAX_SMALL_BYTES)
    try:
        return str(json.loads(path.read_bytes())["run"])
    except (ValueError, KeyError, TypeError):
        return "unknown"


def html(result: BenchResult, faces: Faces) -> str:
    """The report as one self-contained HTML page; charts are inline SVG, misread faces inline PNG."""
    return pages.render(
        "fer_edge.bench",
        "report.html.j2",
        r=result,
        chart_width=CHART_WIDTH,
        side=SIDE,
        pictures={face.image: picture(faces.images[face.image]) for face in result.misread.surest},
        histogram=histogram(result.latency.microseconds),
        trace=trace(result.energy.trace),
        frame=frame_page.power_chart("One frame, from its image to its logits", result.energy.phases),
        size=(frame_page.WIDTH, frame_page.HEIGHT),
        edges=frame_page.EDGES,
        narrow=frame_page.NARROW,
        duty=duty.table(result.duty) if result.duty else None,
        comparison=comparison(result),
        others=published.OTHERS,
        previous=published.PREVIOUS,
    )


def picture(image: NDArray[np.uint8]) -> str:
    """A grey image, uint8 [height, width], as the ``data:`` URL of a PNG file."""
    from PIL import Image

    png = io.BytesIO()
    Image.fromarray(image).save(png, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"


def as_csv(result: BenchResult) -> str:
    """Every figure of the report, one a line: name, value, unit, how it came about, standard error, source."""
    latency, energy = result.latency, result.energy
    n = str(result.data)
    rows: list[tuple[Any, ...]] = [("figure", "value", "unit", "kind", "standard_error", "source")]
    rows += [(f"accuracy{name}", value, "", "measured", "", n) for name, value in _accuracies(result)]
    rows += [(f"recall {name}", c["recall"], "", "measured", "", n) for name, c in result.scores["per_class"].items()]
    figures: dict[str, Figure | None] = {
        "latency min": latency.min,
        "latency median": latency.median,
        "latency max": latency.max,
        "latency cycles_median": latency.cycles_median,
        "throughput": result.throughput,
        "power": energy.power,
    }
    for name, operation in (("inference", energy.inference), ("whole", energy.whole)):
        figures |= {f"energy {name} total": operation.energy, f"energy {name} net": operation.net}
    for cycle in result.duty.cycles if result.duty else ():
        name = f"{cycle.rate:g}/s {cycle.wait} {cycle.rest} {cycle.processor_mhz} MHz"
        figures |= {f"{name} energy": cycle.energy, f"{name} power": cycle.power, f"{name} battery": cycle.battery}
    for even in result.duty.break_even if result.duty else ():
        figures[f"break-even {even.wait} {even.processor_mhz} MHz"] = even.rate
    for name, window in energy.windows.items():
        figures |= {
            f"{name} window power": window.power,
            f"{name} total": window.energy,
            f"{name} net": window.net,
        }
    if camera := result.camera:
        rows.append(
            ("accuracy through the camera", camera.scores["accuracy"], "", "measured", "", f"{n}, {camera.lens}")
        )
        figures |= {
            "camera frame rate": camera.frame_rate,
            "camera capture": camera.capture,
            "camera compute": camera.compute,
            "camera overlap": camera.overlap,
            "energy camera frame": camera.frame.energy,
        }
    for name, f in figures.items():
        if f is not None:
            error = f.standard_error if isinstance(f, Mean) else None
            rows.append((name, f.value, f.unit, f.kind, "" if error is None else error, f.source))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _accuracies(result: BenchResult) -> list[tuple[str, float]]:
    low, high = result.scores["accuracy_95"]
    return [("", result.scores["accuracy"]), (" 95 % from", low), (" 95 % to", high)]


def trace(points: Sequence[Sequence[float]] | None) -> dict[str, Any] | None:
    """A current trace, as `meters.meter.envelope` gives it, as SVG paths in a chart 180 high, and its bounds."""
    if not points:
        return None
    end = points[-1][0] or 1.0
    low, high = min(p[1] for p in points), max(p[3] for p in points)
    bottom = 0.0 if low < 0.5 * high else low - 0.1 * (high - low)
    top = high if high > bottom else bottom + 1.0

    def path(values: Sequence[tuple[float, float]]) -> str:
        return " ".join(
            f"{CHART_WIDTH * t / end:.1f},{180 - 170 * (v - bottom) / (top - bottom):.1f}" for t, v in values
        )

    return {
        "mean": path([(p[0], p[2]) for p in points]),
        "band": path([(p[0], p[3]) for p in points] + [(p[0], p[1]) for p in reversed(points)]),
        "milliseconds": end,
        "bottom": bottom,
        "top": top,
    }


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


def comparison(result: BenchResult) -> list[dict[str, str]]:
    """Rows of the table beside the published system: what, ours, theirs, and how far they can be compared."""
    latency, previous = result.latency.median, published.PREVIOUS
    total, net = result.energy.inference.energy, result.energy.inference.net
    return [
        {
            "what": "accuracy",
            "ours": percent(result.scores["accuracy"]),
            "published": percent(published.PREVIOUS_ACCURACY),
            "comparable": _same_task(result),
        },
        {
            "what": "weights",
            "ours": f"{result.network.weight_bytes:,} bytes",
            "published": f"{published.PREVIOUS_WEIGHT_BYTES:,} bytes",
            "comparable": "Yes.",
        },
        {
            "what": "latency",
            "ours": f"{latency.value / 1000:.3f} ms ({latency.kind})",
            "published": f"{previous.latency_ms:.3f} ms",
            "comparable": (
                "In kind: ours is the accelerator from start to done. Its boundary is not stated, "
                "and it is printed in µs, which can only be ms."
            ),
        },
        {
            "what": "energy",
            "ours": f"{total.value:.1f} µJ ({total.kind})",
            "published": f"{previous.energy_uj:.1f} µJ",
            "comparable": (
                "No: its boundary, idle current and repeats are not stated; 3.16 mA × 5 V is less than any published "
                "power of this chip, so probably the increase over idle. Ours is total power, idle not subtracted."
            ),
        },
        {
            "what": "energy, net of idle",
            "ours": f"{net.value:.1f} µJ ({net.kind})" if net else "not known",
            "published": f"{previous.energy_uj:.1f} µJ",
            "comparable": (
                f"If the published figure is net. Ours is of: {result.energy.boundary}."
                if net
                else f"The meter {result.energy.meter} knows no idle power."
            ),
        },
    ]


def _same_task(result: BenchResult) -> str:
    """How far our accuracy can be compared with the published one."""
    data = result.data
    if data.source == "drawn":
        return "No: these faces are drawn; FER2013's are photographs."
    if data.labels is not None:
        return (
            f"No: ours is agreement with {data.labels} on {len(result.classes)} classes, theirs with FER2013's own "
            f"labels of {len(CLASSES)}."
        )
    if set(result.classes) != set(CLASSES):
        return f"No: ours are {len(result.classes)} other classes."
    return (
        f"The same task on other images: ours are {data.images:,} of split {data.split}; its test set "
        "joined public and private test."
    )


MIRRORED = "  inference   of each face as it is and mirrored: latency and energy are of both runs, logits their sums"


def summary(result: BenchResult) -> str:
    """The result for the terminal."""
    latency, energy, logits = result.latency, result.energy, result.logits
    where = "the virtual board" if result.board.virtual else result.board.port
    where = f"{len(result.boards)} {'virtual ' if result.board.virtual else ''}boards" if result.boards else where
    lines = [
        f"{result.network.name} on {where}: {result.data}",
        *_logit_lines(logits),
        render(result.scores),
        f"  latency     {latency.median.value:,.0f} µs median, {latency.min.value:,.0f} to "
        f"{latency.max.value:,.0f} ({latency.median.kind})",
        *((MIRRORED,) if result.board.runs > 1 else ()),
        f"  throughput  {result.throughput.value:,.1f} images/s ({result.throughput.kind}: {result.throughput.source})",
        *(f"  board       {_share(board)}" for board in result.boards),
        *_energy_lines(energy),
        *(_camera_lines(result.camera, result.scores) if result.camera else ()),
        *((duty.summary(result.duty),) if result.duty else ()),
        f"  report      {result.output_dir}/report.html",
    ]
    return "\n".join(lines)


def _share(board: BoardShare) -> str:
    """A board's part in a line."""
    text = f"{board.name} ({board.port}): {board.answered:,} {'face' if board.answered == 1 else 'faces'}"
    return text if board.lost is None else f"{text}, then LOST, the others went on: {board.lost}"


def _energy_lines(energy: Energy) -> list[str]:
    inference, whole = energy.inference, energy.whole
    lines = [
        f"  energy      {_joules(inference, inference.energy)} per inference, "
        f"{_joules(whole, whole.energy)} with loading and reading"
    ]
    if inference.net and whole.net:
        lines.append(
            f"  net of idle {_joules(inference, inference.net)} per inference, {_joules(whole, whole.net)} with loading"
        )
    if (drift := energy.drift) and not drift.steady:
        worst = "idle" if abs(drift.idle) >= abs(drift.infer) else "infer"
        moved = percent(max(drift.idle, drift.infer, key=abs))
        lines.append(f"              NOT STEADY: {worst} power drifted by {moved}; measure again")
    return [*lines, f"              {energy.source}"]


def _camera_lines(camera: ThroughCamera, wire: Mapping[str, Any]) -> list[str]:
    low, high = camera.scores["accuracy_95"]
    points = 100 * (wire["accuracy"] - camera.scores["accuracy"])
    than = "less" if points >= 0 else "more"
    differing = camera.images_differing
    return [
        f"  camera      {percent(camera.scores['accuracy'])} through the lens (measured; 95 %: {percent(low)} to "
        f"{percent(high)}), {abs(points):.2f} points {than} than over the wire; lens: {camera.lens}",
        "              "
        + (f"LOGITS DIFFER in {differing:,} images" if differing else "all logits equal the simulator's")
        + " on the very pixels that the board reports",
        f"              {camera.frame_rate}, {camera.lost} of {camera.frames + camera.lost} frames lost; capture "
        f"{camera.capture}, compute {camera.compute}, overlap {camera.overlap}",
        f"              a frame takes {camera.frame.energy}, capture included; boundary: {camera.frame.boundary}",
    ]


def _joules(energy: OperationEnergy, figure: Mean) -> str:
    text = f"{figure.value:.1f}"
    if figure.standard_error is not None:
        text = f"{figure.value:.2f} ± {figure.standard_error:.2f}"
    elif energy.low is not None:
        text = f"{energy.low:.1f} to {energy.high:.1f}, about {text}"
    return f"{text} µJ ({figure.kind})"


def _logit_lines(logits: Logits) -> list[str]:
    if not logits.images_differing:
        return [f"  logits      {logits.compared:,} compared, all equal to the simulator's"]
    return [
        f"  LOGITS      DIFFER from the simulator's in {logits.images_differing:,} images:",
        *(
            f"    {d.name} (image {d.image}): board {d.board} ({d.board_class}), "
            f"simulator {d.simulator} ({d.simulator_class})" + (f"; {d.layer}" if d.layer else "")
            for d in logits.first_differing[:5]
        ),
    ]
