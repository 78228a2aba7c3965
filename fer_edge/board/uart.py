"""UARTs, and the host at the other end of the line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.clock import TICK_HZ, Clock
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
        self._received = bytearray()
        self._read_at = 0
        self._sent = bytearray()
        self._empty_polls = self._polled_at = 0
        self._control = self._enabled = 0
        self._threshold = 1
        self._tx_half_empty = False
        bus.claim(r.UART.bases[instance])
        bus.attach(r.UART, "CTRL", instance, self._read_control, self._write_control)
        bus.attach(r.UART, "STATUS", instance, self._status)
        bus.attach(r.UART, "FIFO", instance, self._pop, self._push)
        bus.attach(r.UART, "INT_EN", instance, lambda: self._enabled, self._enable)
        bus.attach(r.UART, "INT_FL", instance, self._flags, self._clear)

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
        """Whether a byte from the host would raise an interrupt."""
        return self._port is not None and bool(self._enabled & self._RX_THD)

    def receive(self) -> bool:
        """Take over what the host has sent; whether there is anything to read."""
        if self._port is not None and self._read_at == len(self._received):
            data = self._port.read()
            if data:
                self._received = bytearray(data)
                self._read_at = 0
                self._update()
        return self._read_at < len(self._received)

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
        ctrl = r.UART["CTRL"]
        if value & ctrl.mask("RX_FLUSH"):
            self._read_at = min(self._read_at + r.UART_FIFO_DEPTH, len(self._received))
        self._control = value & ~ctrl.mask("RX_FLUSH", "TX_FLUSH", "BCLKRDY")
        self._threshold = ctrl.get(value, "RX_THD_VAL") or 1
        self._update()

    def _status(self) -> int:
        level = len(self._received) - self._read_at
        if level == 0:
            if not self.receive():
                self._poll_in_vain()
            level = len(self._received) - self._read_at
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
        at = self._read_at
        if at == len(self._received):
            return 0
        self._read_at = at + 1
        if self._enabled and at + 1 + self._threshold > len(self._received):
            self._update()
        return self._received[at]

    def _push(self, value: int) -> None:
        self._empty_polls = 0
        self._sent.append(value & 0xFF)
        self._tx_half_empty = True
        if self._enabled & self._TX_HE:
            self._update()
        if len(self._sent) >= self._BUFFER:
            self.flush()

    def _flags(self) -> int:
        level = min(len(self._received) - self._read_at, r.UART_FIFO_DEPTH)
        return (self._RX_THD if level >= self._threshold else 0) | (self._TX_HE if self._tx_half_empty else 0)

    def _clear(self, value: int) -> None:
        if value & self._TX_HE:
            self._tx_half_empty = False
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
        self._overrun = False
        self.overruns = 0

    @property
    def transfers(self) -> bool:
        return bool(self._arrives or self._departs)

    def _byte_time(self) -> int:
        """Clock ticks of a start bit, eight data bits and a stop bit."""
        return max(1, round(10 * TICK_HZ / self.baud_rate))

    # --- from the host -----------------------------------------------------------------------------------

    def receive(self) -> bool:
        if self._port is not None and len(self._incoming) < self._AHEAD:
            self._incoming += self._port.read()
        if self._incoming and not self._arrives:
            self._expect(self._clock.now)
        return bool(self._fifo)

    def _expect(self, since: int) -> None:
        self._arrives = since + self._byte_time()
        self._clock.schedule(self._arrive, self._arrives)

    def _arrive(self) -> None:
        byte, at = self._incoming.popleft(), self._arrives
        self._arrives = 0
        if len(self._fifo) < r.UART_FIFO_DEPTH:
            self._fifo.append(byte)
        else:
            self._overrun = True
            self.overruns += 1
        if not self._incoming and self._port is not None:
            self._incoming += self._port.read()
        if self._incoming:
            self._expect(at)
        self._update()

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
        self._departs = since + self._byte_time()
        self._clock.schedule(self._depart, self._departs)

    def _depart(self) -> None:
        at, self._departs = self._departs, 0
        self._sent.append(self._outgoing.popleft())
        if self._outgoing:
            self._send(at)
        else:
            self.flush()
        if len(self._outgoing) == r.UART_FIFO_DEPTH // 2:
            self._tx_half_empty = True
            self._update()

    # --- registers ---------------------------------------------------------------------------------------

    def _write_control(self, value: int) -> None:
        if value & r.UART["CTRL"].mask("RX_FLUSH"):
            self._fifo.clear()
        super()._write_control(value)

    def _status(self) -> int:
        if not self._fifo and not self.receive():
            if self.transfers:
                self._clock.polled("STATUS", min(time for time in (self._arrives, self._departs) if time))
            else:
                self._poll_in_vain()
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

    def _flags(self) -> int:
        flags = self._RX_THD if len(self._fifo) >= self._threshold else 0
        return flags | (self._TX_HE if self._tx_half_empty else 0) | (self._RX_OV if self._overrun else 0)

    def _clear(self, value: int) -> None:
        if value & self._RX_OV:
            self._overrun = False
        super()._clear(value)
