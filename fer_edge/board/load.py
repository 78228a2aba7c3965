"""What the board draws, and the INA219 or INA226 that measures it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from fer_edge.board.clock import TICK_HZ, Clock

_KEPT = TICK_HZ  # how far back the load is remembered: a second, longer than any conversion


@dataclass(frozen=True)
class LoadModel:
    """A made-up load, so that a measurement has something to find: current in A while the accelerator rests and
    while it computes, at `volts`."""

    volts: float = 5.0
    idle: float = 0.010
    cnn: float = 0.030


class Load:
    """Charge drawn over virtual time."""

    def __init__(self, model: LoadModel, clock: Clock) -> None:
        self.model = model
        self._clock = clock
        self._steps: deque[tuple[int, float]] = deque([(clock.now, model.idle)])  # current from a time on

    def computing(self, busy: bool) -> None:
        """Tell that the accelerator starts or is done."""
        now = self._clock.now
        self._steps.append((now, self.model.cnn if busy else self.model.idle))
        while len(self._steps) > 1 and self._steps[1][0] < now - _KEPT:
            self._steps.popleft()

    def mean(self, begin: int, end: int) -> float:
        """Mean current in A between two times, at most a second back."""
        charge, until = 0.0, end
        for since, current in reversed(self._steps):
            if since < until:
                charge += current * (until - max(since, begin))
                until = max(since, begin)
            if until <= begin:
                break
        return charge / (end - begin) if end > begin else self._steps[-1][1]


class Ina:
    """An INA219 or INA226 that converts shunt and bus voltage all the time, averaging as configured.

    A register read gives the last whole conversion. Attribute `answering` may be cleared: it then acknowledges nothing.
    """

    ADDRESS = 0x40
    KINDS = ("INA219", "INA226")
    _INA226_TIMES = (140, 204, 332, 588, 1100, 2116, 4156, 8244)  # µs
    _INA226_AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)
    _INA219_TIMES = (84, 148, 276, 532, 84, 148, 276, 532, 532, 1060, 2130, 4260, 8510, 17020, 34050, 68100)  # µs

    def __init__(self, kind: str, load: Load, clock: Clock, shunt_ohms: float = 0.1) -> None:
        self.answering = True
        self._ina226 = kind == "INA226"
        self._load, self._clock, self._shunt_ohms = load, clock, shunt_ohms
        self._pointer = 0
        self._configure(0x4127 if self._ina226 else 0x399F)

    def _configure(self, word: int) -> None:
        self._configuration = word
        self._since = self._clock.now

    def _conversion(self) -> int:
        """Clock ticks of one conversion of both voltages, averaging included."""
        word = self._configuration
        if self._ina226:
            times = self._INA226_TIMES[word >> 6 & 7] + self._INA226_TIMES[word >> 3 & 7]
            microseconds = times * self._INA226_AVERAGES[word >> 9 & 7]
        else:
            microseconds = self._INA219_TIMES[word >> 7 & 15] + self._INA219_TIMES[word >> 3 & 15]
        return microseconds * (TICK_HZ // 1_000_000)

    def write(self, data: bytes) -> None:
        self._pointer = data[0]
        if len(data) == 3 and self._pointer == 0:
            self._configure(int.from_bytes(data[1:], "big"))

    def read(self, count: int) -> bytes:
        return (self._register() & 0xFFFF).to_bytes(2, "big").ljust(count, b"\xff")[:count]

    def _register(self) -> int:
        length = self._conversion()
        whole = (self._clock.now - self._since) // length
        if self._pointer == 0:
            return self._configuration
        if self._pointer == 1 and whole:
            end = self._since + whole * length
            volts = self._load.mean(end - length, end) * self._shunt_ohms
            return round(volts / (2.5e-6 if self._ina226 else 10e-6))
        if self._pointer == 2 and whole:
            volts = self._load.model.volts
            return round(volts / 1.25e-3) if self._ina226 else round(volts / 4e-3) << 3 | 2
        return {0xFE: 0x5449, 0xFF: 0x2260}.get(self._pointer, 0) if self._ina226 else 0
