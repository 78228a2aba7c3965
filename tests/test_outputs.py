"""Where a command is told to write is tried before it begins to work; a full disk is an error with a cure."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fer_edge.cli import OutputFolder, OutputPath, main
from fer_edge.files import atomic_save, atomic_write, check_output
from tests.conftest import fill
from tests.test_cli import commands


def options() -> Iterator[tuple[tuple[str, ...], click.Parameter]]:
    """Every option or argument of every command."""
    for path in commands():
        command: click.Command = main
        for name in path:
            assert isinstance(command, click.Group)
            command = command.commands[name]
        for option in command.params:
            yield path, option


OUTPUTS = [(*path, option.opts[0]) for path, option in options() if isinstance(option.type, OutputPath)]


def invoke(*words: str, output: object) -> tuple[int, str]:
    """Exit status and message of a command whose inputs are nowhere and whose output is `output`."""
    *path, option = words
    command = main.commands[path[0]]
    needed: list[str] = []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            needed.append("nowhere")
        elif parameter.required and parameter.opts[0] != option:
            needed += [parameter.opts[0], "nowhere"]
    result = CliRunner().invoke(main, [*path, *needed, option, str(output)])
    return result.exit_code, result.output


def below_a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "out"


def loop(folder: Path) -> Path:
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop" / "out"


def nowhere(folder: Path) -> Path:
    (folder / "link").symlink_to(folder / "none" / "none")
    return folder / "link" / "out"


BAD: list[tuple[Callable[[Path], object], str]] = [
    (below_a_file, "Not a directory. Give a path that does not lead through a file."),
    (loop, "Too many levels of symbolic links. Give a path without links"),
    (nowhere, "No such file or directory. Check the path."),
    (lambda folder: folder / "new" / ("x" * 256), "File name too long. Give a shorter path."),
    (lambda folder: folder.joinpath(*["x" * 200] * 25), "File name too long. Give a shorter path."),
]


def test_every_command_that_writes_is_here() -> None:
    assert {words[:-1] for words in OUTPUTS} == {
        ("search",), ("qat-train",), ("train",), ("quantize",), ("compare",), ("synth",), ("bench",),
        ("estimate",), ("firmware",), ("live",), ("predict",), ("board",),
    }  # fmt: skip
    named = {(*path, option.opts[0]) for path, option in options() if "output" in option.opts[0]}
    assert named <= set(OUTPUTS)


@pytest.mark.parametrize("words", OUTPUTS, ids=" ".join)
def test_an_output_that_cannot_be_is_refused_before_anything_is_read(words: tuple[str, ...], tmp_path: Path) -> None:
    for number, (make, message) in enumerate(BAD):
        folder = tmp_path / str(number)
        folder.mkdir()
        before = sorted(folder.rglob("*"))
        status, said = invoke(*words, output=make(folder))
        assert (status, said.count("\n")) == (1, 1), said
        assert message in said
        assert set(folder.rglob("*")) - set(before) <= {folder / "file", folder / "loop", folder / "link"}


@pytest.mark.parametrize("words", OUTPUTS, ids=" ".join)
def test_an_empty_output_is_refused(words: tuple[str, ...]) -> None:
    status, said = invoke(*words, output="")
    assert status == 2
    assert f"'{words[-1]}': it is empty." in said


@pytest.mark.parametrize("words", OUTPUTS, ids=" ".join)
def test_a_full_or_a_read_only_disk_is_refused(words: tuple[str, ...], disk: Callable[[str], Path]) -> None:
    full = disk("size=16k")
    fill(full)
    status, said = invoke(*words, output=full / "new" / "out")
    assert status == 1
    assert "No space left on device. Free some space, or choose another place." in said
    status, said = invoke(*words, output=disk("ro") / "out")
    assert status == 1
    assert "Read-only file system. Choose a place that can be written to." in said


def test_live_starts_where_nothing_can_be_written_since_nothing_is_unless_asked(
    disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(disk("ro"))
    result = CliRunner().invoke(main, ["live", "--port", "none", "--network", "nowhere"])
    assert "There is no checkpoint nowhere" in result.output


@pytest.mark.parametrize("words", OUTPUTS, ids=" ".join)
def test_a_file_is_no_folder_and_a_folder_or_device_is_no_file(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (option,) = [option.type for path, option in options() if (*path, option.opts[0]) == words]
    if option is OutputFolder:
        assert "Not a directory" in invoke(*words, output=tmp_path / "file")[1]
    else:
        assert "Is a directory" in invoke(*words, output=tmp_path)[1]
        assert "/dev/full: Not a regular file" in invoke(*words, output="/dev/full")[1]


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        (("compare", "--html"), ".html"),
        (("estimate", "--chart"), ".html"),
        (("board", "--trace"), ".json"),
        (("bench", "--trace"), ".json"),
        (("board", "--vcd"), ".vcd"),
        (("predict", "--save"), ".png"),
    ],
    ids=" ".join,
)
def test_a_page_picture_or_trace_takes_no_place_of_something_else(
    words: tuple[str, ...], ending: str, tmp_path: Path
) -> None:
    model = tmp_path / "model.pth.tar"
    model.write_text("weights")
    status, said = invoke(*words, output=model)
    assert status == 2
    assert f"{model} does not end in {ending}." in said
    assert model.read_text() == "weights"


def test_what_can_be_written_is_accepted_and_nothing_is_left(tmp_path: Path) -> None:
    check_output(tmp_path / "a" / "b", folder=True)
    check_output(tmp_path / "a" / "b.html", folder=False)
    (tmp_path / "there").touch()
    check_output(tmp_path / "there", folder=False)
    assert [file.name for file in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--help"], ["list", "--help"]], ids=" ".join)
def test_a_full_disk_behind_standard_output(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "fer_edge.cli", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("fer-edge: ")
    assert "No space left on device. Free some space" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[None]:
    """Be a user to whom the owner's permissions apply: root reads everything."""
    from fer_edge.faces import check  # noqa: F401  while its modules can be read

    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    yield
    os.seteuid(mine)


