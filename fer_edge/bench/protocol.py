"""The binary serial protocol: one table, from which the Python codec and the C header both come.

A frame is, little endian::

    0xF5 0xED | command u8 | sequence u8 | length u16 | payload | CRC-32 u32

The CRC (IEEE 802.3, `zlib.crc32`) covers command to payload. A reply carries the request's sequence number and
its command with bit 7 set; an error is the reply `ERROR`, whose payload names the command it answers. No reply
therefore looks like a request. The first byte is ≥ 0x80, which no text command starts with.

Requests are answered one after another, in order. One more may be sent while the board still works on the last: it
is received meanwhile, so that the line never rests between images. During WINDOW and REPEAT a byte from the host
ends the run early; the reply tells how far it came. During DUTY_CYCLE the board does not listen.

`make generate` writes the header.
"""

from __future__ import annotations

import struct
import zlib
from collections import namedtuple
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any

PROTOCOL_VERSION = 5
SYNC = b"\xf5\xed"
HEADER = struct.Struct("<BBH")  # command, sequence, length; after SYNC
CRC = struct.Struct("<I")
OVERHEAD = len(SYNC) + HEADER.size + CRC.size
MAX_PAYLOAD = 16384
REPLY = 0x80
HASH_BYTES = 16
BAUD_RATE = 115200
"""Bits per second after reset, and again when BAUD has not led to a readable frame within `BAUD_TRIAL` seconds."""
BAUD_TRIAL = 1


class Command(IntEnum):
    """Requests."""

    HELLO = 0x01  # who is there
    INFER = 0x02  # int8[input size], channel by channel: infer it
    REPEAT = 0x03  # infer the last input again and again
    SELFTEST = 0x04  # infer the stored sample
    WINDOW = 0x05  # a stretch of one activity, for energy measurement
    BAUD = 0x06  # change the rate of the line; both sides switch after the reply
    RESET = 0x07  # restart, after the reply
    PROBE = 0x08  # run the last input through the first layers only, then read data memory
    CAMERA_START = 0x09  # the board's camera; answered once it has sent a picture, at once if it runs already
    CAMERA_STOP = 0x0A  # and cut its supply
    CAMERA_WINDOW = 0x0B  # the part of the camera's picture to infer, from the next picture on
    CAMERA_FRAME = 0x0C  # the answer to the last picture if it has not been given yet, else to the next
    DUTY_CYCLE = 0x0D  # infer the last input again and again at a rate, and rest in between; the camera is stopped


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


class Wait(IntEnum):
    """How the processor waits for the next frame of a DUTY_CYCLE; an inference it waits for asleep, unless BUSY."""

    BUSY = 0  # awake
    SLEEP = 1
    LPM = 2  # this and the deeper ones by the wake-up timer
    UPM = 3
    STANDBY = 4


class Rest(IntEnum):
    """What becomes of the accelerator between the frames of a DUTY_CYCLE."""

    ON = 0  # its clock runs
    GATED = 1  # its clock is off; registers and memories are kept
    RETAINED = 2  # its power is off, but for the weights
    OFF = 3  # its power is off; the weights are loaded again


class ClockSetting(IntEnum):
    """Clocks of processor and accelerator in a DUTY_CYCLE."""

    IPO = 0  # 100 and 50 MHz
    ISO = 1  # 60 and 30 MHz


DEEP = (Wait.UPM, Wait.STANDBY)
"""In these the accelerator has no power, so that it rests RETAINED or OFF."""
DUTY_CYCLE_SECONDS = 600
"""A DUTY_CYCLE lasts at most so long."""


class CameraDetail(IntEnum):
    """What a CAMERA_FRAME holds."""

    ANSWER = 0
    PIXELS = 1  # and the grey picture the network was given
    PREVIEW = 2  # and the luma of all that the camera saw


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


class ErrorCode(IntEnum):
    """Why a request was refused."""

    UNKNOWN_COMMAND = 1
    BAD_LENGTH = 2
    BAD_CRC = 3
    NO_INPUT = 4
    CNN_TIMEOUT = 5
    BAD_VALUE = 6
    CAMERA_NO_SUPPLY = 7  # in the order of starting up; the red LED blinks the number less 6
    CAMERA_NO_CLOCK = 8
    CAMERA_SILENT = 9
    CAMERA_UNKNOWN = 10
    CAMERA_NO_FRAME = 11
    CAMERA_SHORT_FRAME = 12
    CAMERA_OVERFLOW = 13
    CAMERA_UNFIT = 14
    CAMERA_OFF = 15
    NO_OSCILLATOR = 16


