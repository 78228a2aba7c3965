"""UARTs, and the host at the other end of the line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from operator import length_hint
from typing import Protocol

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.clock import TICK_HZ, Clock
from fer_edge.board.dma import Sink, Source
from fer_edge.board.system import SetLine


class Port(Protocol):
    """The host's end of a serial line."""

    def read(self) -> bytes:
        """What has arrived; empty if nothing has. Does not block."""

    def write(self, data: bytes) -> None:
        """Send `data` to the host."""

    def wait(self, seconds: float) -> bool:
        """Block until something can be read (True) or the time is over."""


class Uart:
    """A UART without line rate: bytes leave at once, and arrive as fast as they are read (no overrun).

    Parameters
    ----------
    port : the host's end; None where the pins are not connected.
    idle : called when firmware polls for a byte and has done so in vain for a while.

    Attributes
    ----------
    passed : if set, called with "received" or "sent" and the bytes when bytes pass.
    """

    _PATIENCE = 32  # empty polls in a row before `idle` …
    _IN_A_ROW = TICK_HZ // 50_000  # … with no more than 20 µs between them
    _BUFFER = 256  # bytes kept before they are handed to the port

    def __init__(
        self,
        bus: Bus,
        instance: int,
        clock: Clock,
        port: Port | None,
        idle: Callable[[], None],
        line: SetLine,
        pclk_hz: Callable[[], int],
    ) -> None:
        self._bus, self._instance, self._pclk_hz = bus, instance, pclk_hz
        self._clock, self._port, self._idle, self._line = clock, port, idle, line
        self._ahead: Iterator[int] = iter(())  # received; the last bytes, whose reading changes a flag, are in `_last`
        self._last: deque[int] = deque()
        self._sent = bytearray()
        self._empty_polls = self._polled_at = 0
        self._control = self._enabled = 0
        self._threshold = 1
        self._fifo_address = r.UART.address("FIFO", instance)
        self._dma_control = 0
        self.serve_dma: Callable[[], None] = lambda: None
        self.passed: Callable[[str, bytes], None] | None = None
        bus.attach(r.UART, "DMA", instance, lambda: self._dma_control, self._write_dma)
        bus.claim(r.UART.bases[instance])
        bus.attach(r.UART, "CTRL", instance, self._read_control, self._write_control)
        bus.attach(r.UART, "STATUS", instance, self._status)
        bus.attach(r.UART, "FIFO", instance, self._pop, self._push)
        bus.attach(r.UART, "CLKDIV", instance, write=self._write_divider)
        bus.attach(r.UART, "INT_EN", instance, lambda: self._enabled, self._enable)
        bus.attach(r.UART, "INT_FL", instance, self._read_flags, self._clear)

    _DMA_RX, _DMA_TX = r.UART["DMA"].mask("RX_EN"), r.UART["DMA"].mask("TX_EN")
    # Masks of the hot path.
    _RX_EM, _TX_EM = r.UART["STATUS"].mask("RX_EM"), r.UART["STATUS"].mask("TX_EM")
    _RX_FULL, _LEVEL = r.UART["STATUS"].mask("RX_FULL"), r.UART["STATUS"].fields["RX_LVL"][0]
    _RX_THD, _TX_HE = r.UART["INT_FL"].mask("RX_THD"), r.UART["INT_FL"].mask("TX_HE")

    @property
    def baud_rate(self) -> float:
        """Bits per second, as the registers say."""
        source = r.UART["CTRL"].get(self._control, "BCLKSRC")
        hz = self._pclk_hz() if source == r.UART_BCLKSRC_PCLK else r.IBRO_HZ
        return hz / (self._bus.memory.get(r.UART.address("CLKDIV", self._instance), 0) or 64)

    @property
    def transfers(self) -> bool:
        """Whether bytes are on the line just now, which time alone brings to its end."""
        return False

    @property
    def listens(self) -> bool:
        """Whether a byte from the host would raise an interrupt, or be taken by DMA."""
        return self._port is not None and bool(self._enabled & self._RX_THD or self._dma_control & self._DMA_RX)

    def dma_requests(self) -> tuple[Source, Sink]:
        """What DMA sees of it."""
        return (
            Source(
                lambda: self._level() if self._dma_control & self._DMA_RX else 0,
                lambda size: bytes(self._pop() for _ in range(size)),
            ),
            Sink(lambda: self._room() if self._dma_control & self._DMA_TX else 0, self._push),
        )

    def _room(self) -> int:
        """Bytes the transmit FIFO takes."""
        return r.UART_FIFO_DEPTH

    def _write_dma(self, value: int) -> None:
        self._dma_control = value
        self.receive()
        self.serve_dma()

    def _level(self) -> int:
        """Bytes to read."""
        return length_hint(self._ahead) + len(self._last)

    def _unread(self) -> bytes:
        """Take out what is left to read."""
        return bytes(self._ahead) + bytes(self._last)

    def receive(self) -> bool:
        """Take over what the host has sent; whether there is anything to read."""
        if self._port is not None and self._level() < self._threshold:
            data = self._port.read()
            if data:
                if self.passed is not None:
                    self.passed("received", data)
                self._hold(self._unread() + data)
        return self._level() > 0

    def _hold(self, data: bytes) -> None:
        """Make `data` what is to be read."""
        self._ahead, self._last = iter(data[: -self._threshold]), deque(data[-self._threshold :])
        self._bus.stream(self._fifo_address, self._ahead, self._pop)
        self._update()
        self.serve_dma()

    def flush(self) -> None:
        """Hand what firmware has sent to the host."""
        if self._sent:
            if self._port is not None:
                self._port.write(bytes(self._sent))
            self._sent.clear()

    def _read_control(self) -> int:
        ctrl = r.UART["CTRL"]
        return self._control | (ctrl.mask("BCLKRDY") if self._control & ctrl.mask("BCLKEN") else 0)

    def _write_control(self, value: int) -> None:
        self.flush()  # what was sent went out at the rate so far
        ctrl = r.UART["CTRL"]
        unread = self._unread()
        if value & ctrl.mask("RX_FLUSH"):
            unread = unread[r.UART_FIFO_DEPTH :]
        self._control = value & ~ctrl.mask("RX_FLUSH", "TX_FLUSH", "BCLKRDY")
        self._threshold = ctrl.get(value, "RX_THD_VAL") or 1
        self._hold(unread)

    def _write_divider(self, value: int) -> None:
        self.flush()
        self._bus.memory[r.UART.address("CLKDIV", self._instance)] = value

    def _status(self) -> int:
        level = self._level()
        if level == 0:
            if not self.receive():
                self._poll_in_vain()
            level = self._level()
        if level == 0:
            return self._RX_EM | self._TX_EM
        self._empty_polls = 0
        if level >= r.UART_FIFO_DEPTH:
            return r.UART_FIFO_DEPTH << self._LEVEL | self._RX_FULL | self._TX_EM
        return level << self._LEVEL | self._TX_EM

    def _poll_in_vain(self) -> None:
        clock = self._clock
        clock.not_only_time()
        if clock.now - self._polled_at > self._IN_A_ROW:
            self._empty_polls = 0
        self._empty_polls += 1
        if self._empty_polls > self._PATIENCE:
            self._idle()
            self.receive()
        self._polled_at = clock.now

    def _pop(self) -> int:
        byte = next(self._ahead, None)
        if byte is None:
            if not self._last:
                return 0
            byte = self._last.popleft()
            self._update()
        return byte

    def _push(self, value: int) -> None:
        self._empty_polls = 0
        if self.passed is not None:
            self.passed("sent", bytes([value & 0xFF]))
        self._sent.append(value & 0xFF)
        if len(self._sent) >= self._BUFFER:
            self.flush()

    def _flags(self) -> int:
        # Bytes leave at once: the transmit FIFO is always less than half full.
        return self._TX_HE | (self._RX_THD if self._level() >= self._threshold else 0)

    def _read_flags(self) -> int:
        if self._level() < self._threshold and not self.receive():
            self._poll_in_vain()
        return self._flags()

    def _clear(self, value: int) -> None:
        self._update()

    def _enable(self, value: int) -> None:
        self._enabled = value
        self._update()

    def _update(self) -> None:
        self._line(bool(self._flags() & self._enabled))


