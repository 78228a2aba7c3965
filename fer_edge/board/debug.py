"""What a debug probe does to the processor: stop it, look, change, and let it go on."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from unicorn import UcError  # type: ignore[attr-defined]
from unicorn import arm_const as arm
from unicorn import unicorn_const as uc

from fer_edge import registers as r
from fer_edge.board.machine import INTERRUPT_BKPT, SLICE, Machine
from fer_edge.errors import BoardError

SIGINT, SIGTRAP, SIGSEGV = 2, 5, 11  # why the processor stands still, in gdb's numbers

_PC = arm.UC_ARM_REG_PC
_DATA_SIZE = r.INSTANCES_PER_QUADRANT * r.DATA_INSTANCE_BYTES


class Register(NamedTuple):
    """A register as gdb knows it: name, width in bits, and unicorn's number."""

    name: str
    bits: int
    number: int


def _core() -> list[Register]:
    general = [Register(f"r{n}", 32, arm.UC_ARM_REG_R0 + n) for n in range(13)]
    others = {"sp": arm.UC_ARM_REG_SP, "lr": arm.UC_ARM_REG_LR, "pc": _PC, "xpsr": arm.UC_ARM_REG_XPSR}
    return general + [Register(name, 32, number) for name, number in others.items()]


def _system() -> list[Register]:
    names = ("msp", "psp", "primask", "basepri", "faultmask", "control")
    return [Register(name, 32, getattr(arm, f"UC_ARM_REG_{name.upper()}")) for name in names]


def _float() -> list[Register]:
    doubles = [Register(f"d{n}", 64, arm.UC_ARM_REG_D0 + n) for n in range(16)]
    return [*doubles, Register("fpscr", 32, arm.UC_ARM_REG_FPSCR)]


FEATURES = {"m-profile": _core(), "m-system": _system(), "vfp": _float()}
"""The registers, by the name of gdb's feature `org.gnu.gdb.arm.NAME`."""
REGISTERS = [register for registers in FEATURES.values() for register in registers]
"""All of them, in the order of their numbers in gdb's protocol."""


@dataclass(frozen=True)
class Watchpoint:
    """An area of memory whose accesses stop the program: `kind` is gdb's "watch" (writes), "rwatch" or "awatch"."""

    kind: str
    address: int
    size: int


_HOOKS = {"watch": uc.UC_HOOK_MEM_WRITE, "rwatch": uc.UC_HOOK_MEM_READ}
_HOOKS["awatch"] = _HOOKS["watch"] | _HOOKS["rwatch"]


class Stop(NamedTuple):
    """Why the program stopped: a signal, and the watchpoint that did it, or the error that would end the run."""

    signal: int
    watchpoint: Watchpoint | None = None
    error: BoardError | None = None


