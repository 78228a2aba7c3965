"""Serial ports: by device, by pyserial URL, or found by USB id; and what went wrong when one does not open."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Any

import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from fer_edge.errors import BoardError

WRITE_SECONDS = 10.0
"""Seconds after which a port that takes no bytes has nobody behind it."""


@dataclass(frozen=True)
class Kind:
    """What to look for on USB: vendor and product ids, and words in the names the device gives itself."""

    name: str
    option: str
    ids: frozenset[tuple[int, int]]
    words: tuple[str, ...] = ()


BOARD = Kind("MAX78000FTHR", "--port", frozenset({(0x0D28, 0x0204)}), ("daplink", "cmsis-dap", "max32625"))
"""The debugger on the board. Its id is that of every DAPLink probe, and was not read off a MAX78000FTHR: the names
are looked at as well, and only HELLO tells which board it is."""
PPK2 = Kind("Nordic PPK2", "--meter ppk2:PORT", frozenset({(0x1915, 0xC00A)}), ("ppk2",))
EVKIT = Kind("EVKit power monitor", "--meter evkit:PORT", frozenset({(0x0B6A, 0x003C)}))


def find(kind: Kind) -> str:
    """The port of the one `kind` that is plugged in. BoardError, with what was seen, if there is none or several."""
    seen = _usb_ports()
    # A device may have several ports; the first is the one that talks.
    devices: dict[str, str] = {}
    for port in seen:
        if _is(kind, port):
            devices.setdefault(port.serial_number or port.location or port.device, port.device)
    if len(devices) == 1:
        return next(iter(devices.values()))
    listing = "; ".join(map(_describe, seen)) or "no USB serial port at all"
    if devices:
        raise BoardError(
            f"{len(devices)} ports may be a {kind.name}: {', '.join(devices.values())}. Seen: {listing}.",
            f"Name one of them with {kind.option}.",
        )
    raise BoardError(
        f"No {kind.name} found. Seen: {listing}.",
        f"Plug it in with a cable that carries data, or name its port with {kind.option}.",
    )


def serial_number(port: str) -> str | None:
    """That of the USB device behind a port; None if it has none or is no USB device."""
    return next((p.serial_number for p in _usb_ports() if p.device == port), None)


def with_serial_number(number: str) -> str | None:
    """The first port of the USB device with a serial number; None if it is not plugged in."""
    return next((p.device for p in _usb_ports() if p.serial_number == number), None)


def open_port(port: str, baud_rate: int, poll_seconds: float) -> serial.Serial:
    """Open a device or pyserial URL exclusively. Modem lines are left alone: a pseudo-terminal has none."""
    options: dict[str, Any] = {"timeout": poll_seconds}
    if not port.startswith("rfc2217://"):  # pyserial has no time-out for writing there
        options["write_timeout"] = WRITE_SECONDS
    if "://" not in port:
        options["exclusive"] = True
    try:
        return serial.serial_for_url(port, baudrate=baud_rate, **options)
    except (serial.SerialException, OSError, ValueError) as error:
        raise _cannot_open(port, error) from error


def is_pseudo_terminal(port: serial.Serial) -> bool:
    """Whether a program is behind the port, not a cable: a pseudo-terminal has no modem lines to read.

    What is behind a URL cannot be told; it is taken for a cable.
    """
    if not isinstance(port, serial.Serial):
        return False
    try:
        _ = port.cts
    except OSError:
        return True
    return False


def _usb_ports() -> list[ListPortInfo]:
    return sorted((p for p in list_ports.comports() if p.vid is not None), key=lambda p: p.device)


def _is(kind: Kind, port: ListPortInfo) -> bool:
    names = " ".join(filter(None, (port.product, port.description, port.interface))).lower()
    return (port.vid, port.pid) in kind.ids or any(word in names for word in kind.words)


def _describe(port: ListPortInfo) -> str:
    return f"{port.device} ({port.vid:04X}:{port.pid:04X} {port.product or port.description})"


def _cannot_open(port: str, error: Exception) -> BoardError:
    if "://" in port:
        return BoardError(f"{port} cannot be opened: {error}.", "Check the address, and that a server listens there.")
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        found = ", ".join(f"{p.device} ({p.description})" for p in list_ports.comports() if p.hwid != "n/a")
        return BoardError(
            f"There is no serial port {port}.",
            f"Plug the board in, or name one of those found: {found or 'none'}. `virtual` needs no board.",
        )
    if number in (errno.EACCES, errno.EPERM):
        return BoardError(
            f"No permission to open {port}.",
            "Join its group (`sudo usermod -aG dialout $USER`, then log in again), or add a udev rule: "
            'SUBSYSTEM=="tty", KERNEL=="ttyACM[0-9]*", MODE="0666".',
        )
    if number in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY):
        return BoardError(
            f"{port} is in use by another program.", f"Close that program (`fuser -v {port}` names it), then try again."
        )
    return BoardError(f"{port} cannot be opened as a serial port: {error}.", "Name the board's port or `virtual`.")
