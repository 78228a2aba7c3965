"""The DMA controller: four channels, memory to memory, to and from the UARTs, and into the CRC engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fer_edge import registers as r
from fer_edge.board.bus import Bus
from fer_edge.board.clock import NEVER, Clock
from fer_edge.board.system import SetLine
from fer_edge.errors import BoardError


class Memory(Protocol):
    """What a channel reads and writes beside the registers of its peripheral; OSError where there is no memory."""

    def read(self, address: int, size: int) -> bytes: ...

    def write(self, address: int, data: bytes) -> None: ...


@dataclass(frozen=True)
class Source:
    """A peripheral that gives bytes: how many there are, and as many of them as asked for.

    width : SRCWD that its FIFO has to be read with; a transfer that differs ends the run.
    """

    ready: Callable[[], int]
    take: Callable[[int], bytes]
    width: int | None = None


@dataclass(frozen=True)
class Sink:
    """A peripheral that takes bytes: how many it has room for, and one."""

    ready: Callable[[], int]
    give: Callable[[int], None]


class Dma:
    """A transfer from memory to memory takes two processor cycles a word, which is assumed; the others take what their
    peripheral does. Widths do not matter to what arrives, since a transfer is counted in bytes; bursts and the time-out
    are not modelled. A request nobody answers to ends the run.

    Parameters
    ----------
    lines : the interrupt line of each channel.
    requests : peripherals by the request that CTRL names.
    clocked : whether the controller has its clock; without it no channel can be enabled.

    Attributes
    ----------
    channels : by number.
    changed : called when a channel has started or stopped, among others.
    """

    _CYCLES_PER_WORD = 2
    _CTRL, _STATUS = r.DMA_CH["CTRL"], r.DMA_CH["STATUS"]

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        memory: Memory,
        lines: list[SetLine],
        requests: dict[int, Source | Sink],
        clocked: Callable[[], bool],
    ) -> None:
        self._bus, self._clock, self._memory, self._requests, self._clocked = bus, clock, memory, requests, clocked
        self._enabled = 0
        self.changed: Callable[[], None] = lambda: None
        bus.claim(r.DMA.base)
        bus.attach(r.DMA, "INTEN", 0, lambda: self._enabled, self._enable)
        bus.attach(r.DMA, "INTFL", 0, self._flags, lambda value: None)
        self.channels = [Channel(self, bus, n, line) for n, line in enumerate(lines)]

    def serve(self) -> None:
        """Move what peripherals have or want by now; to be called whenever that may have changed."""
        for channel in self.channels:
            if channel.running:
                channel.serve()

    def can_run(self) -> bool:
        """Whether channels can be enabled."""
        if not self._clocked():
            self._bus.remark("a DMA channel is enabled while the controller's clock is off (PCLKDIS0.DMA): lost")
        return self._clocked()

    def begin(self, channel: Channel) -> None:
        """A channel has been enabled."""
        request = channel.request
        if request == r.DMA_MEMTOMEM:
            cycles = self._CYCLES_PER_WORD * -(-channel.count // 4)
            self._clock.schedule(channel.copy, self._clock.now + max(1, cycles) * self._clock.cycle)
        elif request not in self._requests:
            raise BoardError(f"Firmware enables DMA for request {request:#04x}, which the virtual board does not model")
        else:
            channel.check_width(self._requests[request])
            channel.serve()

    def wanted(self, request: int) -> int:
        """Bytes that channels enabled for a request have still to move."""
        return sum(c.count for c in self.channels if c.running and c.request == request)

    def end(self, channel: Channel) -> None:
        """A channel has been disabled."""
        self._clock.schedule(channel.copy, NEVER)

    def polled(self) -> None:
        """Firmware looks at a channel's status, which changes with the next event at the earliest."""
        self._clock.polled("DMA STATUS", self._clock.deadline)

    def peripheral(self, request: int) -> Source | Sink:
        return self._requests[request]

    @property
    def memory(self) -> Memory:
        return self._memory

    def interrupts(self, number: int) -> bool:
        """Whether a channel's interrupt is enabled."""
        return bool(self._enabled >> number & 1)

    def _flags(self) -> int:
        return sum(channel.pending << n for n, channel in enumerate(self.channels))

    def _enable(self, value: int) -> None:
        self._enabled = value
        for channel in self.channels:
            channel.update()


