"""Requests and replies over a serial port that may lose, damage, repeat or delay bytes, or go away."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import serial

from fer_edge.bench import ports
from fer_edge.bench.protocol import (
    BAUD_RATE,
    BAUD_REPLY,
    BAUD_REQUEST,
    BAUD_TRIAL,
    CAMERA_ERRORS,
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

PATIENCE = (0.25, 0.25, 0.5, 0.5, 1.0, 1.0, 2.0, 2.5)
"""Seconds each attempt waits for its reply; 8 s in all, longer than a board takes to start anew."""
ATTEMPTS = len(PATIENCE)
"""Times a request is sent before it is given up."""
SLOWEST = 4.0
"""Seconds added to `PATIENCE` at most for a board that answers late, as a virtual one may."""
IN_FLIGHT = 2
"""Requests on the way at a time: the board receives one while it works on another."""
POLL_SECONDS = 0.05
FAST_RATES = (921_600, 460_800, 230_400)
UNSTEADY = 4
"""Requests in a row that had to be repeated before a raised rate is given up."""


@dataclass
class _Request:
    command: Command
    sequence: int
    frame: bytes
    timeout: float
    attempts: int = 0


class Refused(BoardError):
    """The board understood a request and says no. `code`: the `ErrorCode`, or a number not known here."""

    def __init__(self, what: str, code: int) -> None:
        self.code = code
        cure = "Flash the firmware of this version with `fer-edge flash`."
        if code in CAMERA_ERRORS:
            cure = "docs/camera.md says what each error of the camera means; all else the board still answers."
        super().__init__(what, cure)


class PortGone(BoardError):
    """The port does not exist any more: the cable was pulled, the hub or the board lost its power."""


class Link:
    """A board on a serial port, opened exclusively; a context manager that closes it.

    `port`: a device such as ``/dev/ttyACM0``, a pseudo-terminal or a pyserial URL. `retries` counts requests sent
    again, `baud_rate` is the one in use. BoardError if the port cannot be opened.
    """

    def __init__(self, port: str, baud_rate: int = BAUD_RATE) -> None:
        self.port = port
        self.retries = 0
        self.baud_rate = baud_rate
        self._decoder = Decoder()
        self._damaged_at_board = 0
        self._unsteady = 0
        self._slowness = 0.0
        self._raised = False
        self._answered = False
        # Replies to an earlier session that was killed must not pass for replies to this one.
        self._sequence = random.randrange(256)
        self._waiting: dict[int, _Request] = {}
        self._arrived: dict[int, Frame] = {}
        self._serial = ports.open_port(port, baud_rate, POLL_SECONDS)

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.baud_rate != BAUD_RATE and not isinstance(error, BoardError):
            # The next program finds the board as after a reset. If this fails, it tries the raised rate, too.
            with suppress(BoardError):
                self._lower_baud_rate()
        self._serial.close()

    def request(self, command: Command, payload: bytes = b"", timeout: float = 0.0) -> bytes:
        """Send a command; return the payload of its reply.

        `timeout`: seconds the board may take, added to `PATIENCE` and the time the bytes take on the line. A request
        that goes unanswered or arrives damaged, either way, is sent again with the same sequence number, `ATTEMPTS`
        times in all, so a reply that was only late still counts; a board therefore may run a request more than once.
        BoardError if no attempt is answered, the board refuses the request, or the port goes away.
        """
        return next(self.stream(command, [payload], timeout))

    def stream(self, command: Command, payloads: Iterable[bytes], timeout: float = 0.0) -> Iterator[bytes]:
        """`request` for each payload, replies in their order; the next is on its way before a reply has come."""
        in_flight: deque[_Request] = deque()
        try:
            for payload in payloads:
                in_flight.append(self._begin(command, payload, timeout))
                if len(in_flight) == IN_FLIGHT:
                    yield self._finish(in_flight.popleft())
            while in_flight:
                yield self._finish(in_flight.popleft())
        finally:
            for request in in_flight:  # whose replies nobody wants any more
                self._waiting.pop(request.sequence, None)
                self._arrived.pop(request.sequence, None)

    def raise_baud_rate(self, rates: Iterable[int] = FAST_RATES) -> int:
        """Agree on the first of `rates` that both ends can do and that holds; the rate in use is returned."""
        for rate in rates:
            try:
                (actual,) = BAUD_REPLY.unpack(self.request(Command.BAUD, BAUD_REQUEST.pack(rate)))
            except Refused as refused:
                if refused.code == ErrorCode.BAD_VALUE:
                    continue
                break
            self._raised = True
            if abs(actual - rate) <= 0.02 * rate:
                self._set_rate(rate)
                if self._holds():
                    break
            self._lower_baud_rate()
        return self.baud_rate

    def reopen(self, port: str) -> None:
        """Go on through `port` after the one in use went away. What was on the way is lost; the board may be new.

        BoardError if it cannot be opened.
        """
        self._serial.close()
        self._serial = ports.open_port(port, BAUD_RATE, POLL_SECONDS)
        self.port, self.baud_rate = port, BAUD_RATE
        self._decoder = Decoder()
        self._waiting.clear()
        self._arrived.clear()
        self._answered = False  # at this rate, or at a raised one

    @property
    def pseudo_terminal(self) -> bool:
        """See `ports.is_pseudo_terminal`."""
        return ports.is_pseudo_terminal(self._serial)

    @property
    def damaged(self) -> int:
        """Frames that arrived damaged, here or at the board."""
        return self._decoder.damaged + self._damaged_at_board

    def _begin(self, command: Command, payload: bytes, timeout: float) -> _Request:
        self._sequence = (self._sequence + 1) & 0xFF
        request = _Request(command, self._sequence, encode(command, self._sequence, payload), timeout)
        self._waiting[request.sequence] = request
        self._transmit(request)
        return request

    def _finish(self, request: _Request) -> bytes:
        """The payload of the reply to `request`, which has been sent once."""
        try:
            return self._reply(request)
        finally:
            self._waiting.pop(request.sequence, None)

    def _reply(self, request: _Request) -> bytes:
        damaged = self.damaged
        refusal: int | None = None
        while True:
            frame = self._listen(request)
            if frame is not None and frame.command != ERROR:
                break
            if frame is not None:
                refusal = ERROR_REPLY.unpack(frame.payload).error
                # A length, too, may have been damaged on the way.
                if refusal not in (ErrorCode.BAD_CRC, ErrorCode.BAD_LENGTH):
                    raise self._refused(request.command, refusal)
                self._damaged_at_board += 1
            if request.attempts == ATTEMPTS:
                raise self._given_up(request, refusal, damaged=self.damaged > damaged)
            if request.attempts % 2 == 0 and (self._raised or not self._answered):
                # A board that was reset speaks at the first rate, one whose last host was killed perhaps at the other.
                self._set_rate(FAST_RATES[0] if self.baud_rate == BAUD_RATE else BAUD_RATE)
            self.retries += 1
            self._transmit(request)
        self._answered = True
        self._slowness *= 0.99
        self._unsteady = self._unsteady + 1 if request.attempts > 1 else 0
        if self._unsteady >= UNSTEADY and self.baud_rate != BAUD_RATE:
            self._lower_baud_rate()
        return frame.payload

    def _transmit(self, request: _Request) -> None:
        request.attempts += 1
        try:
            self._serial.write(request.frame)
        except serial.SerialTimeoutException:
            raise BoardError(
                f"{self.port} takes no bytes for {ports.WRITE_SECONDS:g} s.",
                "Reset the board, or unplug it and plug it in.",
            ) from None
        except OSError as error:  # SerialException is one
            raise self._gone(error) from error

    def _listen(self, request: _Request) -> Frame | None:
        """The reply to `request`, or None when it should be sent again."""
        damaged = self._decoder.damaged
        on_the_line = sum(len(r.frame) for r in self._waiting.values()) * 10 / self.baud_rate  # a byte takes ten bits
        patience = PATIENCE[request.attempts - 1] + self._slowness
        deadline = time.monotonic() + on_the_line + request.timeout + patience
        while request.sequence not in self._arrived and time.monotonic() < deadline:
            try:
                arrived = self._serial.read(max(1, self._serial.in_waiting))
            except OSError as error:
                raise self._gone(error) from error
            self._sort(self._decoder.feed(arrived))
            if arrived and self._decoder.pending:  # a frame that is still arriving is not given up in its middle
                deadline = max(deadline, time.monotonic() + patience)
            # After damage waiting would rarely help, and a reply that comes after all is still accepted.
            if self._decoder.damaged > damaged:
                break
        if request.sequence not in self._arrived:
            self._sort(self._decoder.flush())
        return self._arrived.pop(request.sequence, None)

    def _sort(self, frames: list[Frame]) -> None:
        """Keep the replies to requests on the way; others are second or late replies to earlier ones."""
        for frame in frames:
            request = self._waiting.get(frame.sequence)
            if request is None:
                # Answered twice, so the reply was late and not lost: a slow board must not drown in repetitions.
                self._slowness = min(2 * self._slowness + PATIENCE[0], SLOWEST)
                self._unsteady = 0
                continue
            if frame.command == request.command:
                raise BoardError(f"{self.port} sends back what it is sent: there is no board.", "Name another port.")
            refused = frame.command == ERROR and len(frame.payload) == ERROR_REPLY.size
            if frame.command == request.command | REPLY or refused:
                self._arrived[frame.sequence] = frame

    def _holds(self) -> bool:
        """Whether the board answers at the present rate, every time and at once."""
        for _ in range(4):
            request = self._begin(Command.HELLO, b"", timeout=0.5)
            frame = self._listen(request)
            del self._waiting[request.sequence]
            if frame is None or frame.command == ERROR:
                return False
        return True

    def _lower_baud_rate(self) -> None:
        """Back to the rate that every board starts with. A board that did not hear of it gives up a rate on trial."""
        request = self._begin(Command.BAUD, BAUD_REQUEST.pack(BAUD_RATE), 0.0)
        heard = self._listen(request) is not None
        del self._waiting[request.sequence]
        self._set_rate(BAUD_RATE)
        self._unsteady = 0
        if not heard:
            time.sleep(BAUD_TRIAL + 0.1)

    def _set_rate(self, rate: int) -> None:
        try:
            self._serial.baudrate = rate
        except (OSError, ValueError) as error:
            raise BoardError(f"{self.port} does not take {rate} baud ({error}).", "Reset the board.") from error
        self.baud_rate = rate

    def _gone(self, error: OSError) -> PortGone:
        return PortGone(
            f"{self.port} went away ({error}).", "Plug the board in again, or start the virtual board again."
        )

    def _given_up(self, request: _Request, refusal: int | None, damaged: bool) -> BoardError:
        if refusal == ErrorCode.BAD_LENGTH:
            return self._refused(request.command, refusal)
        if damaged:
            return BoardError(
                f"Frames to or from {self.port} arrive damaged: {request.command.name} failed {ATTEMPTS} times.",
                "Check the cable, and that nothing else talks on this port.",
            )
        seconds = ATTEMPTS * request.timeout + sum(PATIENCE)
        return BoardError(
            f"{self.port} does not answer {request.command.name} ({ATTEMPTS} attempts in {seconds:.0f} s).",
            "Check that our firmware is on the board (`fer-edge flash`), press its reset button and try again.",
        )

    def _refused(self, command: Command, code: int) -> Refused:
        meaning = ERROR_MEANING.get(ErrorCode(code)) if code in set(ErrorCode) else "an unknown error"
        return Refused(f"The board on {self.port} refuses {command.name}: {meaning} (error {code}).", code)
