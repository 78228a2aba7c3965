"""The real-time clock."""

from __future__ import annotations

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.clock import NEVER, TICK_HZ, Clock
from fer_edge.board.system import SetLine
from fer_edge.errors import BoardError


class Rtc:
    """Seconds, sub-seconds of 1/4096 s and both alarms, exact in virtual time; a reset of the chip clears it here.

    The seconds and CTRL.EN take a value only while CTRL.WR_EN is set, as drivers see to.
    """

    _CTRL = r.RTC["CTRL"]
    _TOD_BITS = r.RTC["TODA"].mask("TOD_ALARM")

    def __init__(self, bus: Bus, clock: Clock, line: SetLine) -> None:
        self._clock, self._line = clock, line
        self._control = self._day_alarm = self._reload = 0
        self._counted, self._since = 0, 0  # sub-seconds at a time
        self._alarm_since = 0
        bus.claim(r.RTC.base)
        bus.attach(r.RTC, "SEC", 0, self._seconds, self._write_seconds)
        bus.attach(r.RTC, "SSEC", 0, self._subseconds, self._write_subseconds)
        bus.attach(r.RTC, "TODA", 0, lambda: self._day_alarm, self._write_day_alarm)
        bus.attach(r.RTC, "SSECA", 0, lambda: self._reload, self._write_reload)
        bus.attach(r.RTC, "CTRL", 0, self._read_control, self._write_control)

    @property
    def wakes(self) -> bool:
        """Whether an alarm is due."""
        return bool(self._pending())

    @property
    def runs(self) -> bool:
        """Whether it is enabled, and with it the 32,768 Hz oscillator."""
        return bool(self._control & self._CTRL.mask("EN"))

    def _count(self) -> int:
        return self._counted + (self._clock.now - self._since) * r.RTC_HZ // TICK_HZ if self.runs else self._counted

    def _set(self, count: int) -> None:
        self._counted, self._since = count % (r.RTC_HZ << 32), self._clock.now
        self._plan()

    def _pending(self) -> int:
        control = self._CTRL
        pending = 0
        for alarm in ("TOD_ALARM", "SSEC_ALARM"):
            if self._control & control.mask(alarm) and self._control & control.mask(f"{alarm}_IE"):
                pending |= control.mask(alarm)
        return pending

    def _plan(self) -> None:
        self._clock.schedule(self._day_alarm_comes, self._next_day_alarm())
        self._clock.schedule(self._subsecond_alarm_comes, self._next_subsecond_alarm())
        self._line(bool(self._pending()))

    def _next_day_alarm(self) -> int:
        if not self.runs or not self._control & self._CTRL.mask("TOD_ALARM_IE"):
            return NEVER
        seconds = self._count() // r.RTC_HZ
        wait = (self._day_alarm - seconds) & self._TOD_BITS or self._TOD_BITS + 1
        count = (seconds + wait) * r.RTC_HZ
        return self._since - ((self._counted - count) * TICK_HZ // r.RTC_HZ)

    def _next_subsecond_alarm(self) -> int:
        if not self.runs or not self._control & self._CTRL.mask("SSEC_ALARM_IE"):
            return NEVER
        return self._alarm_since + ((1 << 32) - self._reload) * TICK_HZ // r.RTC_HZ

    def _day_alarm_comes(self) -> None:
        self._control |= self._CTRL.mask("TOD_ALARM")
        self._plan()

    def _subsecond_alarm_comes(self) -> None:
        self._control |= self._CTRL.mask("SSEC_ALARM")
        self._alarm_since = self._clock.now
        self._plan()

    # --- registers ---------------------------------------------------------------------------------------

    def _seconds(self) -> int:
        self._clock.polled_counter("SEC", self.runs)
        return self._count() // r.RTC_HZ & 0xFFFFFFFF

    def _subseconds(self) -> int:
        self._clock.polled_counter("SSEC", self.runs)
        return self._count() % r.RTC_HZ

    def _write_seconds(self, value: int) -> None:
        if self._control & self._CTRL.mask("WR_EN"):
            self._set(value * r.RTC_HZ + self._count() % r.RTC_HZ)

    def _write_subseconds(self, value: int) -> None:
        if self._control & self._CTRL.mask("WR_EN"):
            self._set(self._count() // r.RTC_HZ * r.RTC_HZ + value % r.RTC_HZ)

    def _write_day_alarm(self, value: int) -> None:
        self._day_alarm = value & self._TOD_BITS
        self._plan()

    def _write_reload(self, value: int) -> None:
        self._reload, self._alarm_since = value, self._clock.now
        self._plan()

    def _read_control(self) -> int:
        due = min(self._next_day_alarm(), self._next_subsecond_alarm())
        self._clock.polled("CTRL", due)
        return self._control | self._CTRL.mask("RDY")

    def _write_control(self, value: int) -> None:
        control = self._CTRL
        if value & control.mask("RDY_IE"):
            raise BoardError("Firmware enables the RTC's ready interrupt (RTC.CTRL bit 5), which is not modelled")
        count, alarms = self._count(), control.mask("TOD_ALARM", "SSEC_ALARM")
        if not self._control & control.mask("WR_EN"):
            value = value & ~control.mask("EN") | self._control & control.mask("EN")
        begins = value & ~self._control & control.mask("SSEC_ALARM_IE", "EN")
        flags = self._control & value & alarms  # they can be cleared only
        self._control = value & ~(control.mask("BUSY", "RDY") | alarms) | flags
        if begins:
            self._alarm_since = self._clock.now
        self._set(count)