@pytest.mark.parametrize("closed", ["csv", "folder", "class folder", "image"])
def test_faces_that_may_not_be_read(closed: str, stranger: None) -> None:
    with tempfile.TemporaryDirectory() as name:  # tmp_path lies in a folder of its user alone
        root = Path(name)
        if closed == "csv":
            path = source = root / "faces.csv"
            path.touch()
        else:
            source = root
            image = root / "train" / "happy" / "1.png"
            image.parent.mkdir(parents=True)
            (root / "train" / "sad").mkdir()
            image.touch()
            path = {"folder": root / "train", "class folder": image.parent, "image": image}[closed]
        path.chmod(0)
        result = CliRunner().invoke(main, ["data", "check", str(source)])
        path.chmod(0o700)
    assert "Permission denied" in result.output
    assert closed == "image" or (result.exit_code, result.output.count("\n")) == (1, 1)
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_synth_on_a_disk_that_fills_up_names_the_file(disk: Callable[[str], Path]) -> None:
    folder = disk("size=64k")
    result = CliRunner().invoke(main, ["synth", "--checkpoint", "zoo:fernet-nano", "--output-dir", str(folder)])
    assert result.exit_code == 1
    assert re.fullmatch(
        rf"fer-edge: {folder}/[a-z.-]+: No space left on device\. Free some space, or choose another place\.\n",
        result.output,
    )


def test_a_comparison_is_shown_though_its_page_cannot_be_written(
    disk: Callable[[str], Path],
) -> None:
    folder = disk("size=8k")  # room enough for the trial, not for the page
    words = ["compare", "zoo:fernet-nano", "--data", "drawn", "--limit", "7", "--html", str(folder / "page.html")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "accuracy" in result.stdout
    assert f"fer-edge: {folder / 'page.html'}: No space left on device." in result.stderr


def test_a_write_that_fails_leaves_the_file_as_it_was_and_names_it(disk: Callable[[str], Path]) -> None:
    folder = disk("size=32k")
    file = folder / "file.bin"
    atomic_write(file, "before")
    writes: tuple[Callable[[], object], ...] = (
        lambda: atomic_write(file, bytes(100_000)),
        lambda: atomic_save(file, lambda stream: stream.write(bytes(100_000))),
    )
    for write in writes:
        with pytest.raises(OSError, match="No space left on device") as caught:
            write()
        assert caught.value.filename == str(file)
        assert file.read_text() == "before"
        assert list(folder.iterdir()) == [file]
