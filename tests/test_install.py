"""Installed from its wheel, outside any checkout, fer-edge does all that needs no training."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import fer_edge
from fer_edge.errors import EXTRAS

CHECKOUT = Path(__file__).parents[1]
TRAINING = {"torch", "torchvision", "spikingjelly", "matplotlib", "nvidia-ml-py", "optuna", "scikit-learn"}
PACKAGES = {"sklearn": "scikit-learn", "vcd": "pyvcd"}
"""What a module comes with, where that is called otherwise."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves its own files beside what it builds, and would build those again."""
    if not (CHECKOUT / "setup.py").exists():
        pytest.skip("there is no checkout here")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "build")
    for name in ("fer_edge", "firmware"):
        shutil.copytree(CHECKOUT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(folder)!r})"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def files_in(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_every_source_of_the_firmware(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sources = {name for name in files_in(CHECKOUT / "firmware") if not name.startswith(("build/", "test/"))}
    assert {"Makefile", "openocd.cfg", "src/main.c", "hal/max78000.ld"} <= sources
    assert names == {f"fer_edge/{name}" for name in files_in(CHECKOUT / "fer_edge")} | {
        f"fer_edge/firmware_sources/{name}" for name in sources
    }


def requirements(wheel: Path, *extras: str) -> list[Requirement]:
    """What a wheel requires, with these extras."""
    archive = zipfile.ZipFile(wheel)
    name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    lines = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist", [])
    return wanted(lines, extras)


def wanted(lines: list[str], extras: tuple[str, ...]) -> list[Requirement]:
    return [
        requirement
        for requirement in map(Requirement, lines)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


def test_training_comes_with_an_extra(wheel: Path) -> None:
    def names(*extras: str) -> set[str]:
        return {requirement.name for requirement in requirements(wheel, *extras)}

    assert not (TRAINING | {"unicorn"}) & names()
    assert names("train") - names() == TRAINING - {"optuna"}
    assert names("board") - names() == {"pyvcd", "unicorn"}
    for module, extra in EXTRAS.items():
        assert PACKAGES.get(module, module) in names(extra), module


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `fer-edge` of a fresh environment: the wheel, and what `pip install fer-edge[board]` would bring along.

    The dependencies are this environment's own, by links: no package index is asked.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--python",
        python,
        "install",
        "--no-index",
        "--no-deps",
    ]
    subprocess.run([*pip, wheel], check=True, env=environment(folder))
    site = next(folder.glob("lib/python*/site-packages"))
    for distribution in closure(requirements(wheel, "board")):
        for name in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / name).exists():
                (site / name).symlink_to(Path(str(distribution.locate_file(name))).resolve())
    return folder / "bin" / "fer-edge"


def closure(needed: list[Requirement]) -> Iterator[metadata.Distribution]:
    """Distributions that fulfil requirements, and theirs."""
    known: set[str] = set()
    while needed:
        requirement = needed.pop()
        if requirement.name not in known:
            known.add(requirement.name)
            distribution = metadata.distribution(requirement.name)
            needed += wanted(distribution.requires or [], tuple(requirement.extras))
            yield distribution


def environment(home: Path) -> dict[str, str]:
    """Variables of a user who knows nothing of a checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FER_EDGE", "PYTHON", "XDG"))}
    return kept | {"HOME": str(home)}


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [installed, *arguments], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )


def test_the_installed_command_knows_its_version(installed: Path, tmp_path: Path) -> None:
    assert run(installed, tmp_path, "--version").stdout == f"fer-edge, version {fer_edge.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        "qat-train --data drawn --output-dir out",
        "train --arch cnn-585k --data drawn --output-dir out",
        "search --data drawn --output-dir out",
        "quantize --checkpoint none.pth.tar --output out.pth.tar",
    ],
    ids=lambda line: line.split()[0],
)
def test_without_torch_a_training_says_so_in_one_line(installed: Path, tmp_path: Path, arguments: str) -> None:
    done = run(installed, tmp_path, *arguments.split())
    assert done.returncode == 1
    assert done.stderr == (
        "fer-edge: This needs torch, which is not installed. Install it: pip install 'fer-edge[train]'.\n"
    )
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_everything_but_training_works_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("no arm-none-eabi-gcc")

    def succeed(line: str) -> str:
        done = run(installed, tmp_path, *line.split())
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "zoo:fernet-nano" in succeed("list")
    assert "cycles" in succeed("estimate --arch fernet-nano")
    evaluated = json.loads(succeed("evaluate --network zoo:fernet-nano --data drawn --limit 70 --json"))
    report = json.loads(
        succeed("bench --port virtual --network zoo:fernet-nano --data drawn --limit 70 --output-dir report --json")
    )
    assert report["logits"]["images_differing"] == 0
    assert report["accuracy"] == evaluated["accuracy"]
    compared = json.loads(succeed("compare zoo:fernet-nano zoo:fernet-fast --data drawn --limit 14 --json"))
    assert [network["name"] for network in compared["networks"]] == ["fernet-nano", "fernet-fast"]
    assert "flash" in succeed("firmware --network zoo:fernet-nano --output-dir build")
    assert {"fer_edge.elf", "fer_edge.hex", "fer_edge.bin"} <= {path.name for path in (tmp_path / "build").iterdir()}
    succeed("synth --checkpoint build/network/model.pth.tar --output-dir synthesized")
    assert (tmp_path / "synthesized/cnn.c").read_text() == (tmp_path / "build/network/cnn.c").read_text()
    flashed = run(installed, tmp_path, "flash", "build")
    assert flashed.returncode == 1
    assert "No MAX78000FTHR could be flashed" in flashed.stderr
