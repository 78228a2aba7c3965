"""General-purpose pins."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.clock import TICK_HZ, Clock
from fer_edge.board.system import SetLine


@dataclass(frozen=True)
class Edge:
    """An output level that changed: virtual seconds since reset, port, pin, new level."""

    seconds: float
    port: int
    pin: int
    level: int


class Gpio:
    """One port: `out` and `enabled` (output drivers on) can be watched, inputs driven; and its interrupts.

    A pin that nothing drives reads 1, or 0 where its pull-down is on. The input buffers (INEN) need not be switched on
    to be read: drivers of 2021 do not do it. An interrupt flag is set only while the pin's interrupt is enabled, as the
    documented order of setting one up suggests; after reset every pin is a plain input. No board was at hand to tell
    any of this.

    Changes of output levels go to `trace`. Their times are exact where firmware looks at a timer in between, else to
    the 5 µs of a stretch of instructions.

    Attributes
    ----------
    watchers : called when a level has changed.
    rerouted : called when what a pin is for may have changed.
    """

    _ALL = 0xFFFFFFFF

    def __init__(self, bus: Bus, instance: int, clock: Clock, trace: deque[Edge], line: SetLine) -> None:
        self._memory = bus.memory
        self._instance = instance
        self._clock, self._trace, self._line = clock, trace, line
        self._low = 0  # pins held at ground from outside
        self._seen = self._ALL
        self._flags = 0
        self.watchers: list[Callable[[], None]] = []
        self.rerouted: list[Callable[[], None]] = []
        self._address = {register.name: r.GPIO.address(register.name, instance) for register in r.GPIO}
        bus.memory[r.GPIO.address("EN0", instance)] = self._ALL
        bus.claim(r.GPIO.bases[instance], 0x200)
        for name in ("EN0", "OUTEN", "OUT", "EN1", "EN2", "INTEN"):
            store = self._drive if name == "OUT" else partial(self._store, name)
            bus.attach(r.GPIO, f"{name}_SET", instance, write=self._setter(name, store))
            bus.attach(r.GPIO, f"{name}_CLR", instance, write=self._clearer(name, store))
            bus.attach(r.GPIO, name, instance, write=store)
        for name in ("INTMODE", "INTPOL", "DUALEDGE", "PADCTRL0", "PADCTRL1"):
            bus.attach(r.GPIO, name, instance, write=partial(self._store, name))
        bus.attach(r.GPIO, "IN", instance, read=self.levels)
        bus.attach(r.GPIO, "INTFL", instance, read=lambda: self._flags, write=lambda value: None)
        bus.attach(r.GPIO, "INTFL_CLR", instance, read=lambda: 0, write=self._clear_flags)

    def _register(self, name: str) -> int:
        return self._memory.get(self._address[name], 0)

    @property
    def out(self) -> int:
        """Output levels, one bit per pin."""
        return self._register("OUT")

    @property
    def enabled(self) -> int:
        """Pins whose output driver is on."""
        return self._register("OUTEN")

    def ground(self, pin: int, held: bool) -> None:
        """Connect a pin to ground from outside, or let go of it."""
        self._low = self._low | 1 << pin if held else self._low & ~(1 << pin)
        self._sense()

    def function(self, pin: int) -> int:
        """What a pin is for: 0 plain GPIO, else the number of its alternate function."""
        if self._register("EN0") >> pin & 1:
            return 0
        return 1 + (self._register("EN1") >> pin & 1) + 2 * (self._register("EN2") >> pin & 1)

    def levels(self) -> int:
        """Levels of all pins, driven from inside or outside."""
        pulled_down = self._register("PADCTRL1") & ~self._register("PADCTRL0")
        return self.out & self.enabled | ~(self._low | pulled_down | self.enabled) & self._ALL

    def _sense(self) -> None:
        """See what the pins' levels mean for the interrupt flags."""
        levels = self.levels()
        edges, self._seen = levels ^ self._seen, levels
        wanted = ~(levels ^ self._register("INTPOL"))  # pins at the level that interrupts, or come to it by an edge
        by_edge = self._register("INTMODE")
        hits = by_edge & edges & (wanted | self._register("DUALEDGE")) | ~by_edge & wanted
        self._flags |= hits & self._register("INTEN") & self._ALL
        self._line(bool(self._flags & self._register("INTEN")))
        if edges:
            for watcher in self.watchers:
                watcher()

    def _clear_flags(self, bits: int) -> None:
        self._flags &= ~bits
        self._sense()

    def _store(self, name: str, value: int) -> None:
        self._memory[self._address[name]] = value
        self._sense()
        if name in ("EN0", "EN1", "EN2"):
            for watcher in self.rerouted:
                watcher()

    def _drive(self, levels: int) -> None:
        changed = levels ^ self.out
        self._store("OUT", levels)
        while changed:
            pin = changed.bit_length() - 1
            changed &= ~(1 << pin)
            self._trace.append(Edge(self._clock.now / TICK_HZ, self._instance, pin, levels >> pin & 1))

    def _setter(self, name: str, store: Callable[[int], None]) -> Callable[[int], None]:
        return lambda value: store(self._register(name) | value)

    def _clearer(self, name: str, store: Callable[[int], None]) -> Callable[[int], None]:
        return lambda value: store(self._register(name) & ~value)


class WakePins:
    """PWRSEQ's part in waking by pins: LPWKENn names them, LPWKSTn tells which it was, and while one does an interrupt
    pends."""

    def __init__(self, bus: Bus, ports: list[Gpio], line: SetLine) -> None:
        self._memory, self._ports, self._line = bus.memory, ports, line
        self._status = [0] * len(ports)
        for n in range(len(ports)):
            bus.attach(r.PWRSEQ, f"LPWKST{n}", 0, partial(self._status.__getitem__, n), partial(self._clear, n))

    def changed(self, before: list[int]) -> bool:
        """Whether a pin that may wake has left its level `before`, by port; noted if so."""
        changed = False
        for n, port in enumerate(self._ports):
            pins = (port.levels() ^ before[n]) & self._memory.get(r.PWRSEQ.address(f"LPWKEN{n}"), 0)
            self._status[n] |= pins
            changed |= pins != 0
        self._line(any(self._status))
        return changed

    def _clear(self, port: int, bits: int) -> None:
        self._status[port] &= ~bits
        self._line(any(self._status))
