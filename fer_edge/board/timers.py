"""What counts: timers, the wake-up timer and the watchdog."""

from __future__ import annotations

from collections.abc import Callable

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.clock import NEVER, TICK_HZ, Clock
from fer_edge.board.system import SetLine
from fer_edge.errors import BoardError


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
        self._fed_at = self._paused_at = 0
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

    def pause(self) -> None:
        """Stand still until `resume`: the clock it counts is off."""
        self._paused_at = self._clock.now
        self._clock.schedule(self.replan, NEVER)

    def resume(self) -> None:
        self._fed_at += self._clock.now - self._paused_at
        self.replan()

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


class Counter:
    """Counts up to a compare value, then stops (one-shot), starts over from 1 (continuous) or goes on (compare).

    Nothing runs while it counts: count and flag follow from the time since it was last written. What kind it is, the
    registers of the timer say that derives from this.
    """

    _ONE_SHOT, _CONTINUOUS, _COMPARE = 0, 1, 5

    def __init__(self, clock: Clock, line: SetLine) -> None:
        self._clock, self._line = clock, line
        self._compare = 0
        self._count, self._since = 0, 0  # the count it had at a time
        self._latched = False  # a match before `_since` that firmware has not cleared
        self._cleared = 0  # matches after `_since` that it has
        self._runs, self._ticks, self._source, self._until_match = False, 1, 1, 1 << 32  # see `_refresh`

    @property
    def _mode(self) -> int:
        raise NotImplementedError

    @property
    def _enabled(self) -> bool:
        raise NotImplementedError

    @property
    def _interrupts(self) -> bool:
        return True

    @property
    def _top(self) -> int:
        return 0xFFFFFFFF

    def _rate(self) -> tuple[int, int]:
        """Clock ticks per count, as numerator and denominator."""
        raise NotImplementedError

    def _stop(self) -> None:
        """Clear the bit that enables it."""
        raise NotImplementedError

    def _refresh(self) -> None:
        """Work out once what every look at the count needs."""
        self._runs = self._enabled
        self._ticks, self._source = self._rate()
        distance = (self._compare or self._top) - self._count
        self._until_match = distance if distance > 0 else distance + self._top + 1  # counts, from `_count` on

    def _raw(self) -> int:
        """The count, had it neither stopped nor started over."""
        if not self._runs:
            return self._count
        return self._count + (self._clock.now - self._since) * self._source // self._ticks

    def _period(self) -> int:
        return (self._compare or self._top) if self._mode == self._CONTINUOUS else self._top + 1

    def _matches(self) -> int:
        """Compare matches since `_since`."""
        beyond = self._raw() - self._count - self._until_match
        if beyond < 0:
            return 0
        return 1 if self._mode == self._ONE_SHOT else 1 + beyond // self._period()

    def _value(self) -> int:
        beyond = self._raw() - self._count - self._until_match
        if beyond < 0 or self._mode == self._COMPARE:
            return self._raw() & self._top
        return 1 if self._mode == self._ONE_SHOT else 1 + beyond % self._period()

    def _flag(self) -> bool:
        return self._latched or self._matches() > self._cleared

    def _plan(self) -> None:
        """Drive the interrupt line, and schedule the next match if it matters."""
        self._refresh()
        self._clock.schedule(self._plan, self._next_match() if self._interrupts else NEVER)
        self._line(self._interrupts and self._flag())

    def replan(self) -> None:
        """Schedule again, after the clock it counts has changed."""
        self._plan()

    def _next_match(self) -> int:
        """When the count will match."""
        matches = self._matches()
        if not self._enabled or (matches and self._mode == self._ONE_SHOT):
            return NEVER
        return self._since - (-(self._until_match + matches * self._period()) * self._ticks // self._source)

    def rebase(self) -> None:
        """Take count and flag as of now: something they follow from is about to change."""
        count, flag = self._value(), self._flag()
        if self._mode == self._ONE_SHOT and self._matches():
            self._stop()
        self._count, self._latched, self._cleared, self._since = count, flag, 0, self._clock.now
        self._refresh()

    def pause(self) -> None:
        """Stand still until `resume`: the clock it counts is off."""
        self.rebase()
        self._clock.schedule(self._plan, NEVER)

    def resume(self) -> None:
        self._since = self._clock.now
        self._plan()

    def _clear(self) -> None:
        """Clear the flag."""
        self._latched, self._cleared = False, self._matches()
        self._plan()

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


class Timer(Counter):
    """Timer A of TMR0…3: 32 bits when cascaded, else 16; one-shot, continuous and compare mode."""

    def __init__(self, bus: Bus, instance: int, clock: Clock, pclk_hz: Callable[[], int], line: SetLine) -> None:
        super().__init__(clock, line)
        self._pclk_hz = pclk_hz
        self._control = self._control1 = 0
        bus.claim(r.TMR.bases[instance])
        bus.attach(r.TMR, "CNT", instance, self._read_count, self._write_count)
        bus.attach(r.TMR, "CMP", instance, lambda: self._compare, self._write_compare)
        bus.attach(r.TMR, "INTFL", instance, self._read_flags, self._write_flags)
        bus.attach(r.TMR, "CTRL0", instance, self._read_control, self._write_control)
        bus.attach(r.TMR, "CTRL1", instance, self._read_control1, self._write_control1)

    @property
    def _mode(self) -> int:
        return r.TMR["CTRL0"].get(self._control, "MODE_A")

    @property
    def _enabled(self) -> bool:
        need = r.TMR["CTRL0"].mask("EN_A", "CLKEN_A")
        return self._control & need == need

    @property
    def _interrupts(self) -> bool:
        return bool(self._control1 & r.TMR["CTRL1"].mask("IE_A"))

    @property
    def _top(self) -> int:
        return 0xFFFFFFFF if r.TMR["CTRL1"].get(self._control1, "CASCADE") else 0xFFFF

    def _rate(self) -> tuple[int, int]:
        source = (self._pclk_hz(), r.ISO_HZ, r.IBRO_HZ, r.ERTCO_HZ)[r.TMR["CTRL1"].get(self._control1, "CLKSEL_A")]
        return TICK_HZ << r.TMR["CTRL0"].get(self._control, "CLKDIV_A"), source

    def _stop(self) -> None:
        self._control &= ~r.TMR["CTRL0"].mask("EN_A")

    def _read_flags(self) -> int:
        self._clock.polled("INTFL", self._next_match())
        flags = r.TMR["INTFL"]
        return flags.mask("WRDONE_A", "WRDONE_B") | (flags.mask("IRQ_A") if self._flag() else 0)

    def _write_flags(self, value: int) -> None:
        if value & r.TMR["INTFL"].mask("IRQ_A"):
            self._clear()

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
            raise BoardError(f"Firmware uses timer mode {self._mode}, which the virtual board does not model")
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


class WakeUpTimer(Counter):
    """WUT: 32 bits on the 32.768 kHz oscillator, one-shot or continuous; it counts in every power mode."""

    _CTRL = r.WUT["CTRL"]

    def __init__(self, bus: Bus, clock: Clock, line: SetLine) -> None:
        super().__init__(clock, line)
        self._control = 0
        bus.claim(r.WUT.base)
        bus.attach(r.WUT, "CNT", 0, self._read_count, self._write_count)
        bus.attach(r.WUT, "CMP", 0, lambda: self._compare, self._write_compare)
        bus.attach(r.WUT, "INTR", 0, self._read_flag, lambda value: self._clear())  # any write clears it
        bus.attach(r.WUT, "CTRL", 0, self._read_control, self._write_control)

    @property
    def wakes(self) -> bool:
        """Whether its flag is set."""
        return self._flag()

    @property
    def _mode(self) -> int:
        return self._CTRL.get(self._control, "TMODE")

    @property
    def _enabled(self) -> bool:
        return bool(self._control & self._CTRL.mask("TEN"))

    def _rate(self) -> tuple[int, int]:
        prescaler = self._CTRL.get(self._control, "PRES") | self._CTRL.get(self._control, "PRES3") << 3
        return TICK_HZ << prescaler, r.ERTCO_HZ

    def _stop(self) -> None:
        self._control &= ~self._CTRL.mask("TEN")

    def _read_flag(self) -> int:
        self._clock.polled("INTR", self._next_match())
        return int(self._flag())

    def _read_control(self) -> int:
        if self._mode == self._ONE_SHOT and self._matches():
            return self._control & ~self._CTRL.mask("TEN")
        return self._control

    def _write_control(self, value: int) -> None:
        self.rebase()
        self._control = value
        if self._enabled and self._mode not in (self._ONE_SHOT, self._CONTINUOUS):
            raise BoardError(f"Firmware uses wake-up timer mode {self._mode}, which the virtual board does not model")
        self._plan()
