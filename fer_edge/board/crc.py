"""The CRC engine."""

from __future__ import annotations

from collections.abc import Callable

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.dma import Sink

_BITS = 0xFFFFFFFF


class Crc:
    """Takes a byte, a half word or a word at a time, least or most significant bit first (CTRL.MSB).

    With the least significant bit first the polynomial stands in POLY reversed, as after reset: that of Ethernet.
    """

    _CTRL = r.CRC["CTRL"]
    _AT_ONCE = 32  # bytes it takes of a DMA channel before anything else is looked at

    def __init__(self, bus: Bus) -> None:
        self.serve_dma: Callable[[], None] = lambda: None
        self._control, self._polynomial, self._value = 0, 0xEDB88320, _BITS
        bus.claim(r.CRC.base)
        bus.attach(r.CRC, "CTRL", 0, lambda: self._control, self._write_control)
        bus.attach(r.CRC, "POLY", 0, lambda: self._polynomial, self._write_polynomial)
        bus.attach(r.CRC, "VAL", 0, self._read_value, self._write_value)
        bus.connect_sized(r.CRC.address("DATAIN"), self.take)

    def dma_request(self) -> Sink:
        """What DMA sees of it."""
        need = self._CTRL.mask("EN", "DMA_EN")
        return Sink(lambda: self._AT_ONCE if self._control & need == need else 0, lambda byte: self.take(byte, 1))

    def take(self, data: int, size: int) -> None:
        """Count `size` bytes in, if it is enabled."""
        if not self._control & self._CTRL.mask("EN"):
            return
        if self._control & self._CTRL.mask("BYTE_SWAP_IN"):
            data = _swapped(data, size)
        value, polynomial = self._value, self._polynomial
        if self._control & self._CTRL.mask("MSB"):
            for bit in range(8 * size - 1, -1, -1):
                feedback = value >> 31 ^ data >> bit & 1
                value = (value << 1 & _BITS) ^ (polynomial if feedback else 0)
        else:
            for bit in range(8 * size):
                feedback = (value ^ data >> bit) & 1
                value = value >> 1 ^ (polynomial if feedback else 0)
        self._value = value

    def _read_value(self) -> int:
        return _swapped(self._value, 4) if self._control & self._CTRL.mask("BYTE_SWAP_OUT") else self._value

    def _write_value(self, value: int) -> None:
        self._value = value

    def _write_polynomial(self, value: int) -> None:
        self._polynomial = value

    def _write_control(self, value: int) -> None:
        self._control = value & ~self._CTRL.mask("BUSY")  # never busy: it takes less than the next access
        self.serve_dma()


def _swapped(word: int, size: int) -> int:
    return int.from_bytes(word.to_bytes(size, "little"), "big")
