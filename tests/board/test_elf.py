"""Reading firmware images, sound and damaged."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.board.elf import load_segments
from fer_edge.errors import BoardError

HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
SEGMENT = struct.Struct("<8I")


def image(*segments: tuple[int, int, int, bytes]) -> bytes:
    """An ELF with segments (type, virtual, physical address, contents)."""
    table = HEADER.size
    at = table + SEGMENT.size * len(segments)
    headers, contents = b"", b""
    for kind, virtual, physical, data in segments:
        headers += SEGMENT.pack(kind, at + len(contents), virtual, physical, len(data), len(data) + 16, 5, 4)
        contents += data
    ident = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    header = HEADER.pack(ident, 2, 40, 1, 0x10000009, table, 0, 0, HEADER.size, SEGMENT.size, len(segments), 0, 0, 0)
    return header + headers + contents


SOUND = image((1, 0x10000000, 0x10000000, b"code"), (1, 0x20000000, 0x10000004, b"data"), (4, 0, 0, b"note"))


def test_data_goes_where_it_is_stored_not_where_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "sound.elf"
    path.write_bytes(SOUND)
    assert load_segments(path) == [(0x10000000, b"code"), (0x10000004, b"data")]


@given(st.integers(0, len(SOUND) - 1))
def test_a_truncated_file_is_refused(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.mktemp("elf") / "short.elf"
    path.write_bytes(SOUND[:length])
    if length >= len(SOUND) - len(b"note"):  # that segment is not loaded
        assert len(load_segments(path)) == 2
    else:
        with pytest.raises(BoardError, match=r"short\.elf"):
            load_segments(path)


@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_read_or_refused_but_never_more(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    broken = bytearray(SOUND)
    for at, value in damage:
        broken[at] = value
    path = tmp_path_factory.mktemp("elf") / "damaged.elf"
    path.write_bytes(broken)
    try:
        segments = load_segments(path)
    except BoardError:
        return
    assert sum(len(contents) for _, contents in segments) <= 3 * len(SOUND)


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        (b"", "too short"),
        (b"MZ" + bytes(100), "not a 32-bit little-endian ELF"),
        (SOUND.replace(b"\x02\x00\x28\x00", b"\x02\x00\x3e\x00", 1), "not an ARM executable"),
        (image((4, 0, 0, b"note")), "nothing to load"),
    ],
)
def test_what_is_no_firmware_is_named(tmp_path: Path, contents: bytes, complaint: str) -> None:
    path = tmp_path / "wrong.elf"
    path.write_bytes(contents)
    with pytest.raises(BoardError, match=complaint):
        load_segments(path)


@pytest.mark.parametrize(
    ("segment", "complaint"),
    [
        ((1, 0, 0x08000000, bytes(64)), "64 bytes at 0x08000000 lie outside flash and SRAM"),
        ((1, 0, 0x1007FFF0, bytes(64)), "outside flash"),
        ((1, 0, 0x10002000, bytes(64)), "no vector table"),
    ],
)
def test_firmware_for_another_chip_is_refused(
    tmp_path: Path, segment: tuple[int, int, int, bytes], complaint: str
) -> None:
    pytest.importorskip("unicorn")
    from fer_edge.board.machine import Machine
    from tests.board.firmware import Wire

    path = tmp_path / "other.elf"
    path.write_bytes(image(segment))
    with pytest.raises(BoardError, match=complaint):
        Machine(path, Wire())
