"""One table for networks of any kind: the figures are those one counts by hand, and nothing is made up."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from fer_edge import checkpoint, models, zoo
from fer_edge.bench import virtual
from fer_edge.cli import main
from fer_edge.compare import networks as comparing
from fer_edge.compare.networks import FIGURES, Comparison, compare
from fer_edge.compare.networks_page import NONE, remarks, render, table, write_html
from fer_edge.errors import DataError, FerEdgeError
from fer_edge.estimate import estimate
from fer_edge.faces import CLASSES, drawn
from fer_edge.metrics import mcnemar
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.training.host_energy import HostReading
from tests.bench.fake_board import FakeBoard, board_answers
from tests.nets import deployable_net

COUNTS = (6, 5, 4, 9, 3, 2, 6)
"""Faces of each class, so that no two scores are the same by chance."""
N = sum(COUNTS)
HAPPY, SAD = CLASSES.index("happy"), CLASSES.index("sad")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("faces")
    for number, image in enumerate(drawn.draw(range(7 * max(COUNTS)))):
        label, which = number % 7, number // 7
        if which < COUNTS[label]:
            path = root / "test" / CLASSES[label] / f"{which}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return root


def always(name: str, label: int) -> IntegerNetwork:
    """A network of 63 weights and 7 biases that sees one class in everything."""
    layer = Layer(
        name="conv1",
        operator=Operator.CONV,
        inputs=(INPUT,),
        weight=np.zeros((7, 1, 3, 3), np.int8),
        bias=np.eye(7, dtype=np.int8)[label],
        pool="max",
        pool_size=(16, 16),
        pool_stride=16,
        output_width=32,
    )
    return IntegerNetwork(name, (1, 48, 48), (layer,))


def saved(path: Path, network: IntegerNetwork) -> Path:
    checkpoint.write(path, network)
    return path


def trained(path: Path, arch: str) -> Path:
    """A checkpoint as training writes it, of weights as they were drawn."""
    torch.manual_seed(0)
    torch.save({"arch": arch, "epoch": 1, "state_dict": models.build(arch).state_dict(), "extras": {}}, path)
    return path


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("networks")
    return [
        saved(folder / "happy.pth.tar", always("joy", HAPPY)),
        saved(folder / "sad.pth.tar", always("gloom", SAD)),
        trained(folder / "float.pth.tar", "cnn-585k"),
        trained(folder / "spiking.pth.tar", "snn-fc"),
    ]


@pytest.fixture(scope="module")
def comparison(sources: list[Path], data: Path) -> Comparison:
    return compare(sources, data)


def test_scores_are_those_one_counts_by_hand(comparison: Comparison) -> None:
    scores = comparison.networks[0].scores  # it says happy to all 35, of which 9 are
    assert scores["n"] == N == 35
    assert scores["accuracy"] == 9 / 35
    assert scores["macro_precision"] == pytest.approx(9 / 35 / 7)
    assert scores["macro_recall"] == pytest.approx(1 / 7)
    assert scores["macro_f1"] == pytest.approx(18 / 44 / 7)
    assert scores["weighted_f1"] == pytest.approx(18 / 44 * 9 / 35)


def test_a_quantized_network_has_the_estimators_figures(comparison: Comparison) -> None:
    figures, cost = comparison.networks[0].figures, estimate(always("joy", HAPPY))
    assert figures["parameters"].value == 7 * 9 + 7
    assert figures["model_bytes"].value == 7 * 9 + 7
    assert figures["macs"].value == 7 * 9  # one output pixel
    assert (figures["chip_cycles"].value, figures["chip_cycles"].kind) == (cost.cycles, "estimated")
    assert figures["chip_latency"] == cost.latency
    assert figures["chip_energy"].value == cost.energy.value
    assert "assumed" in figures["chip_energy"].source


def test_a_float_network_has_figures_of_its_own_and_none_of_the_chip(comparison: Comparison) -> None:
    network = comparison.networks[2]
    assert (network.name, network.arithmetic) == ("cnn-585k", "float")
    assert network.figures["parameters"].value == sum(p.numel() for p in models.build("cnn-585k").parameters())
    assert network.figures["model_bytes"].value > 4 * network.figures["parameters"].value  # batch norm has buffers
    assert not [key for key in network.figures if key.startswith(("chip", "board"))]


def test_multiplications_and_spikes_have_the_energy_of_the_same_convention(comparison: Comparison) -> None:
    ann, snn = (network.figures for network in comparison.networks[2:])
    blocks = [(48, 1, 32), (48, 32, 32), (24, 32, 64), (24, 64, 64), (12, 64, 128), (12, 128, 128), (6, 128, 256)]
    macs = sum(side**2 * 9 * inputs * outputs for side, inputs, outputs in blocks) + 256 * 7
    assert ann["macs"].value == macs
    assert ann["convention_energy"].value == pytest.approx(4.6e-6 * macs)
    assert snn["macs"].value == 48 * 48 * 512
    assert snn["synops"].value > 0
    energy = 4.6e-6 * 48 * 48 * 512 + 0.9e-6 * snn["synops"].value
    assert snn["convention_energy"].value == pytest.approx(energy, rel=1e-5)
    assert ann["convention_energy"].kind == snn["convention_energy"].kind == "assumed"
    assert 0 < snn["firing_rate"].value < 100
    assert "firing_rate" not in ann


def test_what_others_published_stands_beside_it(comparison: Comparison) -> None:
    assert comparison.networks[2].published == models.get("cnn-585k").published
    row = table(comparison)["Accuracy"][-1]
    assert (row.kind, row.cells) == ("published", (NONE, NONE, "68.24 %", "38 %"))


def test_times_are_measured_and_say_with_how_many_threads(comparison: Comparison) -> None:
    for network in comparison.networks:
        for key in ("host_latency", "throughput"):
            assert network.figures[key].value > 0
            assert network.figures[key].kind == "measured"
    assert f"threads: {torch.get_num_threads()}" in comparison.networks[2].figures["host_latency"].source
    assert "not the chip" in comparison.networks[0].figures["host_latency"].source


def test_neighbours_are_compared_face_by_face(comparison: Comparison) -> None:
    first = comparison.neighbours[0]
    assert len(comparison.neighbours) == 3
    assert (first.a, first.b, first.only_a, first.only_b) == ("A", "B", COUNTS[HAPPY], COUNTS[SAD])
    assert first.p == mcnemar(9, 2) == pytest.approx(2 * (1 + 11 + 55) / 2**11)


class Sensors:
    """`HostEnergy` with readings of our own."""

    readings: tuple[HostReading, ...] = ()

    def __init__(self, *, gpu: bool) -> None:
        assert not gpu  # the work runs on the processor

    def __enter__(self) -> Sensors:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_energy_of_the_host_is_that_of_all_its_sensors_by_image(
    sources: list[Path], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = [HostReading(name, "all of it", 2.0, joules) for name, joules in (("package-0", 6.0), ("dram", 1.0))]
    monkeypatch.setattr(Sensors, "readings", (*readings, HostReading("package-1", "all of it", 0.0, None, "broken")))
    monkeypatch.setattr(comparing, "HostEnergy", Sensors)
    monkeypatch.setattr(comparing, "MIN_SECONDS", 0.0)
    figure = compare(sources[:1], data).networks[0].figures["host_energy"]
    assert figure.value == pytest.approx(1000 * 7.0 / N)
    assert (figure.unit, figure.kind) == ("mJ", "measured")
    assert "package-0: all of it; dram: all of it" in figure.source


def test_energy_without_a_sensor_is_absent_with_the_reason(
    sources: list[Path], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sensors, "readings", (HostReading("RAPL", "all of it", 0.0, None, "Only root may read it."),))
    monkeypatch.setattr(comparing, "HostEnergy", Sensors)
    result = compare(sources[:1], data)
    assert "host_energy" not in result.networks[0].figures
    assert [row.cells for row in table(result)["Cost"] if row.kind == "absent"] == [(NONE,)]
    assert "A: host energy per image: absent. Only root may read it." in remarks(result)


def test_energy_of_a_moment_is_not_believed(sources: list[Path], data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sensors, "readings", (HostReading("package-0", "all of it", 0.1, 0.0),))
    monkeypatch.setattr(comparing, "HostEnergy", Sensors)
    assert "too short" in compare(sources[:1], data).networks[0].absent["host_energy"]


def test_every_figure_says_how_it_came_about(comparison: Comparison) -> None:
    for network in comparison.networks:
        assert list(network.figures) == [key for key in FIGURES if key in network.figures]
        for figure in network.figures.values():
            assert figure.kind in ("measured", "estimated", "assumed")
            assert figure.source
    kinds = {row.kind for rows in table(comparison).values() for row in rows}
    assert kinds <= {"measured", "estimated", "assumed", "published", "absent"}


def test_json_keeps_everything(comparison: Comparison) -> None:
    plain = comparison.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["data"]["images"] == N
    assert plain["networks"][0]["figures"]["macs"]["value"] == 63
    assert plain["networks"][0]["scores"]["confusion"][SAD][HAPPY] == COUNTS[SAD]


def test_the_terminal_has_a_column_for_each_network(comparison: Comparison) -> None:
    text = render(comparison)
    header = next(line for line in text.splitlines() if line.split() == "A joy B gloom C cnn-585k D snn-fc".split())
    accuracy = next(line for line in text.splitlines() if line.startswith("accuracy "))
    assert accuracy.index("25.71 %") + len("25.71 %") == header.index("A joy") + len("A joy")
    assert re.search(r"^happy +100\.00 % / 0\.409 +0\.00 % / 0\.000 .*measured$", text, re.MULTILINE)
    assert re.search(r"^MAX78000 energy .*estimated$", text, re.MULTILINE)


def test_the_page_needs_nothing_else_and_shows_every_confusion_matrix(comparison: Comparison, tmp_path: Path) -> None:
    write_html(comparison, tmp_path / "out" / "networks.html")
    page = (tmp_path / "out" / "networks.html").read_text()
    assert not re.search(r"https?://|src=|<script|@import|<link", page)
    assert page.count('aria-label="Confusion matrix"') == 4
    for kind in ("measured", "estimated", "assumed", "published"):
        assert f'<span class="tag {kind}">' in page
    assert 'title="sad taken for happy: 2 of 2"' in page


def test_the_page_charts_accuracy_against_each_kind_of_energy(comparison: Comparison, tmp_path: Path) -> None:
    write_html(comparison, tmp_path / "networks.html")
    page = (tmp_path / "networks.html").read_text()
    charts = re.findall(r'<svg[^>]*aria-label="Accuracy against (.*?)"', page)
    assert charts[:2] == ["MAX78000 energy", "energy by convention"]


def test_names_are_text_not_html(data: Path, tmp_path: Path) -> None:
    path = saved(tmp_path / "quantized.pth.tar", always("<b>joy</b>", HAPPY))
    write_html(compare([path], data), tmp_path / "page.html")
    assert "&lt;b&gt;joy&lt;/b&gt;" in (tmp_path / "page.html").read_text()


def test_a_comparison_that_is_interrupted_keeps_what_it_had(
    sources: list[Path], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = comparing._measure

    def until_the_third(letter: str, *rest: object) -> comparing.Compared:
        if letter == "C":
            raise KeyboardInterrupt
        return measure(letter, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(comparing, "_measure", until_the_third)
    page = tmp_path / "page.html"
    result = CliRunner().invoke(main, ["compare", *map(str, sources), "--data", str(data), "--html", str(page)])
    assert result.exit_code == 130
    assert f"written: {page}\n" in result.output
    for text in (result.output, page.read_text(encoding="utf-8")):
        assert "joy" in text
        assert "gloom" in text
        assert "Interrupted before" in text
        assert "spiking.pth.tar" in text
    monkeypatch.setattr(comparing, "_measure", lambda *_: until_the_third("C"))
    assert CliRunner().invoke(main, ["compare", str(sources[0]), "--data", str(data)]).exit_code == 130


def test_a_folder_of_training_stands_for_its_result(data: Path, tmp_path: Path) -> None:
    trained(tmp_path / "best.pth.tar", "fernet-nano")
    first = compare([tmp_path], data, limit=7).networks[0]
    saved(tmp_path / "quantized.pth.tar", always("joy", HAPPY))
    second = compare([tmp_path], data, limit=7).networks[0]
    assert (first.name, first.arithmetic, second.name, second.arithmetic) == ("fernet-nano", "float", "joy", "integer")


def test_a_quantization_aware_checkpoint_counts_by_its_integers(data: Path, tmp_path: Path) -> None:
    model = deployable_net("fernet-nano")
    model.start_qat()
    path = tmp_path / "best.pth.tar"
    torch.save({"arch": "fernet-nano", "epoch": 1, "state_dict": model.state_dict(), "extras": {}}, path)
    network = compare([path], data, limit=7).networks[0]
    assert network.arithmetic == "integer"
    assert network.figures["chip_cycles"].value == estimate(model.integer_network()).cycles


def test_limit_and_seed_choose_the_faces(sources: list[Path], data: Path) -> None:
    first, again, other = (compare(sources[:1], data, limit=14, seed=seed) for seed in (1, 1, 2))
    assert first.networks[0].scores["n"] == 14
    assert first.data.fingerprint == again.data.fingerprint != other.data.fingerprint


def test_what_cannot_be_compared_is_refused_before_any_work(sources: list[Path], data: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.pth.tar"
    text.write_text("no checkpoint")
    three = Layer("conv1", Operator.CONV, (INPUT,), np.zeros((3, 1, 3, 3), np.int8), pool="max", pool_size=(16, 16),
                  pool_stride=16, output_width=32)  # fmt: skip
    saved(tmp_path / "three.pth.tar", IntegerNetwork("three", (1, 48, 48), (three,)))
    (tmp_path / "empty").mkdir()
    for source, message in (
        (text, "not a checkpoint"),
        (tmp_path / "missing.pth.tar", "no checkpoint"),
        (tmp_path / "three.pth.tar", "three has 3 outputs"),
        (tmp_path / "empty", r"holds no quantized\.pth\.tar, best\.pth\.tar or model\.onnx"),
    ):
        with pytest.raises(FerEdgeError, match=message):
            compare([sources[0], source], data)
    with pytest.raises(DataError):
        compare(sources[:1], tmp_path / "nowhere")
    with pytest.raises(FerEdgeError, match="0 networks"):
        compare([], data)
    with pytest.raises(FerEdgeError, match="virtual board only"):
        compare(sources[:1], data, port="/dev/ttyACM0")


def test_quantized_networks_are_compared_without_torch(sources: list[Path], data: Path) -> None:
    code = f"""
