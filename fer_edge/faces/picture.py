"""From a picture of any size and mode to the 48×48 grey pixels of a face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fer_edge.faces.dataset import SIDE


@dataclass(frozen=True)
class Square:
    """A face as networks take it, and how it was made.

    pixels : uint8 [48, 48]
    size : width and height of the picture it comes from, upright
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]

    def words(self) -> str:
        """What was done to the picture."""
        width, height = self.size
        side = min(self.size)
        crop = "" if width == height else f", its middle {side}×{side}"
        scaled = "" if side == SIDE else f", scaled to {SIDE}×{SIDE}"
        return f"{width}×{height} pixels{crop}{scaled}, grey"


def square(image: Image.Image) -> Square:
    """The largest centred square of a picture, turned upright as its camera says, grey, scaled.

    Transparent parts are white. Pillow's own errors where the picture is damaged; ValueError for pixels that have no
    known white.
    """
    picture = upright(image)
    fitted = ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.LANCZOS)
    return Square(np.asarray(fitted), picture.size)


def upright(image: Image.Image) -> Image.Image:
    """A picture turned upright as its camera says, in 8-bit grey (mode L), transparent parts white.

    Errors as of `square`.
    """
    image.draft("L", None)  # a JPEG file has its grey apart, which takes a fifth of the time
    return grey(ImageOps.exif_transpose(image))


def grey(image: Image.Image) -> Image.Image:
    """A picture in 8-bit grey (mode L), transparent parts white."""
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