CAMERA_ERRORS = frozenset(code for code in ErrorCode if code.name.startswith("CAMERA_"))
CAMERA_SIDE = 96
"""Rows and columns of the camera's picture."""
CAMERA_LARGEST = 80
"""Rows and columns, at most, of the network's picture: so that both fit a frame."""

ERROR_MEANING = {
    ErrorCode.UNKNOWN_COMMAND: "the firmware does not know this command",
    ErrorCode.BAD_LENGTH: "the payload has the wrong length for this command or network",
    ErrorCode.BAD_CRC: "the frame arrived damaged",
    ErrorCode.NO_INPUT: "no image has been sent yet",
    ErrorCode.CNN_TIMEOUT: "the accelerator did not finish in time",
    ErrorCode.BAD_VALUE: "a value in the request is out of range",
    ErrorCode.CAMERA_NO_SUPPLY: "the power supply chip that feeds the camera (MAX20303 on I2C1) does not answer",
    ErrorCode.CAMERA_NO_CLOCK: "the camera's clock (pulse train 0) does not run",
    ErrorCode.CAMERA_SILENT: "no camera answers; check that it is plugged in",
    ErrorCode.CAMERA_UNKNOWN: "the camera is no OVM7692",
    ErrorCode.CAMERA_NO_FRAME: "the camera sends no picture",
    ErrorCode.CAMERA_SHORT_FRAME: "the camera's pictures lack rows",
    ErrorCode.CAMERA_OVERFLOW: "the camera's pictures arrive faster than they are taken out of the interface's FIFO",
    ErrorCode.CAMERA_UNFIT: f"the network does not take a square grey picture of at most {CAMERA_LARGEST} rows",
    ErrorCode.CAMERA_OFF: "the camera has not been started",
    ErrorCode.NO_OSCILLATOR: "an oscillator that the mode needs (ISO, or ERTCO for the wake-up timer) does not run",
}

C_TYPES = {
    "B": "uint8_t", "H": "uint16_t", "I": "uint32_t", "Q": "uint64_t", "i": "int32_t", "q": "int64_t",
}  # fmt: skip
"""C types by the codes of `struct`; ``16s`` is an array of bytes."""


class Message:
    """A payload, or what it begins with: fields in order, little endian, without gaps.

    fields : of each, its name, its width as `struct` writes it, and what it means.
    rest : what follows in the payload, if anything does.
    """

    def __init__(self, name: str, *fields: tuple[str, str, str], rest: str = "") -> None:
        self.name, self.fields, self.rest = name, fields, rest
        self._struct = struct.Struct("<" + "".join(width for _, width, _ in fields))
        self._values = namedtuple(name, [field for field, _, _ in fields])  # type: ignore[misc]

    @property
    def size(self) -> int:
        """Bytes of the fields."""
        return self._struct.size

    def pack(self, *values: int | bytes) -> bytes:
        """The fields as bytes.

        >>> BAUD_REQUEST.pack(115200).hex()
        '00c20100'
        """
        return self._struct.pack(*values)

    def unpack(self, payload: bytes) -> Any:
        """The fields of a payload that begins with this message, by name and in order.

        >>> REPEAT_REPLY.unpack(bytes([3, 0, 0, 0, 60, 0, 0, 0]))
        repeat_reply(inferences=3, microseconds=60)
        """
        return self._values(*self._struct.unpack_from(payload))

    def c_struct(self) -> list[str]:
        """The same as a C struct."""
        lines = ["typedef struct __attribute__((packed)) {"]
        for name, width, about in self.fields:
            size = f"[{width[:-1]}]" if width.endswith("s") else ""
            lines.append(
                f"    {'uint8_t' if size else C_TYPES[width]} {name}{size};" + (f" /* {about} */" if about else "")
            )
        lines.append(f"}} {self.name}_t;" + (f" /* then {self.rest} */" if self.rest else ""))
        return [*lines, f'_Static_assert(sizeof({self.name}_t) == {self.size}, "");', ""]


