"""Learning-rate schedules: how the learning rate changes over a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Schedule = Literal["one-cycle", "cosine", "restarts", "plateau"]

WARM_UP = 0.15
"""Share of a one-cycle run in which the rate rises."""
FIRST_RATE = 0.04
"""Learning rate with which a one-cycle run begins, as a share of the highest."""
CYCLES = 3
"""Cycles of the schedule `restarts`, each twice as long as the one before."""
PLATEAU = 3
"""Epochs without a lower loss before the schedule `plateau` halves the learning rate."""


def learning_rate(schedule: Schedule, peak: float, progress: float, history: Sequence[Mapping[str, Any]]) -> float:
    """The rate at `progress` (0 … 1) of a run whose finished epochs are `history` (see `Trainer`).

    one-cycle : linear from peak/25 to the peak, then along a cosine to zero (Smith, arXiv 1708.07120).
    cosine : along a cosine from the peak to zero.
    restarts : so three times, each time twice as long (SGDR, arXiv 1608.03983).
    plateau : the peak, halved whenever the loss, of val where there is one, has not fallen for three epochs.
    """
    if schedule == "plateau":
        return peak * 0.5 ** _plateaus(history)
    if schedule == "one-cycle":
        if progress < WARM_UP:
            return peak * (FIRST_RATE + (1 - FIRST_RATE) * progress / WARM_UP)
        progress = (progress - WARM_UP) / (1 - WARM_UP)
    elif schedule == "restarts":
        # Cycle k begins at (2^k − 1) parts of the run's 2^CYCLES − 1.
        parts = progress * (2**CYCLES - 1)
        cycle = min(int(math.log2(parts + 1)), CYCLES - 1)
        progress = (parts - (2**cycle - 1)) / 2**cycle
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


def _plateaus(history: Sequence[Mapping[str, Any]]) -> int:
    lowest, since, count = math.inf, 0, 0
    for row in history:
        loss = row.get("val_loss", row["train_loss"])
        if loss < lowest:
            lowest, since = loss, 0
        else:
            since += 1
        if since == PLATEAU:
            since, count = 0, count + 1
    return count
