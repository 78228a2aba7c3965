"""A network small enough to be simulated in no time, and its checkpoint."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_edge import checkpoint
from fer_edge.bench.harness import BenchConfig, run_bench
from fer_edge.bench.result import BenchResult
from fer_edge.faces import CLASSES, Faces, load
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from tests.bench.fake_board import FakeBoard, board_answers


def tiny_network(seed: int) -> IntegerNetwork:
    """48×48 pooled to 3×3, then one convolution to seven 32-bit logits."""
    rng = np.random.default_rng(seed)
    layer = Layer(
        name="conv1",
        operator=Operator.CONV,
        inputs=(INPUT,),
        weight=rng.integers(-100, 100, (7, 1, 3, 3), np.int8),
        bias=rng.integers(-100, 100, 7, np.int8),
        pool="max",
        pool_size=(16, 16),
        pool_stride=16,
        output_width=32,
    )
    return IntegerNetwork(f"tiny{seed}", (1, 48, 48), (layer,), classes=CLASSES)


@pytest.fixture(scope="session")
def network() -> IntegerNetwork:
    return tiny_network(1)


@pytest.fixture(scope="session")
def other_network() -> IntegerNetwork:
    return tiny_network(2)


@pytest.fixture(scope="session")
def checkpoint_path(network: IntegerNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "quantized.pth.tar"
    path.write_bytes(checkpoint.to_bytes(network))
    return path


@pytest.fixture(scope="session")
def faces_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Seventy faces as files, because drawing them anew takes longer than a test."""
    folder = tmp_path_factory.mktemp("faces")
    faces = load("drawn", "test", 70)
    for number, (image, label) in enumerate(zip(faces.images, faces.labels, strict=True)):
        path = folder / "test" / CLASSES[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return str(folder)


@pytest.fixture(scope="session")
def faces(faces_folder: str) -> Faces:
    """The faces that `result` is of."""
    return load(faces_folder, "test")


@pytest.fixture(scope="session")
def result(
    network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path_factory: pytest.TempPathFactory
) -> BenchResult:
    """What a bench on a faultless board returns."""
    with FakeBoard(board_answers(network)) as board:
        folder = tmp_path_factory.mktemp("bench_out")
        return run_bench(BenchConfig(board.port, checkpoint_path, faces_folder, output_dir=folder))
