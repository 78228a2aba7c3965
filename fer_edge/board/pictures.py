"""What the camera looks at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_edge.errors import BoardError

WIDTH, HEIGHT = 640, 480  # pixels of the sensor


class Pictures:
    """Pictures that are shown one after the other, each for `seconds` of virtual time, or for ever if that is 0.

    After a reset, where time begins anew, the first is shown again.

    Parameters
    ----------
    path : .npy file, uint8 [N, rows, columns] in grey or [N, rows, columns, 3] in red, green, blue, with 640×480
        pixels or a whole fraction of that; None for a camera that sees nothing but black.

    Raises `BoardError` for any other content.
    """

    def __init__(self, path: str | None, seconds: float) -> None:
        self._seconds = seconds
        self._first, self._since = 0, 0.0  # the picture shown at a time
        if path is None:
            self._pictures = np.zeros((1, 1, 1), np.uint8)
            self._factor = (HEIGHT, WIDTH)
            return
        self._pictures = _load(Path(path))
        _, rows, columns = self._pictures.shape[:3]
        factor = HEIGHT // rows
        if (rows * factor, columns * factor) != (HEIGHT, WIDTH):
            raise BoardError(
                f"Camera pictures {path}: {columns}×{rows} pixels do not fit the sensor's {WIDTH}×{HEIGHT}.",
                "Make them 640×480, or smaller by a whole factor.",
            )
        self._factor = (factor, factor)

    def __len__(self) -> int:
        return len(self._pictures)

    def show(self, number: int, now: float) -> None:
        """Go on with picture `number` from `now`, in virtual seconds."""
        self._first, self._since = number, now

    def scene(self, now: float) -> NDArray[np.uint8]:
        """What is to be seen at a time: uint8 [480, 640] or [480, 640, 3]."""
        passed = int((now - self._since) / self._seconds) if self._seconds else 0
        picture = np.asarray(self._pictures[(self._first + passed) % len(self)])
        rows, columns = self._factor
        return picture.repeat(rows, 0).repeat(columns, 1)


def _load(path: Path) -> NDArray[np.uint8]:
    try:
        pictures: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BoardError(f"Camera pictures {path} cannot be read: {error}") from None
    grey_or_colour = pictures.ndim == 3 or (pictures.ndim == 4 and pictures.shape[3] == 3)
    if pictures.dtype != np.uint8 or not grey_or_colour or 0 in pictures.shape:
        raise BoardError(
            f"Camera pictures {path}: {pictures.dtype} {list(pictures.shape)}.",
            "Give uint8 [pictures, rows, columns], with a last axis of 3 for colours.",
        )
    return pictures
