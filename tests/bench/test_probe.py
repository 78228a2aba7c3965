"""A board whose accelerator goes wrong: the report names the layer that is the first to do so."""

import importlib.util
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fer_edge.bench import report
from fer_edge.bench.harness import MISMATCHES_TRACED, BenchConfig, run_bench
from fer_edge.bench.probe import placed_as
from fer_edge.bench.result import LayerDifference
from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.synth.synthesize import synthesize
from tests.bench.fake_board import FakeBoard, board_answers

needs_board = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None or importlib.util.find_spec("unicorn") is None,
    reason="arm-none-eabi-gcc or unicorn is not installed",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of four layers, synthesized: one with more channels than processors, an addition, wide logits."""
    rng = np.random.default_rng(8)

    def conv(name: str, source: int, shape: tuple[int, ...], **options: object) -> Layer:
        return Layer(name, Operator.CONV, (source,), weight=rng.integers(-64, 64, shape, np.int8), **options)  # type: ignore[arg-type]

    shrink = {"pool": "max", "pool_size": (8, 8), "pool_stride": 8}
    layers = (
        conv("first", INPUT, (72, 1, 3, 3), pad=1, activation="relu", **shrink),
        conv("second", 0, (72, 72, 1, 1)),
        conv("third", 1, (72, 72, 3, 3), pad=1, activation="relu", pool="max", pool_size=(2, 2), pool_stride=2),
        conv("logits", 2, (7, 72, 3, 3), output_width=32),
    )
    folder = tmp_path_factory.mktemp("layers") / "network"
    synthesize(IntegerNetwork("layers", (1, 48, 48), layers), folder)
    return folder


@contextmanager
def board_in_this_process(elf: Path) -> Iterator[str]:
    """The virtual board in a thread, so that a test may spoil it."""
    from fer_edge.board import serve

    stop, ready, ports = threading.Event(), threading.Event(), []

    def on_ready(port: str) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(target=serve, args=(elf,), kwargs={"on_ready": on_ready, "stop": stop})
    thread.start()
    try:
        assert ready.wait(10)
        yield ports[0]
    finally:
        stop.set()
        thread.join(10)


@needs_board
@pytest.mark.parametrize(("wrong", "name"), [(0, "first"), (2, "third"), (3, "logits")])
def test_the_first_layer_that_differs_is_named(
    folder: Path, faces_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: int, name: str
) -> None:
    from fer_edge.bench.virtual import elf_for
    from fer_edge.board import layer
    from fer_edge.load import load_network

    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent / "cache"))
    right = layer.Layer.run

    def run(self: layer.Layer, data: np.ndarray) -> None:
        right(self, data)
        if self.number == wrong:
            place = self.target[-1, :2]
            memory = data.view(np.int32) if self.wide else data
            memory[place] ^= 0x40

    elf = elf_for(load_network(folder), folder)
    with monkeypatch.context() as patch, board_in_this_process(elf) as port:
        patch.setattr(layer.Layer, "run", run)
        result = run_bench(BenchConfig(port, folder, faces_folder, limit=7, output_dir=tmp_path / "out"))
    logits = result.logits
    assert logits.images_differing > 0
    traced = [d.layer for d in logits.first_differing]
    assert traced[MISMATCHES_TRACED:] == [None] * len(traced[MISMATCHES_TRACED:])
    for found in traced[:MISMATCHES_TRACED]:
        assert isinstance(found, LayerDifference)
        assert (found.number, found.name) == (wrong, name)
        assert found.differing == (1 if name == "logits" else 2)
    words = f"first differing layer: {wrong} ({name})"
    assert words in report.summary(result)
    assert words in (tmp_path / "out/report.html").read_text()


def test_a_board_that_is_right_when_asked_again_is_told_as_such(
    network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    with FakeBoard(board_answers(network, wrong=2)) as board:
        result = run_bench(BenchConfig(board.port, checkpoint_path, faces_folder, limit=7, output_dir=tmp_path))
    (difference,) = result.logits.first_differing
    assert "asked once more" in str(difference.layer)


def test_a_firmware_that_knows_no_layers_is_told_as_such(
    network: IntegerNetwork, other_network: IntegerNetwork, checkpoint_path: Path, faces_folder: str, tmp_path: Path
) -> None:
    def answer(command: int, payload: bytes) -> bytes:
        result: bytes = board_answers(other_network if command == 2 else network)(command, payload)
        return result

    with FakeBoard(answer) as board:
        result = run_bench(BenchConfig(board.port, checkpoint_path, faces_folder, limit=7, output_dir=tmp_path))
    assert result.logits.images_differing == 7
    assert "does not know this command" in str(result.logits.first_differing[0].layer)


def test_a_synthesized_folder_tells_the_placement_itself(folder: Path) -> None:
    from fer_edge.load import load_described
    from fer_edge.synth.placer import place

    network, said = load_described(folder / "model.onnx", folder / "model.yaml")
    assert placed_as(network, folder).placement == place(network, said).placement
    assert placed_as(network, Path("a_checkpoint.pth.tar")) == place(network)
