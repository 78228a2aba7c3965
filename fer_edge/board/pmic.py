"""The MAX20303, the board's power supply chip on I2C1: what of it switches the camera."""

from __future__ import annotations

from collections.abc import Callable

from fer_edge.board.clock import NEVER, TICK_HZ, Clock


class Pmic:
    """Registers, and commands that are carried out some time after their opcode is written.

    It lives on when the processor is reset. Commands for anything but the two LDOs are not modelled, and neither is
    reading a setting back, of which is not known in which register it stands.

    Attributes
    ----------
    present : whether it is on the board at all; else it acknowledges nothing.
    changed : called when the camera's supply may have changed.
    """

    ADDRESS = 0x28
    _HARDWARE_ID, _DATA, _OPCODE, _RESPONSE = 0x00, 0x0F, 0x17, 0x18
    _SET_LDO1, _SET_LDO2 = 0x40, 0x42
    _START_UP = 180 * TICK_HZ // 1000  # after power-up, until the 1.8 V are there on which its bus runs
    _COMMAND = 9 * TICK_HZ // 1000  # the longest there is; 5 ms are typical
    _ENABLE, _ON, _SWITCH, _2V8 = 0b11, 1, 1 << 2, 0x13

    def __init__(self, remark: Callable[[str], None]) -> None:
        self.present = True
        self.changed: Callable[[], None] = lambda: None
        self._remark = remark
        self._registers = bytearray(256)
        self._registers[self._HARDWARE_ID] = 0x02
        self._pointer = 0
        self._ldo2 = (0, 0)
        self._opcode = 0
        self._up_at = self._START_UP
        self._clock = Clock()  # until `restart` gives the processor's

    def restart(self, clock: Clock) -> None:
        """The processor has been reset, and time begins anew. A command under way ends at once."""
        self._up_at = max(0, self._up_at - self._clock.now)
        if self._clock.when(self._done) != NEVER:
            self._done()
        self._clock = clock

    @property
    def answering(self) -> bool:
        """Whether it acknowledges its address."""
        return self.present and self._clock.now >= self._up_at

    @property
    def camera_powered(self) -> bool:
        """Whether LDO2 gives the sensor the 2.8 V it is known to run on."""
        mode, voltage = self._ldo2
        if not self.present or mode & self._ENABLE == 0:
            return False
        good = mode & self._ENABLE == self._ON and not mode & self._SWITCH and voltage == self._2V8
        if not good:
            self._remark(
                f"LDO2 is set to {mode:#04x} {voltage:#04x}: the sensor is known to run with 0x01 0x13 (on, 2.8 V) "
                "only, and stays off"
            )
        return good

    def write(self, data: bytes) -> None:
        """A register's number, then what goes into it and those behind."""
        if data:
            self._pointer = data[0]
        for byte in data[1:]:
            self._registers[self._pointer] = byte
            if self._pointer == self._OPCODE:
                self._begin(byte)
            self._pointer = (self._pointer + 1) & 0xFF

    def read(self, count: int) -> bytes:
        """What stands in the register the last write named, and in those behind."""
        return bytes(self._registers[(self._pointer + n) & 0xFF] for n in range(count))

    def _begin(self, opcode: int) -> None:
        self._opcode = opcode
        self._registers[self._RESPONSE] = 0
        self._clock.schedule(self._done, self._clock.now + self._COMMAND)

    def _done(self) -> None:
        if self._opcode not in (self._SET_LDO1, self._SET_LDO2):
            self._remark(f"the power supply chip's command {self._opcode:#04x} is not modelled: it is not answered")
            return
        if self._opcode == self._SET_LDO2:
            self._ldo2 = (self._registers[self._DATA], self._registers[self._DATA + 1])
        self._registers[self._RESPONSE] = self._opcode
        self.changed()
