"""The command line: help with an example everywhere, one line and exit 1 for what a user can put right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from fer_edge import checkpoint
from fer_edge.cli import main
from fer_edge.faces import CLASSES
from fer_edge.faces.lens import Lens
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator

README = Path(__file__).parents[1] / "README.md"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        found += commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert f"fer-edge {' '.join(command)} " in result.output.split("Options:")[0].split("\n", 2)[2]


def test_only_what_can_be_enlarged_for_has_a_size() -> None:
    assert "--size" in run("train", "--help").output
    assert "--size" not in run("qat-train", "--help").output


@pytest.fixture
def quantized(tmp_path: Path) -> Path:
    weight = np.random.default_rng(0).integers(-50, 50, (7, 1, 3, 3), np.int8)
    pooled = {"pool": "max", "pool_size": (16, 16), "pool_stride": 16}
    layer = Layer("conv1", Operator.CONV, (INPUT,), weight, output_width=32, **pooled)  # type: ignore[arg-type]
    path = tmp_path / "quantized.pth.tar"
    checkpoint.write(path, IntegerNetwork("tiny", (1, 48, 48), (layer,)))
    return path


def test_synth_writes_all_files_and_says_what_it_estimates(quantized: Path, tmp_path: Path) -> None:
    result = run("synth", "--checkpoint", quantized, "--output-dir", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "cycles" in result.output
    assert "(estimated)" in result.output
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names >= {
        "model.onnx",
        "model.yaml",
        "model.pth.tar",
        "cnn.c",
        "cnn.h",
        "weights.h",
        "network.h",
        "state.npz",
    }
    as_json = run("synth", "--checkpoint", quantized, "--output-dir", tmp_path / "out", "--json")
    assert json.loads(as_json.output)["estimate"]["latency"]["kind"] == "estimated"


def test_synth_follows_what_it_wrote(quantized: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    run("synth", "--checkpoint", quantized, "--output-dir", first)
    for weights in ("model.onnx", "model.pth.tar"):
        result = run("synth", "--checkpoint", first / weights, "--yaml", first / "model.yaml", "--output-dir", second)
        assert result.exit_code == 0, result.output
        for name in ("cnn.c", "weights.h", "network.h", "model.yaml"):
            assert (first / name).read_text() == (second / name).read_text(), name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["synth", "--checkpoint", "none.pth.tar", "--output-dir", "out"], "There is no checkpoint none.pth.tar"),
        (["synth", "--checkpoint", __file__, "--output-dir", "out"], "is not a checkpoint"),
        (["synth", "--checkpoint", "model.onnx", "--output-dir", "out"], "--yaml"),
        (["evaluate", "--network", "none", "--data", "drawn"], "There is no checkpoint none"),
        (["data", "check", "nowhere"], "nowhere"),
        (["bench", "--port", "/dev/none", "--network", "none", "--data", "drawn"], "There is no checkpoint none"),
        (["qat-train", "--arch", "fernet-huge", "--data", "drawn", "--output-dir", "out"], "fernet-huge"),
        (["qat-train", "--data", "drawn", "--output-dir", "out", "--epochs", "0"], "--epochs is 0"),
        (["board", "none.elf"], "none.elf"),
    ],
)
def test_what_a_user_can_put_right_is_one_message(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.output.startswith("fer-edge: ")
    assert words in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("interrupted", "status"), [(True, 130), (False, 0)], ids=["Ctrl-C", "--max-minutes"])
def test_half_a_training_is_no_success_after_ctrl_c(
    interrupted: bool, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fer_edge.training import train

    stopped = train.TrainResult(tmp_path, finished=False, epoch=1, interrupted=interrupted)
    monkeypatch.setattr(train, "run_training", lambda config: stopped)
    result = run("qat-train", "--data", "drawn", "--output-dir", tmp_path)
    assert result.exit_code == status
    assert "--resume" in result.output


def test_half_a_search_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fer_edge.training import search

    stopped = search.SearchResult(tmp_path, 8, finished=False, trained=1, stopped_early=0, over_budget=0, best=())
    monkeypatch.setattr(search, "search", lambda config: stopped)
    assert run("search", "--data", "drawn", "--output-dir", tmp_path).exit_code == 130


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "0"], "--epochs is 0"),
        (["--arch", "nonesuch"], "nonesuch"),
        (["--weight-bits", "conv1=4,conv1=2"], "given 4 bits and 2"),
        (["--data", "nowhere"], "nowhere"),
        (["--teacher", "none.pth.tar"], "none.pth.tar"),
        (["--resume"], "no run to go on with"),
        (["--arch", "fernet", "--recipe", "zoo/fernet"], "either --arch or --recipe"),
        (["--seed", "-1"], "--seed"),
        (["--seed", "12345678901234567890"], "--seed"),
        (["--recipe", "zoo/fernet", "--lr", "inf"], "--lr is inf"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_with_a_training_is_said_before_torch_is_imported(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)  # to import it is an error
    result = run("qat-train", "--data", "drawn", "--output-dir", tmp_path / "out", *arguments)
    assert result.exit_code in (1, 2)
    assert words in result.output
    assert not isinstance(result.exception, ImportError)


def test_what_is_wrong_with_a_search_is_said_before_torch_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "fer_edge.training.search", raising=False)
    result = run("search", "--data", "drawn", "--output-dir", tmp_path / "out", "--weight-bits", "3")
    assert result.exit_code == 1
    assert "--weight-bits is 3" in result.output


def test_data_that_training_would_refuse_is_no_success(tmp_path: Path) -> None:
    for name in CLASSES:
        good = tmp_path / "train" / name / "face.png"
        good.parent.mkdir(parents=True)
        Image.fromarray(np.random.default_rng(len(name)).integers(0, 255, (48, 48), np.uint8)).save(good)
    assert run("data", "check", tmp_path).exit_code == 0
    (good.parent / "torn.png").write_bytes(b"no picture")
    result = run("data", "check", tmp_path)
    assert result.exit_code == 1
    assert "torn.png" in result.output


def test_options_that_would_say_nothing_are_refused() -> None:
    for words, complaint in (
        (["board", "a.elf", "--lens", "moderate"], "--lens wants --camera."),
        (["board", "a.elf", "--picture-seconds", "0"], "--picture-seconds wants --camera."),
        (["bench", "--compare", "a", "b", "--port", "virtual"], "--compare needs nothing else: leave out --port."),
    ):
        result = run(*words)
        assert result.exit_code == 2
        assert complaint in result.output


def test_a_port_of_the_environment_does_not_keep_reports_from_being_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_EDGE_PORT", "virtual")
    assert "cannot be read as a report" in run("bench", "--compare", "a", "b", "--json").output


@pytest.mark.parametrize("command", ["bench", "board"])
def test_help_names_every_effect_of_the_lens(command: str) -> None:
    said = run(command, "--help").output
    assert all(f"{field.name}=" in said for field in fields(Lens))


def test_evaluate_says_which_network_it_scored(quantized: Path) -> None:
    for option, named in (("--network", "zoo:fernet-nano"), ("--checkpoint", str(quantized))):
        words = ["evaluate", option, named, "--data", "drawn", "--limit", "7"]
        assert run(*words).output.startswith(f"{named}: integer, on 7 faces of drawn")
        assert json.loads(run(*words, "--json").output)["network"] == named


def test_bench_says_what_measures_by_default() -> None:
    assert "[default: typed with --current, else estimator]" in " ".join(run("bench", "--help").output.split())


def test_make_setup_says_what_is_downloaded_and_how_much() -> None:
    """pip and apt print names and sizes, if they are let."""
    makefile = Path(__file__).parents[1] / "Makefile"
    if not makefile.exists():
        pytest.skip("there is no checkout here")
    recipe = makefile.read_text(encoding="utf-8").split("demo:")[0]
    assert "Downloading torch" in recipe
    assert "GB" in recipe
    installs = [line for line in recipe.splitlines() if "pip install" in line or "apt-get install" in line]
    assert len(installs) == 2
    assert not [
        line for line in installs if "--quiet" in line or "-qq $" in line or ">/dev/null" in line.split("install")[1]
    ]


def test_the_shell_completes_commands_by_the_line_in_the_readme(tmp_path: Path) -> None:
    line = next(line for line in README.read_text(encoding="utf-8").splitlines() if "_COMPLETE=bash_source" in line)
    command = tmp_path / "fer-edge"
    command.write_text(f"#!{sys.executable}\nfrom fer_edge.cli import main\nmain()\n")
    command.chmod(0o755)
    typed = 'COMP_WORDS=(fer-edge evalu) COMP_CWORD=1; _fer_edge_completion fer-edge; echo "${COMPREPLY[@]}"'
    variables = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(README.parent)}
    done = subprocess.run(["bash", "-c", f"{line}\n{typed}"], env=variables, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("evaluate\n", "")


def test_commands_that_need_no_torch_do_not_import_it(quantized: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from fer_edge.cli import main; main(sys.argv[1:], standalone_mode=False);"
        "print(sorted({'torch', 'matplotlib', 'spikingjelly'} & set(sys.modules)))"
    )
    for arguments in (
        ["synth", "--checkpoint", quantized, "--output-dir", tmp_path / "out"],
        ["evaluate", "--checkpoint", quantized, "--data", "drawn", "--limit", "7"],
    ):
        done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
        assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr
