"""The processor's registers, several by one call."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import Any

from unicorn import Uc, UcError  # type: ignore[attr-defined]
from unicorn.unicorn_py3.unicorn import uclib  # the library itself: unicorn's Python takes 2 to 3 µs for a register

_read = uclib["uc_reg_read_batch"]
_write = uclib["uc_reg_write_batch"]


class State:
    """Some registers of 32 bits of an emulator, always in the same order. UcError if they cannot be had."""

    def __init__(self, registers: Sequence[int]) -> None:
        self._count = len(registers)
        self._registers = (ctypes.c_int * self._count)(*registers)
        self._values = (ctypes.c_uint64 * self._count)()
        at = ctypes.addressof(self._values)
        self._pointers = (ctypes.c_void_p * self._count)(*(at + 8 * n for n in range(self._count)))

    def read(self, emulator: Uc) -> list[int]:
        _check(_read(_handle(emulator), self._registers, self._pointers, self._count))
        return [value & 0xFFFFFFFF for value in self._values]

    def write(self, emulator: Uc, values: Iterable[int]) -> None:
        self._values[:] = list(values)
        _check(_write(_handle(emulator), self._registers, self._pointers, self._count))


def _handle(emulator: Any) -> Any:
    return emulator._uch


def _check(status: int) -> None:
    if status:
        raise UcError(status)
