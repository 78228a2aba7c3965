"""The microcontroller's simpler peripherals: clocks, CNN power, GPIO, timers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from fer_edge import registers as r
from fer_edge.board.accelerator import Accelerator
from fer_edge.board.bus import Bus
from fer_edge.board.clock import NEVER, TICK_HZ, Clock
from fer_edge.errors import BoardError

SetLine = Callable[[bool], None]
"""Drives one interrupt line."""

# Peripherals that keep what is written and do nothing: base addresses by name of the user guide.
_STORAGE = {
    "SIR": 0x40000400, "FCR": 0x40000800, "DVS": 0x40003C00, "SIMO": r.SIMO.base,
    "TRIMSIR": 0x40005400, "RTC": 0x40006000, "WUT": 0x40006400, "PWRSEQ": 0x40006800, "MCR": 0x40006C00,
    "AES": 0x40007400, "AESKEY": 0x40007800, "PCIF": 0x4000E000, "CRC": 0x4000F000, "DMA": 0x40028000,
    "FLC": 0x40029000, "ICC1": 0x4002A800, "ADC": 0x40034000, "PTG": 0x4003C000, "OWM": 0x4003D000,
    "SEMA": 0x4003E000, "SPI1": 0x40046000, "TRNG": 0x4004D000, "I2S": 0x40060000, "GPIO3": 0x40080600,
    "WDT1": 0x40080800, "TMR4": 0x40080C00, "TMR5": 0x40081000, "UART3": 0x40081400, "LPCOMP": 0x40088000,
    "SPI0": 0x400BE000,
}  # fmt: skip


def connect_storage(bus: Bus) -> None:
    """Peripherals without a model: their registers keep what is written."""
    for base in _STORAGE.values():
        bus.claim(base)
    bus.connect(_STORAGE["FLC"] + 0x08, write=_refuse_flash_command)
    for wake_status in (0x04, 0x0C, 0x30):  # written 1s clear it, and nothing ever sets it
        bus.connect(_STORAGE["PWRSEQ"] + wake_status, lambda: 0, lambda value: None)


def _refuse_flash_command(value: int) -> None:
    if value & 0b111:  # write, mass erase, page erase
        raise BoardError("firmware programs or erases flash, which the virtual board does not model")


class SystemControl:
    """GCR, LPGCR, ICC and GCFR: clocks and their ready bits, resets, power of the accelerator.

    Parameters
    ----------
    retime : called with the new SYSCLK in Hz, before it counts.
    restart : called when firmware resets the chip.
    """

    _READY: ClassVar = {"ERTCO_EN": "ERTCO_RDY", "ISO_EN": "ISO_RDY", "IPO_EN": "IPO_RDY", "IBRO_EN": "IBRO_RDY"}
    _SYSCLK: ClassVar = {r.SYSCLK_ISO: r.ISO_HZ, 3: r.INRO_HZ, r.SYSCLK_IPO: r.IPO_HZ, 5: r.IBRO_HZ, 6: r.ERTCO_HZ}
    _CNN_DIVIDER: ClassVar = {0: 2, 1: 4, 2: 8, 3: 16, r.CNNCLKDIV_DIV1: 1}

    def __init__(
        self, bus: Bus, accelerator: Accelerator, retime: Callable[[int], None], restart: Callable[[], None]
    ) -> None:
        self._bus = bus
        self._accelerator = accelerator
        self._retime, self._restart = retime, restart
        self.sysclk_hz = r.ISO_HZ
        bus.claim(r.GCR.base)
        bus.claim(r.LPGCR.base)
        bus.claim(r.GCFR.base)
        bus.claim(r.ICC.base, 0x800)
        clkctrl = r.GCR["CLKCTRL"]
        self._clkctrl = clkctrl.mask("ISO_EN")
        self._always = clkctrl.mask("SYSCLK_RDY", "INRO_RDY")
        bus.attach(r.GCR, "CLKCTRL", 0, self._read_clocks, self._write_clocks)
        bus.attach(r.GCR, "RST0", 0, lambda: 0, self._reset)
        bus.attach(r.GCR, "RST1", 0, lambda: 0, lambda value: None)
        bus.attach(r.LPGCR, "RST", 0, lambda: 0, lambda value: None)
        bus.attach(r.GCR, "PCLKDIS0", 0, write=self._write_pclkdis)
        bus.memory[r.GCR.address("PCLKDIS0")] = r.GCR["PCLKDIS0"].mask(*r.GCR["PCLKDIS0"].fields)
        ready = r.ICC["CTRL"].mask("RDY")
        cache = r.ICC.address("CTRL")
        bus.connect(cache, read=lambda: bus.memory.get(cache, 0) | ready)
        for register in r.GCFR:
            bus.attach(r.GCFR, register.name, 0, write=self._power_writer(register.name))
        bus.memory[r.GCFR.address("REG2")] = (1 << r.QUADRANTS) - 1  # isolated until told otherwise

    @property
    def cnn_hz(self) -> float:
        """Clock of the accelerator, from PCLKDIV."""
        word = self._bus.memory.get(r.GCR.address("PCLKDIV"), 0)
        pclkdiv = r.GCR["PCLKDIV"]
        source = r.ISO_HZ if pclkdiv.get(word, "CNNCLKSEL") else self.sysclk_hz / r.PCLK_DIVIDER
        return source / self._CNN_DIVIDER.get(pclkdiv.get(word, "CNNCLKDIV"), 1)

    def _read_clocks(self) -> int:
        clkctrl = r.GCR["CLKCTRL"]
        value = self._clkctrl | self._always
        for enable, ready in self._READY.items():
            if self._clkctrl & clkctrl.mask(enable):
                value |= clkctrl.mask(ready)
        return value

    def _write_clocks(self, value: int) -> None:
        clkctrl = r.GCR["CLKCTRL"]
        self._clkctrl = value & ~clkctrl.mask(*self._READY.values())
        source = clkctrl.get(value, "SYSCLK_SEL")
        if source not in self._SYSCLK:
            raise BoardError(f"firmware selects clock source {source} (GCR.CLKCTRL), which the virtual board has not")
        hz = self._SYSCLK[source] >> clkctrl.get(value, "SYSCLK_DIV")
        if hz != self.sysclk_hz:
            self.sysclk_hz = hz
            self._retime(hz)

    def _reset(self, value: int) -> None:
        if value & r.GCR["RST0"].mask("SYS", "SOFT", "PERIPH"):
            self._restart()
        elif value & r.GCR["RST0"].mask("CNN"):
            self._accelerator.power(self._powered(), reset=(1 << r.QUADRANTS) - 1)
            self._apply_power()

    def _write_pclkdis(self, value: int) -> None:
        self._bus.memory[r.GCR.address("PCLKDIS0")] = value
        self._apply_power()

    def _power_writer(self, register: str) -> Callable[[int], None]:
        address = r.GCFR.address(register)

        def write(value: int) -> None:
            self._bus.memory[address] = value
            self._apply_power()

        return write

    def _powered(self) -> int:
        word = self._bus.memory
        return (
            word.get(r.GCFR.address("REG0"), 0)
            & word.get(r.GCFR.address("REG1"), 0)
            & ~word.get(r.GCFR.address("REG2"), 0)
        )

    def _apply_power(self) -> None:
        gated = self._bus.memory[r.GCR.address("PCLKDIS0")] & r.GCR["PCLKDIS0"].mask("CNN")
        reset = self._bus.memory.get(r.GCFR.address("REG3"), 0)
        self._accelerator.power(self._powered(), reset, clocked=not gated)


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


class Watchdog:
    """WDT0 on the peripheral clock, without its window: an interrupt, then a reset, when it is not fed.

    Parameters
    ----------
    expired : whether it caused the last reset, which CTRL.RST_LATE tells.
    reset : called when time is up.
    """

    _CTRL = r.WDT["CTRL"]

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        pclk_hz: Callable[[], int],
        line: SetLine,
        reset: Callable[[], None],
        expired: bool,
    ) -> None:
        self._clock, self._pclk_hz, self._line, self._reset = clock, pclk_hz, line, reset
        self._control = self._CTRL.pack(RST_LATE=expired)
        self._fed_at = 0
        self._first_key = False
        bus.claim(r.WDT.base, 0x100)
        bus.attach(r.WDT, "CTRL", 0, lambda: self._control, self._write)
        bus.attach(r.WDT, "RST", 0, lambda: 0, self._feed)
        bus.attach(r.WDT, "CNT", 0, self._count)

    def _count(self) -> int:
        enabled = self._control & self._CTRL.mask("EN")
        return (self._clock.now - self._fed_at) * self._pclk_hz() // TICK_HZ if enabled else 0

    def _feed(self, key: int) -> None:
        if self._first_key and key == r.WDT_FEED1:
            self._fed_at = self._clock.now
        self._first_key = key == r.WDT_FEED0

    def _write(self, value: int) -> None:
        if value & ~self._control & self._CTRL.mask("EN"):
            self._fed_at = self._clock.now
        self._control = value
        self.replan()

    def _until(self, field: str) -> int:
        """Clock ticks until the count reaches a period; how long ago, if negative."""
        period = 1 << r.WDT_LONGEST - self._CTRL.get(self._control, field)
        return self._fed_at + period * TICK_HZ // self._pclk_hz() - self._clock.now

    def replan(self) -> None:
        """See what is due. Feeding alone plans nothing: what it puts off is found out when it would have been due."""
        control, flag = self._CTRL, self._CTRL.mask("INT_LATE")
        waits = []
        if self._control & control.mask("EN"):
            if not self._control & flag:
                if self._until("INT_LATE_VAL") <= 0:
                    self._control |= flag
                else:
                    waits.append(self._until("INT_LATE_VAL"))
            if self._control & control.mask("WDT_RST_EN"):
                if self._until("RST_LATE_VAL") <= 0:
                    self._reset()
                    return
                waits.append(self._until("RST_LATE_VAL"))
        self._clock.schedule(self.replan, self._clock.now + min(waits) if waits else NEVER)
        self._line(bool(self._control & flag and self._control & control.mask("WDT_INT_EN")))


class Timer:
    """Timer A of TMR0…3: 32 bits when cascaded, else 16; one-shot, continuous and compare mode.

    Nothing runs while it counts: count and flag follow from the time since it was last written.
    """

    _ONE_SHOT, _CONTINUOUS, _COMPARE = 0, 1, 5

    def __init__(self, bus: Bus, instance: int, clock: Clock, pclk_hz: Callable[[], int], line: SetLine) -> None:
        self._clock, self._pclk_hz, self._line = clock, pclk_hz, line
        self._control = self._control1 = self._compare = 0
        self._count, self._since = 0, 0  # the count it had at a time
        self._latched = False  # a match before `_since` that firmware has not cleared
        self._cleared = 0  # matches after `_since` that it has
        bus.claim(r.TMR.bases[instance])
        bus.attach(r.TMR, "CNT", instance, self._read_count, self._write_count)
        bus.attach(r.TMR, "CMP", instance, lambda: self._compare, self._write_compare)
        bus.attach(r.TMR, "INTFL", instance, self._read_flags, self._write_flags)
        bus.attach(r.TMR, "CTRL0", instance, self._read_control, self._write_control)
        bus.attach(r.TMR, "CTRL1", instance, self._read_control1, self._write_control1)

    # --- what follows from the time ----------------------------------------------------------------------

    @property
    def _mode(self) -> int:
        return r.TMR["CTRL0"].get(self._control, "MODE_A")

    @property
    def _enabled(self) -> bool:
        need = r.TMR["CTRL0"].mask("EN_A", "CLKEN_A")
        return self._control & need == need

    @property
    def _top(self) -> int:
        return 0xFFFFFFFF if r.TMR["CTRL1"].get(self._control1, "CASCADE") else 0xFFFF

    def _rate(self) -> tuple[int, int]:
        """Clock ticks per count, as numerator and denominator."""
        source = (self._pclk_hz(), r.ISO_HZ, r.IBRO_HZ, r.ERTCO_HZ)[r.TMR["CTRL1"].get(self._control1, "CLKSEL_A")]
        return TICK_HZ << r.TMR["CTRL0"].get(self._control, "CLKDIV_A"), source

    def _raw(self) -> int:
        """The count, had it neither stopped nor started over."""
        if not self._enabled:
            return self._count
        ticks, source = self._rate()
        return self._count + (self._clock.now - self._since) * source // ticks

    def _until_match(self) -> int:
        """Counts from `_count` to the first match."""
        distance = (self._compare or self._top) - self._count
        return distance if distance > 0 else distance + self._top + 1

    def _period(self) -> int:
        return (self._compare or self._top) if self._mode == self._CONTINUOUS else self._top + 1

    def _matches(self) -> int:
        """Compare matches since `_since`."""
        beyond = self._raw() - self._count - self._until_match()
        if beyond < 0:
            return 0
        return 1 if self._mode == self._ONE_SHOT else 1 + beyond // self._period()

    def _value(self) -> int:
        beyond = self._raw() - self._count - self._until_match()
        if beyond < 0 or self._mode == self._COMPARE:
            return self._raw() & self._top
        return 1 if self._mode == self._ONE_SHOT else 1 + beyond % self._period()

    def _flag(self) -> bool:
        return self._latched or self._matches() > self._cleared

    def _plan(self) -> None:
        """Drive the interrupt line, and schedule the next match if it matters."""
        interrupts = bool(self._control1 & r.TMR["CTRL1"].mask("IE_A"))
        self._clock.schedule(self._plan, self._next_match() if interrupts else NEVER)
        self._line(interrupts and self._flag())

    def _next_match(self) -> int:
        """When the count will match."""
        matches = self._matches()
        if not self._enabled or (matches and self._mode == self._ONE_SHOT):
            return NEVER
        ticks, source = self._rate()
        return self._since - (-(self._until_match() + matches * self._period()) * ticks // source)

    def rebase(self) -> None:
        """Take count and flag as of now: something they follow from is about to change."""
        count, flag = self._value(), self._flag()
        if self._mode == self._ONE_SHOT and self._matches():
            self._control &= ~r.TMR["CTRL0"].mask("EN_A")
        self._count, self._latched, self._cleared, self._since = count, flag, 0, self._clock.now

    # --- registers ---------------------------------------------------------------------------------------

    def _read_count(self) -> int:
        self._clock.polled_counter("CNT", self._enabled)
        return self._value()

    def _write_count(self, value: int) -> None:
        self.rebase()
        self._count = value & self._top
        self._plan()

    def _write_compare(self, value: int) -> None:
        self.rebase()
        self._compare = value
        self._plan()

    def _read_flags(self) -> int:
        self._clock.polled("INTFL", self._next_match())
        flags = r.TMR["INTFL"]
        return flags.mask("WRDONE_A", "WRDONE_B") | (flags.mask("IRQ_A") if self._flag() else 0)

    def _write_flags(self, value: int) -> None:
        if value & r.TMR["INTFL"].mask("IRQ_A"):
            self._latched, self._cleared = False, self._matches()
        self._plan()

    def _read_control(self) -> int:
        if self._mode == self._ONE_SHOT and self._matches():
            return self._control & ~r.TMR["CTRL0"].mask("EN_A")
        return self._control

    def _write_control(self, value: int) -> None:
        self.rebase()
        if value & r.TMR["CTRL0"].mask("RST_A"):
            self._count, self._latched, value = 0, False, 0
        self._control = value
        if self._enabled and self._mode not in (self._ONE_SHOT, self._CONTINUOUS, self._COMPARE):
            raise BoardError(f"firmware uses timer mode {self._mode}, which the virtual board does not model")
        self._plan()

    def _read_control1(self) -> int:
        ctrl0, ctrl1 = r.TMR["CTRL0"], r.TMR["CTRL1"]
        value = self._control1 & ~ctrl1.mask("CLKEN_A", "CLKRDY_A")
        if self._control & ctrl0.mask("CLKEN_A"):
            value |= ctrl1.mask("CLKRDY_A")
        if self._read_control() & ctrl0.mask("EN_A"):
            value |= ctrl1.mask("CLKEN_A")
        return value

    def _write_control1(self, value: int) -> None:
        self.rebase()
        self._control1 = value
        self._plan()
