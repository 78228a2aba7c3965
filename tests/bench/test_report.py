"""The report says what it knows and how it knows it, and needs nothing but itself."""

import base64
import csv
import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fer_edge.bench import published, report
from fer_edge.bench.harness import MISREAD_LISTED
from fer_edge.bench.result import (
    BenchResult,
    Difference,
    Drift,
    LayerDifference,
    Logits,
    Mean,
    Misread,
    OperationEnergy,
    WindowEnergy,
)
from fer_edge.faces import Faces
from fer_edge.metrics import softmax
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import logit_unit, simulate
from tests.present import present


@pytest.fixture
def differing(result: BenchResult) -> BenchResult:
    difference = Difference(
        image=3,
        name="<b>face & co</b>.png",
        board=[1, 2, 3, 4, 5, 6, 7],
        simulator=[1, 2, 3, 4, 5, 6, 8],
        board_class="surprise",
        simulator_class="surprise",
        layer=LayerDifference(number=2, name="conv3", differing=14, values=4608),
    )
    return replace(result, logits=Logits(result.logits.compared, 1, [difference]))


def test_the_page_needs_no_network(result: BenchResult, faces: Faces) -> None:
    page = report.html(result, faces)
    assert not re.search(r"https?://|\bsrc=(?!\"data:image/png;base64,)|\bhref=|@import|url\(|<script|<link", page)


def test_every_chart_is_well_formed(result: BenchResult, faces: Faces) -> None:
    charts = re.findall(r"<svg.*?</svg>", report.html(result, faces), re.DOTALL)
    assert len(charts) == 2
    for chart in charts:
        ElementTree.fromstring(chart)


def test_the_page_states_accuracy_with_interval_and_number(result: BenchResult, faces: Faces) -> None:
    page = report.html(result, faces)
    low, high = (f"{100 * bound:.2f} %" for bound in result.scores["accuracy_95"])
    assert f"95 %: {low} to {high}, n = 70" in page
    assert "split test" in page


def test_a_frame_is_drawn_and_tabled_phase_by_phase(result: BenchResult, faces: Faces) -> None:
    page = report.html(result, faces)
    phases = result.energy.phases
    chart = next(c for c in re.findall(r"<svg.*?</svg>", page, re.DOTALL) if "One frame" in c)
    blocks = [
        float(rect.attrib["width"]) * float(rect.attrib["height"])
        for rect in ElementTree.fromstring(chart).iter("rect")
    ]
    for area, phase in zip(blocks, phases, strict=True):
        assert area / sum(blocks) == pytest.approx(phase.energy.value / result.energy.whole.energy.value, abs=0.01)
        assert f">{phase.energy.value:,.2f} µJ</td>" in page
    assert 'aria-label="Energy by phase"' in page


def test_beside_other_work_energy_is_power_times_latency(result: BenchResult, faces: Faces) -> None:
    table = report.html(result, faces).split("<h2>Beside other work")[1]
    assert '<td class="n" data-name="Power">38.0 mW <span class="tag estimated"' in table


def test_estimated_figures_are_named_so(result: BenchResult, faces: Faces) -> None:
    page = report.html(result, faces)
    power = re.escape(f"{result.energy.power.value:,.2f} mW")
    assert re.search(power + r'</td><td><span class="tag estimated"', page)
    assert "measured by the vendor on FaceID, assumed for this network" in page
    assert re.search(r'One inference.*?class="tag estimated"', page, re.DOTALL)
    assert "Energy net of idle needs a measured idle window" in page


@pytest.fixture
def measured(result: BenchResult) -> BenchResult:
    """As if an instrument had measured: with net energy, standard errors, drift, settings and a trace."""

    def figure(value: float, error: float, unit: str = "µJ") -> Mean:
        return Mean(value, unit, "measured", "supply", error)

    def energy(total: float, net: float) -> OperationEnergy:
        return OperationEnergy("a window", figure(total, 0.34), figure(net, 0.21), None, None)

    def window(milliwatts: float, total: Mean | None, net: Mean | None) -> WindowEnergy:
        return WindowEnergy(1000, 1.1, 3.3, 0.012, 9000, figure(milliwatts, 0.5, "mW"), total, net)

    busy = window(40.0, figure(2.5, 0.1), figure(2.0, 0.1))
    return replace(
        result,
        energy=replace(
            result.energy,
            rounds=5,
            power=figure(40.0, 0.5, "mW"),
            inference=energy(41.2, 30.6),
            whole=energy(44.1, 32.5),
            windows={"load_weights": busy, "load_input": busy, "infer": busy, "idle": window(10.0, None, None)},
            drift=Drift(idle=0.001, infer=-0.002, limit=0.02, steady=True),
            settings={"version": "PMON 2.0", "rails": {"3V3": "3.3 V", "core A": "1.2 V"}},
            trace=[[t, 10.0, 12.0 + t, 20.0] for t in range(10)],
        ),
    )


