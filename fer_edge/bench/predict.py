"""`fer-edge predict`: what a network says about the faces in any picture, on a board or in the simulator."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_edge import zoo
from fer_edge.bench import annotate
from fer_edge.bench.prediction import Face, Prediction
from fer_edge.errors import DataError
from fer_edge.faces.dataset import SIDE
from fer_edge.faces.detect import Box, crop, find_faces
from fer_edge.faces.picture import Square, square, upright
from fer_edge.figure import Figure, Kind
from fer_edge.files import MAX_SMALL_BYTES, atomic_save, check_input, check_output
from fer_edge.load import load_network
from fer_edge.metrics import softmax
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import logit_unit, simulate

_CROP_SIDE = 3 * SIDE  # squares up to this size are perhaps crops of a face already


@dataclass(frozen=True)
class _Looked:
    """A picture and its faces: `pixels` are uint8 [faces, 48, 48]; the rest is as of `Prediction` and `Face`."""

    size: tuple[int, int]
    prepared: str
    pixels: NDArray[np.uint8]
    boxes: Sequence[Box | None]
    shown: Image.Image | None


def predict(
    images: Sequence[Path],
    network: Path | None = None,
    port: str | None = None,
    *,
    detect: bool = True,
    save: Path | None = None,
) -> list[Prediction]:
    """Scores of all classes for each face in each picture.

    Parameters
    ----------
    images : files of pictures, of any size.
    network : folder that `fer-edge synth` wrote, quantized checkpoint or zoo:NAME; None for the best one shipped.
    port : as for the bench; None for the simulator.
    detect : find the faces; else the picture's middle square is taken for one.
    save : a PNG file to write: the pictures, a box around each face, and its scores as bars.

    Raises
    ------
    DataError : a file that is no image, or a picture to be saved in the place of one of them; nothing is inferred then.
    ToolError : faces are to be found, and the detector is not installed.
    BoardError : port, line or board fails, or the board runs another network.
    """
    if save is not None:
        check_output(save, folder=False)
        if save.exists() and any(path.exists() and path.samefile(save) for path in images):
            raise DataError(f"{save} is one of the pictures to look at.", "Save under another name.")
    source = network or Path(zoo.PREFIX + zoo.best())
    loaded = load_network(source)
    looked = [_look(path, detect, keep=save is not None) for path in images]
    faces = iter(_answers(loaded, source, port, looked))
    results = [
        Prediction(
            image=str(path),
            size=picture.size,
            prepared=picture.prepared,
            faces=[next(faces) for _ in picture.boxes],
            network=loaded.name,
            where=port or "simulator",
            shown=picture.shown,
        )
        for path, picture in zip(images, looked, strict=True)
    ]
    if save is not None:
        sheet = annotate.sheet(results)
        atomic_save(save, lambda stream: sheet.save(stream, "PNG"))
    return results


def prepare(path: Path) -> Square:
    """An image file as a face, as `picture.square` makes it. FerEdgeError if it is no image."""
    with _opened(path) as image:
        return square(image)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    check_input(path, MAX_SMALL_BYTES)
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError as error:
        raise DataError(f"There is no image {path}.", "Check its name.") from error
    except Exception as error:  # Pillow raises OSError, SyntaxError, struct.error … as the damage has it
        raise DataError(f"{path}: not a readable image ({error}).", "Give a PNG or JPEG file of a face.") from error


def _look(path: Path, detect: bool, keep: bool) -> _Looked:
    """The faces in an image file, its middle square without `detect`; `keep` a small copy to show."""
    with _opened(path) as image:
        if not detect:
            face = square(image)
            shown = annotate.for_sheet(upright(image)) if keep else None
            return _Looked(
                face.size, f"{face.words()}; the face should fill the square", face.pixels[None], [None], shown
            )
        picture = upright(image)
    boxes = find_faces(picture)
    pixels = np.array([crop(picture, box) for box in boxes], np.uint8).reshape(-1, SIDE, SIDE)
    shown = annotate.for_sheet(picture) if keep else None
    return _Looked(picture.size, _found(picture.size, len(boxes)), pixels, boxes, shown)


def _found(size: tuple[int, int], faces: int) -> str:
    width, height = size
    picture = f"{width}×{height} pixels"
    if faces:
        return f"{picture}, {faces} {'face' if faces == 1 else 'faces'}, cropped to {SIDE}×{SIDE}, grey"
    if width == height <= _CROP_SIDE:
        return f"{picture}, no face found; if all of it is a face, say --no-detect"
    return f"{picture}, no face found; --no-detect takes its middle square for one"


def _answers(network: IntegerNetwork, source: Path, port: str | None, looked: Sequence[_Looked]) -> list[Face]:
    """What the network says of all faces, in order. Without any, no board is asked."""
    pixels = np.concatenate([picture.pixels for picture in looked])
    if not len(pixels):
        return []
    classes = network.classes or tuple(f"output {number}" for number in range(math.prod(network.output_shape)))
    inputs = network.device_input(pixels)
    times: Sequence[Figure | None]
    if port is None:
        logits, times = simulate(network, inputs), [None] * len(inputs)
    else:
        logits, times = _on_board(network, source, port, inputs)
    probabilities = softmax(logits * logit_unit(network))
    boxes = [box for picture in looked for box in picture.boxes]
    return [
        Face(
            pixels=face,
            box=box,
            predicted=classes[int(row.argmax())],
            scores={name: float(p) for name, p in zip(classes, share, strict=True)},
            logits=row.tolist(),
            latency=latency,
        )
        for face, box, row, share, latency in zip(pixels, boxes, logits, probabilities, times, strict=True)
    ]


def _on_board(
    network: IntegerNetwork, source: Path, port: str, inputs: NDArray[np.int8]
) -> tuple[NDArray[np.int32], list[Figure]]:
    # Only here: the simulator needs no serial port.
    from fer_edge.bench.device import Device
    from fer_edge.bench.harness import board_port, same_network
    from fer_edge.bench.link import Link

    with board_port(port, network, source) as path, Link(path) as link:
        device = Device(link)
        same_network(device.hello(), network, port)
        answers = list(device.infer_all(inputs))
        kind: Kind = "estimated" if link.pseudo_terminal else "measured"
    clock = ("virtual time, " if kind == "estimated" else "") + "the board's timer, accelerator start to done"
    logits = np.array([answer.logits for answer in answers], np.int32)
    return logits, [Figure(answer.microseconds, "µs", kind, clock) for answer in answers]
