"""Any folder of classes, colour and any size, goes the whole way: training, network, virtual board, report.

So does a network of three channels, which sees grey in each of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fer_edge.bench.harness import BenchConfig, run_bench
from fer_edge.load import load_network
from fer_edge.models import deployable
from fer_edge.training.config import TrainConfig
from fer_edge.training.train import run_training

CLASSES = ("circle", "cross", "stripes")


def draw(name: str, number: int) -> Image.Image:
    """A shape in some colour, 80×64 pixels, a little elsewhere each time."""
    rng = np.random.default_rng((CLASSES.index(name), number))
    image = Image.new("RGB", (80, 64), tuple(rng.integers(0, 90, 3).tolist()))
    pen, colour = ImageDraw.Draw(image), tuple(rng.integers(150, 256, 3).tolist())
    x, y = (int(rng.integers(-6, 7)) for _ in range(2))
    if name == "circle":
        pen.ellipse((22 + x, 14 + y, 58 + x, 50 + y), fill=colour)
    elif name == "cross":
        pen.line((20 + x, 12 + y, 60 + x, 52 + y), fill=colour, width=7)
        pen.line((20 + x, 52 + y, 60 + x, 12 + y), fill=colour, width=7)
    else:
        for row in range(4, 64, 12):
            pen.line((0, row + y, 80, row + y), fill=colour, width=5)
    return image


@pytest.mark.slow
def test_three_classes_of_colour_pictures_on_the_virtual_board(tmp_path: Path) -> None:
    for split, count in (("train", 40), ("test", 8)):
        for name in CLASSES:
            folder = tmp_path / "shapes" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                draw(name, number + 1000 * (split == "test")).save(folder / f"{number}.png")

    config = TrainConfig(
        "global_8_16_16", tmp_path / "shapes", tmp_path / "run", epochs=8, batch_size=8, hold_out=False, threads=1
    )
    trained = run_training(config).summary
    assert trained is not None
    assert trained["integer"]["accuracy"] > 0.8  # 1 of 3 by chance
    network = tmp_path / "run/quantized.pth.tar"
    assert load_network(network).classes == CLASSES

    result = run_bench(BenchConfig("virtual", network, str(tmp_path / "shapes"), output_dir=tmp_path / "out"))
    assert result.logits.images_differing == 0
    assert result.scores["accuracy"] == trained["integer"]["accuracy"]
    assert tuple(result.scores["per_class"]) == CLASSES
    assert result.board.classes == list(CLASSES)
    assert "stripes" in (tmp_path / "out/report.html").read_text()


@pytest.mark.slow
def test_a_network_of_three_channels_on_the_virtual_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the architecture says how many channels there are."""
    monkeypatch.setitem(
        deployable.ARCHITECTURES, "colour", lambda classes: deployable.chain(((8,), (16,), (16,)), classes, channels=3)
    )
    config = TrainConfig("colour", "drawn", tmp_path / "run", epochs=2, qat_epochs=1, limit=70, threads=1)
    trained = run_training(config).summary
    assert trained is not None
    assert trained["qat_unequal_integer"] == 0
    network = tmp_path / "run/quantized.pth.tar"
    assert load_network(network).image_shape == (3, 48, 48)

    result = run_bench(BenchConfig("virtual", network, "drawn", output_dir=tmp_path / "out", limit=20))
    assert result.logits.compared == 20 * 7
    assert result.logits.images_differing == 0
