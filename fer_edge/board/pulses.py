"""The pulse train engine, whose train 0 is the camera's clock."""

from __future__ import annotations

from collections.abc import Callable

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.clock import NEVER, TICK_HZ, Clock
from fer_edge.errors import BoardError

_PT0 = r.PTG["ENABLE"].mask("PT0")


class PulseTrain:
    """Pulse train 0: a square wave, or a pattern that is repeated for ever or a number of times. No interrupt.

    A bit of a pattern lasts RATE_CONTROL cycles of PCLK. Half a period of a square wave is taken to last one less: so a
    user of the MAX78002 measured it, though the user guide says otherwise.

    Parameters
    ----------
    clocked : whether the engine has its clock; without it, it neither runs nor takes what is written.

    Attributes
    ----------
    changed : called when the output starts, stops or changes its frequency.
    """

    _RATE, _LOOP = r.PT["RATE_LENGTH"], r.PT["LOOP"]

    def __init__(self, bus: Bus, clock: Clock, pclk_hz: Callable[[], int], clocked: Callable[[], bool]) -> None:
        self._bus, self._clock, self._pclk_hz, self._clocked = bus, clock, pclk_hz, clocked
        self.changed: Callable[[], None] = lambda: None
        self._paused = False
        bus.claim(r.PTG.base)
        attach = bus.attach
        attach(r.PTG, "ENABLE", 0, self._read_enable, self._gated(self._enable))
        attach(r.PTG, "SAFE_EN", 0, lambda: 0, self._gated(lambda bits: self._enable(self._enabled | bits)))
        attach(r.PTG, "SAFE_DIS", 0, lambda: 0, self._gated(lambda bits: self._enable(self._enabled & ~bits)))
        attach(r.PTG, "RESYNC", 0, lambda: 0, self._gated(lambda bits: None))
        attach(r.PTG, "INTFL", 0, lambda: self._flags, self._gated(self._clear))
        attach(r.PT, "RATE_LENGTH", 0, lambda: self._rate_length, self._gated(self._set_rate))
        attach(r.PT, "TRAIN", 0, lambda: self._pattern, self._gated(self._set_pattern))
        attach(r.PT, "LOOP", 0, self._read_loop, self._gated(self._set_loop))
        self.reset()

    def reset(self) -> None:
        """All registers as after reset."""
        self._enabled = self._flags = self._pattern = self._loop = 0
        self._rate_length = self._RATE.pack(MODE=r.PT_SQUARE_WAVE)
        self._left, self._since = 0, self._clock.now  # PCLK cycles until the train ends, as of then; 0: it does not
        self._clock.schedule(self._end, NEVER)
        self.changed()

    @property
    def hz(self) -> float:
        """Frequency of the output; 0 while it stands still."""
        rate = self._rate
        if not self._enabled or not self._clocked() or self._paused or rate == 0:
            return 0.0
        if self._mode == r.PT_SQUARE_WAVE:
            if rate == 1:
                return 0.0
            self._bus.remark(
                f"pulse train 0 as a square wave: its period is taken as 2 x ({rate} - 1) cycles of PCLK, as measured "
                f"on a MAX78002; by the user guide it is 2 x {rate}"
            )
            return self._pclk_hz() / (2 * (rate - 1))
        bits = [self._pattern >> n & 1 for n in range(self._bits)]
        rises = sum(bit > before for bit, before in zip(bits, bits[-1:] + bits[:-1], strict=True))
        return rises * self._pclk_hz() / (self._bits * rate)

    @property
    def _rate(self) -> int:
        return self._RATE.get(self._rate_length, "RATE_CONTROL")

    @property
    def _mode(self) -> int:
        return self._RATE.get(self._rate_length, "MODE")

    @property
    def _bits(self) -> int:
        return self._mode or 32

    @property
    def _round(self) -> int:
        """PCLK cycles of one run through the pattern."""
        return self._bits * max(1, self._rate) + self._LOOP.get(self._loop, "DELAY")

    # --- time --------------------------------------------------------------------------------------------

    def rebase(self) -> None:
        """Take what is left as of now: the clock is about to change."""
        if self._left and self._enabled and not self._paused:
            self._left = max(1, self._left - (self._clock.now - self._since) * self._pclk_hz() // TICK_HZ)
        self._since = self._clock.now

    def replan(self) -> None:
        """Schedule the end again, after the clock has changed."""
        runs = self._left and self._enabled and not self._paused and self._clocked()
        ticks = -(-self._left * TICK_HZ // self._pclk_hz())
        self._clock.schedule(self._end, self._since + ticks if runs else NEVER)
        self.changed()

    def pause(self) -> None:
        """Stand still until `resume`: PCLK is off."""
        self.rebase()
        self._paused = True
        self.replan()

    def resume(self) -> None:
        self._paused = False
        self._since = self._clock.now
        self.replan()

    def _end(self) -> None:
        self._enabled &= ~_PT0
        self._flags |= _PT0
        self._loop &= ~self._LOOP.mask("COUNT")
        self._left = 0
        self.changed()

    # --- registers ---------------------------------------------------------------------------------------

    def _gated(self, write: Callable[[int], None]) -> Callable[[int], None]:
        def store(value: int) -> None:
            if self._clocked():
                write(value)
            else:
                self._bus.remark("the pulse train engine is written to while its clock is off (PCLKDIS0.PT): lost")

        return store

    def _enable(self, value: int) -> None:
        if value & ~_PT0:
            raise BoardError("Firmware enables a pulse train other than 0, which the virtual board does not model")
        if value & ~self._enabled:
            repeats = self._LOOP.get(self._loop, "COUNT") if self._mode != r.PT_SQUARE_WAVE else 0
            self._left, self._since = repeats * self._round, self._clock.now
        else:
            self.rebase()
        self._enabled = value
        self.replan()

    def _read_enable(self) -> int:
        self._clock.polled("PTG ENABLE", self._clock.when(self._end))
        return self._enabled

    def _clear(self, bits: int) -> None:
        self._flags &= ~bits

    def _set_rate(self, value: int) -> None:
        self._rate_length = value
        self.changed()

    def _set_pattern(self, value: int) -> None:
        self._pattern = value
        self.changed()

    def _set_loop(self, value: int) -> None:
        self._loop = value

    def _read_loop(self) -> int:
        self.rebase()
        if not self._left:
            return self._loop
        return self._loop & ~self._LOOP.mask("COUNT") | -(-self._left // self._round)
