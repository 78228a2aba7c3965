"""The random number generator."""

from __future__ import annotations

import random

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.system import SetLine


class Trng:
    """Always ready. Its numbers come from `numbers`, so that every run of a board sees the same; keys are not made."""

    _CTRL = r.TRNG["CTRL"]

    def __init__(self, bus: Bus, numbers: random.Random, line: SetLine) -> None:
        self._line = line
        self._control = 0
        bus.claim(r.TRNG.base)
        bus.attach(r.TRNG, "CTRL", 0, lambda: self._control, self._write_control)
        bus.attach(r.TRNG, "STATUS", 0, lambda: r.TRNG["STATUS"].mask("RDY"), lambda value: None)
        bus.attach(r.TRNG, "DATA", 0, lambda: numbers.getrandbits(32), lambda value: None)

    def _write_control(self, value: int) -> None:
        self._control = value & ~self._CTRL.mask("KEYGEN", "KEYWIPE")
        self._line(bool(value & self._CTRL.mask("RND_IE")))