class PacedUart(Uart):
    """A UART whose line takes ten bits' time for a byte, in virtual time, and whose FIFOs hold eight bytes.

    A byte that arrives when the receive FIFO is full is lost (RX_OV), as is one written to a full transmit FIFO.

    Attributes
    ----------
    overruns : bytes lost on arrival.
    """

    _STATUS = r.UART["STATUS"]
    _RX_OV = r.UART["INT_FL"].mask("RX_OV")
    _AHEAD = 1 << 16  # bytes taken from the host before they are due
    _REFILL = 256  # bytes between looks at the host
    _HALF = r.UART_FIFO_DEPTH // 2

    def __init__(
        self,
        bus: Bus,
        instance: int,
        clock: Clock,
        port: Port | None,
        idle: Callable[[], None],
        line: SetLine,
        pclk_hz: Callable[[], int],
    ) -> None:
        super().__init__(bus, instance, clock, port, idle, line, pclk_hz)
        self._incoming: deque[int] = deque()  # sent by the host, not yet here
        self._fifo: deque[int] = deque()
        self._outgoing: deque[int] = deque()
        self._arrives = self._departs = 0  # when the byte on the line is through; 0: there is none
        self._sending_rate = 0.0  # of the byte that departs
        self._half_empty = True  # the transmit FIFO has been, since the flag was cleared
        self._overrun = False
        self.overruns = 0

    @property
    def transfers(self) -> bool:
        return bool(self._arrives or self._departs)

    @property
    def baud_rate(self) -> float:
        """Bits per second: of the byte that is on its way out, else as the registers say."""
        return self._sending_rate if self._departs else super().baud_rate

    def _byte_time(self, rate: float) -> int:
        """Clock ticks of a start bit, eight data bits and a stop bit."""
        return max(1, round(10 * TICK_HZ / rate))

    # --- from the host -----------------------------------------------------------------------------------

    def receive(self) -> bool:
        if self._port is not None and len(self._incoming) < self._AHEAD:
            self._incoming += self._port.read()
        if self._incoming and not self._arrives:
            self._expect(self._clock.now)
        return bool(self._fifo)

    def _level(self) -> int:
        return len(self._fifo)

    def _room(self) -> int:
        return r.UART_FIFO_DEPTH - len(self._outgoing)

    def _expect(self, since: int) -> None:
        self._arrives = since + self._byte_time(super().baud_rate)
        self._clock.schedule(self._arrive, self._arrives)

    def _arrive(self) -> None:
        byte, at = self._incoming.popleft(), self._arrives
        self._arrives = 0
        if self.passed is not None:
            self.passed("received", bytes([byte]))
        if len(self._fifo) < r.UART_FIFO_DEPTH:
            self._fifo.append(byte)
        else:
            self._overrun = True
            self.overruns += 1
        if len(self._incoming) % self._REFILL == 0 and self._port is not None:  # in time: no gap within a frame
            self._incoming += self._port.read()
        if self._incoming:
            self._expect(at)
        self._update()
        self.serve_dma()

    def _pop(self) -> int:
        byte = self._fifo.popleft() if self._fifo else 0
        self._update()
        return byte

    # --- to the host -------------------------------------------------------------------------------------

    def _push(self, value: int) -> None:
        self._empty_polls = 0
        if len(self._outgoing) >= r.UART_FIFO_DEPTH:
            return
        self._outgoing.append(value & 0xFF)
        if not self._departs:
            self._send(self._clock.now)

    def _send(self, since: int) -> None:
        self._sending_rate = super().baud_rate  # a change counts from the next byte on
        self._departs = since + self._byte_time(self._sending_rate)
        self._clock.schedule(self._depart, self._departs)

    def _depart(self) -> None:
        self._sent.append(self._outgoing.popleft())
        if self.passed is not None:
            self.passed("sent", bytes(self._sent[-1:]))
        if not self._outgoing or self._sending_rate != super().baud_rate:
            self.flush()
        at, self._departs = self._departs, 0
        if self._outgoing:
            self._send(at)
        if len(self._outgoing) == self._HALF:
            self._half_empty = True
            self._update()
        self.serve_dma()

    # --- registers ---------------------------------------------------------------------------------------

    def _write_control(self, value: int) -> None:
        if value & r.UART["CTRL"].mask("RX_FLUSH"):
            self._fifo.clear()
        super()._write_control(value)

    def _status(self) -> int:
        if not self._fifo:
            self._await("STATUS")
        received, waiting = len(self._fifo), len(self._outgoing)
        return self._STATUS.pack(
            TX_BUSY=waiting > 0,
            RX_BUSY=self._arrives > 0,
            RX_EM=received == 0,
            RX_FULL=received == r.UART_FIFO_DEPTH,
            TX_EM=waiting == 0,
            TX_FULL=waiting == r.UART_FIFO_DEPTH,
            RX_LVL=received,
            TX_LVL=waiting,
        )

    def _await(self, register: str) -> None:
        """Firmware reads `register` over and over, and what it waits for takes its time on the line, or the host's."""
        if not self.receive():
            if self.transfers:
                self._clock.polled(register, min(time for time in (self._arrives, self._departs) if time))
            else:
                self._poll_in_vain()

    def _read_flags(self) -> int:
        self._await("INT_FL")
        return self._flags()

    def _flags(self) -> int:
        flags = self._RX_THD if len(self._fifo) >= self._threshold else 0
        return flags | (self._TX_HE if self._half_empty else 0) | (self._RX_OV if self._overrun else 0)

    def _clear(self, value: int) -> None:
        if value & self._RX_OV:
            self._overrun = False
        if value & self._TX_HE:
            self._half_empty = len(self._outgoing) <= self._HALF  # else it comes back at once
        super()._clear(value)
