"""A minimal project for those who stay with the vendor's SDK: generated C, a main.c and make files of our own.

The SDK was not at hand. Names and conventions are those of its public sources (analogdevicesinc/msdk: mxc.h, libs.mk,
max78000.mk, the CNN examples); our tests build the project with a stand-in of them, and run it on the virtual board.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fer_edge.files import atomic_write
from fer_edge.synth import c_code

OWN_FILES = ("Makefile", "project.mk", "main.c")


def export(synthesized: Path, project: Path) -> None:
    """Write the project folder for the network that `synthesize` wrote to the folder `synthesized`."""
    for name in c_code.FILES:
        atomic_write(project / name, (synthesized / name).read_bytes())
    for name in OWN_FILES:
        atomic_write(project / name, resources.files(__name__).joinpath(name).read_bytes())
