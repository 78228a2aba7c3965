"""`fer-edge predict`: what a network says about any image, on a board or in the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fer_edge import zoo
from fer_edge.errors import DataError, NetworkError
from fer_edge.faces import CLASSES
from fer_edge.files import MAX_SMALL_BYTES, check_input
from fer_edge.load import load_network
from fer_edge.metrics import softmax
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import logit_unit, simulate

SIDE = 48
BAR = 24


def predict(images: Sequence[Path], network: Path | None = None, port: str | None = None) -> list[dict[str, Any]]:
    """Scores of all classes for each image, as plain values.

    `network`: folder that `fer-edge synth` wrote, quantized checkpoint or zoo:NAME, None for the best one shipped;
    `port`: as for the bench, None for the simulator. `scores` are the softmax of the logits, `prepared` says what was
    done to the image, and `microseconds` is the accelerator's time (None in the simulator).

    Raises
    ------
    DataError : a file that is no image; nothing is inferred then.
    BoardError : port, line or board fails, or the board runs another network.
    """
    source = network or Path(zoo.PREFIX + zoo.best())
    loaded = load_network(source)
    if np.prod(loaded.output_shape) != len(CLASSES):
        raise NetworkError(f"{loaded.name} has {np.prod(loaded.output_shape)} outputs, not {len(CLASSES)}.", [])
    prepared = [prepare(path) for path in images]
    inputs = loaded.device_input(np.stack([pixels for pixels, _ in prepared]))
    times: Sequence[int | None]
    if port is None:
        logits, times = simulate(loaded, inputs), [None] * len(inputs)
    else:
        logits, times = _on_board(loaded, source, port, inputs)
    probabilities = softmax(logits * logit_unit(loaded))
    return [
        {
            "image": str(path),
            "prepared": words,
            "class": CLASSES[int(row.argmax())],
            "scores": {name: float(p) for name, p in zip(CLASSES, share, strict=True)},
            "logits": row.tolist(),
            "network": loaded.name,
            "where": port or "simulator",
            "microseconds": microseconds,
        }
        for path, (_, words), row, share, microseconds in zip(
            images, prepared, logits, probabilities, times, strict=True
        )
    ]


def prepare(path: Path) -> tuple[NDArray[np.uint8], str]:
    """An image file as a face, uint8 [48, 48], and in words what was done to it. FerEdgeError if it is no image.

    Turned upright as its camera says, transparent parts white, grey, the largest centred square, scaled.
    """
    check_input(path, MAX_SMALL_BYTES)
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            size = image.size
            grey = ImageOps.fit(_grey(image), (SIDE, SIDE), Image.Resampling.LANCZOS)
    except FileNotFoundError as error:
        raise DataError(f"There is no image {path}.", "Check its name.") from error
    except Exception as error:  # Pillow raises OSError, SyntaxError, struct.error … as the damage has it
        raise DataError(f"{path}: not a readable image ({error}).", "Give a PNG or JPEG file of a face.") from error
    side = min(size)
    crop = "" if size[0] == size[1] else f", its middle {side}×{side}"
    scaled = "" if side == SIDE else f", scaled to {SIDE}×{SIDE}"
    return np.asarray(grey), f"{size[0]}×{size[1]} pixels{crop}{scaled}, grey"


def render(results: Sequence[dict[str, Any]]) -> str:
    """Predictions for the terminal."""
    lines = []
    for result in results:
        time = "" if result["microseconds"] is None else f", {result['microseconds']:,} µs"
        lines += [
            f"{result['image']}: {result['class']}  ({result['network']}, {result['where']}{time})",
            f"  {result['prepared']}; the face should fill the square",
            *(
                f"  {name:9}{100 * share:6.1f} %  {'█' * round(BAR * share)}".rstrip()
                for name, share in sorted(result["scores"].items(), key=lambda item: -item[1])
            ),
        ]
    return "\n".join(lines)


def _grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel
        deep = np.asarray(image).astype(np.int64)
        if deep.min() < 0 or deep.max() > 0xFFFF:
            raise ValueError(f"values from {deep.min()} to {deep.max()}")
        return Image.fromarray((deep >> 8).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point pixels")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("L")


def _on_board(
    network: IntegerNetwork, source: Path, port: str, inputs: NDArray[np.int8]
) -> tuple[NDArray[np.int32], list[int]]:
    # Only here: the simulator needs no serial port.
    from fer_edge.bench.device import Device
    from fer_edge.bench.harness import board_port, same_network
    from fer_edge.bench.link import Link

    with board_port(port, network, source) as path, Link(path) as link:
        device = Device(link)
        same_network(device.hello(), network, port)
        answers = list(device.infer_all(inputs))
    return np.array([a.logits for a in answers], np.int32), [a.microseconds for a in answers]
