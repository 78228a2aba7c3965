"""The camera as the board connects it: supply, clock and pins to the sensor, and its frames to the camera interface."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fer_edge.board.bus import Bus
from fer_edge.board.clock import NEVER, Clock
from fer_edge.board.gpio import Gpio
from fer_edge.board.ov7692 import Sensor
from fer_edge.board.pcif import CameraInterface
from fer_edge.board.pmic import Pmic
from fer_edge.board.pulses import PulseTrain

_XCLK = (0, 18, 1)  # port, pin, alternate function
_SYNC = {"VSYNC": (0, 15, 2), "HSYNC": (1, 8, 1), "the pixel clock": (1, 9, 1)}
_DATA = tuple((0, pin, 2) for pin in range(20, 28))


class Camera:
    """Sends a frame line by line, in virtual time, while the camera interface wants it; else nothing runs.

    A frame begins with VSYNC. Its lines are spread over it as the sensor reads its own, each with a pause behind its
    pixels: that is assumed. Where DMA is there to take the words, as many bytes as it still wants arrive at once, when
    the last of them is due; else they arrive word by word.

    Attributes
    ----------
    sends : called with whether the lines of a frame are on the way, when that changes.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        ports: list[Gpio],
        pmic: Pmic,
        sensor: Sensor,
        pulses: PulseTrain,
        interface: CameraInterface,
    ) -> None:
        self._bus, self._clock, self._ports = bus, clock, ports
        self._pmic, self._sensor, self._pulses, self._interface = pmic, sensor, pulses, interface
        self._frame: NDArray[np.uint8] | None = None  # while its lines are on the way
        self.sends: Callable[[bool], None] = lambda sends: None
        self._start, self._period = 0, 1
        self._row = self._sent = self._upto = 0
        for source in (pmic, sensor, pulses, interface):
            source.changed = self.update
        for port in ports:
            port.rerouted.append(self._pins_changed)
        self._routed = self._routing()

    def _routing(self) -> tuple[bool, ...]:
        pins = (_XCLK, *_SYNC.values(), *_DATA)
        return tuple(self._ports[port].function(pin) == function for port, pin, function in pins)

    def _pins_changed(self) -> None:
        if (routed := self._routing()) != self._routed:
            self._routed = routed
            self.update()

    def update(self) -> None:
        """See what follows from supply, clock, pins, the sensor's registers and what the interface wants."""
        self._sensor.supply(self._pmic.camera_powered, self._pulses.hz if self._routed[0] else 0.0)
        interface = self._interface
        synchronized = all(self._routed[1 : 1 + len(_SYNC)])
        if (interface.waits or interface.capturing) and not synchronized:
            missing = [name for name, on in zip(_SYNC, self._routed[1:], strict=False) if not on]
            self._bus.remark(
                f"the camera interface waits, but the pin of {' and '.join(missing)} is not switched to it"
            )
        if not (interface.waits and synchronized and self._sensor.sends):
            if self._frame is not None:
                self._frame = None
                self.sends(False)
            self._clock.schedule(self._line, NEVER)
            self._clock.schedule(self._vsync, NEVER)
        elif self._frame is None:
            self._clock.schedule(self._vsync, self._sensor.next_frame())

    def stop(self) -> None:
        """Have the sensor cease to send, in the middle of a frame if there is one."""
        self._sensor.stopped = True
        self.update()

    def _vsync(self) -> None:
        self._start, self._period = self._clock.now, self._sensor.period
        self._interface.vsync()
        if self._interface.capturing:
            self._frame = self._sensor.frame()
            self._row = self._sent = 0
            self.sends(True)
            self._plan_line()
        self.update()

    def _plan_line(self) -> None:
        """Schedule when the next bytes are through."""
        assert self._frame is not None
        rows, size = self._frame.shape
        self._upto = min(size, self._sent + self._interface.appetite())
        slot = self._sensor.frame_active * self._period / rows
        passed = slot * (self._row + self._sensor.line_active * self._upto / size)
        self._clock.schedule(self._line, self._start + round(passed))

    def _line(self) -> None:
        if self._frame is None:
            return
        mask = sum(on << bit for bit, on in enumerate(self._routed[-len(_DATA) :]))
        data = self._frame[self._row, self._sent : self._upto] & np.uint8(mask)
        self._sent = self._upto
        if self._sent == self._frame.shape[1]:
            self._row, self._sent = self._row + 1, 0
        over = self._row == len(self._frame)
        if over:
            self._frame = None
            self.sends(False)
        else:
            self._plan_line()
        self._interface.take(data)
        if over:
            self.update()