def test_energy_is_told_twice_with_its_standard_error(measured: BenchResult, faces: Faces) -> None:
    page, text = report.html(measured, faces), report.summary(measured)
    assert "41.20 ± 0.34 µJ" in page
    assert "30.60 ± 0.21 µJ" in page
    assert "energy      41.20 ± 0.34 µJ (measured) per inference" in text
    assert "net of idle 30.60 ± 0.21 µJ (measured) per inference" in text
    assert "Boundary: " in page
    assert "core A 1.2 V" in page


def test_a_current_trace_is_drawn_where_there_are_samples(
    result: BenchResult, measured: BenchResult, faces: Faces
) -> None:
    assert 'aria-label="Current while inferring"' not in report.html(result, faces)
    charts = re.findall(r"<svg.*?</svg>", report.html(measured, faces), re.DOTALL)
    (chart,) = [c for c in charts if "Current while inferring" in c]
    points = [
        tuple(map(float, p.split(",")))
        for p in present(re.search(r'<polyline class="curve" points="([^"]+)"', chart))[1].split()
    ]
    assert len(points) == 10
    assert points[0][0] == 0
    assert points[-1][0] == report.CHART_WIDTH
    assert points[0][1] > points[-1][1]  # the current rises, and so does the line
    assert "20.000 mA" in chart


def test_drift_is_loud(measured: BenchResult, faces: Faces) -> None:
    assert "Not steady" not in report.html(measured, faces)
    drift = Drift(idle=-0.07, infer=-0.002, limit=0.02, steady=False)
    unsteady = replace(measured, energy=replace(measured.energy, drift=drift))
    assert re.search(r'banner bad">Not steady: .*−?7\.00 %', report.html(unsteady, faces))
    assert "NOT STEADY: idle power drifted by -7.00 %" in report.summary(unsteady)


def test_every_figure_is_in_the_csv_with_its_kind(result: BenchResult, measured: BenchResult) -> None:
    for source in (result, measured):
        rows = {row["figure"]: row for row in csv.DictReader(io.StringIO(report.as_csv(source)))}
        assert float(rows["accuracy"]["value"]) == source.scores["accuracy"]
        assert float(rows["recall happy"]["value"]) == source.scores["per_class"]["happy"]["recall"]
        assert float(rows["latency median"]["value"]) == source.latency.median.value
        assert rows["power"]["kind"] == source.energy.power.kind
        assert {row["kind"] for row in rows.values()} <= {"measured", "estimated", "assumed"}
    assert rows["energy inference net"]["standard_error"] == "0.21"
    assert float(rows["load_weights total"]["value"]) == 2.5


def test_nothing_of_doubtful_origin_stands_beside_our_figures(result: BenchResult, faces: Faces) -> None:
    page = report.html(result, faces)
    for source in ("Giordano", "2306.00001", "2111.04988"):
        assert source in page
    for work in published.OTHERS:
        assert work.how


def test_equal_latencies_are_told_in_words(result: BenchResult, faces: Faces) -> None:
    constant = replace(result, latency=replace(result.latency, microseconds=[(1211, 70)]))
    assert "does not depend on what it sees" in report.html(constant, faces)


def test_differing_logits_are_loud(result: BenchResult, differing: BenchResult, faces: Faces) -> None:
    assert "all equal to the simulator's" in report.summary(result)
    assert "bit for bit" in report.html(result, faces)
    assert "LOGITS      DIFFER" in report.summary(differing)
    assert "first differing layer: 2 (conv3), 14 of 4,608 values" in report.summary(differing)
    assert "bit for bit" not in report.html(differing, faces)