HELLO_REPLY = Message(
    "hello_reply",
    ("version", "B", "of the protocol; stands here in every version"),
    ("major", "B", "version of the firmware"),
    ("minor", "B", ""),
    ("patch", "B", ""),
    ("network_hash", f"{HASH_BYTES}s", "of the network's content"),
    ("input_bytes", "I", ""),
    ("outputs", "H", ""),
    ("logit_shift", "B", "left shift of the logits"),
    ("sensor", "B", "`Sensor`"),
    ("runs", "B", "of the accelerator for an image: 2 where the mirrored one is inferred too, and logits are sums"),
    ("stack_bytes", "I", "ever used"),
    ("reset_cause", "B", "`ResetCause`; the rest is valid after FAULT and WATCHDOG"),
    ("pc", "I", ""),
    ("lr", "I", ""),
    ("cfsr", "I", ""),
    ("hfsr", "I", ""),
    ("fault_address", "I", ""),
    rest="in UTF-8 the network's name and the name of each class, a line feed before each",
)
INFER_REPLY = Message(
    "infer_reply",
    ("cycles", "I", "of the accelerator: 50 MHz timer ticks"),
    ("microseconds", "I", "of the accelerator, start to done"),
    ("predicted", "H", "class"),
    rest="int32 logits",
)
REPEAT_REQUEST = Message("repeat_request", ("count", "I", "inferences"))
REPEAT_REPLY = Message(
    "repeat_reply",
    ("inferences", "I", "run"),
    ("microseconds", "I", "elapsed"),
)
SELFTEST_REPLY = Message(
    "selftest_reply",
    ("differing", "I", "words; 0: passed"),
    ("address", "I", "of the first of them"),
    ("expected", "I", "its value"),
    ("found", "I", ""),
    ("cycles", "I", "of the accelerator"),
)
WINDOW_REQUEST = Message(
    "window_request",
    ("activity", "B", "`Activity`"),
    ("count", "I", "milliseconds of IDLE, else times"),
    ("flags", "B", "`WindowFlag`s"),
)
WINDOW_REPLY = Message(
    "window_reply",
    ("activity", "B", "`Activity`"),
    ("count", "I", "done"),
    ("microseconds", "Q", "elapsed"),
    ("sensor", "B", "`Sensor` read; NONE: there is none, it was not asked for or did not answer"),
    ("samples", "I", ""),
    ("microvolts", "I", "mean; 0 without a sample"),
    ("microamperes", "i", "mean; 0 without a sample"),
    ("nanojoules", "q", "sum of V·I·dt over samples, dt since the last sample or the window's start"),
    ("configuration", "H", "register of the sensor"),
    ("shunt_microohms", "I", ""),
)
PROBE_WORDS = 1024
PROBE_REQUEST = Message(
    "probe_request",
    ("last_layer", "B", "to run"),
    ("address", "I", "in the accelerator's data memory, a multiple of four"),
    ("words", "H", f"at most {PROBE_WORDS}"),
)
CAMERA_WINDOW_REQUEST = Message(
    "camera_window_request",
    ("row", "B", "the first, of the camera's picture"),
    ("column", "B", "the first"),
    ("side", "B", "rows and columns, no fewer than the network's picture has; at first all of the camera's"),
)
CAMERA_FRAME_REQUEST = Message("camera_frame_request", ("detail", "B", "`CameraDetail`"))
CAMERA_FRAME_REPLY = Message(
    "camera_frame_reply",
    ("number", "I", "of the camera's frame; 0 is the first after exposure has settled, and no number comes twice"),
    ("broken", "I", "frames that did not arrive whole, so far; their numbers are left out, too"),
    ("capture_us", "I", "of the capture: from the end of the frame before to its own"),
    ("compute_us", "I", "from the picture being taken up to its logits"),
    ("inference_us", "I", "of that the accelerator's part"),
    ("predicted", "H", "class"),
    ("outputs", "H", ""),
    ("side", "B", "rows and columns of the network's picture, 0 unless asked for"),
    ("camera_side", "B", "of the camera's, likewise"),
    rest="int32 logits, then the pictures, one byte 0 to 255 a pixel, row by row",
)
DUTY_CYCLE_REQUEST = Message(
    "duty_cycle_request",
    ("period_us", "I", "from one frame's start to the next one's"),
    ("frames", "I", f"at least 1; all periods together at most {DUTY_CYCLE_SECONDS} s"),
    ("wait", "B", "`Wait`"),
    ("rest", "B", "`Rest`; in UPM and STANDBY RETAINED or OFF"),
    ("clock", "B", "`ClockSetting`"),
)
DUTY_CYCLE_REPLY = Message(
    "duty_cycle_reply",
    ("frames", "I", "done"),
    ("late", "I", "of these: that took longer than a period"),
    ("differing", "I", "of these: whose logits were not the first one's"),
    ("logits_crc", "I", "CRC-32 of the first one's logits, int32 each"),
    ("microseconds", "Q", "elapsed, the last period included"),
    ("wake_us", "Q", "of these: until the accelerator could be used, in all frames together"),
    ("load_us", "Q", "loading the input"),
    ("infer_us", "Q", "inferring"),
    ("read_us", "Q", "reading the logits, and putting the accelerator to rest"),
)
BAUD_REQUEST = Message("baud_request", ("rate", "I", "wanted, bits per second"))
BAUD_REPLY = Message("baud_reply", ("rate", "I", "the board then has"))
ERROR_REPLY = Message(
    "error_reply",
    ("command", "B", "answered"),
    ("error", "B", "`ErrorCode`"),
)

