"""A bench scores every image once, compares every logit, and goes on where it was stopped."""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serial.tools import list_ports

from fer_edge import checkpoint
from fer_edge.bench import harness
from fer_edge.bench.answers import AnswerFile, Record
from fer_edge.bench.device import Device
from fer_edge.bench.duty import configure
from fer_edge.bench.harness import BenchConfig, run_bench
from fer_edge.bench.link import IN_FLIGHT, Link
from fer_edge.bench.meters import MeterConfig
from fer_edge.bench.protocol import Command
from fer_edge.bench.result import BenchResult, Logits
from fer_edge.errors import BoardError, DataError, FerEdgeError
from fer_edge.estimate import estimate
from fer_edge.faces import load
from fer_edge.files import file_name
from fer_edge.load import load_network
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import predictions, simulate
from fer_edge.synth.synthesize import estimate_placed
from tests.bench.fake_board import FakeBoard, board_answers
from tests.bench.test_ports import usb
from tests.present import present

LIMIT = 70  # more than one chunk of the simulator
Bench = Callable[..., BenchResult]


@pytest.fixture
def bench(checkpoint_path: Path, faces_folder: str, tmp_path: Path) -> Bench:
    def run(board: FakeBoard, limit: int = LIMIT, folder: str = "out") -> BenchResult:
        with board:
            return run_bench(
                BenchConfig(board.port, checkpoint_path, faces_folder, limit=limit, output_dir=tmp_path / folder)
            )

    return run


def without_times(result: BenchResult) -> dict[str, Any]:
    """What must be the same in every run of the same thing."""
    changing = ("finished", "throughput", "output_dir", "retries")
    same = replace(result, board=replace(result.board, port="", baud_rate=0))
    return {k: v for k, v in same.to_dict().items() if k not in changing}


def test_the_boards_answers_are_scored(bench: Bench, network: IntegerNetwork, faces_folder: str) -> None:
    result = bench(FakeBoard(board_answers(network)))
    faces = load(faces_folder, "test", LIMIT)
    expected = predictions(simulate(network, network.device_input(faces.images)))
    assert result.scores["n"] == LIMIT
    assert result.scores["accuracy"] == np.mean(expected == faces.labels)
    assert result.logits == Logits(7 * LIMIT, 0, [])


def test_cycles_are_estimated_for_the_placement_the_firmware_has(faces_folder: str, tmp_path: Path) -> None:
    residual = load_network("zoo:fernet-nano-res")  # where masks begin costs cycles when operands are added
    with FakeBoard(board_answers(residual)) as board:
        config = BenchConfig(board.port, Path("zoo:fernet-nano-res"), faces_folder, limit=1, output_dir=tmp_path)
        result = run_bench(config)
    assert result.estimate.cycles == estimate_placed(residual)[1].cycles != estimate(residual).cycles


def test_report_and_answers_are_written(bench: Bench, network: IntegerNetwork, tmp_path: Path) -> None:
    result = bench(FakeBoard(board_answers(network)))
    assert json.loads((tmp_path / "out/report.json").read_text()) == json.loads(json.dumps(result.to_dict()))
    assert (tmp_path / "out/report.html").is_file()
    lines = [json.loads(line) for line in (tmp_path / "out/answers.jsonl").read_text().splitlines()]
    assert lines[0]["network"] == network.content_hash.hex()
    assert [line["image"] for line in lines[1:]] == list(range(LIMIT))
    assert not list((tmp_path / "out").glob("*unfinished*"))


