"""The Cortex-M4's own registers: interrupt controller, SysTick, system control block."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.clock import NEVER, Clock

PPB, PPB_SIZE = 0xE0000000, 0x100000
_DWT_CYCCNT = 0xE0001004
_SYST_CSR, _SYST_RVR, _SYST_CVR = 0xE000E010, 0xE000E014, 0xE000E018
_ISER, _ICER, _ISPR, _ICPR, _IABR, _IPR = 0xE000E100, 0xE000E180, 0xE000E200, 0xE000E280, 0xE000E300, 0xE000E400
_CPUID, _ICSR, _VTOR, _AIRCR, _SHPR1 = 0xE000ED00, 0xE000ED04, 0xE000ED08, 0xE000ED0C, 0xE000ED18
_PENDSVSET, _PENDSVCLR, _PENDSTSET, _PENDSTCLR = 1 << 28, 1 << 27, 1 << 26, 1 << 25
_SYSRESETREQ = 1 << 2
SCR, SLEEPDEEP = 0xE000ED10, 1 << 2
_CORTEX_M4 = 0x410FC241

_CFSR, _HFSR, _BFAR = 0xE000ED28, 0xE000ED2C, 0xE000ED38
_BFARVALID = 1 << 15
HFSR_FORCED, HFSR_DEBUGEVT = 1 << 30, 1 << 31
CFSR_IBUSERR, CFSR_PRECISERR, CFSR_STKERR = 1 << 8, 1 << 9, 1 << 12  # bus faults: fetch, data, stacking
CFSR_UNDEFINSTR, CFSR_INVSTATE = 1 << 16, 1 << 17  # usage faults

HARD_FAULT, SVCALL, PENDSV, SYSTICK, EXTERNAL = 3, 11, 14, 15, 16  # exception numbers; EXTERNAL is IRQ 0
_THREAD_PRIORITY = 256  # below every exception
_PRIORITY_BITS = 0xE0  # three are implemented

SetLine = Callable[[bool], None]
"""Drives one interrupt line."""


class Nvic:
    """Which exception is pending, enabled, active.

    Attributes
    ----------
    active : exception numbers being handled, the running one last.
    entered, left : called when the handling of an exception, by number, begins and when it ends.
    """

    def __init__(self, bus: Bus, restart: Callable[[], None]) -> None:
        self._bus = bus
        self.active: list[int] = []
        self.entered: Callable[[int], None] = lambda number: None
        self.left: Callable[[], None] = lambda: None
        self._enabled = 1 << HARD_FAULT | 1 << PENDSV | 1 << SYSTICK  # one bit per exception number
        self._latched = 0
        self._lines = 0
        bus.claim(PPB, PPB_SIZE)
        for word in range(r.EXTERNAL_INTERRUPTS // 32 + 1):
            self._connect_word(word)
        bus.connect(_CPUID, read=lambda: _CORTEX_M4)
        bus.connect(_ICSR, self._read_icsr, self._write_icsr)
        bus.connect(_AIRCR, lambda: 0xFA050000, lambda value: restart() if value & _SYSRESETREQ else None)
        bus.memory[_VTOR] = r.FLASH_BASE
        for register in (_CFSR, _HFSR):
            bus.connect(register, write=partial(self._clear_status, register))

    def _connect_word(self, word: int) -> None:
        shift, at = EXTERNAL + 32 * word, 4 * word

        def enable(value: int) -> None:
            self._enabled |= value << shift

        def disable(value: int) -> None:
            self._enabled &= ~(value << shift)

        def pend(value: int) -> None:
            self._latched |= value << shift

        def unpend(value: int) -> None:
            self._latched &= ~(value << shift)

        def enabled() -> int:
            return self._enabled >> shift & 0xFFFFFFFF

        def pending() -> int:
            return (self._latched | self._lines) >> shift & 0xFFFFFFFF

        def active() -> int:
            return sum(1 << (n - shift) for n in self.active if 0 <= n - shift < 32)

        self._bus.connect(_ISER + at, enabled, enable)
        self._bus.connect(_ICER + at, enabled, disable)
        self._bus.connect(_ISPR + at, pending, pend)
        self._bus.connect(_ICPR + at, pending, unpend)
        self._bus.connect(_IABR + at, active)

    def line(self, irq: int) -> SetLine:
        """A function that drives the interrupt line of a peripheral; the interrupt pends while it is high."""
        bit = 1 << (EXTERNAL + irq)

        def drive(level: bool) -> None:
            self._lines = self._lines | bit if level else self._lines & ~bit

        return drive

    def pend(self, number: int) -> None:
        """Make an exception pending."""
        self._latched |= 1 << number

    def note_fault(self, cfsr: int, hfsr: int, address: int | None) -> None:
        """Set the fault status registers, and BFAR if the address is known."""
        status = {_CFSR: cfsr, _HFSR: hfsr}
        if address is not None:
            status[_CFSR] |= _BFARVALID
            self._bus.memory[_BFAR] = address
        for register, bits in status.items():
            self._bus.memory[register] = self._bus.memory.get(register, 0) | bits

    def _clear_status(self, register: int, bits: int) -> None:
        self._bus.memory[register] = self._bus.memory.get(register, 0) & ~bits

    def enabled(self, irq: int) -> bool:
        """Whether an external interrupt is enabled."""
        return bool(self._enabled >> (EXTERNAL + irq) & 1)

    def candidate(self, limit: int = _THREAD_PRIORITY) -> int | None:
        """The exception to take next, if it beats what is running and `limit` (BASEPRI); else None."""
        pending = self._enabled & (self._latched | self._lines)
        if not pending:
            return None
        best, best_priority = None, min([limit, *map(self.priority, self.active)])
        while pending:
            number = (pending & -pending).bit_length() - 1
            pending &= pending - 1
            if self.priority(number) < best_priority:
                best, best_priority = number, self.priority(number)
        return best

    def priority(self, number: int) -> int:
        """Configured priority: 0 is the most urgent that can be configured."""
        if number == HARD_FAULT:
            return -1
        address = _IPR + number - EXTERNAL if number >= EXTERNAL else _SHPR1 + number - 4
        word = self._bus.memory.get(address & ~3, 0)
        return word >> 8 * (address & 3) & _PRIORITY_BITS

    def enter(self, number: int) -> int:
        """Mark an exception as being handled; the address of its vector."""
        self._latched &= ~(1 << number)
        self.active.append(number)
        self.entered(number)
        return self._bus.memory[_VTOR] + 4 * number

    def leave(self) -> int:
        """Mark the running exception as done; its number."""
        self.left()
        return self.active.pop()

    def _read_icsr(self) -> int:
        pending = self._latched | self._lines
        value = self.active[-1] if self.active else 0
        value |= _PENDSVSET if pending >> PENDSV & 1 else 0
        value |= _PENDSTSET if pending >> SYSTICK & 1 else 0
        return value | ((self.candidate() or 0) << 12)

    def _write_icsr(self, value: int) -> None:
        if value & _PENDSVSET:
            self.pend(PENDSV)
        if value & _PENDSTSET:
            self.pend(SYSTICK)
        if value & _PENDSVCLR:
            self._latched &= ~(1 << PENDSV)
        if value & _PENDSTCLR:
            self._latched &= ~(1 << SYSTICK)


class SysTick:
    """The 24-bit down counter, at processor clock whatever its source bit says. Also serves DWT.CYCCNT."""

    _ENABLE, _TICKINT, _COUNTFLAG = 1, 2, 1 << 16

    def __init__(self, bus: Bus, clock: Clock, nvic: Nvic) -> None:
        self._clock, self._nvic = clock, nvic
        self._control = self._load = 0
        self._cycles, self._since = 0, 0  # cycles counted at a time
        self._seen = 0  # wraps firmware has read about
        self._cycle_base = 0
        bus.connect(_SYST_CSR, self._read_control, self._write_control)
        bus.connect(_SYST_RVR, lambda: self._load, self._write_load)
        bus.connect(_SYST_CVR, self._read_value, self._write_value)
        bus.connect(_DWT_CYCCNT, self._read_cycle_counter, self._write_cycle_counter)

    def _counted(self) -> int:
        """Cycles since VAL was last cleared."""
        if not self._control & self._ENABLE:
            return self._cycles
        return self._cycles + (self._clock.now - self._since) // self._clock.cycle

    def _wraps(self) -> int:
        return self._counted() // (self._load + 1) if self._load else 0

    def rebase(self) -> None:
        """Fix the count as of now, before the clock or a register changes."""
        self._cycles = self._counted()
        self._since = self._clock.now

    def _plan(self) -> None:
        self._clock.schedule(self._wrap, self._next_wrap() if self._control & self._TICKINT else NEVER)

    def _next_wrap(self) -> int:
        if not (self._control & self._ENABLE and self._load):
            return NEVER
        count = (self._wraps() + 1) * (self._load + 1)
        return self._since + (count - self._cycles) * self._clock.cycle

    def pause(self) -> None:
        """Stand still until `resume`: the processor's clock is off."""
        self.rebase()
        self._clock.schedule(self._wrap, NEVER)

    def resume(self) -> None:
        self._since = self._clock.now
        self._plan()

    def replan(self) -> None:
        """Schedule again, after the clock has changed."""
        self._plan()

    def _wrap(self) -> None:
        self._nvic.pend(SYSTICK)
        self._plan()

    def _read_control(self) -> int:
        self._clock.polled("CSR", self._next_wrap())
        wraps = self._wraps()
        if wraps == self._seen:
            return self._control
        self._seen = wraps
        self._clock.not_only_time()  # reading clears the flag: the next wait begins
        return self._control | self._COUNTFLAG

    def _write_control(self, value: int) -> None:
        self.rebase()
        self._control = value & 7
        self._plan()

    def _write_load(self, value: int) -> None:
        self.rebase()
        self._load = value & 0xFFFFFF
        self._cycles %= self._load + 1
        self._seen = 0
        self._plan()

    def _read_value(self) -> int:
        self._clock.polled_counter("CVR", bool(self._control & self._ENABLE))
        into = self._counted() % (self._load + 1)
        return self._load + 1 - into if into else 0

    def _write_value(self, _value: int) -> None:
        self._cycles, self._since, self._seen = 0, self._clock.now, 0
        self._plan()

    def _read_cycle_counter(self) -> int:
        self._clock.polled_counter("CYCCNT", True)
        return (self._clock.now // self._clock.cycle - self._cycle_base) & 0xFFFFFFFF

    def _write_cycle_counter(self, value: int) -> None:
        self._cycle_base = self._clock.now // self._clock.cycle - value
