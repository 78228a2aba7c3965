"""What a set of faces is, whatever it was read from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
SPLITS = ("train", "val", "test", "private")
SIDE = 48  # pixels


@dataclass(frozen=True)
class Faces:
    """Grey faces and what they show.

    images : uint8 [N, 48, 48]
    labels : int64 [N], index into `CLASSES`
    names : N names by which a person finds the image again: path in the folder, `csv:LINE` or `drawn:NUMBER`
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: list[str]

    @classmethod
    def collect(cls, images: list[NDArray[np.uint8]], labels: list[int], names: list[str]) -> Faces:
        """From a list of uint8 [48, 48], which may be empty."""
        stacked = np.stack(images) if images else np.empty((0, SIDE, SIDE), np.uint8)
        return cls(stacked, np.array(labels, np.int64), names)

    def __len__(self) -> int:
        return len(self.labels)

    def __add__(self, other: Faces) -> Faces:
        """These faces, then the others."""
        return Faces(
            np.concatenate((self.images, other.images)),
            np.concatenate((self.labels, other.labels)),
            self.names + other.names,
        )

    def take(self, indices: NDArray[np.int64]) -> Faces:
        """The faces at `indices` (int64 [M]), in that order."""
        return Faces(self.images[indices], self.labels[indices], [self.names[i] for i in indices])

    def per_class(self) -> dict[str, int]:
        """Number of images of every class, zero included."""
        counts = np.bincount(self.labels, minlength=len(CLASSES))
        return dict(zip(CLASSES, counts.tolist(), strict=True))

    def by_content(self) -> Faces:
        """The same faces in an order that depends on pixels and labels alone.

        Whatever is drawn from them by a seed is then the same from a folder and from a CSV file.
        """
        return self.take(np.lexsort((self.labels, content_keys(self.images))))


def content_keys(images: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint64]:
    """A number for each image, uint64 [N], that depends on its pixels and `seed` (0 to 2^64 - 1) alone."""
    key = seed.to_bytes(8, "little")
    digests = b"".join(hashlib.blake2b(i.tobytes(), digest_size=8, key=key).digest() for i in images)
    return np.frombuffer(digests, np.dtype("<u8")).astype(np.uint64)