MESSAGES: dict[Command, tuple[Message | str, Message | str]] = {
    Command.HELLO: ("", HELLO_REPLY),
    Command.INFER: ("int8 pixels of the network's input, channel by channel", INFER_REPLY),
    Command.REPEAT: (REPEAT_REQUEST, REPEAT_REPLY),
    Command.SELFTEST: ("", SELFTEST_REPLY),
    Command.WINDOW: (WINDOW_REQUEST, WINDOW_REPLY),
    Command.BAUD: (BAUD_REQUEST, BAUD_REPLY),
    Command.RESET: ("", ""),
    Command.PROBE: (PROBE_REQUEST, "uint32 words"),
    Command.CAMERA_START: ("", ""),
    Command.CAMERA_STOP: ("", ""),
    Command.CAMERA_WINDOW: (CAMERA_WINDOW_REQUEST, ""),
    Command.CAMERA_FRAME: (CAMERA_FRAME_REQUEST, CAMERA_FRAME_REPLY),
    Command.DUTY_CYCLE: (DUTY_CYCLE_REQUEST, DUTY_CYCLE_REPLY),
}
"""Request and reply of each command: a message, or in words what the payload is (nothing, if empty)."""


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

    @property
    def pending(self) -> bool:
        """Whether the start of a frame waits for its rest."""
        return self._buffer.startswith(SYNC)

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
        "#include <stdint.h>",
        "",
        '_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "messages are little endian");',
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
        f"#define PROTOCOL_PROBE_WORDS {PROBE_WORDS}u",
        f"#define PROTOCOL_DUTY_CYCLE_SECONDS {DUTY_CYCLE_SECONDS}u",
        f"#define PROTOCOL_CAMERA_SIDE {CAMERA_SIDE}u",
        f"#define PROTOCOL_CAMERA_LARGEST {CAMERA_LARGEST}u",
        "#define PROTOCOL_ERROR_MEANINGS { \\",
        *(f'    [ERROR_{code.name}] = "{meaning}", \\' for code, meaning in ERROR_MEANING.items()),
        "}",
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
        *_c_enum("wait_t", "WAIT", Wait),
        *_c_enum("rest_t", "REST", Rest),
        *_c_enum("clock_setting_t", "CLOCK", ClockSetting),
        *_c_enum("camera_detail_t", "CAMERA", CameraDetail),
        *_c_enum("sensor_t", "SENSOR", Sensor),
        *_c_enum("reset_cause_t", "RESET", ResetCause),
        *(line for pair in MESSAGES.values() for part in pair if isinstance(part, Message) for line in part.c_struct()),
        *ERROR_REPLY.c_struct(),
        "#endif",
        "",
    ]
    return "\n".join(lines)


def _c_enum(name: str, prefix: str, members: type[IntEnum] | type[IntFlag]) -> list[str]:
    return ["typedef enum {", *(f"    {prefix}_{m.name} = {m.value}," for m in members), f"}} {name};", ""]
