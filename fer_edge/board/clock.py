"""Virtual time and the events that happen at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

TICK_HZ = 300_000_000  # in which a cycle at 100 MHz and one at 60 MHz are both whole
NEVER = 1 << 62


class Clock:
    """Time in ticks of 1/300 MHz, deterministic: it advances with instructions and with nothing else of the host.

    Attributes
    ----------
    now : ticks since power-on.
    deadline : when the next event is due, or NEVER.
    cycle : ticks of one processor cycle.
    polling_since : when firmware began to do nothing but read one register.
    interrupted : whether an interrupt is pending.
    held : whether reading registers takes no time, as it is a debugger that reads.
    """

    # A register that is read over and over is a busy wait: from the 8th read in a slice on, every further read
    # lets 1/256 of the time waited so far pass, though not beyond what is waited for. Two seconds take 3,000 reads.
    _PATIENCE = 8
    _GROWTH = 8
    # What count firmware waits for is not known, so every count is what it may wait for, and a leap stays short.
    _COUNTER_LEAP = TICK_HZ // 10_000
    _IN_TURN = 3  # registers read in turn are one wait

    def __init__(self) -> None:
        self.now = 0
        self.deadline = NEVER
        self.cycle = 1
        self.held = False
        self.interrupted: Callable[[], bool] = lambda: False
        self._events: dict[Callable[[], None], int] = {}
        self._polls = 0
        self.polling_since = 0
        # What was read last, and how far a leap may go by what is known of it. Firmware that waits for either of two
        # things, as for a flag or a timer, reads them in turn.
        self._read: deque[tuple[str, int]] = deque(maxlen=self._IN_TURN)

    def schedule(self, event: Callable[[], None], when: int) -> None:
        """Call `event` at `when` instead of any time it was scheduled for; NEVER cancels."""
        if when == NEVER:
            self._events.pop(event, None)
        else:
            self._events[event] = when
        self.deadline = min(self._events.values(), default=NEVER)

    def when(self, event: Callable[[], None]) -> int:
        """When `event` will happen, or NEVER."""
        return self._events.get(event, NEVER)

    def advance(self, to: int) -> None:
        """Let time pass until `to`, and what is due happen on the way."""
        while self.deadline <= to:
            event = min(self._events, key=self._events.__getitem__)
            self.now = max(self.now, self.deadline)
            self.schedule(event, NEVER)
            event()
        self.now = max(self.now, to)

    def polled(self, register: str, until: int) -> None:
        """Tell that firmware reads a register that time alone changes, next at `until`; NEVER if it will not."""
        self._poll(register, until, NEVER)

    def _poll(self, register: str, until: int, longest: int) -> None:
        if self.held:
            return
        if all(register != name for name, _ in self._read):
            self.not_only_time()
        self._read.append((register, longest))
        self._polls += 1
        step = 4 * self.cycle  # load, test, branch
        if self._polls > self._PATIENCE and not self.interrupted():  # a handler has to run before time may leap
            longest = min(leap for _, leap in self._read)
            leap = min((self.now - self.polling_since) >> self._GROWTH, until - self.now, longest)
            step = max(step, leap if until != NEVER else 0)
        self.advance(min(self.now + step, max(self.deadline, self.now)))

    def polled_counter(self, register: str, running: bool) -> None:
        """Tell that firmware reads a counter."""
        self._poll(register, self.now + self._COUNTER_LEAP if running else NEVER, self._COUNTER_LEAP)

    def not_only_time(self) -> None:
        """Tell that firmware does more than wait for time to pass: it writes, or looks for what time does not bring."""
        self._polls = 0
        self.polling_since = self.now

    def end_slice(self, start: int, cycles: int) -> None:
        """Account for `cycles` instructions run since `start`; waiting skipped meanwhile counts as well."""
        self.advance(max(self.now, start + cycles * self.cycle))
        if self._polls < self._PATIENCE:
            self.polling_since = self.now
        self._polls = 0


class Countdown:
    """An event after so much time of a clock that may stand still."""

    def __init__(self, clock: Clock, event: Callable[[], None]) -> None:
        self._clock, self._event = clock, event
        self._left: int | None = None  # while it stands still

    def start(self, ticks: int) -> None:
        """Call the event when the clock has run for so long."""
        self._left = None
        self._clock.schedule(self._event, self._clock.now + ticks)

    def pause(self) -> None:
        """Stand still until `resume`."""
        if (due := self._clock.when(self._event)) != NEVER:
            self._left = due - self._clock.now
            self._clock.schedule(self._event, NEVER)

    def resume(self) -> None:
        if self._left is not None:
            self.start(self._left)
