"""The firmware with a network inside: built by `make` from the C sources that come with fer-edge.

The sources are `firmware/` of a checkout, and lie inside the package where it is installed from a wheel.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fer_edge import filenames
from fer_edge.errors import ToolError
from fer_edge.network import IntegerNetwork
from fer_edge.terminal import shown

PACKAGE = Path(__file__).resolve().parent
_INSTALLED = PACKAGE / "firmware_sources"
SOURCES = _INSTALLED if _INSTALLED.is_dir() else PACKAGE.parent / "firmware"
"""The firmware's Makefile, sources, linker script and OpenOCD configuration. Nothing is ever written here by us."""
NAME = "fer_edge"
"""What the files of a build are called: NAME.elf, NAME.hex, NAME.bin."""


def generated_code(path: Path) -> Path | None:
    """`path` where it is a folder of `fer-edge synth`, whose C code is compiled as it is; None for other networks."""
    return path if (path / filenames.NETWORK_H).is_file() else None


def build(network: IntegerNetwork, path: Path, output_dir: Path, mirror: bool = False) -> str:
    """Compile the firmware with `network`, which came from `path`; return make's line about flash and RAM.

    `output_dir` gets ``fer_edge.elf``, ``.hex`` and ``.bin``, the object files, and in ``network`` what
    `fer-edge synth` writes, unless that is what `path` is. `mirror`: it infers each image twice, as it is and mirrored,
    and adds up the logits. A second call compiles only what has changed.

    Raises ToolError when make or the Arm compiler is missing or fails, NetworkError when the network does not fit.
    """
    print(shown(f"Building the firmware with {network.name}."), file=sys.stderr)
    folder = generated_code(path)
    if folder is None:
        from fer_edge.synth.synthesize import synthesize  # ONNX takes a while to import

        folder = output_dir / "network"
        synthesize(network, folder)
    make = ["make", "--no-print-directory", "-C", str(SOURCES), f"NETWORK={folder.resolve()}", f"MIRROR={mirror:d}"]
    try:
        done = subprocess.run(
            [*make, f"BUILD={output_dir.resolve()}"], capture_output=True, text=True, errors="replace", check=False
        )
    except FileNotFoundError as error:
        raise ToolError("`make` is not installed.", "Install it (`sudo apt install make`).") from error
    if done.returncode:
        raise ToolError(f"The firmware does not build:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()
