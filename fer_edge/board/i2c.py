"""I2C in master mode, and what firmware finds on the bus."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.clock import TICK_HZ, Clock

_CTRL, _STATUS, _FLAGS = r.I2C["CTRL"], r.I2C["STATUS"], r.I2C["INTFL0"]


class Device(Protocol):
    """A chip on the bus."""

    @property
    def answering(self) -> bool:
        """Whether it acknowledges its address."""

    def write(self, data: bytes) -> None:
        """One write transfer, without the address."""

    def read(self, count: int) -> bytes:
        """One read transfer."""


class I2c:
    """One instance. Transfers take the time of their bits, all of it before STOP and DONE; flags only, no interrupt.

    Parameters
    ----------
    devices : what is on the bus, by 7-bit address.
    connected : whether the block has its clock and its pins; without them nothing answers.
    """

    def __init__(
        self,
        bus: Bus,
        instance: int,
        clock: Clock,
        pclk_hz: Callable[[], int],
        devices: Mapping[int, Device],
        connected: Callable[[], bool] = lambda: True,
    ) -> None:
        self._bus, self._instance, self._clock, self._pclk_hz, self._devices = bus, instance, clock, pclk_hz, devices
        self._connected = connected
        self._control = 0
        self._flags = 0
        self._sending: deque[int] = deque()
        self._received: deque[int] = deque()
        self._address: int | None = None  # of the transfer under way, with its direction bit
        self._addressing = self._failed = False
        self._stopping = False
        self._written = bytearray()
        self._bits = 0  # of the transfer so far
        bus.claim(r.I2C.bases[instance])
        bus.attach(r.I2C, "CTRL", instance, self._read_control, self._write_control)
        bus.attach(r.I2C, "STATUS", instance, self._status)
        bus.attach(r.I2C, "INTFL0", instance, self._read_flags, self._clear)
        bus.attach(r.I2C, "FIFO", instance, self._pop, self._push)
        bus.attach(r.I2C, "MSTCTRL", instance, lambda: 0, self._command)
        bus.attach(r.I2C, "RXCTRL0", instance, write=self._flusher(self._received, r.I2C["RXCTRL0"]))
        bus.attach(r.I2C, "TXCTRL0", instance, write=self._flusher(self._sending, r.I2C["TXCTRL0"]))
        bus.attach(r.I2C, "RXCTRL1", instance, read=lambda: self._count() | len(self._received) << 8)
        bus.attach(r.I2C, "TXCTRL1", instance, read=lambda: len(self._sending) << 8)

    def _count(self) -> int:
        return self._bus.memory.get(r.I2C.address("RXCTRL1", self._instance), 0) & 0xFF

    def _flusher(self, fifo: deque[int], register: r.Register) -> Callable[[int], None]:
        def write(value: int) -> None:
            if value & register.mask("FLUSH"):
                fifo.clear()
            self._bus.memory[r.I2C.address(register.name, self._instance)] = value & ~register.mask("FLUSH")

        return write

    # --- lines -------------------------------------------------------------------------------------------

    def _read_control(self) -> int:
        """Bit-banged lines read back as driven; free ones are pulled up."""
        value = self._control & ~_CTRL.mask("SCL", "SDA")
        for out, line in (("SCL_OUT", "SCL"), ("SDA_OUT", "SDA")):
            if not self._control & _CTRL.mask("BB_MODE") or self._control & _CTRL.mask(out):
                value |= _CTRL.mask(line)
        return value

    def _write_control(self, value: int) -> None:
        self._control = value
        if not value & _CTRL.mask("EN"):
            self._end()

    # --- transfers ---------------------------------------------------------------------------------------

    def _push(self, value: int) -> None:
        if len(self._sending) < r.I2C_FIFO_DEPTH:
            self._sending.append(value & 0xFF)
        self._advance()

    def _pop(self) -> int:
        return self._received.popleft() if self._received else 0

    def _command(self, value: int) -> None:
        command = r.I2C["MSTCTRL"]
        if not self._control & _CTRL.mask("EN") or not self._control & _CTRL.mask("MST"):
            return
        if value & command.mask("START", "RESTART"):
            self._deliver()
            self._addressing, self._failed = True, False
        self._advance()
        if value & command.mask("STOP") and not self._stopping:
            self._stopping = True
            self._deliver()
            self._clock.schedule(self._stop, self._clock.now + self._duration())

    def _advance(self) -> None:
        """Deal with the bytes at hand."""
        if self._addressing and self._sending:
            self._addressing = False
            self._address = self._sending.popleft()
            self._bits += 10
            device = self._devices.get(self._address >> 1)
            if device is None or not self._connected() or not device.answering:
                self._failed = True
                self._flags |= _FLAGS.mask("ADDR_NACK_ERR")
                self._sending.clear()
            else:
                self._flags |= _FLAGS.mask("ADDR_ACK")
                if self._address & 1:
                    self._received.extend(device.read(self._count() or 256))
                    self._bits += 9 * len(self._received)
                    self._flags |= _FLAGS.mask("DONE", "RX_THD")
        if self._address is not None and not self._address & 1 and not self._failed:
            self._written += bytes(self._sending)
            self._bits += 9 * len(self._sending)
            self._sending.clear()
            self._flags |= _FLAGS.mask("TX_THD")

    def _deliver(self) -> None:
        """Hand what was written to the device."""
        if self._address is not None and self._written and not self._failed:
            self._devices[self._address >> 1].write(bytes(self._written))
        self._written.clear()

    def _duration(self) -> int:
        """Clock ticks of the bits so far."""
        memory = self._bus.memory
        period = sum(memory.get(r.I2C.address(name, self._instance), 0) + 1 for name in ("CLKLO", "CLKHI"))
        return (self._bits + 1) * period * TICK_HZ // self._pclk_hz()

    def _stop(self) -> None:
        self._flags |= _FLAGS.mask("STOP", "DONE")
        self._end()

    def _end(self) -> None:
        self._address = None
        self._addressing = self._stopping = self._failed = False
        self._bits = 0
        self._written.clear()
        self._sending.clear()

    # --- registers ---------------------------------------------------------------------------------------

    def _read_flags(self) -> int:
        self._clock.polled("INTFL0", self._clock.when(self._stop))
        return self._flags

    def _clear(self, value: int) -> None:
        self._flags &= ~value

    def _status(self) -> int:
        self._clock.polled("STATUS", self._clock.when(self._stop))
        received, waiting = len(self._received), len(self._sending)
        busy = self._address is not None or self._addressing or self._stopping
        return _STATUS.pack(
            BUSY=busy,
            RX_EM=received == 0,
            RX_FULL=received >= r.I2C_FIFO_DEPTH,
            TX_EM=waiting == 0,
            TX_FULL=waiting >= r.I2C_FIFO_DEPTH,
            MST_BUSY=busy,
        )
