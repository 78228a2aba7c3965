"""A disk that fills up, or an output folder that is removed, in the middle of a run: an error, a cure, a way on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from fer_edge.cli import main
from fer_edge.training import loop
from fer_edge.training import search as searching
from tests.conftest import fill

TRAIN = ["qat-train", "--epochs", "2", "--qat-epochs", "1", "--batch-size", "16", "--threads", "1"]


def command(words: list[str], faces: Path, output: Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, [*words, "--data", str(faces), "--output-dir", str(output)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stderr


def after_epoch(monkeypatch: pytest.MonkeyPatch, epoch: int, happens: Callable[[], None]) -> None:
    """Let something happen between validating an epoch's weights and writing them."""
    validate = loop.predict

    def predict(*arguments: object) -> object:
        nonlocal epoch
        epoch -= 1
        if epoch == 0:
            happens()
        return validate(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "predict", predict)


def test_training_on_a_disk_that_fills_up_is_resumed(
    folder: Path, disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = disk("size=64m")
    with monkeypatch.context() as patch:
        after_epoch(patch, 2, lambda: fill(output))
        status, said = command(TRAIN, folder, output)
    assert status == 1
    message = said.splitlines()[-1]
    assert message.startswith(f"fer-edge: {output / 'best.pth.tar'}: No space left on device. Free some space")
    assert message.endswith(f"Then the same command with --resume goes on from {output / 'last.pth.tar'}.")
    (output / "full").unlink()
    status, said = command([*TRAIN, "--resume"], folder, output)
    assert status == 0, said
    history = json.loads((output / "history.json").read_text())
    assert [row["epoch"] for row in history["epochs"]] == [1, 2]
    assert history["result"]["integer"]["n"] == 42


def test_an_output_folder_removed_while_training_says_what_there_still_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "run"

    def remove() -> None:
        shutil.rmtree(output)
        monkeypatch.setattr(loop.Trainer, "save_model", lambda *_: None)  # as if the last epoch were not the best

    after_epoch(monkeypatch, 2, remove)
    status, said = command(TRAIN, folder, output)
    assert status == 1
    assert "best.pth.tar has been removed during the run. Give last.pth.tar" in said
    done = CliRunner().invoke(
        main, ["quantize", "--checkpoint", str(output / "last.pth.tar"), "--output", str(tmp_path / "q.pth.tar")]
    )
    assert done.exit_code == 0, done.output


def test_a_search_whose_folder_is_removed_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna", reason="needs Optuna")
    output = tmp_path / "search"

    class Untrained:
        def __init__(self, *_: object) -> None:
            self.history = [{"val_accuracy": 0.5}]

        def run(self) -> bool:
            shutil.rmtree(output)
            return True

    monkeypatch.setattr(searching, "_ReportingTrainer", Untrained)
    status, said = command(["search", "--trials", "2", "--epochs", "1", "--threads", "1"], folder, output)
    assert status == 1
    assert f"fer-edge: {output / 'search.db'} cannot be written: " in said.splitlines()[-1]
    assert "Traceback" not in said


def test_a_search_on_a_disk_that_fills_up_goes_on(
    folder: Path, disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna", reason="needs Optuna")
    output = disk("size=1m")
    trained: list[str] = []

    class Untrained:
        def __init__(self, config: object, *_: object) -> None:
            trained.append(config.arch)  # type: ignore[attr-defined]
            self.history = [{"val_accuracy": 0.5}]

        def run(self) -> bool:
            if len(trained) == 2:
                fill(output)
            return True

    monkeypatch.setattr(searching, "_ReportingTrainer", Untrained)
    words = ["search", "--trials", "3", "--epochs", "1", "--threads", "1"]
    status, said = command(words, folder, output)
    assert status == 1
    assert f"{output / 'search.db'} cannot be written: " in said.splitlines()[-1]
    assert "disk is full" in said
    assert "Free some space" in said
    assert "Traceback" not in said
    (output / "full").unlink()
    status, said = command(words, folder, output)
    assert status == 0, said