class Channel:
    """One channel: its registers, and the transfer they describe."""

    _CTRL, _STATUS = r.DMA_CH["CTRL"], r.DMA_CH["STATUS"]
    _FLAGS = _STATUS.mask("CTZ_IF", "RLD_IF", "BUS_ERR", "TO_IF")

    def __init__(self, dma: Dma, bus: Bus, number: int, line: SetLine) -> None:
        self._dma, self._number, self._line = dma, number, line
        self._words = bus.memory
        self._control = self._status = 0
        bus.attach(r.DMA_CH, "CTRL", number, lambda: self._control, self._write_control)
        bus.attach(r.DMA_CH, "STATUS", number, self._read_status, self._clear)

    def _register(self, name: str) -> int:
        return self._words.get(r.DMA_CH.address(name, self._number), 0)

    def _set(self, name: str, value: int) -> None:
        self._words[r.DMA_CH.address(name, self._number)] = value

    @property
    def running(self) -> bool:
        return bool(self._control & self._CTRL.mask("EN"))

    @property
    def request(self) -> int:
        return self._CTRL.get(self._control, "REQUEST")

    @property
    def count(self) -> int:
        """Bytes still to be moved."""
        return r.DMA_CH["CNT"].get(self._register("CNT"), "CNT")

    @property
    def pending(self) -> bool:
        """Whether it asks for an interrupt: at the end of the count, or when it was disabled on the way."""
        ended = self._status & self._STATUS.mask("CTZ_IF") and self._control & self._CTRL.mask("CTZ_IE")
        disabled = not self.running and self._status and self._control & self._CTRL.mask("DIS_IE")
        return self._dma.interrupts(self._number) and bool(ended or disabled)

    def update(self) -> None:
        """Drive the interrupt line."""
        self._line(self.pending)
        self._dma.changed()

    def check_width(self, peripheral: Source | Sink) -> None:
        """BoardError if the peripheral's FIFO cannot be read with the width that CTRL has."""
        width = self._CTRL.get(self._control, "SRCWD")
        if isinstance(peripheral, Source) and peripheral.width not in (None, width):
            raise BoardError(
                f"Firmware reads a FIFO by DMA with SRCWD = {width}, for request {self.request:#04x}, which takes "
                f"{peripheral.width}; what another width does, the virtual board does not model"
            )

    def copy(self) -> None:
        """Memory to memory, all at once."""
        self._move(self.count)

    def serve(self) -> None:
        """Move as much as the peripheral has or has room for."""
        if self.request == r.DMA_MEMTOMEM:
            return
        while self.running and (size := min(self.count, self._dma.peripheral(self.request).ready())):
            self._move(size)

    def _move(self, size: int) -> None:
        peripheral = None if self.request == r.DMA_MEMTOMEM else self._dma.peripheral(self.request)
        source, target = self._register("SRC"), self._register("DST")
        try:
            if isinstance(peripheral, Source):
                data = peripheral.take(size)
            else:
                data = self._dma.memory.read(source, size)
                source += size if self._control & self._CTRL.mask("SRCINC") else 0
            if isinstance(peripheral, Sink):
                for byte in data:
                    peripheral.give(byte)
            else:
                self._dma.memory.write(target, data)
                target += size if self._control & self._CTRL.mask("DSTINC") else 0
        except OSError:
            self._status |= self._STATUS.mask("BUS_ERR")
            self._stop()
            return
        self._set("SRC", source)
        self._set("DST", target)
        self._set("CNT", self.count - size)
        if self.count == 0:
            self._end_of_count()

    def _end_of_count(self) -> None:
        self._status |= self._STATUS.mask("CTZ_IF")
        if not self._control & self._CTRL.mask("RLDEN"):
            self._stop()
            return
        self._status |= self._STATUS.mask("RLD_IF")
        self._control &= ~self._CTRL.mask("RLDEN")
        self._set("SRC", self._register("SRCRLD"))
        self._set("DST", self._register("DSTRLD"))
        self._set("CNT", r.DMA_CH["CNTRLD"].get(self._register("CNTRLD"), "CNT"))
        self.update()
        self._dma.begin(self)

    def _stop(self) -> None:
        self._control &= ~self._CTRL.mask("EN")
        self.update()

    def _write_control(self, value: int) -> None:
        enable = self._CTRL.mask("EN")
        if value & enable and not self._dma.can_run():
            value &= ~enable
        begins = value & ~self._control & enable
        self._control = value
        if begins:
            self._dma.begin(self)
        elif not self.running:
            self._dma.end(self)
        self.update()

    def _read_status(self) -> int:
        self._dma.polled()
        return self._status | self._STATUS.pack(STATUS=self.running, IPEND=self.pending)

    def _clear(self, bits: int) -> None:
        self._status &= ~(bits & self._FLAGS)
        self.update()
