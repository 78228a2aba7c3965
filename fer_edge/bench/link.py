"""Requests and replies over a serial port that may lose, damage, repeat or delay bytes, or go away."""

from __future__ import annotations

import errno
import random
import time
from types import TracebackType

import serial
from serial.tools import list_ports

from fer_edge.bench.protocol import (
    BAUD_RATE,
    ERROR,
    ERROR_MEANING,
    ERROR_REPLY,
    REPLY,
    Command,
    Decoder,
    ErrorCode,
    Frame,
    encode,
)
from fer_edge.errors import BoardError

ATTEMPTS = 5
"""Times a request is sent before it is given up."""
POLL_SECONDS = 0.05
WRITE_SECONDS = 10.0
"""A port that takes no bytes for so long has nobody behind it."""


class Link:
    """A board on a serial port, opened exclusively; a context manager that closes it.

    `port`: a device such as ``/dev/ttyACM0``, a pseudo-terminal or a pyserial URL. Modem lines are left alone: a
    pseudo-terminal has none. `retries` counts requests sent again. BoardError if the port cannot be opened.
    """

    def __init__(self, port: str, baud_rate: int = BAUD_RATE) -> None:
        self.port = port
        self.retries = 0
        self._baud_rate = baud_rate
        self._decoder = Decoder()
        self._damaged_at_board = 0
        self._refusal: int | None = None
        # Replies to an earlier session that was killed must not pass for replies to this one.
        self._sequence = random.randrange(256)
        try:
            self._serial = serial.serial_for_url(
                port, baudrate=baud_rate, timeout=POLL_SECONDS, write_timeout=WRITE_SECONDS, exclusive=True
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise _cannot_open(port, error) from error

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._serial.close()

    def request(self, command: Command, payload: bytes = b"", timeout: float = 1.0) -> bytes:
        """Send a command; return the payload of its reply.

        `timeout`: seconds the board may take, added to the time the bytes take on the line. A request that goes
        unanswered or arrives damaged, either way, is sent again with the same sequence number, `ATTEMPTS` times in
        all, so a reply that was only late still counts; a board therefore may run a request more than once. BoardError
        if no attempt is answered, the board refuses the request, or the port goes away.
        """
        self._sequence = (self._sequence + 1) & 0xFF
        frame = encode(command, self._sequence, payload)
        timeout += len(frame) * 10 / self._baud_rate  # a byte takes ten bits
        damaged = self.damaged
        self._refusal = None
        for attempt in range(ATTEMPTS):
            self.retries += attempt > 0
            reply = self._exchange(command, frame, timeout)
            if reply is not None:
                return reply
        if self._refusal == ErrorCode.BAD_LENGTH:
            raise self._refused(command, self._refusal)
        if self.damaged > damaged:
            raise BoardError(
                f"Frames to or from {self.port} arrive damaged: {command.name} failed {ATTEMPTS} times.",
                "Check the cable, and that nothing else talks on this port.",
            )
        raise BoardError(
            f"{self.port} does not answer {command.name} ({ATTEMPTS} attempts of {timeout:.1f} s).",
            "Check that the fer-edge firmware is on the board (`make flash`), press its reset button and try again.",
        )

    @property
    def pseudo_terminal(self) -> bool:
        """Whether a program is behind the port, not a cable: a pseudo-terminal has no modem lines to read."""
        try:
            _ = self._serial.cts
        except OSError:
            return True
        return False

    @property
    def damaged(self) -> int:
        """Frames that arrived damaged, here or at the board."""
        return self._decoder.damaged + self._damaged_at_board

    def _exchange(self, command: Command, frame: bytes, timeout: float) -> bytes | None:
        """Send `frame` once; the reply's payload, or None when it should be sent again."""
        damaged = self.damaged
        try:
            self._serial.write(frame)
            deadline = time.monotonic() + timeout
            while time.monotonic() < deadline:
                arrived = self._serial.read(max(1, self._serial.in_waiting))
                reply = self._answer(self._decoder.feed(arrived), command)
                # After damage waiting would rarely help, and a reply that comes after all is still accepted.
                if reply is not None or self.damaged > damaged:
                    return reply
        except serial.SerialTimeoutException:
            raise BoardError(
                f"{self.port} takes no bytes for {WRITE_SECONDS:g} s.", "Reset the board, or unplug it and plug it in."
            ) from None
        except OSError as error:  # SerialException is one
            raise BoardError(
                f"{self.port} went away ({error}).", "Plug the board in again, or start the virtual board again."
            ) from error
        return self._answer(self._decoder.flush(), command)

    def _answer(self, frames: list[Frame], command: Command) -> bytes | None:
        """The payload that answers the current request, if one of `frames` does."""
        for frame in frames:
            if frame.sequence != self._sequence:
                continue  # a second or late reply to an earlier request
            if frame.command == command | REPLY:
                return frame.payload
            elif frame.command == ERROR and len(frame.payload) == ERROR_REPLY.size:
                self._refusal = ERROR_REPLY.unpack(frame.payload)[1]
                # A length, too, may have been damaged on the way.
                if self._refusal not in (ErrorCode.BAD_CRC, ErrorCode.BAD_LENGTH):
                    raise self._refused(command, self._refusal)
                self._damaged_at_board += 1
        return None

    def _refused(self, command: Command, code: int) -> BoardError:
        meaning = ERROR_MEANING.get(ErrorCode(code)) if code in set(ErrorCode) else "an unknown error"
        return BoardError(
            f"The board on {self.port} refuses {command.name}: {meaning} (error {code}).",
            "Flash the firmware of this version with `make flash`.",
        )


def _cannot_open(port: str, error: Exception) -> BoardError:
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
