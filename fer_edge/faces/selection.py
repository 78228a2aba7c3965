"""Which faces a result is of, so that it can be told whether two results are of the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_edge.faces.dataset import Faces


@dataclass(frozen=True)
class Selection:
    """Faces as `load` was asked for them; `fingerprint` is a hash of pixels, labels and order, wherever they lie."""

    source: str
    labels: str | None
    split: str
    limit: int | None
    seed: int
    images: int
    fingerprint: str

    @classmethod
    def of(
        cls, faces: Faces, source: str | Path, split: str, limit: int | None, seed: int, labels: Path | None
    ) -> Selection:
        """What `load` returned for the other arguments."""
        digest = hashlib.sha256(np.ascontiguousarray(faces.images).tobytes())
        digest.update(faces.labels.astype("<i8").tobytes())
        votes = None if labels is None else str(labels)
        return cls(str(source), votes, split, limit, seed, len(faces), digest.hexdigest())

    def __str__(self) -> str:
        labels = "" if self.labels is None else f"labels {self.labels}, "
        sample = f" (a stratified sample, seed {self.seed})" if self.images == self.limit else ""
        faces = "face" if self.images == 1 else "faces"
        return f"{self.images:,} {faces} of {self.source}, {labels}split {self.split}{sample}"