def test_times_of_a_pseudo_terminal_are_estimated_and_of_a_cable_measured(
    bench: Bench, network: IntegerNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = bench(FakeBoard(board_answers(network)), limit=14)
    assert result.latency.median.kind == "estimated"
    assert "virtual" in result.throughput.source
    monkeypatch.setattr(Link, "pseudo_terminal", property(lambda link: False))
    result = bench(FakeBoard(board_answers(network)), limit=14, folder="cable")
    assert result.latency.median.kind == "measured"
    # The estimator's energy stays an estimate, however the time was found.
    assert result.energy.inference.energy.kind == "estimated"
    assert result.energy.power.kind == "estimated"


def test_a_differing_logit_is_named_with_its_image(bench: Bench, network: IntegerNetwork, faces_folder: str) -> None:
    result = bench(FakeBoard(board_answers(network, wrong=5)))
    (difference,) = result.logits.first_differing
    assert result.logits.images_differing == 1
    assert (difference.image, difference.name) == (5, load(faces_folder, "test", LIMIT).names[5])
    assert np.subtract(difference.board, difference.simulator).tolist() == [0, 0, 0, 1, 0, 0, 0]


def test_faults_on_the_line_change_no_result(bench: Bench, network: IntegerNetwork) -> None:
    clean = bench(FakeBoard(board_answers(network)), limit=42)
    faults = {3: "corrupt", 9: "twice", 12: "bad_crc", 17: "garbage", 25: "late", 33: "lose"}
    faulty = bench(FakeBoard(board_answers(network), faults), limit=42)
    assert without_times(faulty) == without_times(clean)
    assert faulty.retries >= 3


def test_a_board_that_resets_in_mid_image_loses_nothing(bench: Bench, network: IntegerNetwork) -> None:
    clean = bench(FakeBoard(board_answers(network)), limit=42)
    board = FakeBoard(board_answers(network), {20: "reset"}, rates={921_600: True})
    reset = bench(board, limit=42)
    assert without_times(reset) == without_times(clean)


@pytest.mark.slow
def test_ten_thousand_images_over_a_bad_line_each_get_their_own_answer_once(network: IntegerNetwork) -> None:
    rng = np.random.default_rng(7)
    images = network.device_input(rng.integers(0, 256, (10_000, 48, 48), np.uint8))
    kinds = ["drop", "lose", "corrupt", "cut", "twice", "garbage", "bad_crc"]
    faults = {int(n): str(rng.choice(kinds)) for n in np.flatnonzero(rng.random(12_000) < 0.02)}
    with FakeBoard(board_answers(network), faults) as board, Link(board.port) as link:
        answers = list(Device(link).infer_all(images))
    assert np.array_equal([answer.logits for answer in answers], simulate(network, images))
    assert link.retries > 100


def test_another_network_on_the_board_is_refused_by_name(
    bench: Bench, network: IntegerNetwork, other_network: IntegerNetwork
) -> None:
    board = FakeBoard(board_answers(other_network))
    with pytest.raises(BoardError, match=r"runs tiny2 .*, not tiny1 "):
        bench(board)
    assert {r.command for r in board.requests} == {Command.HELLO}


def test_an_instrument_is_told_at_once_that_a_virtual_board_draws_nothing(
    network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    meter = MeterConfig(meter=f"csv:{tmp_path / 'recording.csv'}")
    with FakeBoard(board_answers(network)) as board:
        config = BenchConfig(board.port, checkpoint_path, faces_folder, output_dir=tmp_path / "out", meter=meter)
        with pytest.raises(FerEdgeError, match=r"csv is an instrument, and a virtual board .*Leave --meter out"):
            run_bench(config)
    assert {r.command for r in board.requests} == {Command.HELLO}


def test_a_missing_sensor_is_told_before_anything_is_inferred(
    network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    with FakeBoard(board_answers(network)) as board, pytest.raises(BoardError, match="sees no INA219 or INA226"):
        run_bench(
            BenchConfig(
                board.port, checkpoint_path, faces_folder, output_dir=tmp_path, meter=MeterConfig(meter="board")
            )
        )
    assert {r.command for r in board.requests} == {Command.HELLO}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that went away is waited for, but not for long."""
    monkeypatch.setattr(harness, "RETURN_SECONDS", 0.3)


@pytest.mark.parametrize("port", ["same", "auto"])
def test_a_board_plugged_in_again_goes_on_without_a_new_command(
    port: str,
    bench: Bench,
    network: IntegerNetwork,
    checkpoint_path: Path,
    faces_folder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under the same name, or found by its USB serial number under another one."""
    first, second = FakeBoard(board_answers(network), {42: "unplug"}), FakeBoard(board_answers(network))
    stable = tmp_path / "ttyACM0"
    stable.symlink_to(first.port)
    plugged = [usb(first.port, 0x0D28, 0x0204, "DAPLink", "0409")]
    monkeypatch.setattr(list_ports, "comports", lambda: list(plugged))

    def plug_in_again() -> None:
        first._thread.join(20)
        plugged.clear()
        stable.unlink()
        time.sleep(0.7)
        plugged.extend([usb("/dev/other", 0x0D28, 0x0204, "DAPLink", "0500"), usb(second.port, 1, 2, "?", "0409")])
        stable.symlink_to(second.port)

    replug = threading.Thread(target=plug_in_again)
    with first, second:
        replug.start()
        name = "auto" if port == "auto" else str(stable)
        result = run_bench(BenchConfig(name, checkpoint_path, faces_folder, limit=LIMIT, output_dir=tmp_path / "out"))
        replug.join(10)
    assert without_times(result) == without_times(bench(FakeBoard(board_answers(network)), folder="other"))
    asked = [sum(r.command == Command.INFER for r in board.requests) for board in (first, second)]
    assert LIMIT + 1 <= sum(asked) <= LIMIT + 1 + IN_FLIGHT  # those in flight once more; one for the energy window
    assert asked[0] >= 40 - IN_FLIGHT


def test_another_board_plugged_in_instead_is_refused(
    network: IntegerNetwork, other_network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    first, second = FakeBoard(board_answers(network), {20: "unplug"}), FakeBoard(board_answers(other_network))
    stable = tmp_path / "ttyACM0"
    stable.symlink_to(first.port)

    def swap() -> None:
        first._thread.join(20)
        stable.unlink()
        stable.symlink_to(second.port)

    thread = threading.Thread(target=swap)
    with first, second:
        thread.start()
        with pytest.raises(BoardError, match=r"runs tiny2 .*answers are kept"):
            run_bench(BenchConfig(str(stable), checkpoint_path, faces_folder, output_dir=tmp_path / "out"))
        thread.join(10)


@pytest.mark.usefixtures("impatient")
def test_unplugged_and_run_again_equals_uninterrupted(bench: Bench, network: IntegerNetwork, tmp_path: Path) -> None:
    uninterrupted = bench(FakeBoard(board_answers(network)), folder="other")
    with pytest.raises(BoardError, match=r"did not come back within 0\.3 s.*same command goes on") as failure:
        bench(FakeBoard(board_answers(network), {42: "unplug"}))  # HELLO and BAUD were the first of 43 requests
    kept = int(present(re.search(r"(\d+) of 70 answers are kept", str(failure.value)))[1])
    assert 40 - IN_FLIGHT < kept <= 40
    board = FakeBoard(board_answers(network))
    resumed = bench(board)
    assert without_times(resumed) == without_times(uninterrupted)
    # The images left, and the one the energy window repeats.
    assert sum(r.command == Command.INFER for r in board.requests) == LIMIT - kept + 1


def _answers(folder: Path) -> int:
    """Whole lines of the unfinished file, its first one aside."""
    return sum(max(path.read_bytes().count(b"\n") - 1, 0) for path in folder.glob("*.unfinished.jsonl"))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_stopped_in_the_middle_loses_no_answer_that_was_given(
    how: signal.Signals, bench: Bench, network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    script = tmp_path / "bench.py"
    with FakeBoard(board_answers(network), dict.fromkeys(range(20, 1000), "drop")) as board:
        config = BenchConfig(board.port, checkpoint_path, faces_folder, limit=LIMIT, output_dir=folder)
        script.write_text(
            "from pathlib import PosixPath\n"
            "from fer_edge.bench.harness import BenchConfig, MeterConfig, run_bench\n"
            f"run_bench({config!r})\n"
        )
        process = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + 30
            # The last answer must be in the file, too: Ctrl-C while it is written may cost it.
            while (len(board.requests) < 21 or _answers(folder) < 18) and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            process.send_signal(how)
            messages = process.communicate()[1]
    if how == signal.SIGINT:
        assert "18 of 70 answers are kept" in messages
    (unfinished,) = folder.glob("*.unfinished.jsonl")
    # The heading, and all answers that were given: HELLO and BAUD were the first of 20 requests.
    assert len(unfinished.read_text().splitlines()) == 1 + 18
    board = FakeBoard(board_answers(network))
    resumed = bench(board)
    assert sum(r.command == Command.INFER for r in board.requests) == LIMIT - 18 + 1
    assert without_times(resumed) == without_times(bench(FakeBoard(board_answers(network)), folder="other"))


def test_ctrl_c_while_energy_is_measured_says_what_is_kept(
    bench: Bench, network: IntegerNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(harness, "measure", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench(FakeBoard(board_answers(network)), limit=7)
    told = f"7 of 7 answers are kept in {tmp_path / 'out'}. The same command goes on from there."
    assert told in capsys.readouterr().err


@pytest.mark.usefixtures("impatient")
def test_other_data_do_not_resume(bench: Bench, network: IntegerNetwork) -> None:
    with pytest.raises(BoardError):
        bench(FakeBoard(board_answers(network), {10: "unplug"}))
    board = FakeBoard(board_answers(network))
    assert bench(board, limit=14).data.images == 14
    assert sum(r.command == Command.INFER for r in board.requests) == 14 + 1


def test_a_finished_bench_run_again_asks_everything_again(bench: Bench, network: IntegerNetwork) -> None:
    bench(FakeBoard(board_answers(network)), limit=14)
    board = FakeBoard(board_answers(network))
    bench(board, limit=14)
    assert sum(r.command == Command.INFER for r in board.requests) == 14 + 1


def record(image: int) -> Record:
    return Record(image, "face", 0, 1, (1, -2), 50, 1, 0.1, 0)


@pytest.mark.parametrize("tail", [b'{"image": 2, "na', b"\n", b"null\n", b'{"image": 7}\n', b"\xff\xfe\n"])
def test_a_damaged_end_of_the_answers_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    file = AnswerFile(tmp_path, {"run": 1}, Record)
    good = record(0)
    file.append(good)
    file.close()
    with file.path.open("ab") as handle:
        handle.write(tail)
    again = AnswerFile(tmp_path, {"run": 1}, Record)
    assert again.records == [good]
    again.append(record(1))
    again.close()
    assert AnswerFile(tmp_path, {"run": 1}, Record).records == [good, record(1)]


def test_two_runs_never_write_to_one_file(tmp_path: Path) -> None:
    file = AnswerFile(tmp_path, {"run": 1}, Record)
    with pytest.raises(FerEdgeError, match="Another bench"):
        AnswerFile(tmp_path, {"run": 1}, Record)
    file.close()


@pytest.mark.parametrize("name", ["../../../evil", "/evil", "..", ".hidden", "a\x1b[2Jb", "x" * 300, "ä/ö", ""])
def test_a_name_from_a_file_makes_no_path(name: str) -> None:
    made = file_name(name)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", made)


def test_each_network_has_a_folder_of_its_own_whatever_its_name(
    network: IntegerNetwork,
    other_network: IntegerNetwork,
    faces_folder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    folders = []
    for which in (network, other_network):
        which = replace(which, name="../../../evil")
        checkpoint.write("q.pth.tar", which)
        with FakeBoard(board_answers(which)) as board:
            result = run_bench(BenchConfig(board.port, Path("q.pth.tar"), faces_folder, limit=7))
        folders.append(Path(result.output_dir))
        told = f"evil-{which.content_hash.hex()[:8]}-{result.run[:8]}"
        assert folders[-1] == Path("bench_out") / told
    assert all((folder / "report.html").is_file() for folder in folders)
    assert {path.name for path in tmp_path.rglob("*") if path.is_dir()} == {
        "deep", "er", "bench_out", *(f.name for f in folders)
    }  # fmt: skip


def other_runs(tmp_path: Path, other_network: IntegerNetwork) -> dict[str, dict[str, Any]]:
    """What makes a run another one."""
    checkpoint.write(tmp_path / "other.pth.tar", other_network)
    return {
        "faces": {"limit": 14},
        "network": {"network": tmp_path / "other.pth.tar"},
        "figures": {"meter": MeterConfig(current="3mA", voltage="5V")},
        "rates": {"duty": configure((1.0,), False, None, None, None, None, None)},
    }


@pytest.mark.parametrize("what", ["faces", "network", "figures", "rates"])
def test_the_report_of_another_run_is_not_overwritten(
    what: str,
    bench: Bench,
    network: IntegerNetwork,
    other_network: IntegerNetwork,
    checkpoint_path: Path,
    faces_folder: str,
    tmp_path: Path,
) -> None:
    bench(FakeBoard(board_answers(network)), limit=7)
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    on_board = other_network if what == "network" else network
    with FakeBoard(board_answers(on_board)) as board:
        same = BenchConfig(board.port, checkpoint_path, faces_folder, limit=7, output_dir=tmp_path / "out")
        other = replace(same, **other_runs(tmp_path, other_network)[what])
        with pytest.raises(FerEdgeError, match=r"holds the report of another run: .*Give another --output-dir\."):
            run_bench(other)
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert {r.command for r in board.requests} == {Command.HELLO}


def test_runs_without_a_folder_get_one_each_and_the_same_run_the_same(
    network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def folder(limit: int) -> str:
        with FakeBoard(board_answers(network)) as board:
            return run_bench(BenchConfig(board.port, checkpoint_path, faces_folder, limit=limit)).output_dir

    first, second, again = folder(7), folder(14), folder(7)
    assert first == again != second
    assert all((tmp_path / name / "report.html").is_file() for name in (first, second))


def test_what_the_camera_of_a_run_without_a_report_saw_does_not_stand_beside_another_report(
    bench: Bench, network: IntegerNetwork, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/camera.jsonl").touch()
    bench(FakeBoard(board_answers(network)), limit=7)
    assert not (tmp_path / "out/camera.jsonl").exists()


def test_a_network_of_other_classes_is_refused(tmp_path: Path, network: IntegerNetwork, faces_folder: str) -> None:
    layer = network.layers[0]
    layers = (replace(layer, weight=present(layer.weight)[:6], bias=present(layer.bias)[:6]),)
    six = replace(network, layers=layers, classes=tuple("abcdef"))
    path = tmp_path / "six.pth.tar"
    path.write_bytes(checkpoint.to_bytes(six))
    with pytest.raises(DataError, match=r"6 outputs \(a, b, c, d, e, f\); the faces have 7 classes"):
        run_bench(BenchConfig("/dev/null", path, faces_folder))


def test_a_disk_that_fills_up_keeps_the_answers_and_the_same_command_goes_on(
    checkpoint_path: Path, faces_folder: str, network: IntegerNetwork, disk: Callable[[str], Path]
) -> None:
    folder = disk("size=12k")
    with FakeBoard(board_answers(network)) as board:
        config = BenchConfig(board.port, checkpoint_path, faces_folder, limit=LIMIT, output_dir=folder)
        with pytest.raises(FerEdgeError, match="No space left on device") as caught:
            run_bench(config)
    kept = re.search(
        r"(\d+) of 70 answers are kept in .*\. Then the same command goes on from there\.", str(caught.value)
    )
    assert kept
    assert 10 < int(kept[1]) < LIMIT
    subprocess.run(["mount", "-o", "remount,size=2m", folder], check=True)
    with FakeBoard(board_answers(network)) as board:
        assert run_bench(replace(config, port=board.port)).data.images == LIMIT
    # The images left, and the one the energy window repeats.
    assert sum(r.command == Command.INFER for r in board.requests) == LIMIT - int(kept[1]) + 1


@pytest.mark.parametrize("last", [False, True])
def test_answers_survive_the_removal_of_their_folder(tmp_path: Path, last: bool) -> None:
    answers = AnswerFile(tmp_path / "out", {"network": "a"}, Record)
    for image in range(3):
        answers.append(record(image))
    shutil.rmtree(tmp_path / "out")
    if not last:
        answers.append(record(3))
        assert answers.kept() == 4
    path = answers.finish()
    assert [json.loads(line)["image"] for line in path.read_text().splitlines()[1:]] == list(range(3 if last else 4))
    assert list((tmp_path / "out").iterdir()) == [path]