import sys
from fer_edge.compare.networks import compare
from fer_edge.compare.networks_page import render
render(compare({[str(source) for source in sources[:2]]!r}, {str(data)!r}))
sys.exit("torch" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_virtual_board_stands_in_the_same_table(
    sources: list[Path], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def board(network: IntegerNetwork, path: Path) -> Iterator[str]:
        assert path == sources[0]
        with FakeBoard(board_answers(network, wrong=2)) as fake:
            yield fake.port

    monkeypatch.setattr(virtual, "virtual_port", board)
    integers, floats = compare([sources[0], sources[2]], data, limit=14, port="virtual").networks
    figures = integers.figures
    assert (figures["board_differing"].value, figures["board_differing"].unit) == (1, "of 14")
    assert 1000 <= figures["board_latency"].value < 1050
    assert figures["board_cycles"].value == pytest.approx(50 * figures["board_latency"].value)
    assert {figures[key].kind for key in ("board_cycles", "board_latency")} == {"estimated"}
    assert "board_cycles" not in floats.figures


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.skipif(importlib.util.find_spec("unicorn") is None, reason="unicorn is not installed")
def test_on_the_virtual_board_every_face_has_the_simulators_logits(
    sources: list[Path], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    figures = compare(sources[:1], data, limit=14, port="virtual").networks[0].figures
    assert figures["board_differing"].value == 0
    assert figures["board_cycles"].value == pytest.approx(figures["chip_cycles"].value, rel=0.01)


def test_cycles_on_the_chip_are_those_of_the_network_as_placed() -> None:
    """Where operands of a sum lie decides how many cycles it takes."""
    (network,) = compare(["zoo:fernet-nano"], "drawn", limit=7).networks
    assert network.figures["chip_cycles"].value == zoo.card("fernet-nano")["cycles"]
