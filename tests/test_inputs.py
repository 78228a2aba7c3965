"""What is read is a regular file of bounded size: a pipe would keep a command waiting, a device would fill memory."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from click.testing import CliRunner, Result

from fer_edge import zoo
from fer_edge.cli import main
from fer_edge.errors import FerEdgeError
from fer_edge.faces import ferplus

REFUSED = "is not a regular file. Give a file, not a pipe or device."
FIRMWARE = "not a regular file. Give the .elf that `fer-edge firmware` writes."
SECONDS = 60
"""More than any of these takes, unless it waits for a writer."""


@pytest.fixture(autouse=True)
def _hurry() -> Iterator[None]:
    """End a test that waits."""

    def late(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"still not done after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def command(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def fifo(folder: Path, suffix: str) -> Path:
    path = folder / f"fifo{suffix}"
    os.mkfifo(path)
    return path


def zero(folder: Path, suffix: str) -> Path:
    path = folder / f"zero{suffix}"
    path.symlink_to("/dev/zero")
    return path


def huge(folder: Path, suffix: str) -> Path:
    path = folder / f"huge{suffix}"
    with path.open("wb") as file:
        file.truncate(5 << 30)  # a hole: it takes no room on the disk
    return path


READERS = [
    ("estimate {bad}", ".pth.tar"),
    ("quantize --checkpoint {bad} --output {out}", ".pth.tar"),
    ("evaluate --checkpoint {bad} --data drawn", ".pth.tar"),
    ("evaluate --network {bad} --data drawn", ".pth.tar"),
    ("compare {bad} --data drawn --limit 7", ".pth.tar"),
    ("synth --checkpoint {bad} --output-dir {out}", ".pth.tar"),
    ("synth --checkpoint {onnx} --yaml {bad} --output-dir {out}", ".yaml"),
    ("synth --checkpoint {bad} --yaml {yaml} --output-dir {out}", ".onnx"),
    ("synth --checkpoint {onnx} --yaml {yaml} --sample-input {bad} --output-dir {out}", ".npy"),
    ("qat-train --data drawn --teacher {bad} --output-dir {out}", ".pth.tar"),
    ("train --arch resnet18 --pretrained {bad} --data drawn --output-dir {out}", ".pth"),
    ("train --arch dlib-resnet --pretrained {bad} --data drawn --output-dir {out}", ".dat"),
    ("predict {bad} --network zoo:fernet-nano", ".png"),
    ("bench --port none --network zoo:fernet-nano --data drawn --limit 7 --meter csv:{bad} --voltage 5V", ".csv"),
    ("bench --compare {bad} {bad}", ".json"),
    ("data check {bad}", ".csv"),
    ("evaluate --network zoo:fernet-nano --data {bad}", ".csv"),
    ("board {bad}", ".elf"),
]


@pytest.mark.parametrize("make", [fifo, zero, huge])
@pytest.mark.parametrize(("line", "suffix"), READERS, ids=[line.split(" --")[0] + suffix for line, suffix in READERS])
def test_what_is_no_file_of_ordinary_size_is_refused_at_once(
    line: str, suffix: str, make: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    bad = make(tmp_path, suffix)
    shipped = zoo.path("fernet-nano")
    names = {"bad": bad, "out": tmp_path / "out", "onnx": shipped / "model.onnx", "yaml": shipped / "model.yaml"}
    done = command(*(word.format(**names) for word in line.split()))
    assert done.exit_code == 1, done.output
    message = done.stderr.splitlines()[-1]
    assert bad.name in message
    what = rf"({re.escape(REFUSED)}|{re.escape(FIRMWARE)})" if make is not huge else r"5,368,709,120 bytes|larger than"
    assert re.search(what, message), message


@pytest.mark.parametrize("make", [fifo, zero, huge])
def test_votes_are_a_file_of_ordinary_size(make: Callable[[Path, str], Path], tmp_path: Path) -> None:
    with pytest.raises(FerEdgeError, match=r"is not a regular file|has 5,368,709,120 bytes"):
        ferplus.read(make(tmp_path, ".csv"))


def test_a_pipe_among_the_faces_is_one_of_the_problems(tmp_path: Path) -> None:
    for name in ("happy", "sad"):
        (tmp_path / "train" / name).mkdir(parents=True)
    fifo(tmp_path / "train" / "happy", ".png")
    done = command("data", "check", tmp_path)
    assert f"fifo.png {REFUSED.split('. ')[0]}" in done.stdout
