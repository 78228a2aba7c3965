"""A project for the vendor's SDK, built with a stand-in for it and run on the virtual board."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fer_edge import checkpoint
from fer_edge.cli import main
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.simulate import simulate
from fer_edge.synth.synthesize import SAMPLE_FILE
from tests.board.firmware import Wire

pytest.importorskip("unicorn")

from fer_edge.board.machine import Machine

SDK = Path(__file__).parent / "stand_in" / "msdk"
CLASSES = ("angry", "happy", "sad")


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    rng = np.random.default_rng(5)
    wide = Layer("wide", Operator.CONV, (INPUT,), rng.integers(-64, 64, (8, 1, 3, 3), np.int8), activation="relu")
    last = Layer("last", Operator.CONV, (0,), rng.integers(-64, 64, (3, 8, 3, 3), np.int8), output_width=32)
    return IntegerNetwork("small", (1, 5, 5), (wide, last), classes=CLASSES)


@pytest.fixture(scope="module")
def synthesized(network: IntegerNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What synth writes; the project lies beside it."""
    folder = tmp_path_factory.mktemp("msdk") / "network"
    path = folder.with_name("small.pth.tar")
    checkpoint.write(path, network)
    arguments = ["synth", "--checkpoint", path, "--output-dir", folder, "--msdk", folder.with_name("project")]
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    assert result.output.endswith(f"\nwritten: {folder.with_name('project')}\n")
    return folder


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if name not in ("MAXIM_PATH", "BOARD", "PROJECT")}
    return subprocess.run(["make", "-C", project, *arguments], capture_output=True, text=True, env=variables)


def printed(project: Path) -> list[str]:
    """What the project, built with the stand-in, prints on the virtual board."""
    made = make(project, f"MAXIM_PATH={SDK}")
    assert made.returncode == 0, made.stderr
    wire = Wire()
    machine = Machine(project / "build" / "network.elf", wire)
    give_up = time.monotonic() + 60
    machine.run(lambda: re.search(rb"(PASS|FAIL).*\n", bytes(wire.sent)) is not None or time.monotonic() > give_up)
    assert machine.accelerator.warnings == []
    return wire.sent.decode().splitlines()


def test_the_project_is_the_generated_code_and_three_files_of_its_own(synthesized: Path) -> None:
    project = synthesized.with_name("project")
    generated = {"cnn.c", "cnn.h", "weights.h", "sampledata.h", "sampleoutput.h", "network.h"}
    assert {path.name for path in project.iterdir()} == generated | {"Makefile", "project.mk", "main.c"}
    for name in generated:
        assert (project / name).read_bytes() == (synthesized / name).read_bytes()


def test_it_passes_its_known_answer_test_and_prints_the_simulators_logits(
    network: IntegerNetwork, synthesized: Path, tmp_path: Path
) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("no arm-none-eabi-gcc")
    project = shutil.copytree(synthesized.with_name("project"), tmp_path / "project")
    lines = printed(project)
    logits = simulate(network, np.load(synthesized / SAMPLE_FILE)[None].astype(np.int8))[0].flat
    named = [f"[{i}] {logit} {name}" for i, (logit, name) in enumerate(zip(logits, CLASSES, strict=True))]
    assert lines[:-1] == [network.name, *named]
    assert re.fullmatch(r"PASS, \d+ us", lines[-1])


def test_it_fails_where_one_word_differs(synthesized: Path, tmp_path: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("no arm-none-eabi-gcc")
    project = shutil.copytree(synthesized.with_name("project"), tmp_path / "project")
    header = (project / "sampleoutput.h").read_text()
    first = re.search(r"(0x[0-9a-f]{8}), 0xffffffff, 0x[0-9a-f]{8}, \\\n\s*(0x[0-9a-f]{8})", header)
    assert first is not None
    wrong = f"{int(first[2], 16) ^ 1:#010x}"
    (project / "sampleoutput.h").write_text(header[: first.start(2)] + wrong + header[first.end(2) :])
    _, differs, *_, result = printed(project)
    assert differs == f"{first[1]}: {first[2]}, expected {wrong}"
    assert result.startswith("FAIL")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "MAXIM_PATH is not set"), (("MAXIM_PATH=/nowhere",), "/nowhere is no SDK")],
    ids=["missing", "wrong"],
)
def test_without_the_sdk_make_says_what_to_give(synthesized: Path, arguments: tuple[str, ...], said: str) -> None:
    made = make(synthesized.with_name("project"), *arguments)
    assert made.returncode != 0
    assert said in made.stderr