class Probe:
    """A debug probe on a machine, whose internals it reaches as the chip's debug port does.

    No callback ever stops the emulator, which would run the access in progress a second time: breakpoints are
    addresses at which unicorn itself ends a slice, and with a watchpoint slices are one instruction long. While
    there are any, instructions are counted one by one, as a slice that ends early does not tell how long it was.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._uc: Any = machine._uc  # its type does not have all of its methods
        self._breakpoints: set[int] = set()
        self._watchpoints: dict[Watchpoint, int] = {}  # unicorn's handles
        self._touched: Watchpoint | None = None
        self._counter: int | None = None  # unicorn's handle
        self._failure: BoardError | None = None
        data = [(r.CNN_DATA + n * r.QUADRANT_STRIDE, n) for n in range(r.QUADRANTS)]
        self._windows: list[tuple[int, int, Any, Any, int]]  # base, size, what reads and writes there and its argument
        self._windows = [(base, size, read, write, base) for base, size, read, write in machine._windows]
        self._windows += [(base, _DATA_SIZE, machine._read_data, machine._write_data, n) for base, n in data]

    # --- registers and memory ----------------------------------------------------------------------------

    def register(self, register: Register) -> bytes:
        """Its contents, little endian."""
        machine = self._machine
        value = machine._pc if register.number == _PC else self._uc.reg_read(register.number)
        return int(value & ((1 << register.bits) - 1)).to_bytes(register.bits // 8, "little")

    def set_register(self, register: Register, contents: bytes) -> None:
        """Change it. ValueError for contents of another size."""
        if 8 * len(contents) != register.bits:
            raise ValueError(f"{register.name} has {register.bits} bits")
        value = int.from_bytes(contents, "little")
        if register.number == _PC:
            self._machine._pc = value & ~1
        else:
            self._uc.reg_write(register.number, value)

    def read(self, address: int, size: int) -> bytes:
        """Memory, or registers of peripherals with what reading them does. LookupError where there is nothing."""
        contents = bytearray()
        while len(contents) < size:
            at = address + len(contents)
            window = self._window(at)
            if window is None:
                try:
                    return bytes(contents + self._uc.mem_read(at, size - len(contents)))
                except UcError as error:
                    raise LookupError(f"{at:#010x}: {error}") from None
            base, _, read, _, tag = window
            with self._access():  # always whole words: that is how registers are read
                word = read(self._uc, (at & ~3) - base, 4, tag)
            contents += struct.pack("<I", word)[at & 3 :][: size - len(contents)]
        return bytes(contents)

    def write(self, address: int, data: bytes) -> None:
        """Overwrite memory (flash, too), or write registers as firmware does. LookupError where there is nothing."""
        if self._window(address) is None:
            try:
                self._machine.write_memory(address, data)
            except UcError as error:
                raise LookupError(f"{address:#010x}: {error}") from None
            return
        while data:
            window = self._window(address)
            if window is None:
                raise LookupError(f"{address:#010x}: beyond the peripheral")
            size = next(n for n in (4, 2, 1) if address % n == 0 and n <= len(data))
            base, _, _, write, tag = window
            with self._access():
                write(self._uc, address - base, size, int.from_bytes(data[:size], "little"), tag)
            address, data = address + size, data[size:]

    def _window(self, address: int) -> tuple[int, int, Any, Any, int] | None:
        return next((window for window in self._windows if window[0] <= address < window[0] + window[1]), None)

    @contextmanager
    def _access(self) -> Iterator[None]:
        """An access to a register that takes no time and whose failure is none of the firmware's."""
        clock, bus = self._machine.clock, self._machine._bus
        clock.held = True
        try:
            yield
            if bus.failure is not None:
                raise LookupError(bus.failure.what)
        except BoardError as error:
            raise LookupError(error.what) from None
        finally:
            clock.held, bus.failure = False, None

    # --- running -----------------------------------------------------------------------------------------

    def halt(self) -> None:
        """Take over a machine that is not running."""
        self._machine.debugged = True
        self._machine._stopped = lambda: True  # reading a register never waits for the host

    def release(self) -> None:
        """Take breakpoints and watchpoints away, and leave the machine as if no debugger had been there."""
        self._breakpoints.clear()
        for watchpoint in list(self._watchpoints):
            self.unwatch(watchpoint)
        self._end_at(set())
        self._count(False)
        self._machine.debugged = False
        if self._failure is not None:
            raise self._failure

    def reset(self) -> None:
        """Reset the chip; it stands before its first instruction then."""
        self._machine.uart.flush()
        self._machine._power_on()
        self._failure = None

    def break_at(self, address: int) -> None:
        self._breakpoints.add(address & ~1)

    def unbreak(self, address: int) -> None:
        self._breakpoints.discard(address & ~1)

    def watch(self, watchpoint: Watchpoint) -> None:
        """Stop behind the instruction that accesses an area. What DMA and exception entry access goes unseen."""
        if watchpoint in self._watchpoints:
            return

        def touched(*_: Any) -> None:
            self._touched = self._touched or watchpoint

        end = watchpoint.address + watchpoint.size - 1
        before = watchpoint.address - 3  # where a word begins that reaches into the area
        handle = self._uc.hook_add(
            _HOOKS[watchpoint.kind],
            lambda _uc, _access, at, size, *_: touched() if at + size > watchpoint.address else None,
            None,
            max(before, 0),
            end,
        )
        self._uc.ctl_flush_tb()  # code that was translated without the hook would not call it
        self._watchpoints[watchpoint] = handle

    def unwatch(self, watchpoint: Watchpoint) -> None:
        if (handle := self._watchpoints.pop(watchpoint, None)) is not None:
            self._uc.hook_del(handle)
            self._uc.ctl_flush_tb()

    def step(self, stopped: Callable[[], bool]) -> Stop:
        """Run one instruction; the first of the handler where an interrupt is pending. A WFI sleeps till it wakes."""
        with self._running(stopped):
            self._end_at(self._breakpoints - {self._machine._pc})
            return self._advance(1) or Stop(SIGTRAP)

    def resume(self, stopped: Callable[[], bool]) -> Stop | None:
        """Run until something stops the program, or, with None, `stopped` says so.

        BoardError where the firmware had met one, and is told to go on all the same.
        """
        with self._running(stopped):
            self._end_at(self._breakpoints - {self._machine._pc})  # off the one it stands on
            if stop := self._advance(1):
                return stop
            self._end_at(self._breakpoints)
            longest = 1 if self._watchpoints else SLICE
            while not stopped():
                if stop := self._advance(longest):
                    return stop
        return None

    @contextmanager
    def _running(self, stopped: Callable[[], bool]) -> Iterator[None]:
        if self._failure is not None:
            raise self._failure
        self._machine._stopped = stopped
        self._machine.clock.not_only_time()  # a wait that was interrupted begins anew
        self._count(bool(self._breakpoints or self._watchpoints))
        try:
            yield
        finally:
            self.halt()
            self._machine.uart.flush()

    def _advance(self, longest: int) -> Stop | None:
        machine = self._machine
        self._touched = None
        try:
            machine._step(longest)
        except BoardError as error:
            self._failure = error
            return Stop(SIGSEGV, error=error)
        if self._touched is not None:
            return Stop(SIGTRAP, self._touched)
        if machine._pc in self._breakpoints or machine._trap == INTERRUPT_BKPT:
            return Stop(SIGTRAP)
        return None

    def _end_at(self, addresses: set[int]) -> None:
        """Have slices end before these instructions."""
        self._uc.ctl_exits_enabled(bool(addresses))
        if addresses:
            self._uc.ctl_set_exits(sorted(addresses))
        self._uc.ctl_flush_tb()  # exits are built into translated code

    def _count(self, counting: bool) -> None:
        """Count instructions one by one, or no longer."""
        if counting == (self._counter is not None):
            return
        if self._counter is None:
            self._counter = self._uc.hook_add(uc.UC_HOOK_CODE, self._on_instruction)
        else:
            self._uc.hook_del(self._counter)
            self._counter = None
        self._uc.ctl_flush_tb()
        self._machine.counted = 0 if counting else None

    def _on_instruction(self, *_: Any) -> None:
        assert self._machine.counted is not None
        self._machine.counted += 1
