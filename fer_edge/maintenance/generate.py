"""`make generate`: files of the repository that tables and architectures give are written anew."""

from __future__ import annotations

from pathlib import Path

from fer_edge import registers
from fer_edge.bench import protocol
from fer_edge.files import atomic_write
from fer_edge.models import deployable
from fer_edge.synth import vendor_yaml
from fer_edge.synth.placer import place
from fer_edge.training import options
from fer_edge.training.config import SearchConfig, TrainConfig

ROOT = Path(__file__).resolve().parents[2]
"""Root folder of the checkout."""


def contents() -> dict[str, str]:
    """Every generated file, by its path from the checkout."""
    return {
        "firmware/hal/max78000.h": registers.c_header(),
        "firmware/src/protocol.h": protocol.c_header(),
        "docs/options.md": _options(),
        **{
            f"yaml_models/{name}.yaml": vendor_yaml.write(place(deployable.blueprint(name)), trained=False)
            for name in deployable.names()
        },
    }


def _options() -> str:
    commands = {"qat-train": TrainConfig, "train": TrainConfig, "search": SearchConfig}
    sections = [f"## fer-edge {name}\n\n{options.markdown(config, name)}" for name, config in commands.items()]
    return "\n".join(["<!-- Written by `make generate` from fer_edge/training/config.py; do not edit. -->",
                      "# Options of training", "", *sections])  # fmt: skip


if __name__ == "__main__":
    for path, text in contents().items():
        atomic_write(ROOT / path, text)
