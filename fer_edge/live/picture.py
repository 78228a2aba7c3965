"""A picture as the page sends it, and the faces in it. Whoever sends it is not trusted."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_edge.errors import DataError
from fer_edge.faces.detect import SMALLEST, Box, crop, find_faces
from fer_edge.faces.picture import upright

MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is read. Pillow knows more, and for some of them starts other programs."""
MAX_FACES = 16
"""The surest faces that are looked at in one picture."""


class TooLarge(DataError):
    """A picture that is refused before it is decoded."""


@dataclass(frozen=True)
class Found:
    """A face in a picture: where, and its pixels as networks take them, uint8 [48, 48]."""

    box: Box
    pixels: NDArray[np.uint8]


def read(data: bytes) -> Image.Image:
    """An image file as an upright grey picture. TooLarge, or DataError for what is no image."""
    if len(data) > MAX_BYTES:
        raise too_many_bytes(MAX_BYTES)
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height <= MAX_PIXELS:
                return upright(image)
    except Image.DecompressionBombError:  # far beyond our limit
        raise TooLarge(*_TOO_MANY_PIXELS) from None
    except Exception as error:  # Pillow raises OSError, SyntaxError, struct.error … as the damage has it
        raise DataError("This is not a readable picture.", "Give a PNG, JPEG, WebP, GIF, BMP or TIFF file.") from error
    raise TooLarge(*_TOO_MANY_PIXELS)


def too_many_bytes(most: int) -> TooLarge:
    """What to say of what has over `most` bytes."""
    size = f"{most // 10**6} MB" if most >= 10**6 else f"{most:,} bytes"
    return TooLarge(f"This has over {size}.", "Send less.")


_TOO_MANY_PIXELS = (f"The picture has over {MAX_PIXELS // 10**6} megapixels.", "Make it smaller.")


def faces(picture: Image.Image, *, whole: bool = False, smallest: float = SMALLEST) -> list[Found]:
    """The faces in an upright grey picture, the surest first; `whole`: its middle, whatever that shows.

    Raises ToolError without dlib, unless `whole`.
    """
    boxes = [middle(picture)] if whole else find_faces(picture, smallest)[:MAX_FACES]
    return [Found(box, crop(picture, box)) for box in boxes]


def middle(picture: Image.Image) -> Box:
    """The largest centred square."""
    side = min(picture.size)
    return Box((picture.width - side) // 2, (picture.height - side) // 2, side, score=0.0)
