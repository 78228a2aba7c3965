"""Faults on purpose: a line that loses, damages, repeats and delays bytes or goes dead, a board that resets."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from fer_edge.board.uart import Port


@dataclass(frozen=True)
class Faults:
    """What goes wrong, as the chance per byte on the line, either way; the same seed and bytes give the same faults.

    drop, flip, duplicate : a byte is lost, has one bit inverted, comes twice.
    delay : the line pauses before a byte, for `delay_seconds` of the host's time.
    cut : the line goes dead, and what is sent is lost, for `cut_seconds` of the host's time.
    reset : the board resets when the byte arrives; only towards the board.
    sensor_silent : the current sensor does not acknowledge.
    camera_silent, pmic_silent : the camera's sensor, the power supply chip is as if it were not there.
    camera_stops : virtual seconds after a reset at which the camera's sensor ceases to send; None for never.
    max_baud : above this rate every byte is damaged, as on a line that is too long; None for no limit.
    """

    seed: int = 0
    drop: float = 0.0
    flip: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    delay_seconds: float = 0.05
    cut: float = 0.0
    cut_seconds: float = 0.5
    reset: float = 0.0
    sensor_silent: bool = False
    camera_silent: bool = False
    pmic_silent: bool = False
    camera_stops: float | None = None
    max_baud: int | None = None


class FaultyPort:
    """A port with faults in front of another one.

    Attributes
    ----------
    reset, baud_rate : what the board provides, once there is one: a call that resets it, and one that tells its rate.
    injected : how many faults there have been, by name.
    """

    def __init__(self, port: Port, faults: Faults, now: Callable[[], float] = time.monotonic) -> None:
        self._port, self._faults, self._now = port, faults, now
        self._random = random.Random(faults.seed)
        self._late: deque[tuple[float, bytes]] = deque()  # read from the host, with the time it may go on
        self._dead_until = 0.0
        self.reset: Callable[[], None] = lambda: None
        self.baud_rate: Callable[[], float] = lambda: 0.0
        self.injected: dict[str, int] = {}

    def read(self) -> bytes:
        data = self._port.read()
        if data:
            self._late.extend(self._spoil(data, towards_board=True))
        arrived = bytearray()
        while self._late and self._late[0][0] <= self._now():
            arrived += self._late.popleft()[1]
        return bytes(arrived)

    def write(self, data: bytes) -> None:
        for _, piece in self._spoil(data, towards_board=False):
            self._port.write(piece)

    def wait(self, seconds: float) -> bool:
        if self._late:
            pause = self._late[0][0] - self._now()
            if pause <= seconds:
                time.sleep(max(0.0, pause))
                return True
        return self._port.wait(seconds)

    def _one_of(self, chances: dict[str, float]) -> str:
        (fault,) = self._random.choices(list(chances), list(chances.values()))
        self.injected[fault] = self.injected.get(fault, 0) + 1
        return fault

    def _spoil(self, data: bytes, towards_board: bool) -> list[tuple[float, bytes]]:
        """What becomes of bytes: pieces, with the time at which each arrives."""
        faults = self._faults
        pieces: list[tuple[float, bytes]] = []
        piece = bytearray()
        due = self._late[-1][0] if self._late and towards_board else 0.0
        too_fast = faults.max_baud is not None and self.baud_rate() > faults.max_baud
        dead = self._now() < self._dead_until
        kinds = ("drop", "flip", "duplicate", "cut", *(("delay", "reset") if towards_board else ()))
        chances = {kind: getattr(faults, kind) for kind in kinds}
        total = sum(chances.values())
        for byte in data:
            fault = self._one_of(chances) if self._random.random() < total else None
            if fault == "cut":
                self._dead_until, dead = self._now() + faults.cut_seconds, True
            if dead or fault == "drop":
                continue
            if fault == "reset":
                self.reset()
                return []  # what was on its way is lost with it
            if fault == "delay":
                pieces.append((due, bytes(piece)))
                piece.clear()
                due = max(due, self._now()) + faults.delay_seconds
            if too_fast or fault == "flip":
                byte ^= 1 << self._random.randrange(8)
            piece += bytes([byte, byte] if fault == "duplicate" else [byte])
        pieces.append((due, bytes(piece)))
        return [(when, content) for when, content in pieces if content]
