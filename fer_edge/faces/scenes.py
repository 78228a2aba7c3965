"""What the virtual camera is shown, as a file that the virtual board reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from fer_edge.errors import DataError
from fer_edge.faces import camera, folders, sources
from fer_edge.faces.lens import Lens, photograph
from fer_edge.faces.picture import grey
from fer_edge.files import MAX_SMALL_BYTES, atomic_write, check_input

FACES = (96, 128)
"""Rows and columns that faces are shown with: two by two for each of their pixels, and edges to either side."""
PICTURES = (480, 640)
"""Rows and columns of any other picture: the sensor's own."""
_AT_ONCE = 256


def write(source: str | Path, path: Path, lens: Lens, seed: int = 0, split: str = "test") -> int:
    """Write what the camera sees to a .npy file, uint8 [N, rows, columns], and tell how many pictures that are.

    Parameters
    ----------
    source : as for `sources.load`, of which the faces of `split` are shown in that order; or an image, or a folder of
        images, shown by name: each fills the camera's view, with what does not fit cut off evenly.

    Raises `DataError` where the source holds no picture or one that cannot be read, OSError from writing.
    """
    own = Path(source)
    pictures: list[Path] = []
    if str(source) != "drawn" and own.suffix.lower() in folders.SUFFIXES:
        pictures = [own]
    elif own.is_dir() and not folders.splits(own):
        pictures = sorted(file for file in own.iterdir() if file.suffix.lower() in folders.SUFFIXES)
    if pictures:
        shown = np.stack([_view(file) for file in pictures])
        scenes = photograph(shown, lens, seed, PICTURES) if lens != Lens() else shown
    else:
        scenes = through(sources.load(source, split).images, lens, seed)
    file = BytesIO()
    np.save(file, scenes, allow_pickle=False)
    atomic_write(path, file.getbuffer())
    return len(scenes)


@contextmanager
def written(source: str | None, lens: Lens, seed: int = 0, split: str = "test") -> Iterator[str | None]:
    """`write` to a temporary file, and yield its path; without a source, None."""
    if source is None:
        yield None
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pictures.npy"
        write(source, path, lens, seed, split)
        yield str(path)


@contextmanager
def saved(scenes: NDArray[np.uint8]) -> Iterator[str]:
    """Save pictures, as `through` makes them, to a temporary file for the virtual board, and yield its path."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pictures.npy"
        np.save(path, scenes, allow_pickle=False)
        yield str(path)


def through(faces: NDArray[np.uint8], lens: Lens, seed: int) -> NDArray[np.uint8]:
    """Faces, uint8 [N, 48, 48], as the camera is shown them: uint8 [N, 96, 128]."""
    batches = tqdm(range(0, len(faces), _AT_ONCE), "through the lens", delay=1, leave=False, disable=None)
    return np.concatenate([photograph(faces[at : at + _AT_ONCE], lens, seed, FACES, at) for at in batches])


def seen(faces: NDArray[np.uint8], lens: Lens, seed: int) -> NDArray[np.uint8]:
    """Faces, uint8 [N, 48, 48], as the board gives them to the network: the same shape.

    A simulation of lens and firmware, without the sensor between them, which blurs the rows a little: of 97 it sends
    the firmware takes 96.
    """
    rows, columns = FACES
    edge = (columns - rows) // 2
    luma = through(faces, lens, seed)[:, :, edge:-edge]
    return camera.normalize(camera.scale(luma, camera.Window(), faces.shape[1]))


def _view(file: Path) -> NDArray[np.uint8]:
    """An image that fills the camera's view, in grey: uint8 [480, 640]."""
    check_input(file, MAX_SMALL_BYTES)
    try:
        with Image.open(file) as image:
            upright = ImageOps.exif_transpose(image)
            return np.asarray(ImageOps.fit(grey(upright), PICTURES[::-1], Image.Resampling.LANCZOS))
    except Exception as error:  # Pillow raises OSError, SyntaxError, struct.error … as the damage has it
        raise DataError(f"{file}: not a readable image ({error}).", "Replace or delete it.") from error
