"""Firmware that infers each face twice, as it is and mirrored, and adds up the logits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fer_edge import checkpoint
from fer_edge.bench import camera, duty, report
from fer_edge.bench.harness import BenchConfig, run_bench
from fer_edge.bench.protocol import Rest, Wait
from fer_edge.bench.virtual import virtual_board
from fer_edge.cli import main
from fer_edge.errors import BoardError
from fer_edge.faces import Faces
from fer_edge.load import load_network
from fer_edge.metrics import softmax
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.simulate import infer, logit_unit, simulate
from fer_edge.synth.placement import region
from fer_edge.synth.placer import place
from tests.bench.fake_board import FakeBoard, board_answers
from tests.bench.mlperf_client import MlperfClient
from tests.marks import on_virtual_board
from tests.present import present


@pytest.fixture
def folded(network: IntegerNetwork, tmp_path: Path) -> Path:
    """Checkpoint of a network whose input lies folded, so that to mirror a row is more than to turn it round, and whose
    logits take its place, so that they are lost where the mirrored one is loaded."""
    (layer,) = network.layers
    random = np.random.default_rng(0)
    first = Layer("first", Operator.CONV, (INPUT,), random.integers(-100, 100, (4, 4, 1, 1), np.int8))
    weight = random.integers(-100, 100, (7, 4, 3, 3), np.int8)
    last = replace(layer, inputs=(0,), weight=weight, pool_size=(8, 8), pool_stride=8)
    network = replace(network, name="folded", input_shape=(4, 24, 24), fold=2, layers=(first, last))
    placed = place(network)
    assert region(placed, INPUT).overlaps(region(placed, 1))
    path = tmp_path / "folded.pth.tar"
    path.write_bytes(checkpoint.to_bytes(network))
    return path


def test_the_outputs_of_an_image_and_its_mirror_image_are_summed(network: IntegerNetwork, faces: Faces) -> None:
    mirrored = np.ascontiguousarray(faces.images[:, :, ::-1])
    one, other = (simulate(network, network.device_input(images)) for images in (faces.images, mirrored))
    assert np.array_equal(infer(network, faces.images), one)
    assert np.array_equal(infer(network, faces.images, mirror=True), one + other)
    assert not np.array_equal(one, other)


@on_virtual_board
def test_the_board_does_as_the_simulator_and_takes_twice_as_long(
    folded: Path, faces_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the line, through the camera and in duty cycles; the report says what latency and energy are of."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(camera, "FULL_RATE_FRAMES", 3)
    cycles = duty.configure((5.0,), False, Wait.SLEEP.name.lower(), Rest.ON.name.lower(), None, None, None)
    once = BenchConfig("virtual", folded, faces_folder, limit=7, output_dir=tmp_path / "once")
    twice = replace(once, output_dir=tmp_path / "twice", mirror=True, duty=cycles, through_camera=True)
    single, double = run_bench(once), run_bench(twice)
    assert (double.board.runs, double.logits.images_differing, present(double.camera).images_differing) == (2, 0, 0)
    assert present(double.duty).cycles
    assert double.latency.cycles_median.value == 2 * single.latency.cycles_median.value
    assert double.energy.whole.energy.value > 2 * single.energy.whole.energy.value, "the mirroring costs, too"
    assert "as it is and mirrored" in report.summary(double)
    assert "as it is and mirrored" in (tmp_path / "twice/report.html").read_text()
    assert "mirrored" not in report.summary(single)


@on_virtual_board
def test_probabilities_are_of_the_mean_of_both(folded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the text protocol tells them: sums alone would look twice as sure."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    network = load_network(folded)
    pixels = np.random.default_rng(5).integers(0, 256, (1, 48, 48), np.uint8)
    expected = softmax(infer(network, pixels, mirror=True) / 2 * logit_unit(network))[0]
    with virtual_board(network, folded, mirror=True) as port, MlperfClient(port) as client:
        client.command("name", timeout=10)  # it may still be starting
        client.load(pixels.tobytes())
        client.infer(1)
        assert client.results() == pytest.approx(expected, abs=0.0005 + 1e-8)


def test_a_board_that_infers_once_is_no_board_for_two(
    network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    with (
        FakeBoard(board_answers(network)) as board,
        pytest.raises(BoardError, match=r"runs the network 1 × for a face, not 2 ×.* take --mirror"),
    ):
        run_bench(BenchConfig(board.port, checkpoint_path, faces_folder, output_dir=tmp_path, mirror=True))


def test_what_it_is_worth_can_be_evaluated_before(checkpoint_path: Path, faces_folder: str, faces: Faces) -> None:
    words = ["evaluate", "--checkpoint", str(checkpoint_path), "--data", faces_folder, "--mirror"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    logits = infer(checkpoint.integer_network(checkpoint.read(checkpoint_path)), faces.images, mirror=True)
    right = (logits.argmax(1) == faces.labels).sum()
    assert f"accuracy    {right / len(faces):.2%}".replace("%", " %") in done.output
    refused = CliRunner().invoke(main, [*words, "--mode", "float"])
    assert refused.exit_code == 1
    assert "--mirror is what the firmware can do, not mode float" in refused.output
