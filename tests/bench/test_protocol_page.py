"""docs/protocol.md says what the table of the protocol says."""

from __future__ import annotations

import doctest
import re
import struct
from pathlib import Path

import pytest

from fer_edge.bench import protocol

FILE = Path(__file__).parents[2] / "docs/protocol.md"
PAGE = FILE.read_text(encoding="utf-8")
CODES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i32": "i", "i64": "q", "bytes": "s"}
MESSAGES = sorted(name for name in vars(protocol) if name.endswith(("_REQUEST", "_REPLY")))


def rows(text: str) -> list[list[str]]:
    """The cells of the first table in `text`, without its head."""
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


@pytest.mark.parametrize("name", MESSAGES)
def test_each_message_has_the_fields_of_its_table(name: str) -> None:
    section = PAGE.partition("## Messages")[2]
    message = re.search(rf"^`{name}`.*\n", section, re.MULTILINE)
    assert message is not None
    written = [(field, width(kind)) for field, kind, _ in rows(section[message.end() :])]
    assert written == [(field, kind) for field, kind, _ in getattr(protocol, name).fields]


def width(kind: str) -> str:
    """A type of the page as `struct` writes it."""
    count, _, code = kind.rpartition(" ")
    return f"{count}{CODES[code]}"


def test_every_command_stands_there_with_its_number() -> None:
    written = {name: int(number, 16) for number, name, *_ in rows(PAGE.partition("## Commands")[2])}
    assert written == {command.name: command.value for command in protocol.Command}


def test_every_number_stands_there_with_its_name() -> None:
    written = [(kind, int(number), name) for kind, number, name, _ in rows(PAGE.partition("## Numbers")[2])]
    kinds = (
        protocol.Activity,
        protocol.WindowFlag,
        protocol.Wait,
        protocol.Rest,
        protocol.ClockSetting,
        protocol.CameraDetail,
        protocol.Sensor,
        protocol.ResetCause,
        protocol.ErrorCode,
    )
    assert written == [(kind.__name__, member.value, member.name) for kind in kinds for member in kind]


def test_the_frame_is_that_of_the_codec() -> None:
    widths = [width for width, *_ in rows(PAGE.partition("## The frame")[2])]
    assert sum(int(width) for width in widths if width != "length") == protocol.OVERHEAD
    assert struct.calcsize(protocol.HEADER.format) == sum(map(int, widths[1:4]))
    assert " ".join(f"0x{byte:02X}" for byte in protocol.SYNC) in PAGE
    for value in (protocol.MAX_PAYLOAD, protocol.BAUD_RATE):
        assert f"{value:,}" in PAGE
    assert f"Protocol version: {protocol.PROTOCOL_VERSION}." in PAGE
    assert f"at most {protocol.PROBE_WORDS}" in PAGE
    assert f"at most {protocol.DUTY_CYCLE_SECONDS} s" in PAGE


def test_the_example_is_what_the_codec_gives() -> None:
    assert doctest.testfile(str(FILE), module_relative=False) == (0, 2)
