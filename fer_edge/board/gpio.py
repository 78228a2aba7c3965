"""General-purpose pins."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.clock import TICK_HZ, Clock


@dataclass(frozen=True)
class Edge:
    """An output level that changed: virtual seconds since reset, port, pin, new level."""

    seconds: float
    port: int
    pin: int
    level: int


class Gpio:
    """One port. `out` and `enabled` (output drivers on) can be watched, `inputs` set; pull-ups hold inputs at 1.

    Changes of output levels go to `trace`. Their times are exact where firmware looks at a timer in between, else to
    the 5 µs of a stretch of instructions.
    """

    def __init__(self, bus: Bus, instance: int, clock: Clock, trace: deque[Edge]) -> None:
        self._memory = bus.memory
        self._instance = instance
        self._clock, self._trace = clock, trace
        self.inputs = 0xFFFFFFFF
        bus.claim(r.GPIO.bases[instance], 0x200)
        for name in ("EN0", "OUTEN", "OUT", "EN1", "EN2"):
            address = r.GPIO.address(name, instance)
            store = self._drive if name == "OUT" else partial(self._memory.__setitem__, address)
            bus.attach(r.GPIO, f"{name}_SET", instance, write=self._setter(address, store))
            bus.attach(r.GPIO, f"{name}_CLR", instance, write=self._clearer(address, store))
        bus.attach(r.GPIO, "OUT", instance, write=self._drive)
        bus.attach(r.GPIO, "IN", instance, read=lambda: self.out & self.enabled | self.inputs & ~self.enabled)

    @property
    def out(self) -> int:
        """Output levels, one bit per pin."""
        return self._memory.get(r.GPIO.address("OUT", self._instance), 0)

    @property
    def enabled(self) -> int:
        """Pins whose output driver is on."""
        return self._memory.get(r.GPIO.address("OUTEN", self._instance), 0)

    def _drive(self, levels: int) -> None:
        changed = levels ^ self.out
        self._memory[r.GPIO.address("OUT", self._instance)] = levels
        while changed:
            pin = changed.bit_length() - 1
            changed &= ~(1 << pin)
            self._trace.append(Edge(self._clock.now / TICK_HZ, self._instance, pin, levels >> pin & 1))

    def _setter(self, address: int, store: Callable[[int], None]) -> Callable[[int], None]:
        return lambda value: store(self._memory.get(address, 0) | value)

    def _clearer(self, address: int, store: Callable[[int], None]) -> Callable[[int], None]:
        return lambda value: store(self._memory.get(address, 0) & ~value)
