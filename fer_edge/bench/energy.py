"""Energy of an inference, from a window of many."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from fer_edge.bench.device import Device
from fer_edge.bench.meters import Meter, Window
from fer_edge.errors import BoardError
from fer_edge.estimate import Figure

REPEATS = 100


def measure(device: Device, meter: Meter, image: np.ndarray, latency: float, pace: float) -> dict[str, Any]:
    """Energy of one inference, as plain values.

    The board infers `image` (as for `Device.infer`) `REPEATS` times with a quiet line while `meter` runs. `inference`
    is the window's mean power × `latency` (seconds, accelerator start to done); `whole` is the window's energy by its
    number of inferences, with loading the image and reading the logits. `pace`: seconds an inference may take on the
    host's clock. Net energy needs the power at idle, which this window does not tell.
    """
    device.infer(image)  # the one that is repeated
    meter.start()
    done, microseconds = device.repeat(REPEATS, timeout=5 + 2 * REPEATS * pace)
    window = meter.stop(microseconds * 1e-6)
    if not done or not microseconds:
        raise BoardError("The board ran no inference in the energy window.", "Run the same command again.")
    return {
        "meter": meter.name,
        "boundary": meter.boundary,
        "window": {"inferences": done, **asdict(window)},
        "power": asdict(
            Figure(
                window.energy_j / window.seconds * 1e3,
                "mW",
                "measured" if window.kind == "measured" else "assumed",
                window.source,
            )
        ),
        "inference": _energy(window, latency, "median latency, accelerator start to done"),
        "whole": _energy(window, window.seconds / done, "one whole inference: image loaded, inferred, logits read"),
        "net": None,
    }


def _energy(window: Window, seconds: float, what: str) -> dict[str, Any]:
    """The window's mean power over `seconds`, with the bounds of what is known of it."""

    def figure(joules: float) -> dict[str, Any]:
        return asdict(Figure(joules * seconds / window.seconds * 1e6, "µJ", window.kind, f"{window.source}; {what}"))

    return {"energy": figure(window.energy_j), "low": figure(window.low_j), "high": figure(window.high_j)}
