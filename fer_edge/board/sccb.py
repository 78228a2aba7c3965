"""SCCB: the two wires to the camera's sensor, decoded from what the pins do."""

from __future__ import annotations

from collections.abc import Callable

from fer_edge.board.gpio import Gpio
from fer_edge.board.i2c import Device

SCL, SDA = 30, 31  # of port 0
ADDRESS = 0x3C


class SccbPins:
    """Watches SCL and SDA of a port while they are plain pins, and pulls SDA low for the sensor.

    A line that nobody drives is taken as high, as if the board had pull-up resistors, which is not known.
    """

    def __init__(self, port: Gpio, sensor: Device, remark: Callable[[str], None]) -> None:
        self._port, self._sensor, self._remark = port, sensor, remark
        self._scl = self._sda = 1
        self._pulling = False
        self._stand_by()
        port.watchers.append(self._look)

    def _stand_by(self) -> None:
        """Between transfers, or with the sensor not addressed."""
        self._bits = 0  # of the byte under way, its acknowledgement included
        self._shift = self._out = 0
        self._addressing = self._listening = self._sending = False
        self._received = bytearray()

    def _level(self, pin: int) -> int:
        return self._port.levels() >> pin & 1 if self._port.function(pin) == 0 else 1

    def _driven(self, pin: int) -> bool:
        return bool(self._port.enabled >> pin & 1) and self._port.function(pin) == 0

    def _pull(self, low: bool) -> None:
        if low != self._pulling:
            self._pulling = low
            self._port.ground(SDA, low)

    def _look(self) -> None:
        scl, sda = self._level(SCL), self._level(SDA)
        scl_before, sda_before, self._scl, self._sda = self._scl, self._sda, scl, sda
        if scl and scl_before and sda != sda_before:
            if sda:
                self._stop()
            else:
                self._start()
        elif scl and not scl_before:
            self._rise(sda)
        elif scl_before and not scl:
            self._fall()

    def _start(self) -> None:
        if self._addressing or self._listening or self._sending:
            self._remark("SCCB without a STOP before the next START: whether the sensor takes that is not known")
        self._deliver()
        self._stand_by()
        self._addressing = True
        self._bits = -1  # the clock's fall that ends the START counts as none

    def _stop(self) -> None:
        self._deliver()
        self._pull(False)
        self._stand_by()

    def _deliver(self) -> None:
        if self._received:
            self._sensor.write(bytes(self._received))

    def _rise(self, sda: int) -> None:
        if not (self._driven(SCL) and (self._driven(SDA) or self._sending or self._pulling)):
            self._remark(
                "an SCCB line that nobody drives is taken as high: whether the board has pull-ups is not known"
            )
        if self._bits < 8:
            self._shift = self._shift << 1 | sda
        elif self._sending and sda:  # not acknowledged: it was the last byte
            self._sending = False

    def _fall(self) -> None:
        self._bits += 1
        if self._bits == 9:
            self._bits = 0
        if self._bits == 8:
            self._end_of_byte()
        elif self._sending:
            if self._bits == 0:
                self._out = self._sensor.read(1)[0]
            self._pull(not self._out >> (7 - self._bits) & 1)
        else:
            self._pull(False)

    def _end_of_byte(self) -> None:
        """Acknowledge what has been received, or leave SDA to the other side."""
        byte, self._shift = self._shift & 0xFF, 0
        if self._sending:
            self._pull(False)
        elif self._addressing:
            self._addressing = False
            mine = byte >> 1 == ADDRESS and self._sensor.answering
            self._sending, self._listening = mine and bool(byte & 1), mine and not byte & 1
            self._pull(mine)
        elif self._listening:
            self._received.append(byte)
            self._pull(True)
