"""Faces in a picture: where they are, and each as the 48×48 grey pixels a network takes.

The detector is dlib's: histograms of oriented gradients, five classifiers (front, turned left and right, tilted left
and right), compiled into its library, so that nothing is downloaded. It reads a window of 80×80 pixels.
"""

from __future__ import annotations

import math
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_edge.errors import ToolError
from fer_edge.faces.dataset import SIDE
from fer_edge.files import atomic_write, cache_folder

SMALLEST = 46
"""Side of the smallest face looked for unless asked otherwise, in pixels."""

# The square that is cropped, relative to the detector's: its side, and how far down its centre lies, in sides of the
# detector's. Calibrated on FER2013's train by tests/benchmarks/test_finding_faces.py: see docs/predict.md.
MARGIN = 1.1
DOWN = -0.08

_THRESHOLD = -0.2  # of the detector's score; dlib's own, 0, misses another 7 of 100 faces
_LEAST_SIDE = 92  # pixels: side of a face of FER2013 that fills the detector's window
_ALONE = threading.Lock()  # the detector computes in memory of its own: two threads would mix their pictures
_MOST_PIXELS = 3_000_000  # of what the detector reads: its time is in proportion


@dataclass(frozen=True)
class Box:
    """The square that is cropped around a face, in pixels of the upright picture; it may reach over the border.

    score : the detector's, from about 0 (perhaps a face) to over 2 (surely one)
    """

    left: int
    top: int
    side: int
    score: float


def find_faces(picture: Image.Image, smallest: float = SMALLEST) -> list[Box]:
    """The faces in a picture, the surest first; none where it shows none.

    Parameters
    ----------
    picture : upright and grey, as `picture.upright` makes it.
    smallest : side of the smallest face looked for, in pixels: half of it takes four times the time. Pictures are
        read at 3 megapixels at most, so in one of 12 it is 184 at least.

    Raises
    ------
    ToolError : dlib is not installed.
    """
    width, height = picture.size
    scale = min(_LEAST_SIDE / smallest, math.sqrt(_MOST_PIXELS / (width * height)))
    size = max(round(scale * width), 1), max(round(scale * height), 1)
    read = picture.resize(size, Image.Resampling.BILINEAR)
    with _ALONE:
        found, scores, _ = _detector().run(np.asarray(read), 0, _THRESHOLD)
    boxes = []
    for where, score in zip(found, scores, strict=True):
        side = where.width() / scale
        x, y = (where.left() + where.right() + 1) / 2 / scale, (where.top() + where.bottom() + 1) / 2 / scale
        boxes.append(around(x, y, side, float(score)))
    return sorted(boxes, key=lambda box: -box.score)


def around(x: float, y: float, side: float, score: float, margin: float = MARGIN, down: float = DOWN) -> Box:
    """The square to crop, from the centre (x, y) and the side of the detector's."""
    half = margin * side / 2
    return Box(round(x - half), round(y + down * side - half), round(2 * half), score)


def crop(picture: Image.Image, box: Box) -> NDArray[np.uint8]:
    """A face as networks take it, uint8 [48, 48]. Beyond the picture's border its outermost pixels are repeated."""
    columns = np.clip(np.arange(box.left, box.left + box.side), 0, picture.width - 1)
    rows = np.clip(np.arange(box.top, box.top + box.side), 0, picture.height - 1)
    inside = picture.crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    square = np.asarray(inside)[np.ix_(rows - rows[0], columns - columns[0])]
    return np.asarray(Image.fromarray(square).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


@cache
def _detector() -> Any:  # dlib has no types
    """dlib's detector. It takes a second to unpack and a millisecond to load again, so it is kept in the cache."""
    try:
        import dlib
    except ImportError as error:
        raise ToolError(
            "Finding faces needs dlib.", "Install it: pip install 'fer-edge[vision]'; or give crops and --no-detect."
        ) from error
    kept = cache_folder() / "detector" / f"dlib-{dlib.__version__}.svm"
    with suppress(RuntimeError):  # not there, or damaged
        return dlib.fhog_object_detector(str(kept))
    detector = dlib.get_frontal_face_detector()
    with suppress(OSError), TemporaryDirectory() as folder:  # without a cache it is only slower
        unpacked = Path(folder) / kept.name
        detector.save(str(unpacked))
        atomic_write(kept, unpacked.read_bytes())
    return detector
