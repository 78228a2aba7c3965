"""Firmware images: the loadable segments of a 32-bit ARM ELF, by physical address, and its functions."""

from __future__ import annotations

import stat
import struct
from pathlib import Path

from fer_edge import registers as r
from fer_edge.errors import BoardError

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_SEGMENT = struct.Struct("<IIIIIIII")
_SECTION = struct.Struct("<IIIIIIIIII")
_SYMBOL = struct.Struct("<IIIBBH")
_MAX_BYTES = 64 << 20  # with all symbols for a debugger
_ARM, _EXECUTABLE, _LOAD = 40, 2, 1
_SYMBOL_TABLE, _FUNCTION = 2, 2


def load_segments(path: Path) -> list[tuple[int, bytes]]:
    """(physical address, bytes) of every PT_LOAD segment with contents.

    Physical, because initialized data is stored in flash and copied to RAM by the start-up code.
    Raises `BoardError` for a file that cannot be read or is not such an ELF.
    """

    def broken(what: str) -> BoardError:
        return BoardError(f"Firmware {path}: {what}.", "Give the .elf that `fer-edge firmware` writes.")

    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would keep us waiting, a device may never end
            raise broken("not a regular file")
        if status.st_size > _MAX_BYTES:
            raise broken(f"{status.st_size:,} bytes are too many")
        image = path.read_bytes()
    except OSError as error:
        raise BoardError(f"Firmware {path}: {error.strerror}.", "Build it with `fer-edge firmware`.") from None

    if len(image) < _HEADER.size:
        raise broken("too short for an ELF file")
    ident, kind, machine, _, _, table, _, _, _, entry_size, entries, *_ = _HEADER.unpack_from(image)
    if ident[:6] != b"\x7fELF\x01\x01":
        raise broken("not a 32-bit little-endian ELF file")
    if machine != _ARM or kind != _EXECUTABLE:
        raise broken("not an ARM executable")
    if entry_size != _SEGMENT.size or table + entries * entry_size > len(image):
        raise broken("its program header table lies outside the file")
    segments = []
    for index in range(entries):
        kind, offset, _, physical, size, *_ = _SEGMENT.unpack_from(image, table + index * entry_size)
        if kind != _LOAD or size == 0:
            continue
        if offset + size > len(image):
            raise broken(f"segment {index} lies outside the file")
        segments.append((physical, image[offset : offset + size]))
    if not segments:
        raise broken("nothing to load in it")
    return segments


def functions(path: Path) -> dict[int, str]:
    """Names of the functions in the symbol table of an ELF that `load_segments` takes, by address.

    Raises `BoardError` where there are none.
    """
    image = path.read_bytes()
    table, entry_size, entries = struct.unpack_from("<I10xHH", image, 0x20)
    found: dict[int, str] = {}
    try:
        sections = [_SECTION.unpack_from(image, table + n * entry_size) for n in range(entries)]
        for _, kind, _, _, offset, size, link, *_ in sections:
            if kind != _SYMBOL_TABLE:
                continue
            names = image[sections[link][4] :]
            for name, address, _, info, _, section in _SYMBOL.iter_unpack(image[offset : offset + size]):
                if info & 15 == _FUNCTION and section:
                    found[address & ~1] = names[name : names.index(0, name)].decode(errors="replace")
    except (struct.error, IndexError, ValueError):
        found = {}
    if not found:
        raise BoardError(f"Firmware {path}: it has no symbols of functions.", "Link it without `-s`, and do not strip.")
    return found


def vector_table(segments: list[tuple[int, bytes]]) -> int | None:
    """Address of the vector table: the start of flash, or of what is loaded into SRAM by a program linked for it.

    None where neither holds one: an initial stack pointer into SRAM, and the address of a Thumb instruction.
    """
    starts = {address: contents for address, contents in segments if len(contents) >= 8}
    in_sram = min((a for a in starts if r.SRAM_BASE <= a < r.SRAM_BASE + r.SRAM_SIZE), default=None)
    for address in (r.FLASH_BASE, in_sram):
        if address in starts:
            stack, entry = struct.unpack_from("<II", starts[address])
            if r.SRAM_BASE < stack <= r.SRAM_BASE + r.SRAM_SIZE and entry & 1:
                return address
    return None
