"""What a network says of the faces in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_edge.faces.detect import Box
from fer_edge.figure import Figure

BAR = 24
"""Characters of a bar of 100 %."""


@dataclass(frozen=True)
class Face:
    """What a network says of one face.

    pixels : uint8 [48, 48], what the network got.
    box : where they were cropped; None for the picture's middle square.
    scores : the softmax of the logits, by class.
    latency : the accelerator's time, None in the simulator.
    """

    pixels: NDArray[np.uint8]
    box: Box | None
    predicted: str
    scores: dict[str, float]
    logits: list[int]
    latency: Figure | None

    def ranking(self) -> list[tuple[str, float]]:
        """Classes and their scores, the highest first."""
        return sorted(self.scores.items(), key=lambda item: -item[1])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "box": self.box and asdict(self.box),
            "class": self.predicted,
            "scores": self.scores,
            "logits": self.logits,
            "latency": self.latency and asdict(self.latency),
        }


@dataclass(frozen=True)
class Prediction:
    """What a network says of the faces in one picture.

    size : the picture's width and height in pixels, upright.
    prepared : what was done to it, in words.
    shown : the picture, upright and small enough to look at; None where nobody wants to.
    """

    image: str
    size: tuple[int, int]
    prepared: str
    faces: list[Face]
    network: str
    where: str
    shown: Image.Image | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "image": self.image,
            "size": list(self.size),
            "prepared": self.prepared,
            "faces": [face.to_dict() for face in self.faces],
            "network": self.network,
            "where": self.where,
        }


def render(results: Sequence[Prediction]) -> str:
    """Predictions for the terminal."""
    lines = []
    for result in results:
        lines.append(f"{result.image}: {result.prepared}  ({result.network}, {result.where})")
        for number, face in enumerate(result.faces, 1):
            time = "" if face.latency is None else f", {face.latency.value:,.0f} µs ({face.latency.kind})"
            box = face.box
            at = f", {box.side}×{box.side} pixels at ({box.left}, {box.top})" if box else ""
            lines += [
                f"  {'perhaps a face' if box and not box.sure else f'face {number}'}: {face.predicted}{at}{time}",
                *(
                    f"    {name:9}{100 * share:6.1f} %  {'█' * round(BAR * share)}".rstrip()
                    for name, share in face.ranking()
                ),
            ]
    return "\n".join(lines)
