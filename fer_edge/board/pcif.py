"""The parallel camera interface: from the sensor's bytes to words in a FIFO."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.clock import Clock
from fer_edge.board.dma import Source
from fer_edge.board.system import SetLine

_CTRL, _FLAGS = r.PCIF["CTRL"], r.PCIF["INT_FL"]
_WORDS = 2  # DMA_CH.CTRL.SRCWD
_12_BIT = 2  # DATA_WIDTH


class CameraInterface:
    """Waits for a frame to start, takes it, and says IMG_DONE when the next VSYNC tells that it is over.

    In single mode READ_MODE is 0 again then, and the frame that this VSYNC starts is not taken. Two flags follow the
    FIFO's level, two stay until a 1 is written to them. Depth, level flags and the end of single mode are the user
    guide's.

    Parameters
    ----------
    clocked : whether the block has its clock; without it, it does nothing and takes nothing that is written.

    Attributes
    ----------
    capturing : whether it is in the middle of a frame.
    lost : words that found the FIFO full.
    changed : called when it begins or ceases to want frames.
    """

    DEPTH = 8  # words

    def __init__(self, bus: Bus, clock: Clock, line: SetLine, clocked: Callable[[], bool]) -> None:
        self._bus, self._clock, self._line, self._clocked = bus, clock, line, clocked
        self.changed: Callable[[], None] = lambda: None
        self.serve_dma: Callable[[], None] = lambda: None
        self.dma_wants: Callable[[], int] = lambda: 0
        self.capturing = False
        self.lost = 0
        self._control = _CTRL.pack(RX_DMA_THRSH=1, FIFO_THRSH=1)
        self._enabled = self._latched = 0
        self._fifo: deque[int] = deque()
        self._partial = np.empty(0, np.uint8)  # bytes of a word that is not complete
        bus.claim(r.PCIF.base)
        bus.attach(r.PCIF, "FIFO_SIZE", 0, lambda: self.DEPTH, lambda value: None)
        bus.attach(r.PCIF, "CTRL", 0, lambda: self._control, self._gated(self._write_control))
        bus.attach(r.PCIF, "INT_EN", 0, lambda: self._enabled, self._gated(self._enable))
        bus.attach(r.PCIF, "INT_FL", 0, self._read_flags, self._gated(self._clear))
        bus.attach(r.PCIF, "FIFO_DATA", 0, self._pop, lambda value: None)

    def _gated(self, write: Callable[[int], None]) -> Callable[[int], None]:
        def store(value: int) -> None:
            if self._clocked():
                write(value)
            else:
                self._bus.remark("the camera interface is written to while its clock is off (PCLKDIS1.PCIF): lost")

        return store

    def _field(self, name: str) -> int:
        return _CTRL.get(self._control, name)

    # --- from the sensor ---------------------------------------------------------------------------------

    @property
    def waits(self) -> bool:
        """Whether the next VSYNC starts or ends something."""
        if not self._clocked() or not self._field("PCIF_SYS"):
            return False
        if self._field("DS_TIMING_EN") and self._field("READ_MODE"):
            self._bus.remark("the camera interface waits for timing codes in the data, which the sensor does not send")
            return False
        return self._field("READ_MODE") in (r.PCIF_SINGLE, r.PCIF_CONTINUOUS)

    def vsync(self) -> None:
        """VSYNC rises."""
        if self.capturing:
            self._latched |= _FLAGS.mask("IMG_DONE")
            self.capturing = False
            if self._field("READ_MODE") == r.PCIF_SINGLE:
                self._control &= ~_CTRL.mask("READ_MODE")
            self._update()
        if self.waits:
            self.capturing = True
            self._partial = self._partial[:0]

    def appetite(self) -> int:
        """Bytes from the sensor that can be taken at once, as DMA will take the words away."""
        wanted = self.dma_wants() // 4 if self._field("RX_DMA") else 0
        return self.bytes_per_word * max(1, wanted)

    @property
    def bytes_per_word(self) -> int:
        """Bytes from the sensor that make a word."""
        if self._field("DATA_WIDTH") == 0:
            return 3 if self._field("THREE_CH_EN") else 4
        return 2

    def take(self, data: NDArray[np.uint8]) -> None:
        """Bytes of a line, one per pixel clock, no more at once than `appetite` said."""
        if not self.capturing:
            return
        data = np.concatenate((self._partial, data))
        whole = len(data) - len(data) % self.bytes_per_word
        self._partial = data[whole:]
        self._fifo.extend(self._pack(data[:whole].reshape(-1, self.bytes_per_word).astype(np.uint32)).tolist())
        self.serve_dma()
        while len(self._fifo) > self.DEPTH:
            self._fifo.pop()
            self.lost += 1
        if len(self._fifo) == self.DEPTH:
            self._latched |= _FLAGS.mask("FIFO_FULL")
        self._update()

    def _pack(self, data: NDArray[np.uint32]) -> NDArray[Any]:
        """Words from bytes, [words, bytes_per_word]."""
        words: NDArray[Any]
        if self._field("DATA_WIDTH") == 0:
            words = (data << 8 * np.arange(data.shape[1], dtype=np.uint32)).sum(1)
            return words
        first, second = data.T
        if self._field("DATA_WIDTH") == _12_BIT and self._field("THREE_CH_EN"):
            self._bus.remark("RGB565 is widened to 8 bits with zeros below; whether the chip does so is not known")
            red, green, blue = first & 0xF8, (first & 7) << 5 | (second & 0xE0) >> 3, (second & 0x1F) << 3
            words = red | green << 8 | blue << 16
        else:
            words = first | second << 16
        return words

    # --- to firmware -------------------------------------------------------------------------------------

    def dma_request(self) -> Source:
        """What DMA sees of it."""
        return Source(self._ready, self._take_words, _WORDS)

    def _ready(self) -> int:
        level = len(self._fifo)
        return 4 * level if self._field("RX_DMA") and level >= max(1, self._field("RX_DMA_THRSH")) else 0

    def _take_words(self, size: int) -> bytes:
        words = [self._fifo.popleft() for _ in range(-(-size // 4))]
        return np.array(words, "<u4").tobytes()[:size]

    def _pop(self) -> int:
        self._clock.not_only_time()
        word = self._fifo.popleft() if self._fifo else 0
        self._update()
        return word

    def _write_control(self, value: int) -> None:
        self._control = value
        if not self.waits:
            self.capturing = False
        if not self._field("PCIF_SYS"):
            self._fifo.clear()
        self.serve_dma()
        self._update()
        self.changed()

    def _flags(self) -> int:
        level = len(self._fifo)
        reached = level >= max(1, self._field("FIFO_THRSH"))
        return self._latched | _FLAGS.pack(FIFO_THRESH=reached, FIFO_NOT_EMPTY=level > 0)

    def _read_flags(self) -> int:
        self._clock.polled("PCIF INT_FL", self._clock.deadline)
        if self._latched & _FLAGS.mask("FIFO_FULL") and len(self._fifo) < self.DEPTH:
            self._bus.remark("FIFO_FULL is kept until it is cleared; by the user guide it goes when the FIFO is read")
        return self._flags()

    def _enable(self, value: int) -> None:
        self._enabled = value
        self._update()

    def _clear(self, bits: int) -> None:
        self._latched &= ~bits
        if len(self._fifo) == self.DEPTH:
            self._latched |= _FLAGS.mask("FIFO_FULL")
        self._update()

    def _update(self) -> None:
        self._line(bool(self._flags() & self._enabled))
