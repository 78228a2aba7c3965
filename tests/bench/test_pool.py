"""Several boards at one set of faces."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fer_edge import cli
from fer_edge.bench import harness, pool, report
from fer_edge.bench.device import Device
from fer_edge.bench.harness import BenchConfig, run_bench
from fer_edge.bench.result import BenchResult
from fer_edge.bench.virtual import virtual_board
from fer_edge.board import VirtualBoard
from fer_edge.errors import BoardError, FerEdgeError
from fer_edge.network import IntegerNetwork
from tests.bench.fake_board import FakeBoard, board_answers
from tests.marks import on_virtual_board
from tests.present import present


def run_on(boards: list[FakeBoard], checkpoint: Path, faces: str, folder: Path) -> BenchResult:
    with ExitStack() as stack:
        first, *others = (stack.enter_context(board).port for board in boards)
        return run_bench(BenchConfig(first, checkpoint, faces, output_dir=folder, others=tuple(others)))


def boards(network: IntegerNetwork, *faults: dict[int, str]) -> list[FakeBoard]:
    return [FakeBoard(board_answers(network), faults=fault) for fault in faults]


def images(folder: Path) -> list[int]:
    lines = (folder / "answers.jsonl").read_text().splitlines()[1:]
    return [json.loads(line)["image"] for line in lines]


def test_names_are_boards() -> None:
    assert pool.names(["virtual:3"]) == ("virtual",) * 3
    assert pool.names(["virtual", "virtual:1"]) == ("virtual",) * 2
    assert pool.names(["/dev/a", "/dev/b"]) == ("/dev/a", "/dev/b")
    for given, words in ((["virtual:0"], "not 1 to 64"), (["virtual:65"], "not 1 to 64"), (["a", "a"], "named twice")):
        with pytest.raises(FerEdgeError, match=words):
            pool.names(given)


def test_faces_are_shared_and_answers_are_in_order(
    network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path, result: BenchResult
) -> None:
    both = run_on(boards(network, {}, {}), checkpoint_path, faces_folder, tmp_path)
    assert images(tmp_path) == list(range(70))
    assert both.logits == result.logits
    assert both.scores == result.scores
    assert sum(board.answered for board in both.boards) == 70
    assert all(board.answered > 10 and board.lost is None for board in both.boards)
    assert not result.boards  # a single board is no choice
    for board in both.boards:
        assert f"board       {board.name} ({board.port}): {board.answered} faces" in report.summary(both)
        assert f"<code>{board.port}</code>" in (tmp_path / "report.html").read_text()


def test_a_board_that_dies_hands_its_faces_to_the_others(
    network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path, result: BenchResult
) -> None:
    left = run_on(boards(network, {12: "unplug"}, {}), checkpoint_path, faces_folder, tmp_path)
    assert images(tmp_path) == list(range(70))
    assert left.scores == result.scores
    dead, alive = left.boards
    assert dead.answered < 15
    assert dead.answered + alive.answered == 70
    assert "went away" in str(dead.lost)
    assert alive.lost is None
    assert "then LOST, the others went on" in report.summary(left)
    assert "lost, and the others went on" in (tmp_path / "report.html").read_text()


def test_without_any_board_left_the_answers_are_kept_and_the_same_command_goes_on(
    network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    with pytest.raises(BoardError, match=r"No board is left\. .*went away.*went away") as it:
        run_on(boards(network, {20: "unplug"}, {25: "unplug"}), checkpoint_path, faces_folder, tmp_path)
    assert "of 70 answers are kept" in it.value.cure
    rest = run_on(boards(network, {}, {}), checkpoint_path, faces_folder, tmp_path)
    assert images(tmp_path) == list(range(70))
    assert 0 < sum(board.answered for board in rest.boards) < 60


def test_a_board_with_another_network_takes_no_part(
    network: IntegerNetwork, other_network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    mixed = [FakeBoard(board_answers(network)), FakeBoard(board_answers(other_network))]
    with pytest.raises(BoardError, match=r"runs tiny2 .*, not tiny1"):
        run_on(mixed, checkpoint_path, faces_folder, tmp_path)


def test_faces_given_back_come_first_and_an_idle_board_waits_for_them() -> None:
    dealer = pool.Dealer(range(4))
    first, second = dealer.take(), dealer.take()
    assert (first, second) == (0, 1)
    dealer.give_back([1, 0])
    assert [dealer.take() for _ in range(5)] == [0, 1, 2, 3, None]
    for _ in range(4):
        dealer.answered()
    assert not dealer.wait()


@pytest.mark.parametrize("option", ["--trace", "--through-camera"])
def test_what_one_board_alone_can_do(option: str, checkpoint_path: Path, faces_folder: str, tmp_path: Path) -> None:
    options = [option, str(tmp_path / "run.json")] if option == "--trace" else [option]
    command = ["bench", "--port", "virtual:2", "--network", str(checkpoint_path), "--data", faces_folder, *options]
    result = CliRunner().invoke(cli.main, command)
    assert result.exit_code == 1
    assert f"{option} takes one board, not 2" in result.output


KILLED = "Virtual board: its process was ended by signal SIGKILL: by hand, or by the system for want of memory."


@on_virtual_board
def test_a_virtual_board_that_is_killed_says_so_and_what_is_kept(
    checkpoint_path: Path, faces_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its last phase, the energy, as in any other."""
    started = []

    def remember(*arguments: Any) -> VirtualBoard:
        started.append(virtual_board(*arguments))
        return started[-1]

    def kill(device: Device, *arguments: object) -> None:
        started[0]._process.kill()
        device.hello()

    monkeypatch.setattr(harness, "virtual_board", remember)
    monkeypatch.setattr(harness, "measure", kill)
    with pytest.raises(BoardError) as told:
        run_bench(BenchConfig("virtual", checkpoint_path, faces_folder, limit=7, output_dir=tmp_path))
    assert str(told.value) == (
        f"{KILLED} Start it again. 7 of 7 answers are kept in {tmp_path}. Then the same command goes on from there."
    )


@on_virtual_board
def test_two_virtual_boards_of_which_one_is_killed(
    checkpoint_path: Path, faces_folder: str, tmp_path: Path, result: BenchResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill_one(members: list[pool.Member], *arguments: object) -> None:
        present(members[1].virtual)._process.kill()
        share(members, *arguments)  # type: ignore[arg-type]

    share = pool.share
    monkeypatch.setattr(pool, "share", kill_one)
    both = run_bench(BenchConfig("virtual:2", checkpoint_path, faces_folder, output_dir=tmp_path))
    assert both.scores == result.scores
    assert [(board.name, board.answered, board.lost) for board in both.boards] == [
        ("virtual 1", 70, None),
        ("virtual 2", 0, KILLED),
    ]
