"""A board that speaks the protocol: each command as a method with plain values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_edge.bench.link import Link
from fer_edge.bench.protocol import (
    HELLO_REPLY,
    INFER_REPLY,
    PROTOCOL_VERSION,
    REPEAT_REPLY,
    REPEAT_REQUEST,
    SELFTEST_REPLY,
    Command,
)
from fer_edge.errors import BoardError


@dataclass(frozen=True)
class Hello:
    """Who the board is: firmware version, and the network it runs."""

    firmware: str
    network_name: str
    network_hash: bytes
    input_bytes: int
    outputs: int
    logit_shift: int


@dataclass(frozen=True)
class Answer:
    """One inference: 32-bit logits, the class the board names, and how long the accelerator took."""

    logits: tuple[int, ...]
    predicted: int
    cycles: int
    microseconds: int


@dataclass(frozen=True)
class Selftest:
    """Known-answer test: words that differ; address, expected and found value of the first; accelerator cycles."""

    differing: int
    address: int
    expected: int
    found: int
    cycles: int


class Device:
    """The commands of a board behind a link. Every method raises BoardError as `Link.request` does."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def hello(self) -> Hello:
        """Ask the board who it is. BoardError if it speaks another version of the protocol."""
        # A board with an older protocol gives a shorter reply, but its first byte is always the version.
        reply = self.link.request(Command.HELLO).ljust(HELLO_REPLY.size, b"\0")
        version, major, minor, patch, network_hash, inputs, outputs, shift, *_state = HELLO_REPLY.unpack_from(reply)
        if version != PROTOCOL_VERSION:
            raise BoardError(
                f"The board on {self.link.port} speaks protocol {version}, this program {PROTOCOL_VERSION}.",
                "Flash the firmware of this version with `make flash`.",
            )
        name = reply[HELLO_REPLY.size :].decode(errors="replace")
        return Hello(f"{major}.{minor}.{patch}", name, network_hash, inputs, outputs, shift)

    def infer(self, image: np.ndarray) -> Answer:
        """Infer one image: int8 (channels, rows, columns) as `IntegerNetwork.device_input` gives it."""
        reply = self._fixed(Command.INFER, self.link.request(Command.INFER, image.tobytes()), INFER_REPLY.size)
        cycles, microseconds, predicted = INFER_REPLY.unpack_from(reply)
        count, rest = divmod(len(reply) - INFER_REPLY.size, 4)
        if rest or predicted >= count:
            raise BoardError(
                f"{self.link.port} answers INFER with {len(reply)} bytes and class {predicted}, which do not fit.",
                "Flash the firmware of this version with `make flash`.",
            )
        logits = np.frombuffer(reply, "<i4", offset=INFER_REPLY.size)
        return Answer(tuple(logits.tolist()), predicted, cycles, microseconds)

    def repeat(self, count: int, timeout: float) -> tuple[int, int]:
        """Infer the last image `count` times with a quiet line: inferences run, elapsed microseconds."""
        reply = self.link.request(Command.REPEAT, REPEAT_REQUEST.pack(count), timeout)
        done, microseconds = REPEAT_REPLY.unpack(self._fixed(Command.REPEAT, reply, REPEAT_REPLY.size))
        return done, microseconds

    def selftest(self) -> Selftest:
        """Infer the sample stored in the firmware and compare with its stored answer."""
        reply = self._fixed(Command.SELFTEST, self.link.request(Command.SELFTEST), SELFTEST_REPLY.size)
        return Selftest(*SELFTEST_REPLY.unpack_from(reply))

    def _fixed(self, command: Command, reply: bytes, size: int) -> bytes:
        if len(reply) < size:
            raise BoardError(
                f"{self.link.port} answers {command.name} with {len(reply)} bytes instead of {size}.",
                "Flash the firmware of this version with `make flash`.",
            )
        return reply
