"""What the vendor's `set_device` sets: how layers built afterwards compute."""

from __future__ import annotations

import sys
from dataclasses import dataclass

MAX78000 = 85
"""The number by which the vendor's trainer calls the MAX78000."""


@dataclass
class Device:
    """Settings that layers take when they are built.

    simulate : layers built quantized, and element-wise ones, start in integer mode instead of QAT.
    round_avg : average pooling goes to the nearest integer instead of towards zero.
    """

    simulate: bool = False
    round_avg: bool = False


dev = Device()


def set_device(device: int, simulate: bool, round_avg: bool, verbose: bool = True) -> None:
    """Choose how layers built from now on compute; see `Device`. ValueError for another chip than the MAX78000."""
    if device != MAX78000:
        raise ValueError(f"device {device} is not the MAX78000 ({MAX78000}), the only one whose layers are here")
    dev.simulate, dev.round_avg = bool(simulate), bool(round_avg)
    if verbose:
        print(f"MAX78000, simulate={dev.simulate}, round_avg={dev.round_avg}", file=sys.stderr)
