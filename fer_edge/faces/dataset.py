"""What a set of faces is, whatever it was read from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""FER2013's classes, in the order of its folders. Other sources have their own: see `Faces.classes`."""

MIN_CLASSES, MAX_CLASSES = 2, 64
"""How many classes a source may have: a choice needs two, and the accelerator has 64 processors for one pass."""

SPLITS = ("train", "val", "test", "private")
SIDE = 48  # pixels


@dataclass(frozen=True)
class Faces:
    """Grey faces and what they show.

    images : uint8 [N, 48, 48]
    labels : int64 [N], index into `classes`
    names : N names by which a person finds the image again: path in the folder, `csv:LINE` or `drawn:NUMBER`
    classes : the name of each class
    soft_targets : float32 [N, classes], the share of votes for each class; None where each face has its label only
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: list[str]
    classes: tuple[str, ...] = CLASSES
    soft_targets: NDArray[np.float32] | None = None

    @classmethod
    def collect(
        cls,
        images: list[NDArray[np.uint8]],
        labels: list[int],
        names: list[str],
        classes: tuple[str, ...] = CLASSES,
    ) -> Faces:
        """From a list of uint8 [48, 48], which may be empty."""
        stacked = np.stack(images) if images else np.empty((0, SIDE, SIDE), np.uint8)
        return cls(stacked, np.array(labels, np.int64), names, classes)

    def __len__(self) -> int:
        return len(self.labels)

    def __add__(self, other: Faces) -> Faces:
        """These faces, then the others, which have the same classes."""
        soft = (self.soft_targets, other.soft_targets)
        return replace(
            self,
            images=np.concatenate((self.images, other.images)),
            labels=np.concatenate((self.labels, other.labels)),
            names=self.names + other.names,
            soft_targets=None if soft[0] is None or soft[1] is None else np.concatenate((soft[0], soft[1])),
        )

    def take(self, indices: NDArray[np.int64]) -> Faces:
        """The faces at `indices` (int64 [M]), in that order."""
        return replace(
            self,
            images=self.images[indices],
            labels=self.labels[indices],
            names=[self.names[i] for i in indices],
            soft_targets=None if self.soft_targets is None else self.soft_targets[indices],
        )

    def targets(self) -> NDArray[np.float32]:
        """What training aims at, float32 [N, classes]: the share of votes, or 1 for the label."""
        if self.soft_targets is not None:
            return self.soft_targets
        return np.eye(len(self.classes), dtype=np.float32)[self.labels]

    def per_class(self) -> dict[str, int]:
        """Number of images of every class, zero included."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))

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
