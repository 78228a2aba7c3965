"""What may be asked about one face: what mattered in it, what float, integers and board say, and to keep it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_edge import filenames
from fer_edge.errors import DataError, FerEdgeError
from fer_edge.faces.dataset import SIDE, Faces
from fer_edge.files import atomic_write, file_name
from fer_edge.live.computer import SIMULATOR, Computer
from fer_edge.metrics import softmax
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import logit_unit, simulate

BYTES = SIDE * SIDE
PATCH, STEP = 8, 5
"""Side of the square that hides a part of the face, and how far it moves, in pixels."""


def pixels(data: bytes) -> NDArray[np.uint8]:
    """A face as the page sends it back, uint8 [48, 48]. DataError for anything but 48×48 bytes."""
    if len(data) != BYTES:
        raise DataError(f"A face has {BYTES:,} bytes, not {len(data):,}.", "Reload the page.")
    return np.frombuffer(data, np.uint8).reshape(SIDE, SIDE)


def class_index(text: str, classes: Sequence[str]) -> int:
    """The number of a class as the page names it. DataError if there is no such class."""
    if not text.isascii() or not text.isdecimal() or int(text) >= len(classes):
        raise DataError("There is no such class.", "Reload the page.")
    return int(text)


def occlusion(network: IntegerNetwork, face: NDArray[np.uint8], label: int) -> NDArray[np.float64]:
    """How much of the score of class `label` is lost where a grey square hides a part of the face, float64 [9, 9].

    The square has the face's mean grey, `PATCH` pixels a side, and moves by `STEP`. Negative: hiding it helps.
    """
    steps = range(0, SIDE - PATCH + 1, STEP)
    hidden = [face.copy() for _ in range(1 + len(steps) ** 2)]
    places = [(row, column) for row in steps for column in steps]
    for image, (row, column) in zip(hidden[1:], places, strict=True):
        image[row : row + PATCH, column : column + PATCH] = round(float(face.mean()))
    logits = simulate(network, network.device_input(np.array(hidden)))
    scores = softmax(logits * logit_unit(network))[:, label]
    result: NDArray[np.float64] = (scores[0] - scores[1:]).reshape(len(steps), len(steps))
    return result


def keep(folder: Path, classes: Sequence[str], label: int, face: NDArray[np.uint8]) -> Path:
    """Write a face as ``<folder>/train/<class>/<hash of its pixels>.png``: a data set, with a folder for every class.

    Corrected anew it moves. OSError where that cannot be written.
    """
    names = [file_name(name) for name in classes]
    file = f"{hashlib.sha256(face.tobytes()).hexdigest()[:16]}.png"
    for name in names:
        (folder / "train" / name).mkdir(parents=True, exist_ok=True)
    stream = BytesIO()
    Image.fromarray(face).save(stream, "PNG")
    path = folder / "train" / names[label] / file
    atomic_write(path, stream.getvalue())
    for name in {*names} - {names[label]}:
        (folder / "train" / name / file).unlink(missing_ok=True)
    return path


def side_by_side(computer: Computer, face: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """What float, integers in the simulator and the board say: `who`, `scores` and `logits`, or what is `missing`."""
    network = computer.network
    logits = simulate(network, network.device_input(face[None]))
    rows: list[dict[str, Any]] = [_float_row(computer, face), _row("integer", logits, logit_unit(network))]
    board = computer.answers(face[None])[0]
    if board.who == SIMULATOR:
        rows.append({"who": "board", "missing": "no board answers"})
    else:
        rows.append(_row(board.who, np.array([board.logits]), logit_unit(network)))
    return rows


def _float_row(computer: Computer, face: NDArray[np.uint8]) -> dict[str, Any]:
    run = computer.source if computer.source.is_dir() else computer.source.parent
    path = run / filenames.FLOAT
    if computer.source not in (run, run / filenames.QUANTIZED) or not path.is_file():
        return {"who": "float", "missing": "only for --network RUN, a folder of qat-train with its float.pth.tar"}
    try:
        from fer_edge.training.evaluate import load_model, model_logits

        faces = Faces.collect([face], [0], ["face"], computer.classes)
        return _row("float", model_logits(load_model(path, "float"), faces), 1.0)
    except ModuleNotFoundError as error:
        return {"who": "float", "missing": f"needs {error.name}: pip install 'fer-edge[train]'"}
    except FerEdgeError as error:
        return {"who": "float", "missing": str(error)}


def _row(who: str, logits: NDArray[Any], unit: float) -> dict[str, Any]:
    return {"who": who, "scores": softmax(logits * unit)[0].tolist(), "logits": logits[0].tolist()}
