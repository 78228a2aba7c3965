"""The virtual board for a network: its firmware, built when needed, and the port to talk to it."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fer_edge import firmware
from fer_edge.board import LoadModel, VirtualBoard
from fer_edge.files import cache_folder
from fer_edge.network import IntegerNetwork
from fer_edge.synth import c_code

_LOAD = LoadModel()
SIMULATED_LOAD = (
    f"a made-up load of {1e3 * _LOAD.idle:g} mA at rest and {1e3 * _LOAD.cnn:g} mA while the accelerator computes, "
    f"at {_LOAD.volts:g} V"
)
"""What the simulated sensor of a virtual board measures, in words."""

KEPT = 32
"""Firmwares in the cache, at most; each has a quarter of a megabyte to half of one."""
BUILD_SECONDS = 3600.0
"""A build that began longer ago was killed."""


@contextmanager
def virtual_port(network: IntegerNetwork, path: Path, sensor: bool = False) -> Iterator[str]:
    """A virtual board that runs `network`, which came from `path`; yields its port.

    `sensor`: with a simulated INA226, which sees `SIMULATED_LOAD`.
    """
    with virtual_board(network, path, sensor) as port:
        yield port


def virtual_board(
    network: IntegerNetwork,
    path: Path,
    sensor: bool = False,
    pictures: str | None = None,
    recording: str | None = None,
    mirror: bool = False,
) -> VirtualBoard:
    """As `virtual_port`, not started yet. Its camera sees the first of `pictures`, as `faces.scenes` writes them; what
    it does goes to the file `recording`, if there is one. `mirror` as for `firmware.build`."""
    kind = "INA226" if sensor else None
    return VirtualBoard(
        elf_for(network, path, mirror), sensor=kind, pictures=pictures, picture_seconds=0.0, recording=recording
    )


def elf_for(network: IntegerNetwork, path: Path, mirror: bool = False) -> Path:
    """The firmware with `network` inside: the one in ``firmware/build`` if it has it, else one from the cache.

    `mirror` as for `firmware.build`. The cache (`files.cache_folder`) is keyed by all that goes in, and keeps those
    used last (`KEPT`). Raises as `firmware.build`.
    """
    built = firmware.SOURCES / "build" / f"{firmware.NAME}.elf"
    # The ELF holds the hash as a constant, and behind it the runs for an image; 17 bytes do not occur by chance.
    inside = network.content_hash + bytes([1 + mirror])
    if built.is_file() and inside in built.read_bytes():
        return built
    cached = cache_folder() / "firmware" / f"{_key(network, path)}{'-mirror' if mirror else ''}.elf"
    if cached.is_file():
        with suppress(OSError):
            cached.touch()
    else:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
            firmware.build(network, path, Path(folder), mirror)
            (Path(folder) / built.name).replace(cached)
        with suppress(OSError):  # another process may do the same
            _tidy(cached.parent)
    return cached


def _tidy(cache: Path) -> None:
    """Remove what has not been used for longest, and what builds that were killed have left."""
    elfs = sorted(cache.glob("*.elf"), key=lambda elf: elf.stat().st_mtime, reverse=True)
    for elf in elfs[KEPT:]:
        elf.unlink()
    for left in cache.glob("tmp*"):
        if time.time() - left.stat().st_mtime > BUILD_SECONDS:
            shutil.rmtree(left)


def _key(network: IntegerNetwork, path: Path) -> str:
    """Changes with the network, the firmware's sources, and the generated code or what generates it."""
    sources = [
        *firmware.SOURCES.glob("*/*.[chS]"),
        *firmware.SOURCES.glob("*/*.ld"),
        firmware.SOURCES / "Makefile",
    ]
    folder = firmware.generated_code(path)
    if folder is None:
        sources += [p for p in (firmware.PACKAGE / "synth").rglob("*") if p.suffix in (".py", ".j2")]
    else:
        sources += [folder / name for name in c_code.FILES if (folder / name).is_file()]
    digest = hashlib.sha256(network.content_hash)
    for source in sorted(sources):
        digest.update(source.name.encode() + hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()[:32]
