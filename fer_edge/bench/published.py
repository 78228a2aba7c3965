"""What others have published about the MAX78000, to stand beside a report. Nothing of doubtful origin is listed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One published system; None where nothing is stated. `how`: what was read, and what was computed from it."""

    what: str
    source: str
    latency_ms: float | None
    energy_uj: float | None
    power_mw: float | None
    boundary: str
    how: str


PREVIOUS_ACCURACY = 0.5782
PREVIOUS_WEIGHT_BYTES = 70_572
PREVIOUS = Published(
    what="facial emotions (FER2013)",
    source="Shastri, Patil, Kulkarni, Beedikar: Facial Emotion Recognition System, KLE Technological University",
    latency_ms=1.516,
    energy_uj=23.7,
    power_mw=15.8,
    boundary="not stated; 3.16 mA at 5 V is less than any other power of this chip, so probably the increase over idle",
    how="time printed in µs, which can only be ms; power is 3.16 mA × 5 V, and power × time 23.95 µJ, not 23.7",
)
OTHERS = (
    Published(
        "face recognition",
        "Giordano et al., survey of seven microcontrollers",
        1.4,
        90.0,
        64.0,
        "microcontroller",
        "from its abstract; power computed",
    ),
    Published(
        "TinyissimoYOLO, 422 k parameters",
        "Moosmann et al., arXiv 2306.00001",
        5.56,
        196.0,
        35.0,
        "microcontroller",
        "from its abstract (180 frames/s, 196 µJ); time and power computed",
    ),
    Published(
        "keyword spotting, 12 classes",
        "arXiv 2111.04988",
        None,
        251.0,
        None,
        "“end-to-end”",
        "from its abstract",
    ),
)
