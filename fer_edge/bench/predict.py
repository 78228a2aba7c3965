"""`fer-edge predict`: what a network says about any image, on a board or in the simulator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_edge import zoo
from fer_edge.errors import DataError
from fer_edge.faces.picture import Square, square
from fer_edge.files import MAX_SMALL_BYTES, check_input
from fer_edge.load import load_network
from fer_edge.metrics import softmax
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import logit_unit, simulate

BAR = 24


@dataclass(frozen=True)
class Prediction:
    """What a network says of one image.

    prepared : what was done to the image, in words.
    scores : the softmax of the logits, by class.
    microseconds : the accelerator's time, None in the simulator.
    """

    image: str
    prepared: str
    predicted: str
    scores: dict[str, float]
    logits: list[int]
    network: str
    where: str
    microseconds: int | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"class" if key == "predicted" else key: value for key, value in asdict(self).items()}


def predict(images: Sequence[Path], network: Path | None = None, port: str | None = None) -> list[Prediction]:
    """Scores of all classes for each image.

    `network`: folder that `fer-edge synth` wrote, quantized checkpoint or zoo:NAME, None for the best one shipped;
    `port`: as for the bench, None for the simulator.

    Raises
    ------
    DataError : a file that is no image; nothing is inferred then.
    BoardError : port, line or board fails, or the board runs another network.
    """
    source = network or Path(zoo.PREFIX + zoo.best())
    loaded = load_network(source)
    classes = loaded.classes or tuple(f"output {number}" for number in range(math.prod(loaded.output_shape)))
    prepared = [prepare(path) for path in images]
    inputs = loaded.device_input(np.stack([face.pixels for face in prepared]))
    times: Sequence[int | None]
    if port is None:
        logits, times = simulate(loaded, inputs), [None] * len(inputs)
    else:
        logits, times = _on_board(loaded, source, port, inputs)
    probabilities = softmax(logits * logit_unit(loaded))
    return [
        Prediction(
            image=str(path),
            prepared=face.words(),
            predicted=classes[int(row.argmax())],
            scores={name: float(p) for name, p in zip(classes, share, strict=True)},
            logits=row.tolist(),
            network=loaded.name,
            where=port or "simulator",
            microseconds=microseconds,
        )
        for path, face, row, share, microseconds in zip(images, prepared, logits, probabilities, times, strict=True)
    ]


def prepare(path: Path) -> Square:
    """An image file as a face, as `picture.square` makes it. FerEdgeError if it is no image."""
    check_input(path, MAX_SMALL_BYTES)
    try:
        with Image.open(path) as opened:
            return square(opened)
    except FileNotFoundError as error:
        raise DataError(f"There is no image {path}.", "Check its name.") from error
    except Exception as error:  # Pillow raises OSError, SyntaxError, struct.error … as the damage has it
        raise DataError(f"{path}: not a readable image ({error}).", "Give a PNG or JPEG file of a face.") from error


def render(results: Sequence[Prediction]) -> str:
    """Predictions for the terminal."""
    lines = []
    for result in results:
        time = "" if result.microseconds is None else f", {result.microseconds:,} µs"
        lines += [
            f"{result.image}: {result.predicted}  ({result.network}, {result.where}{time})",
            f"  {result.prepared}; the face should fill the square",
            *(
                f"  {name:9}{100 * share:6.1f} %  {'█' * round(BAR * share)}".rstrip()
                for name, share in sorted(result.scores.items(), key=lambda item: -item[1])
            ),
        ]
    return "\n".join(lines)


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