def test_names_of_files_are_text_not_html(differing: BenchResult, faces: Faces) -> None:
    assert "&lt;b&gt;face &amp; co&lt;/b&gt;.png" in report.html(differing, faces)


def test_the_misread_faces_of_which_the_board_was_surest_are_shown_with_their_scores(
    result: BenchResult, faces: Faces, network: IntegerNetwork
) -> None:
    scores = softmax(simulate(network, network.device_input(faces.images)) * logit_unit(network))
    wrong = [i for i in range(len(faces)) if scores[i].argmax() != faces.labels[i]]
    surest = sorted(wrong, key=lambda i: -scores[i].max())
    assert result.misread.images == len(wrong) > MISREAD_LISTED
    listed = result.misread.surest
    assert len(listed) == MISREAD_LISTED
    assert [face.scores[face.predicted] for face in listed] == [scores[i].max() for i in surest[:MISREAD_LISTED]]
    page = report.html(result, faces)
    shown = re.findall(r'<img src="data:image/png;base64,([^"]+)" width="48" height="48" alt="([^"]+)">', page)
    for face, (png, name) in zip(listed, shown, strict=True):
        assert name == faces.names[face.image]
        assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(png)))) == faces.images[face.image]).all()
        assert f"<b>{face.predicted}</b> {round(100 * face.scores[face.predicted])} %" in page
    assert f"The {MISREAD_LISTED} of {len(wrong)} misread faces" in page


def test_the_page_of_a_run_without_mistakes_has_no_misread_faces(result: BenchResult, faces: Faces) -> None:
    assert "Misread" not in report.html(replace(result, misread=Misread(0, [])), faces)


def test_the_name_of_a_misread_face_is_text_not_html(result: BenchResult, faces: Faces) -> None:
    first, *others = result.misread.surest
    evil = replace(first, name='"><script>alert(1)</script>')
    changed = replace(result, misread=replace(result.misread, surest=[evil, *others]))
    page = report.html(changed, faces)
    assert "<script" not in page
    assert page.count("&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;") == 3


def test_only_fer2013s_own_classes_and_labels_are_compared_with_the_published_accuracy(result: BenchResult) -> None:
    def comparable(changed: BenchResult) -> str:
        return {row["what"]: row["comparable"] for row in report.comparison(changed)}["accuracy"]

    assert comparable(result).startswith("The same task")
    drawn = replace(result, data=replace(result.data, source="drawn"))
    assert comparable(drawn) == "No: these faces are drawn; FER2013's are photographs."
    votes = replace(result, classes=[*result.classes, "contempt"], data=replace(result.data, labels="fer2013new.csv"))
    assert comparable(votes).startswith("No: ours is agreement with fer2013new.csv on 8 classes")
    assert comparable(replace(result, classes=["calm", "glad"])) == "No: ours are 2 other classes."


def test_published_energy_is_not_compared(result: BenchResult) -> None:
    rows = {row["what"]: row for row in report.comparison(result)}
    assert rows["energy"]["comparable"].startswith("No")
    assert rows["latency"]["published"] == "1.516 ms"


def test_the_page_and_the_summary_say_whose_labels(result: BenchResult, faces: Faces) -> None:
    votes = replace(result, data=replace(result.data, labels="fer2013new.csv"))
    assert "labels fer2013new.csv" in report.html(votes, faces)
    assert "labels fer2013new.csv" in report.summary(votes)


def test_the_summary_fits_a_terminal(result: BenchResult) -> None:
    text = report.summary(result)
    assert "µJ (estimated) per inference" in text
    assert max(map(len, text.splitlines())) <= 160


@given(st.dictionaries(st.integers(500, 5000), st.integers(1, 100), min_size=1, max_size=50))
def test_every_latency_is_in_one_bin_of_the_histogram(microseconds: dict[int, int]) -> None:
    bins = report.histogram(list(microseconds.items()))
    assert len(bins) <= report.HISTOGRAM_BINS
    for low, high, count in bins:
        assert count == sum(n for value, n in microseconds.items() if low <= value < high)
    assert sum(count for _, _, count in bins) == sum(microseconds.values())
