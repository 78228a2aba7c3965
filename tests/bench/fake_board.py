"""A board for tests: a thread that speaks the protocol through a pseudo-terminal, with faults on demand."""

from __future__ import annotations

import math
import os
import select
import termios
import threading
import time
import tty
import zlib
from collections.abc import Callable

import numpy as np

from fer_edge.bench.protocol import (
    BAUD_RATE,
    BAUD_REQUEST,
    BAUD_TRIAL,
    DUTY_CYCLE_REPLY,
    DUTY_CYCLE_REQUEST,
    ERROR,
    ERROR_REPLY,
    HELLO_REPLY,
    INFER_REPLY,
    PROTOCOL_VERSION,
    REPLY,
    WINDOW_REPLY,
    WINDOW_REQUEST,
    Activity,
    Command,
    Decoder,
    ErrorCode,
    Frame,
    Rest,
    encode,
)
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import simulate


class FakeBoard:
    """`answer(command, payload)` gives a reply's payload; `faults` maps the number of a request (0, 1, …) to a fault.

    Faults: ``drop`` (request ignored), ``lose`` (no reply), ``corrupt`` (a bit of the reply flips), ``cut`` (the reply
    ends half way), ``twice`` (two replies), ``late`` (reply after `late_seconds`), ``trickle`` (a quarter of the
    reply every `late_seconds` / 2), ``garbage`` (bytes before the
    reply, a false frame start among them), ``bad_crc`` (the board saw damage), ``unplug`` (the port goes away),
    ``reset`` (the board starts anew; only with `rates`).
    """

    late_seconds = 0.3

    def __init__(
        self,
        answer: Callable[[int, bytes], bytes],
        faults: dict[int, str] | None = None,
        rates: dict[int, bool] | None = None,
    ) -> None:
        """`rates`: those the board agrees to, and whether they hold; without it a host may talk at any."""
        self.answer = answer
        self.rates = rates
        self.rate = BAUD_RATE
        self._on_trial = math.inf
        self._deaf_until = 0.0
        self.faults = faults or {}
        self.requests: list[Frame] = []
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stop = threading.Event()

    def __enter__(self) -> FakeBoard:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        decoder = Decoder()
        plugged = True
        while plugged and not self._stop.is_set():
            if select.select([self._master], [], [], 0.02)[0]:
                for frame in decoder.feed(os.read(self._master, 65536)):
                    self.requests.append(frame)
                    plugged = plugged and self._reply(frame, self.faults.get(len(self.requests) - 1))
        os.close(self._master)
        os.close(self._slave)

    def restart(self) -> None:
        """As after a reset: deaf for a while, then at the first rate."""
        self.rate, self._deaf_until = BAUD_RATE, time.monotonic() + 0.6

    def _heard(self) -> bool:
        """Whether host and board are at one rate, which holds."""
        if time.monotonic() > self._on_trial:
            self.rate, self._on_trial = BAUD_RATE, math.inf
        same = termios.tcgetattr(self._slave)[4] == getattr(termios, f"B{self.rate}")
        heard = (
            same and (self.rate == BAUD_RATE or (self.rates or {})[self.rate]) and time.monotonic() > self._deaf_until
        )
        if heard:
            self._on_trial = math.inf
        return heard

    def _payload(self, frame: Frame) -> bytes:
        if frame.command == Command.BAUD and self.rates is not None:
            (rate,) = BAUD_REQUEST.unpack(frame.payload)
            if rate != BAUD_RATE and rate not in self.rates:
                raise Refusal(ErrorCode.BAD_VALUE)
            return frame.payload
        return self.answer(frame.command, frame.payload)

    def _reply(self, frame: Frame, fault: str | None) -> bool:
        """Answer one request; False when the board is unplugged."""
        if self.rates is not None and not self._heard():
            return True
        if fault == "unplug":
            return False
        if fault == "reset":
            self.restart()
            return True
        if fault == "drop":
            return True
        if fault == "bad_crc":
            reply = encode(ERROR, frame.sequence, ERROR_REPLY.pack(frame.command, ErrorCode.BAD_CRC))
        else:
            try:
                reply = encode(frame.command | REPLY, frame.sequence, self._payload(frame))
            except Refusal as refusal:
                reply = encode(ERROR, frame.sequence, ERROR_REPLY.pack(frame.command, refusal.code))
        if fault == "lose":
            return True
        if fault == "corrupt":
            middle = len(reply) // 2
            reply = reply[:middle] + bytes([reply[middle] ^ 0x10]) + reply[middle + 1 :]
        if fault == "cut":
            reply = reply[: len(reply) // 2]
        if fault == "twice":
            reply *= 2
        if fault == "late":
            time.sleep(self.late_seconds)
        if fault == "garbage":
            reply = b"\x00\xf5\xf5\xed\x01\x02\x00\x30noise" + reply
        if frame.command == Command.BAUD and self.rates is not None and reply[2] != ERROR:
            # Before the reply, so that a test that has it finds the new rate.
            (self.rate,) = BAUD_REQUEST.unpack(frame.payload)
            self._on_trial = time.monotonic() + BAUD_TRIAL
        if fault == "trickle":
            quarter = -(-len(reply) // 4)
            for start in range(0, 3 * quarter, quarter):
                os.write(self._master, reply[start : start + quarter])
                time.sleep(self.late_seconds / 2)
            reply = reply[3 * quarter :]
        os.write(self._master, reply)
        return True


class Refusal(Exception):
    """Raised by an answer to make the board reply with an error."""

    def __init__(self, code: int) -> None:
        self.code = code


def hello_payload(network: IntegerNetwork) -> bytes:
    """What a board with `network` answers to HELLO."""
    inputs, outputs = int(np.prod(network.input_shape)), int(np.prod(network.output_shape))
    fields = (PROTOCOL_VERSION, 0, 1, 0, network.content_hash, inputs, outputs, network.logit_shift)
    no_sensor, one_run, no_fault = 0, 1, [0] * 7
    return (
        HELLO_REPLY.pack(*fields, no_sensor, one_run, *no_fault) + "\n".join((network.name, *network.classes)).encode()
    )


MICROSECONDS = {Activity.IDLE: 1000, Activity.LOAD_WEIGHTS: 2000, Activity.LOAD_INPUT: 10, Activity.INFER: 1010}


def window_reply(request: bytes, sensor: tuple[int, ...] = (0, 0, 0, 0, 0, 0, 0)) -> bytes:
    """A board that keeps to `MICROSECONDS` for each operation; `sensor`: the sensor's fields of the reply."""
    activity, count, _ = WINDOW_REQUEST.unpack(request)
    return WINDOW_REPLY.pack(activity, count, count * MICROSECONDS[activity], *sensor)


def duty_reply(request: bytes, crc: int) -> bytes:
    """A board that wakes in 10 µs, or loads its weights in 1 ms; loads in 100, infers in 1,000 and reads in 50 µs."""
    period, frames, _, rest, _ = DUTY_CYCLE_REQUEST.unpack(request)
    wake = 1000 if rest == Rest.OFF else 10
    return DUTY_CYCLE_REPLY.pack(
        frames, 0, 0, crc, frames * period, frames * wake, frames * 100, frames * 1000, frames * 50
    )


def board_answers(network: IntegerNetwork, wrong: int | None = None) -> Callable[[int, bytes], bytes]:
    """The answers of a board that runs `network`; the INFER number `wrong` (0, 1, …) has one logit off by one."""
    inferences, logits = 0, np.zeros(0, np.int32)

    def answer(command: int, payload: bytes) -> bytes:
        nonlocal inferences, logits
        if command == Command.HELLO:
            return hello_payload(network)
        if command == Command.INFER:
            image = np.frombuffer(payload, np.int8).reshape(1, *network.input_shape)
            logits = simulate(network, image)[0]
            logits[3] += inferences == wrong
            inferences += 1
            # Latency depends on the image, so that a resumed run can be told from an uninterrupted one.
            microseconds = 1000 + int(image.astype(int).sum()) % 50
            result: bytes = INFER_REPLY.pack(microseconds * 50, microseconds, int(logits.argmax())) + logits.tobytes()
            return result
        if command == Command.WINDOW:
            return window_reply(payload)
        if command == Command.DUTY_CYCLE:
            return duty_reply(payload, zlib.crc32(logits.tobytes()))
        raise Refusal(ErrorCode.UNKNOWN_COMMAND)

    return answer
