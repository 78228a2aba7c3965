"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fer_edge import files
from fer_edge.files import atomic_write


def test_a_write_that_was_killed_leaves_the_file_and_its_rest_goes_with_the_next(tmp_path: Path) -> None:
    path = tmp_path / "curves [1].png"
    atomic_write(path, "old")
    process = os.fork()
    if not process:
        files.os.replace = lambda *_: os._exit(9)  # type: ignore[attr-defined]
        atomic_write(path, "new")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2
    atomic_write(path, "newer")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["newer"]


def test_what_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    other = tmp_path / f".history.json.{os.getppid()}"
    other.touch()
    atomic_write(path, "{}")
    assert other.exists()


def test_what_is_written_is_on_the_disk_before_it_takes_the_others_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    replace = os.replace

    def replace_what_is_synced(source: Path, target: Path) -> None:
        assert synced == [source.stat().st_ino]
        replace(source, target)

    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_ino))
    monkeypatch.setattr(os, "replace", replace_what_is_synced)
    atomic_write(tmp_path / "file", "content")
    assert (tmp_path / "file").read_text() == "content"
