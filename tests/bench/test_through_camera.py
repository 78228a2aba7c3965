"""The bench with the board's camera: on the virtual board, and before a screen that is none."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fer_edge import frame
from fer_edge.bench import camera, harness, report
from fer_edge.bench.answers import AnswerFile, Sight
from fer_edge.bench.device import CameraFrame, Device
from fer_edge.bench.harness import BenchConfig, run_bench
from fer_edge.bench.pool import Member
from fer_edge.bench.protocol import CameraDetail, Command
from fer_edge.bench.result import BenchResult
from fer_edge.bench.screen import Screen
from fer_edge.cli import main
from fer_edge.errors import BoardError, FerEdgeError
from fer_edge.faces import Faces, load, scenes
from fer_edge.faces.lens import MODERATE
from fer_edge.network import IntegerNetwork
from fer_edge.power import ACTIVE, CAPTURE, INPUT_LOAD
from fer_edge.simulate import simulate
from tests.bench.fake_board import FakeBoard, board_answers
from tests.marks import on_virtual_board
from tests.present import present


class Eye(Device):
    """A board whose camera sees one picture after another; `behind` frames late, and losing frames where told."""

    def __init__(self, network: IntegerNetwork, pictures: np.ndarray, lose: int = 0, wrong: bool = False) -> None:
        self.network, self.pictures, self.lose, self.wrong = network, pictures, lose, wrong
        self.on, self.number = False, 0
        self.view = [0] * 4  # what the frames on their way show, the oldest first
        self.shown: list[int] = []

    def show(self, number: int) -> None:
        self.shown.append(number)
        self.view = [*self.view[:3], number]

    def start_camera(self) -> None:
        self.on = True

    def stop_camera(self) -> None:
        self.on = False

    def camera_frames(self, details: Iterable[CameraDetail]) -> Iterator[CameraFrame]:
        assert self.on
        for detail in details:
            seen = self.view[0]
            self.view = [*self.view[1:], self.view[-1]]
            pixels = self.pictures[seen]
            logits = simulate(self.network, self.network.device_input(pixels[None]))[0] + self.wrong
            self.number += 1 + self.lose
            nothing = np.zeros((0, 0), np.uint8)
            yield CameraFrame(
                self.number, self.lose, 0, 0.048, 0.006, 0.002, int(logits.argmax()), tuple(logits.tolist()),
                nothing if detail == CameraDetail.ANSWER else pixels, nothing,
            )  # fmt: skip


@pytest.fixture
def few(faces: Faces) -> Faces:
    return replace(faces, images=faces.images[:5], labels=faces.labels[:5], names=faces.names[:5])


def look(eye: Eye, few: Faces, folder: Path) -> tuple[list[Sight], list[CameraFrame]]:
    answers = AnswerFile(folder, {}, Sight)
    full_rate = camera.look(eye, eye.network, few, eye.show, camera.VIRTUAL_FRAMES, answers)
    answers.finish()
    return answers.records, full_rate


def test_each_answer_is_to_the_face_that_was_shown_however_many_are_on_their_way(
    network: IntegerNetwork, few: Faces, tmp_path: Path
) -> None:
    eye = Eye(network, few.images)
    sights, full_rate = look(eye, few, tmp_path)
    assert [base64.b64decode(sight.pixels) for sight in sights] == [image.tobytes() for image in few.images]
    assert [sight.logits for sight in sights] == [sight.expected for sight in sights]
    assert len(full_rate) == camera.FULL_RATE_FRAMES
    assert not eye.on
    assert (tmp_path / "camera.jsonl").is_file()


def test_rate_overlap_and_energy_are_those_of_the_frames(network: IntegerNetwork, few: Faces, tmp_path: Path) -> None:
    sights, full_rate = look(Eye(network, few.images), few, tmp_path)
    found = camera.result(network, few, "none", sights, full_rate, virtual=False)
    assert found.frame_rate.value == pytest.approx(1 / 0.048)
    assert (found.lost, found.broken, found.images_differing) == (0, 0, 0)
    assert found.overlap.value == pytest.approx(100)
    assert (found.capture.value, found.compute.value) == pytest.approx((48, 6))
    expected = 4 * INPUT_LOAD.mw + 2 * ACTIVE.mw + 42 * CAPTURE.mw
    assert found.frame.energy.value == pytest.approx(expected)
    kinds = {found.frame_rate.kind, *(phase.time.kind for phase in found.frame.phases)}
    assert kinds == {"measured"}
    assert {found.frame.energy.kind, *(phase.energy.kind for phase in found.frame.phases)} == {"estimated"}


def test_where_every_other_frame_is_lost_nothing_overlaps(network: IntegerNetwork, few: Faces, tmp_path: Path) -> None:
    sights, full_rate = look(Eye(network, few.images, lose=1), few, tmp_path)
    found = camera.result(network, few, "none", sights, full_rate, virtual=True)
    assert found.lost == camera.FULL_RATE_FRAMES
    assert found.frame_rate.value == pytest.approx(1 / 0.096)
    assert found.overlap.value == 0
    assert found.frame_rate.kind == "estimated"


def test_a_board_that_computes_something_else_is_found_out(
    network: IntegerNetwork, few: Faces, tmp_path: Path, result: BenchResult, faces: Faces
) -> None:
    sights, full_rate = look(Eye(network, few.images, wrong=True), few, tmp_path)
    found = replace(result, camera=camera.result(network, few, "none", sights, full_rate, virtual=True))
    assert present(found.camera).images_differing == 5
    assert "LOGITS DIFFER in 5 images on the very pixels" in report.summary(found)
    assert "5 images have logits that differ" in report.html(found, faces)


def test_the_lens_may_cost_accuracy_or_bring_some(
    network: IntegerNetwork, few: Faces, tmp_path: Path, result: BenchResult
) -> None:
    seen = camera.result(network, few, "none", *look(Eye(network, few.images), few, tmp_path), virtual=True)
    for through, words in ((0.25, "25.00 points less than over the wire"), (0.6, "10.00 points more than")):
        told = replace(seen, scores={**seen.scores, "accuracy": through})
        assert words in report.summary(replace(result, scores={**result.scores, "accuracy": 0.5}, camera=told))


def test_an_interrupted_run_goes_on_where_it_stopped(network: IntegerNetwork, few: Faces, tmp_path: Path) -> None:
    eye = Eye(network, few.images)
    shown = iter(range(4))

    def show(number: int) -> None:
        if next(shown, None) is None:
            raise BoardError("Gone.", "Come back.")
        eye.show(number)

    answers = AnswerFile(tmp_path, {}, Sight)
    with pytest.raises(BoardError, match="Gone"):
        camera.look(eye, network, few, show, camera.VIRTUAL_FRAMES, answers)
    answers.close()
    assert not eye.on
    again = Eye(network, few.images)
    sights, _ = look(again, few, tmp_path)
    assert [sight.image for sight in sights] == list(range(5))
    assert again.shown == [3, 3, 4]


@on_virtual_board
def test_the_virtual_board_looks_at_faces_through_a_lens(
    checkpoint_path: Path, faces_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(camera, "FULL_RATE_FRAMES", 12)
    out = tmp_path / "out"
    config = BenchConfig("virtual", checkpoint_path, faces_folder, limit=7, output_dir=out, through_camera=True)
    result = run_bench(config)
    seen = present(result.camera)
    assert (seen.lens, seen.images_differing, seen.lost, seen.broken) == ("moderate", 0, 0, 0)
    assert seen.scores["n"] == 7
    assert seen.frame_rate.value == pytest.approx(20.9, abs=0.1)
    assert seen.overlap.value == pytest.approx(100)
    faces = load(faces_folder, "test", 7)
    expected = scenes.seen(faces.images, MODERATE, 0)
    lines = (out / "camera.jsonl").read_text().splitlines()[1:]
    pixels = [np.frombuffer(base64.b64decode(json.loads(line)["pixels"]), np.uint8) for line in lines]
    alike = np.corrcoef(np.stack([*(image.ravel() for image in expected), *pixels]))[:7, 7:]
    assert np.diag(alike).min() > 0.95, "each is the face that was shown"
    assert (alike.argmax(1) == np.arange(7)).all()
    assert "Through the camera" in (out / "report.html").read_text()
    assert "energy camera frame" in (out / "report.csv").read_text()
    assert json.loads((out / "report.json").read_text())["camera"]["frame"]["energy"]["kind"] == "estimated"


def test_before_a_real_lens_the_faces_are_shown_in_a_window(
    network: IntegerNetwork, few: Faces, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The window is none, and what it shows goes to the camera of a board that is none."""
    eye = Eye(network, few.images)
    eye.link = type("", (), {"pseudo_terminal": False})()
    opened: list[object] = []

    class Window:
        def __init__(self, pictures: np.ndarray) -> None:
            opened.append(pictures.shape)

        def __enter__(self) -> Eye:
            return eye

        def __exit__(self, *exception: object) -> None:
            opened.append("closed")

    monkeypatch.setattr(harness, "Screen", Window)
    monkeypatch.setattr(camera, "SCREEN_FRAMES", 5)
    config = BenchConfig("/dev/ttyACM0", tmp_path, "faces", through_camera=True)
    shown = scenes.through(few.images, MODERATE, 0)
    with closing(AnswerFile(tmp_path, {}, Sight)) as answers:
        seen = harness._through_camera(Member("board", eye), network, config, few, shown, answers)
    assert opened == [(5, 96, 128), "closed"]
    assert (seen.lens, seen.scores["n"], seen.images_differing) == ("none", 5, 0)
    assert seen.frame_rate.kind == "measured"


