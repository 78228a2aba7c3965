"""The binary serial protocol: one table, from which the Python codec and the C header both come.

A frame is, little endian::

    0xF5 0xED | command u8 | sequence u8 | length u16 | payload | CRC-32 u32

The CRC (IEEE 802.3, `zlib.crc32`) covers command to payload. A reply carries the request's sequence number and
its command with bit 7 set; an error is the reply `ERROR`, whose payload names the command it answers. No reply
therefore looks like a request. The first byte is ≥ 0x80, which no text command starts with.

Requests are answered one after another, in order. One more may be sent while the board still works on the last: it
is received meanwhile, so that the line never rests between images. During WINDOW and REPEAT a byte from the host
ends the run early; the reply tells how far it came.

`make generate` writes the header.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum, IntFlag

PROTOCOL_VERSION = 3
SYNC = b"\xf5\xed"
HEADER = struct.Struct("<BBH")  # command, sequence, length; after SYNC
CRC = struct.Struct("<I")
OVERHEAD = len(SYNC) + HEADER.size + CRC.size
MAX_PAYLOAD = 16384
REPLY = 0x80
HASH_BYTES = 16
BAUD_RATE = 115200
"""After reset, and again when BAUD has not led to a frame the board can read within `BAUD_TRIAL` seconds."""
BAUD_TRIAL = 1


class Command(IntEnum):
    """Requests."""

    HELLO = 0x01  # () → HelloReply
    INFER = 0x02  # int8[input size], channel by channel → InferReply
    REPEAT = 0x03  # u32 n: infer the last input n times → RepeatReply
    SELFTEST = 0x04  # infer the stored sample → SelftestReply
    WINDOW = 0x05  # a stretch of one activity for energy measurement → WindowReply
    BAUD = 0x06  # u32 → u32 rate the board then uses; both sides switch after the reply
    RESET = 0x07  # () → (), then the board restarts
    PROBE = 0x08  # run the last input through the first layers only, then read data memory → u32 words


class Activity(IntEnum):
    """What the board does in a WINDOW; the trigger pin P1.6 is high meanwhile, and the line is quiet."""

    IDLE = 0  # asleep; the count is in milliseconds
    LOAD_WEIGHTS = 1  # times
    LOAD_INPUT = 2  # times: that of the last INFER or, without one, the stored sample
    INFER = 3  # times: input loaded and inferred, as REPEAT does; without the input = the difference to LOAD_INPUT


class WindowFlag(IntFlag):
    """Options of a WINDOW."""

    BUSY_WAIT = 1  # the processor waits awake instead of asleep
    SENSOR = 2  # read the board's INA sensor meanwhile
    LEDS = 4  # signal to the EVKit's power monitor: red LED in an IDLE window, green in others; they draw current


class Sensor(IntEnum):
    """The current sensor on the board's I2C1."""

    NONE = 0
    INA219 = 1
    INA226 = 2


class ResetCause(IntEnum):
    """Why the firmware last started."""

    POWER_ON = 0  # or the reset button
    REQUEST = 1  # RESET
    FAULT = 2  # hard fault: the fault record is valid
    WATCHDOG = 3  # firmware hung: the record's PC and LR are where it did, CFSR, HFSR and address are 0
    STACK = 4  # the stack's guard was overwritten


ERROR = 0xFF
ERROR_REPLY = struct.Struct("<BB")  # command answered, ErrorCode


class ErrorCode(IntEnum):
    """Second byte of an error reply."""

    UNKNOWN_COMMAND = 1
    BAD_LENGTH = 2
    BAD_CRC = 3
    NO_INPUT = 4
    CNN_TIMEOUT = 5
    BAD_VALUE = 6


ERROR_MEANING = {
    ErrorCode.UNKNOWN_COMMAND: "the firmware does not know this command",
    ErrorCode.BAD_LENGTH: "the payload has the wrong length for this command or network",
    ErrorCode.BAD_CRC: "the frame arrived damaged",
    ErrorCode.NO_INPUT: "no image has been sent yet",
    ErrorCode.CNN_TIMEOUT: "the accelerator did not finish in time",
    ErrorCode.BAD_VALUE: "a value in the request is out of range",
}

HELLO_REPLY = struct.Struct(f"<B3B{HASH_BYTES}sIHBBIB5I")
"""protocol version, firmware version ×3, network hash, input bytes, outputs, left shift of the logits, `Sensor`,
bytes of stack ever used, `ResetCause`, fault record (PC, LR, CFSR, HFSR, faulting address); then in UTF-8, to the end
of the payload, the network's name and the name of each class, a line feed before each."""
INFER_REPLY = struct.Struct("<IIH")
"""accelerator cycles (50 MHz timer ticks), microseconds, class; then int32 logits."""
REPEAT_REQUEST = struct.Struct("<I")
REPEAT_REPLY = struct.Struct("<II")
"""inferences run, elapsed microseconds."""
SELFTEST_REPLY = struct.Struct("<IIIII")
"""words that differ (0: passed), address of the first, its value expected and found, accelerator cycles."""
WINDOW_REQUEST = struct.Struct("<BIB")
"""`Activity`, count, `WindowFlag`s."""
WINDOW_REPLY = struct.Struct("<BIQBIIiqHI")
"""`Activity`, count done, elapsed microseconds, `Sensor` read (NONE: there is none, it was not asked for or did not
answer), samples, mean voltage µV, mean current µA, energy nJ (sum of V·I·dt over samples, dt since the last sample or
the window's start), configuration register, shunt µΩ. Mean and energy are 0 with no sample."""
PROBE_REQUEST = struct.Struct("<BIH")
"""last layer to run, address (a multiple of four) in the accelerator's data memory, words at most `PROBE_WORDS`."""
PROBE_WORDS = 1024
BAUD_REQUEST = struct.Struct("<I")
BAUD_REPLY = struct.Struct("<I")
"""Bits per second: wanted, and those the board gets."""


