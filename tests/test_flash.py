"""Flashing without hardware: drives are folders, tools are scripts that write down how they were called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fer_edge import flash as module
from fer_edge.errors import BoardError, ToolError
from fer_edge.flash import flash

DETAILS = "# DAPLink Firmware - see https://mbed.com/daplink\r\nUnique ID: 0444\r\nDaplink Mode: {mode}\r\n"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "fer_edge.hex").write_text(":020000041000EA\n:00000001FF\n")
    return folder


@pytest.fixture
def mounts(tmp_path: Path) -> tuple[str, ...]:
    return (str(tmp_path / "media" / "*"),)


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH: empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv(module.PACK_VARIABLE, raising=False)
    return folder


def drive(tmp_path: Path, name: str = "DAPLINK", mode: str = "Interface") -> Path:
    folder = tmp_path / "media" / name
    folder.mkdir(parents=True)
    (folder / "DETAILS.TXT").write_text(DETAILS.format(mode=mode))
    return folder


def tool(tools: Path, name: str, status: int, says: str = "") -> Path:
    """A program that notes its arguments in the file returned."""
    called = tools / f"{name}.called"
    (tools / name).write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {called}\necho '{says}' >&2\nexit {status}\n")
    (tools / name).chmod(0o755)
    return called


def test_a_daplink_drive_gets_the_hex_file(tmp_path: Path, build: Path, mounts: tuple[str, ...]) -> None:
    (tmp_path / "media" / "stick").mkdir(parents=True)  # another drive
    target = drive(tmp_path)
    said = flash(build, mounts)
    assert (target / "fer_edge.hex").read_bytes() == (build / "fer_edge.hex").read_bytes()
    assert str(target) in said


def test_an_adapter_in_maintenance_mode_is_left_alone(tmp_path: Path, build: Path, mounts: tuple[str, ...]) -> None:
    target = drive(tmp_path, "MAINTENANCE", mode="Bootloader")
    with pytest.raises(BoardError, match="no DAPLink drive is mounted"):
        flash(build, mounts)
    assert not (target / "fer_edge.hex").exists()


def test_two_boards_are_not_guessed_between(tmp_path: Path, build: Path, mounts: tuple[str, ...]) -> None:
    drive(tmp_path, "DAPLINK")
    drive(tmp_path, "DAPLINK1")
    with pytest.raises(BoardError, match="2 DAPLink drives"):
        flash(build, mounts)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_drive_that_cannot_be_written_is_named(tmp_path: Path, build: Path, mounts: tuple[str, ...]) -> None:
    drive(tmp_path).chmod(0o555)
    with pytest.raises(BoardError, match=r"DAPLINK failed: Permission denied"):
        flash(build, mounts)


def test_a_drive_that_goes_away_is_named(tmp_path: Path, build: Path, mounts: tuple[str, ...]) -> None:
    (drive(tmp_path) / "fer_edge.hex").mkdir()
    with pytest.raises(BoardError, match=r"DAPLINK failed: Is a directory"):
        flash(build, mounts)


def test_openocd_is_used_when_there_is_no_drive(tools: Path, build: Path, mounts: tuple[str, ...]) -> None:
    called = tool(tools, "openocd", 0)
    assert flash(build, mounts).startswith("openocd wrote")
    option, configuration, _, program = called.read_text().splitlines()
    assert (option, configuration) == ("-f", str(module.OPENOCD_CONFIGURATION))
    assert program == f'program "{build / "fer_edge.hex"}" verify reset exit'


def test_pyocd_is_used_when_it_has_a_pack_and_openocd_finds_nothing(
    tools: Path, build: Path, mounts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(tools, "openocd", 1, "Error: unable to find a matching CMSIS-DAP device")
    called = tool(tools, "pyocd", 0)
    monkeypatch.setenv(module.PACK_VARIABLE, "max78000.pack")
    assert flash(build, mounts).startswith("pyocd wrote")
    assert "max78000.pack" in called.read_text().splitlines()


def test_without_a_board_one_sentence_names_what_was_tried(
    tools: Path, build: Path, mounts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(tools, "openocd", 1, "Error: unable to find a matching CMSIS-DAP device")
    tool(tools, "pyocd", 1, "No connected debug probes")
    monkeypatch.setenv(module.PACK_VARIABLE, "max78000.pack")
    with pytest.raises(BoardError) as raised:
        flash(build, mounts)
    for part in ("no DAPLink drive", "matching CMSIS-DAP device", "No connected debug probes", "Plug the board in"):
        assert part in str(raised.value)


def test_without_firmware_it_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="fer-edge firmware"):
        flash(tmp_path)


def test_the_command_prints_one_line_and_fails(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fer_edge.cli", "flash", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("fer-edge: ")
    assert done.stderr.count("\n") == 1


def test_openocd_understands_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the real PATH
    openocd = shutil.which("openocd")
    if openocd is None:
        pytest.skip("no openocd")
    script = "flash banks; shutdown"
    done = subprocess.run(
        [openocd, "-f", str(module.OPENOCD_CONFIGURATION), "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
