"""Names of files and networks never drive the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from fer_edge.cli import main
from fer_edge.terminal import shown

ESCAPES = "\x1b]0;title\x07\x1b[2J\r\x08\x9b31m"
WRITTEN = r"\x1b]0;title\x07\x1b[2J\r\x08\x9b31m"


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ESCAPES, WRITTEN),
        ("a\u202eb\u2028c\x7f", r"a\u202eb\u2028c\x7f"),
        (b"caf\xe9".decode(errors="surrogateescape"), r"caf\udce9"),
        ("latin, kana かな, 1,203 µs × 2 – ‘ok’ 🙂\n\tnext", "latin, kana かな, 1,203 µs × 2 – ‘ok’ 🙂\n\tnext"),
    ],
)
def test_control_characters_are_written_and_others_left(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "words", [["estimate"], ["predict"], ["data", "check"], ["bench", "--compare", "x"]], ids=" ".join
)
def test_an_error_shows_the_name_it_is_about(words: list[str]) -> None:
    said = run(*words, f"none{ESCAPES}").output
    assert ESCAPES not in said
    assert "\x1b" not in said
    assert words[0] == "bench" or WRITTEN in said


def test_a_name_that_is_no_text_is_no_traceback(tmp_path: Path) -> None:
    result = run("estimate", b"caf\xe9".decode(errors="surrogateescape"))
    assert result.exit_code == 1
    assert r"caf\udce9" in result.output


def test_results_show_the_names_of_files(tmp_path: Path) -> None:
    picture = tmp_path / f"face{ESCAPES}.png"
    Image.new("L", (48, 48)).save(picture)
    for words in (
        ["predict", picture, "--network", "zoo:fernet-nano", "--no-detect"],
        ["synth", "--checkpoint", "zoo:fernet-nano", "--output-dir", tmp_path / f"o{ESCAPES}"],
    ):
        result = run(*words)
        assert result.exit_code == 0, result.output
        assert WRITTEN in result.output
        assert "\x1b" not in result.output