@dataclass(frozen=True)
class Frame:
    """A frame that arrived whole."""

    command: int
    sequence: int
    payload: bytes


def encode(command: int, sequence: int, payload: bytes = b"") -> bytes:
    """One frame as bytes. ValueError when the payload exceeds `MAX_PAYLOAD`."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"payload of {len(payload)} bytes exceeds {MAX_PAYLOAD}")
    body = HEADER.pack(command, sequence & 0xFF, len(payload)) + payload
    return SYNC + body + CRC.pack(zlib.crc32(body))


class Decoder:
    """Frames out of a byte stream, whatever else is in it.

    After a damaged frame it looks for the next SYNC inside the bytes already received, so a good frame that
    follows garbage is never lost. `damaged` counts frames given up because of their CRC, their length or a silence.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.damaged = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; return the frames they complete."""
        self._buffer += data
        frames: list[Frame] = []
        while (start := self._buffer.find(SYNC)) >= 0:
            del self._buffer[:start]
            if len(self._buffer) < OVERHEAD:
                return frames
            command, sequence, length = HEADER.unpack_from(self._buffer, len(SYNC))
            end = OVERHEAD + length
            if length <= MAX_PAYLOAD and len(self._buffer) < end:
                return frames
            body = bytes(self._buffer[len(SYNC) : end - CRC.size])
            if length <= MAX_PAYLOAD and CRC.unpack_from(self._buffer, end - CRC.size)[0] == zlib.crc32(body):
                frames.append(Frame(command, sequence, body[HEADER.size :]))
                del self._buffer[:end]
            else:
                self.damaged += 1
                del self._buffer[:1]
        # Keep a last byte that may be the first half of SYNC.
        keep = self._buffer.endswith(SYNC[:1])
        del self._buffer[: len(self._buffer) - keep]
        return frames

    def flush(self) -> list[Frame]:
        """Give up a frame of which no more bytes come (called after a silence); return the frames behind its start."""
        frames: list[Frame] = []
        while self._buffer:
            self.damaged += self._buffer.startswith(SYNC)
            del self._buffer[:1]
            frames += self.feed(b"")
        return frames


def c_header() -> str:
    """Constants of the protocol for the firmware."""
    lines = [
        "/* Written by `make generate` from fer_edge/bench/protocol.py; do not edit. */",
        "#ifndef PROTOCOL_H",
        "#define PROTOCOL_H",
        "",
        f"#define PROTOCOL_VERSION {PROTOCOL_VERSION}u",
        *(f"#define PROTOCOL_SYNC{i} {byte:#04x}u" for i, byte in enumerate(SYNC)),
        f"#define PROTOCOL_HEADER_BYTES {HEADER.size}u /* command, sequence, length; after the sync bytes */",
        f"#define PROTOCOL_CRC_BYTES {CRC.size}u",
        f"#define PROTOCOL_OVERHEAD {OVERHEAD}u",
        f"#define PROTOCOL_MAX_PAYLOAD {MAX_PAYLOAD}u",
        f"#define PROTOCOL_REPLY {REPLY:#04x}u",
        f"#define PROTOCOL_HASH_BYTES {HASH_BYTES}u",
        f"#define PROTOCOL_BAUD_RATE {BAUD_RATE}u",
        f"#define PROTOCOL_BAUD_TRIAL {BAUD_TRIAL}u /* seconds */",
        f"#define PROTOCOL_HELLO_REPLY_BYTES {HELLO_REPLY.size}u /* then the names */",
        f"#define PROTOCOL_INFER_REPLY_BYTES {INFER_REPLY.size}u /* then the logits */",
        f"#define PROTOCOL_REPEAT_REQUEST_BYTES {REPEAT_REQUEST.size}u",
        f"#define PROTOCOL_REPEAT_REPLY_BYTES {REPEAT_REPLY.size}u",
        f"#define PROTOCOL_SELFTEST_REPLY_BYTES {SELFTEST_REPLY.size}u",
        f"#define PROTOCOL_WINDOW_REQUEST_BYTES {WINDOW_REQUEST.size}u",
        f"#define PROTOCOL_WINDOW_REPLY_BYTES {WINDOW_REPLY.size}u",
        f"#define PROTOCOL_PROBE_REQUEST_BYTES {PROBE_REQUEST.size}u",
        f"#define PROTOCOL_PROBE_WORDS {PROBE_WORDS}u",
        f"#define PROTOCOL_BAUD_REQUEST_BYTES {BAUD_REQUEST.size}u",
        f"#define PROTOCOL_BAUD_REPLY_BYTES {BAUD_REPLY.size}u",
        f"#define PROTOCOL_ERROR_REPLY_BYTES {ERROR_REPLY.size}u",
        "",
        "typedef enum {",
        *(f"    COMMAND_{c.name} = {c.value:#04x}," for c in Command),
        f"    REPLY_ERROR = {ERROR:#04x},",
        "} command_t;",
        "",
        "#define NO_ERROR ((error_t)0)",
        *_c_enum("error_t", "ERROR", ErrorCode),
        *_c_enum("activity_t", "ACTIVITY", Activity),
        *_c_enum("window_flag_t", "WINDOW", WindowFlag),
        *_c_enum("sensor_t", "SENSOR", Sensor),
        *_c_enum("reset_cause_t", "RESET", ResetCause),
        "#endif",
        "",
    ]
    return "\n".join(lines)


def _c_enum(name: str, prefix: str, members: type[IntEnum] | type[IntFlag]) -> list[str]:
    return ["typedef enum {", *(f"    {prefix}_{m.name} = {m.value}," for m in members), f"}} {name};", ""]
