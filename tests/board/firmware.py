"""Small C programs for the virtual board: compiled, and run in this process with a serial port made of lists."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path(__file__).parent / "programs"
SCRIPTS = {"flash": "link.ld", "sram": "sram.ld"}
_GCC = "arm-none-eabi-gcc"
_FLAGS = "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard -O2 -Wall -Werror -ffreestanding -nostdlib"


def build(name: str, folder: Path, linked_for: str = "flash") -> Path:
    """The ELF of `programs/NAME.c`, for flash or for SRAM."""
    if shutil.which(_GCC) is None:
        pytest.skip(f"{_GCC} is not installed")
    elf = folder / f"{name}-{linked_for}.elf"
    sources = [PROGRAMS / "start.c", PROGRAMS / f"{name}.c"]
    command: list[str | Path] = [
        _GCC,
        *_FLAGS.split(),
        "-T",
        PROGRAMS / SCRIPTS[linked_for],
        *sources,
        "-lgcc",
        "-o",
        elf,
    ]
    subprocess.run(command, check=True)
    return elf


class Wire:
    """A serial port whose host has said all it will say. `sent` is what came from the board."""

    def __init__(self, said: bytes = b"") -> None:
        self._said = said
        self.sent = bytearray()

    def read(self) -> bytes:
        said, self._said = self._said, b""
        return said

    def write(self, data: bytes) -> None:
        self.sent += data

    def wait(self, seconds: float) -> bool:
        return False

    @property
    def words(self) -> list[int]:
        """What was sent, as 32-bit words."""
        return [int.from_bytes(self.sent[n : n + 4], "little") for n in range(0, len(self.sent) - 3, 4)]


def run(elf: Path, words: int, said: bytes = b"", seconds: float = 10.0, **options: Any) -> list[int]:
    """Run until the firmware has sent so many words. `options`: those of the board."""
    from fer_edge.board import Options
    from fer_edge.board.machine import Machine

    wire = Wire(said)
    end = time.monotonic() + seconds
    Machine(elf, wire, Options(**options)).run(lambda: len(wire.sent) >= 4 * words or time.monotonic() > end)
    assert len(wire.words) >= words, f"only {wire.words} after {seconds} s"
    return wire.words