def test_a_virtual_board_of_somebody_else_cannot_be_shown_anything_and_that_is_told_at_once(
    network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    with FakeBoard(board_answers(network)) as board:
        config = BenchConfig(board.port, checkpoint_path, faces_folder, output_dir=tmp_path, through_camera=True)
        with pytest.raises(FerEdgeError, match="sees only what that was started with"):
            run_bench(config)
    assert {request.command for request in board.requests} == {Command.HELLO}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a window needs no DISPLAY")
def test_without_a_screen_the_reason_is_told(few: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tkinter")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(FerEdgeError, match="No window can be opened"), Screen(scenes.through(few.images, MODERATE, 0)):
        pass


def test_lens_without_camera_is_refused() -> None:
    ran = CliRunner().invoke(main, ["bench", "--port", "virtual", "--lens", "moderate"])
    assert ran.exit_code == 2
    assert "--lens wants --through-camera" in ran.output


def test_a_frame_s_energy_is_power_by_time() -> None:
    whole = frame.captured("net", 50_000, 5_000, 2_000, "estimated", "virtual time")
    assert [phase.time.value for phase in whole.phases] == [3_000, 2_000, 45_000]
    assert whole.rate == 20
    assert whole.power.value == pytest.approx(whole.energy.value * 20 / 1000)
    assert whole.energy.value == pytest.approx(3 * INPUT_LOAD.mw + 2 * ACTIVE.mw + 45 * CAPTURE.mw)
