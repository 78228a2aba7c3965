"""The virtual board for a network: its firmware, built when needed, and the port to talk to it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fer_edge.board import LoadModel, VirtualBoard
from fer_edge.errors import ToolError
from fer_edge.network import IntegerNetwork
from fer_edge.terminal import shown

PACKAGE = Path(__file__).resolve().parents[1]
FIRMWARE = PACKAGE.parent / "firmware"
GENERATED = ("cnn.c", "cnn.h", "weights.h", "sampledata.h", "sampleoutput.h", "network.h")

_LOAD = LoadModel()
SIMULATED_LOAD = (
    f"a made-up load of {1e3 * _LOAD.idle:g} mA at rest and {1e3 * _LOAD.cnn:g} mA while the accelerator computes, "
    f"at {_LOAD.volts:g} V"
)
"""What the simulated sensor of a virtual board measures, in words."""


@contextmanager
def virtual_port(network: IntegerNetwork, path: Path, sensor: bool = False) -> Iterator[str]:
    """A virtual board that runs `network`, which came from `path`; yields its port.

    `sensor`: with a simulated INA226, which sees `SIMULATED_LOAD`.
    """
    with VirtualBoard(elf_for(network, path), sensor="INA226" if sensor else None) as port:
        yield str(port)


def elf_for(network: IntegerNetwork, path: Path) -> Path:
    """The firmware with `network` inside: the one in ``firmware/build`` if it has it, else one from the cache.

    A folder `path` that `fer-edge synth` wrote is compiled as it is; any other network is synthesized first.
    The cache (``$XDG_CACHE_HOME/fer-edge``, default ``~/.cache/fer-edge``) is keyed by all that goes in.
    """
    built = FIRMWARE / "build" / "fer_edge.elf"
    # The ELF holds the hash as a constant; 16 bytes do not occur by chance.
    if built.is_file() and network.content_hash in built.read_bytes():
        return built
    if not FIRMWARE.is_dir():
        raise ToolError(
            f"The virtual board needs the firmware's sources, and there is no {FIRMWARE}.",
            "Run fer-edge from a checkout (`make setup`).",
        )
    folder = path if (path / "network.h").is_file() else None
    cached = _cache() / f"{_key(network, folder)}.elf"
    if not cached.is_file():
        _build(network, folder, cached)
    return cached


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fer-edge" / "firmware"


def _key(network: IntegerNetwork, folder: Path | None) -> str:
    """Changes with the network, the firmware's sources, and the generated code or what generates it."""
    sources = [*FIRMWARE.glob("*/*.[chS]"), *FIRMWARE.glob("*/*.ld"), FIRMWARE / "Makefile"]
    if folder is None:
        sources += [p for p in (PACKAGE / "synth").rglob("*") if p.suffix in (".py", ".j2")]
    else:
        sources += [folder / name for name in GENERATED if (folder / name).is_file()]
    digest = hashlib.sha256(network.content_hash)
    for source in sorted(sources):
        digest.update(source.name.encode() + hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _build(network: IntegerNetwork, folder: Path | None, elf: Path) -> None:
    print(shown(f"Building the firmware with {network.name} for the virtual board."), file=sys.stderr)
    elf.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=elf.parent) as name:
        temporary = Path(name)
        if folder is None:
            from fer_edge.synth.synthesize import synthesize

            folder = temporary / "network"
            synthesize(network, folder)
        make = ["make", "-C", str(FIRMWARE), f"NETWORK={folder.resolve()}", f"BUILD={temporary / 'build'}"]
        try:
            done = subprocess.run(make, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise ToolError("`make` is not installed.", "Install it (`sudo apt install make`).") from error
        if done.returncode:
            problem = (done.stderr or done.stdout).strip()
            raise ToolError(f"The firmware does not build:\n{problem}", "Run `make setup`, then try again.")
        (temporary / "build" / "fer_edge.elf").replace(elf)
