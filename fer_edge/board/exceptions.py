"""Exception entry and return of the Cortex-M4, which unicorn leaves to its user."""

from __future__ import annotations

import struct

from unicorn import Uc, UcError  # type: ignore[attr-defined]
from unicorn import arm_const as arm

from fer_edge.board.state import State
from fer_edge.board.system import CFSR_STKERR, HARD_FAULT, HFSR_FORCED, Nvic
from fer_edge.errors import BoardError

XPSR_THUMB = 1 << 24
_XPSR_ALIGNED, _XPSR_FLAGS = 1 << 9, 0xF80F0000  # the stack was padded; N, Z, C, V, Q and GE
_CONTROL_SPSEL, _CONTROL_FPCA = 1 << 1, 1 << 2  # process stack in use; floating point in use
_RETURN, _RETURN_THREAD, _RETURN_NO_FLOAT, _RETURN_PSP = 0xFFFFFFE1, 1 << 3, 1 << 4, 1 << 2

_CORE = [arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3, arm.UC_ARM_REG_R12]
_CORE.append(arm.UC_ARM_REG_LR)
_FLOAT = [arm.UC_ARM_REG_S0 + n for n in range(16)] + [arm.UC_ARM_REG_FPSCR]
_SP, _LR, _CONTROL, _XPSR = arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_CONTROL, arm.UC_ARM_REG_XPSR
_STACKED, _FLOATS = State([_CONTROL, _SP, _XPSR, *_CORE]), State(_FLOAT)
_ENTERED = State([_SP, _LR, _CONTROL, _XPSR, arm.UC_ARM_REG_IPSR])
_LEAVING = State([_SP, _CONTROL])
_LEFT = State([*_CORE, _SP, _CONTROL, _XPSR, arm.UC_ARM_REG_IPSR])
_CORE_FRAME = struct.Struct("<8I")  # the above, return address, xPSR
_FLOAT_FRAME = struct.Struct("<17I4x")


class Fault(Exception):
    """Why the processor cannot go on: in words, and for the fault status registers. `address`: of a bad access."""

    def __init__(self, words: str, cfsr: int, address: int | None = None, hfsr: int = HFSR_FORCED) -> None:
        super().__init__(words)
        self.words, self.cfsr, self.address, self.hfsr = words, cfsr, address, hfsr


def enter(emulator: Uc, nvic: Nvic, number: int, pc: int) -> int:
    """Stack the frame of the code interrupted at `pc`; the address of the handler of exception `number`.

    `Fault` where the stack is no memory, but for the hard fault: its handler is entered all the same. BoardError if
    there is no handler.
    """
    control, stack, xpsr, *core = _STACKED.read(emulator)
    if control & _CONTROL_SPSEL:
        raise BoardError("Firmware uses the process stack (PSP), which the virtual board does not model")
    floating = control & _CONTROL_FPCA
    xpsr = xpsr & ~_XPSR_ALIGNED | XPSR_THUMB
    frame = _CORE_FRAME.pack(*core, pc, xpsr | (_XPSR_ALIGNED if stack & 4 else 0))
    if floating:
        frame += _FLOAT_FRAME.pack(*_FLOATS.read(emulator))
    stack = (stack - len(frame)) & ~7
    try:
        emulator.mem_write(stack, frame)
    except UcError:
        if number != HARD_FAULT:
            words = f"exception {number} finds the stack at {stack:#010x}, which is no memory"
            raise Fault(words, CFSR_STKERR) from None
        nvic.note_fault(CFSR_STKERR, 0, None)
    thread = not nvic.active
    vector = nvic.enter(number)
    try:
        target = int.from_bytes(emulator.mem_read(vector, 4), "little")
    except UcError:
        raise BoardError(
            f"Firmware has no handler for exception {number}: its vector at {vector:#010x} is no memory"
        ) from None
    if not target & 1:
        raise BoardError(f"Firmware has no handler for exception {number}: its vector is {target:#010x}")
    link = _RETURN | (0 if floating else _RETURN_NO_FLOAT) | (_RETURN_THREAD if thread else 0)
    _ENTERED.write(emulator, (stack, link, control & ~_CONTROL_FPCA, xpsr & _XPSR_FLAGS | XPSR_THUMB, number))
    return target & ~1


def leave(emulator: Uc, nvic: Nvic, exc_return: int) -> int:
    """Unstack the frame `exc_return` speaks of; the address to go on at."""
    if exc_return & _RETURN_PSP or not nvic.active:
        raise BoardError(f"Firmware returns from an exception by {exc_return:#010x}, which is not one it entered")
    stack, control = _LEAVING.read(emulator)
    floating = not exc_return & _RETURN_NO_FLOAT
    size = _CORE_FRAME.size + (_FLOAT_FRAME.size if floating else 0)
    try:
        frame = bytes(emulator.mem_read(stack, size))
    except UcError:
        raise BoardError(f"Firmware returns from an exception with the stack at {stack:#010x}") from None
    *core, pc, xpsr = _CORE_FRAME.unpack_from(frame)
    if floating:
        _FLOATS.write(emulator, _FLOAT_FRAME.unpack_from(frame, _CORE_FRAME.size))
    nvic.leave()
    stack += size + (4 if xpsr & _XPSR_ALIGNED else 0)
    control = control & ~_CONTROL_FPCA | (_CONTROL_FPCA if floating else 0)
    running = nvic.active[-1] if nvic.active else 0
    _LEFT.write(emulator, (*core, stack, control, xpsr & ~_XPSR_ALIGNED, running))
    return int(pc) & ~1
