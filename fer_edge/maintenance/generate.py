"""`make generate`: files of the repository that tables and architectures give are written anew."""

from __future__ import annotations

from pathlib import Path

from fer_edge import registers
from fer_edge.bench import protocol
from fer_edge.files import atomic_write
from fer_edge.models import deployable
from fer_edge.synth import vendor_yaml

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""


def contents() -> dict[str, str]:
    """Every generated file, by its path from the checkout."""
    return {
        "firmware/hal/max78000.h": registers.c_header(),
        "firmware/src/protocol.h": protocol.c_header(),
        **{
            f"yaml_models/{name}.yaml": vendor_yaml.of_blueprint(deployable.blueprint(name))
            for name in deployable.names()
        },
    }


if __name__ == "__main__":
    for path, text in contents().items():
        atomic_write(ROOT / path, text)
