"""Train a network quantization-aware, down to its integers: `python docs/examples/train.py FER2013 runs/nano`."""

import sys
from pathlib import Path
from typing import Any

from fer_edge.training.config import TrainConfig
from fer_edge.training.train import run_training


def train(data: str, folder: Path, arch: str = "fernet-nano", **options: Any) -> Path:
    result = run_training(TrainConfig(arch, data, folder, **options))
    print(result.report())
    return folder / "quantized.pth.tar"


if __name__ == "__main__":
    train(sys.argv[1], Path(sys.argv[2]), epochs=40)
