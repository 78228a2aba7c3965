"""Faces in a picture: where they are, and each as the 48×48 grey pixels a network takes.

The detector is dlib's: histograms of oriented gradients, five classifiers (front, turned left and right, tilted left
and right), compiled into its library, so that nothing is downloaded. It reads a window of 80×80 pixels.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
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

# Thresholds of the detector's score, whose own is 0; chosen on train by the same benchmark.
_SURE = -0.1
_LIKELY = -1.0  # of the only face of a picture, and a large one
_MARGINAL = 0.3  # a face that is missed by no more is looked at again: the next look may see it better
_LARGE = 1 / 6  # of the picture's shorter side: there are few such places, so few that look like a face by chance
_ZOOMS = (0.86, 0.93, 1.0, 1.08, 1.17)  # the detector's own sizes are 6/5 apart
_WINDOW = 84  # pixels: side of a face when it is looked at again
_UNSEEN = -1.5  # the score of a face that a reading does not show
_SAME = 0.35  # of the side: finds whose centres are nearer show the same face
_LEAST_SIDE = 92  # pixels: side of a face of FER2013 that fills the detector's window
_ALONE = threading.Lock()  # the detector computes in memory of its own: two threads would mix their pictures
_MOST_PIXELS = 2_400_000  # of what the detector reads: its time is in proportion


@dataclass(frozen=True)
class Box:
    """The square that is cropped around a face, in pixels of the upright picture; it may reach over the border.

    score : the detector's, from about −1 (perhaps a face) to over 2 (surely one)
    """

    left: int
    top: int
    side: int
    score: float

    @property
    def sure(self) -> bool:
        """Whether it would have been taken for a face beside others, too."""
        return self.score >= _SURE


def find_faces(picture: Image.Image, smallest: float = SMALLEST) -> list[Box]:
    """The faces in a picture, the surest first; none where it shows none.

    Where none is sure, it is the likeliest of those that fill a sixth of the picture's shorter side, if one is likely
    enough; docs/predict.md has how often that is right.

    Parameters
    ----------
    picture : upright and grey, as `picture.upright` makes it.
    smallest : side of the smallest face looked for, in pixels: half of it takes four times the time. Pictures are
        read at 2.4 megapixels at most, so in one of 12 it is 206 at least.

    Raises
    ------
    ToolError : dlib is not installed.
    """
    marginal, unlikely = _SURE - _MARGINAL, _LIKELY - _MARGINAL
    places = _search(picture, _LEAST_SIDE / smallest, unlikely)
    finds = _distinct(_look_again(picture, place) for place in places if place.score >= marginal)
    sure = [find for find in finds if find.score >= _SURE]
    if not sure:
        large = _LARGE * min(picture.size)
        finds += [
            _look_again(picture, place) for place in places if place.score < marginal and MARGIN * place.side >= large
        ]
        sure = [find for find in _distinct(finds) if find.score >= _LIKELY and MARGIN * find.side >= large][:1]
    return [around(find.x, find.y, find.side, find.score) for find in sure]


@dataclass(frozen=True)
class _Find:
    """The detector's square around a face: its centre, its side, and its score."""

    x: float
    y: float
    side: float
    score: float


def _search(picture: Image.Image, scale: float, threshold: float) -> list[_Find]:
    """What the detector finds in a picture that is scaled before, though not beyond `_MOST_PIXELS`."""
    scale = min(scale, math.sqrt(_MOST_PIXELS / (picture.width * picture.height)))
    size = max(round(scale * picture.width), 1), max(round(scale * picture.height), 1)
    read = np.asarray(picture.resize(size, Image.Resampling.BILINEAR))
    with _ALONE:
        found, scores, _ = _detector().run(read, 0, threshold)
    return [
        _Find(
            (where.left() + where.right() + 1) / 2 / scale,
            (where.top() + where.bottom() + 1) / 2 / scale,
            where.width() / scale,
            float(score),
        )
        for where, score in zip(found, scores, strict=True)
    ]


def _look_again(picture: Image.Image, find: _Find) -> _Find:
    """The mean place and the median score of a find when it is read at five sizes.

    One reading alone puts a face anywhere within the detector's steps: 8 pixels of 80, and sizes 6/5 apart.
    """
    half = 1.1 * find.side
    around_it = Box(round(find.x - half), round(find.y - half), round(2 * half), find.score)
    near = _square(picture, around_it, round(2.2 * _WINDOW * _ZOOMS[-1]), Image.Resampling.BILINEAR)
    left, top, scale = around_it.left, around_it.top, near.width / around_it.side
    readings = []
    for zoom in _ZOOMS:
        seen = [
            _Find(left + other.x / scale, top + other.y / scale, other.side / scale, other.score)
            for other in _search(near, zoom / _ZOOMS[-1], _UNSEEN)
        ]
        readings += [other for other in seen if _same(other, find)][:1]  # the surest comes first
    if not readings:
        return replace(find, score=_UNSEEN)
    scores = [reading.score for reading in readings] + [_UNSEEN] * (len(_ZOOMS) - len(readings))
    x, y, side = np.mean([(reading.x, reading.y, reading.side) for reading in readings], axis=0)
    return _Find(float(x), float(y), float(side), float(np.median(scores)))


def _distinct(finds: Iterable[_Find]) -> list[_Find]:
    """The surest first, and each face once."""
    kept: list[_Find] = []
    for find in sorted(finds, key=lambda find: -find.score):
        if not any(_same(find, other) for other in kept):
            kept.append(find)
    return kept


def _same(find: _Find, other: _Find) -> bool:
    return math.hypot(find.x - other.x, find.y - other.y) < _SAME * other.side


def around(x: float, y: float, side: float, score: float, margin: float = MARGIN, down: float = DOWN) -> Box:
    """The square to crop, from the centre (x, y) and the side of the detector's."""
    half = margin * side / 2
    return Box(round(x - half), round(y + down * side - half), round(2 * half), score)


def crop(picture: Image.Image, box: Box) -> NDArray[np.uint8]:
    """A face as networks take it, uint8 [48, 48]. Beyond the picture's border its outermost pixels are repeated."""
    return np.asarray(_square(picture, box, SIDE, Image.Resampling.LANCZOS))


def _square(picture: Image.Image, box: Box, side: int, how: Image.Resampling) -> Image.Image:
    """What a box shows, scaled to `side`, as of `crop`."""
    columns = np.clip(np.arange(box.left, box.left + box.side), 0, picture.width - 1)
    rows = np.clip(np.arange(box.top, box.top + box.side), 0, picture.height - 1)
    inside = picture.crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    square = np.asarray(inside)[np.ix_(rows - rows[0], columns - columns[0])]
    return Image.fromarray(square).resize((side, side), how)


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
