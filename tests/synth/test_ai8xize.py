"""The vendor's tool, run on our files and held against them; here by a stand-in with its options and file formats."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fer_edge import checkpoint
from fer_edge.cli import main
from fer_edge.errors import ToolError
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.synth import ai8xize
from fer_edge.synth.ai8xize import Comparison, Tool
from fer_edge.synth.synthesize import synthesize

STAND_IN = Path(__file__).parent / "stand_in"


def network(width: int = 32, rounding: bool = False) -> IntegerNetwork:
    """Two layers, with a bias, more than one quadrant, and an average pooling."""
    rng = np.random.default_rng(5)
    first = Layer(
        "conv1",
        Operator.CONV,
        (INPUT,),
        rng.integers(-128, 128, (20, 3, 3, 3), np.int8),
        rng.integers(-128, 128, 20, np.int8),
        pad=1,
        output_shift=-4,
    )
    last = Layer(
        "conv2",
        Operator.CONV,
        (0,),
        rng.integers(-8, 8, (7, 20, 1, 1), np.int8),
        weight_bits=4,
        pool="avg",
        pool_size=(3, 3),
        pool_stride=3,
        output_width=width,  # type: ignore[arg-type]
    )
    return IntegerNetwork("two", (3, 6, 6), (first, last), avg_pool_rounding=rounding)


def run(folder: Path, net: IntegerNetwork | None = None) -> Comparison:
    lines: list[str] = []
    return Tool.find(STAND_IN).run(synthesize(net or network(), folder), lines.append)


@pytest.mark.parametrize("width", [8, 32])
@pytest.mark.parametrize("rounding", [False, True])
def test_the_tool_gets_what_we_wrote_and_agrees(tmp_path: Path, width: int, rounding: bool) -> None:
    comparison = run(tmp_path, network(width, rounding))
    assert comparison.differences == dict.fromkeys(("weights", "biases", "registers", "expected output"))
    assert comparison.directory == tmp_path / "ai8xize"
    assert "all the same" in comparison.summary()


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("weights", "1 bytes differ, first processor 0, mask column 0, byte 8: theirs 0x"),
        ("biases", "1 bytes differ, first quadrant 0, bias byte 0: theirs 0x"),
        ("registers", "write 5 differs: theirs G1.SRAM = 0x0000040f, ours G1.SRAM = 0x0000040e"),
        ("expected output", "2 words differ, first only in "),
    ],
)
def test_the_first_difference_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subject: str, said: str) -> None:
    monkeypatch.setenv("STAND_IN_FAULT", subject)
    comparison = run(tmp_path)
    assert not comparison.same
    assert [key for key, first in comparison.differences.items() if first] == [subject]
    assert said in comparison.summary()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("refuse", "failed with status 1 and said: ERROR: Layer 1: stand-in does not like this layer."),
        ("crash", "failed with status 1 and said: AssertionError"),
        ("packages", "it has no module 'yamllint_that_is_not_installed'. Install the tool's packages with "),
        ("nothing", "wrote no cnn.c"),
        ("old", "not of the form known here"),
    ],
)
def test_a_tool_that_fails_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, said: str
) -> None:
    run(tmp_path)  # its files must not be taken for those of the next run
    monkeypatch.setenv("STAND_IN_FAULT", fault)
    with pytest.raises(ToolError, match=said.replace(".", r"\.")):
        run(tmp_path)


def test_no_checkout_and_no_python_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"holds no ai8xize\.py"):
        Tool.find(tmp_path)
    with pytest.raises(ToolError, match=r"There is no Python nowhere/python"):
        Tool.find(STAND_IN, "nowhere/python")


def test_the_checkouts_own_environment_comes_first(tmp_path: Path) -> None:
    (tmp_path / ai8xize.SCRIPT).touch()
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/sh")
    assert Tool.find(tmp_path).python == python
    assert Tool.find(tmp_path, "/bin/true").python == Path("/bin/true")


def test_files_laid_out_by_clang_format_are_read_too(tmp_path: Path) -> None:
    """As in the vendor's SDK."""
    assert run(tmp_path).same
    source = tmp_path / "ai8xize" / "cnn.c"
    source.write_text(source.read_text().replace("(volatile uint32_t *) 0x", "(volatile uint32_t *)0x"))
    with np.load(tmp_path / "state.npz") as state:
        assert ai8xize.compare(source.parent, dict(state)).same


def test_the_command_shows_the_tools_output_and_the_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.write(tmp_path / "two.pth.tar", network())
    command = ["synth", "--checkpoint", str(tmp_path / "two.pth.tar"), "--output-dir", str(tmp_path / "out")]
    command += ["--backend", "ai8xize", "--ai8x-synthesis", str(STAND_IN)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert "Configuring data set" in result.stderr
    assert "all the same" in result.stdout
    monkeypatch.setenv("STAND_IN_FAULT", "weights")
    result = CliRunner().invoke(main, [*command, "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["ai8xize"]["same"] is False
    monkeypatch.setenv("STAND_IN_FAULT", "refuse")
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("fer-edge: ai8xize.py failed")


def test_backend_and_checkout_belong_together() -> None:
    command = ["synth", "--checkpoint", "x", "--output-dir", "y"]
    for half in (["--backend", "ai8xize"], ["--ai8x-synthesis", str(STAND_IN)]):
        assert CliRunner().invoke(main, command + half).exit_code == 2
