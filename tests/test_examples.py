"""The scripts of docs/examples are short, and do what they say."""

from __future__ import annotations

import importlib.util
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "docs/examples"
NETWORK = "zoo:fernet-nano"


def script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_no_example_is_longer_than_thirty_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 30


def test_a_network_is_trained_and_synthesized(tmp_path: Path) -> None:
    small = {"epochs": 2, "qat_epochs": 1, "limit": 28, "threads": 1}
    checkpoint = script("train")["train"]("drawn", tmp_path / "run", "chain_4_4_4", **small)
    accuracy = script("synthesize")["run"](checkpoint, "drawn", tmp_path / "c", limit=14)
    assert 0 <= accuracy <= 1
    assert (tmp_path / "c/cnn.c").is_file()


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.skipif(importlib.util.find_spec("unicorn") is None, reason="unicorn is not installed")
def test_the_virtual_board_answers_as_the_simulator_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    result = script("bench")["run"](NETWORK, "drawn", tmp_path / "report", limit=7)
    accuracy = script("synthesize")["run"](NETWORK, "drawn", tmp_path / "c", limit=7)
    assert (result.logits.compared, result.logits.images_differing) == (49, 0)
    assert result.scores["accuracy"] == accuracy
    assert (tmp_path / "report/report.html").is_file()
