"""A board that speaks the protocol: each command as a method with plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_edge.bench.link import Link
from fer_edge.bench.protocol import (
    CAMERA_FRAME_REPLY,
    CAMERA_FRAME_REQUEST,
    CAMERA_WINDOW_REQUEST,
    DUTY_CYCLE_REPLY,
    DUTY_CYCLE_REQUEST,
    HELLO_REPLY,
    INFER_REPLY,
    PROBE_REQUEST,
    PROTOCOL_VERSION,
    REPEAT_REPLY,
    REPEAT_REQUEST,
    SELFTEST_REPLY,
    WINDOW_REPLY,
    WINDOW_REQUEST,
    Activity,
    CameraDetail,
    ClockSetting,
    Command,
    ResetCause,
    Rest,
    Sensor,
    Wait,
    WindowFlag,
)
from fer_edge.errors import BoardError


@dataclass(frozen=True)
class Hello:
    """Who the board is: firmware version, the network it runs, and how it fares.

    `runs` of the accelerator answer an image: two where it sees the mirrored one, too.
    `stack_bytes` were ever used since it last started, for which `reset_cause` is the reason; `fault` is PC, LR, CFSR,
    HFSR and the address of a fault before that. `classes` names the outputs, if anybody did.
    """

    firmware: str
    network_name: str
    network_hash: bytes
    input_bytes: int
    outputs: int
    logit_shift: int
    sensor: Sensor
    runs: int
    stack_bytes: int
    reset_cause: ResetCause
    fault: tuple[int, ...]
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """One inference: 32-bit logits, the class the board names, and how long the accelerator took."""

    logits: tuple[int, ...]
    predicted: int
    cycles: int
    microseconds: int


@dataclass(frozen=True)
class CameraFrame:
    """What the board saw and what it makes of it.

    `number` counts the camera's frames, `lost` is how many of them went by since the frame before; `broken` is how many
    did not arrive whole, so far. `pixels`, which the network was given, and `preview`, all that the camera saw, are
    uint8 [rows, columns], or [0, 0] unless asked for. Times in seconds: of the capture, from the picture's being taken
    up to its logits, and the accelerator's part of that.
    """

    number: int
    lost: int
    broken: int
    capture_seconds: float
    compute_seconds: float
    inference_seconds: float
    predicted: int
    logits: tuple[int, ...]
    pixels: np.ndarray
    preview: np.ndarray


@dataclass(frozen=True)
class Selftest:
    """Known-answer test: words that differ; address, expected and found value of the first; accelerator cycles."""

    differing: int
    address: int
    expected: int
    found: int
    cycles: int


@dataclass(frozen=True)
class SensorReading:
    """What the board's own sensor saw in a window; `joules` is V × I × dt summed over its samples."""

    sensor: Sensor
    samples: int
    mean_volts: float
    mean_amperes: float
    joules: float
    configuration: int
    shunt_ohms: float

    def settings(self) -> dict[str, Any]:
        """How it was set up: shunt, and what its configuration register says about conversion."""
        register = self.configuration
        if self.sensor == Sensor.INA219:
            shunt, bus = INA219_CONVERSION[register >> 3 & 15], INA219_CONVERSION[register >> 7 & 15]
        else:
            averaged = f"mean of {INA226_AVERAGES[register >> 9 & 7]}"
            shunt, bus = (f"{INA226_US[register >> at & 7]} µs, {averaged}" for at in (3, 6))
        return {
            "sensor": self.sensor.name,
            "shunt": f"{self.shunt_ohms:g} Ω",
            "configuration": f"{register:#06x}",
            "shunt conversion": shunt,
            "bus conversion": bus,
        }


INA219_CONVERSION = (
    *("84 µs, 9 bits", "148 µs, 10 bits", "276 µs, 11 bits", "532 µs, 12 bits") * 2,
    *("532 µs, 12 bits", "1.06 ms, mean of 2", "2.13 ms, mean of 4", "4.26 ms, mean of 8"),
    *("8.51 ms, mean of 16", "17.02 ms, mean of 32", "34.05 ms, mean of 64", "68.10 ms, mean of 128"),
)
INA226_US = (140, 204, 332, 588, 1100, 2116, 4156, 8244)
INA226_AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)


@dataclass(frozen=True)
class Window:
    """A stretch of one activity: how often (milliseconds if idle) and how long by the board's clock."""

    activity: Activity
    count: int
    seconds: float
    sensor: SensorReading | None


@dataclass(frozen=True)
class DutyReply:
    """What became of a duty cycle. Times of the phases in µs, means over the frames.

    `late` frames took longer than a period; `differing` ones had other logits than the first, of which `logits_crc` is
    the CRC-32.
    """

    frames: int
    late: int
    differing: int
    logits_crc: int
    seconds: float
    wake_us: float
    load_us: float
    infer_us: float
    read_us: float


def _sensor_reading(reply: Any) -> SensorReading:
    """What the sensor says in a `WINDOW_REPLY`."""
    return SensorReading(
        sensor=Sensor(reply.sensor),
        samples=reply.samples,
        mean_volts=reply.microvolts * 1e-6,
        mean_amperes=reply.microamperes * 1e-6,
        joules=reply.nanojoules * 1e-9,
        configuration=reply.configuration,
        shunt_ohms=reply.shunt_microohms * 1e-6,
    )


CAMERA_START_SECONDS = 2.0
"""At most: supply, the camera's own start, its registers, 300 ms for a picture."""
CAMERA_FRAME_SECONDS = 4.0
"""At most: 30 frames until exposure has settled, of 0.1 s each."""


class Device:
    """The commands of a board behind a link. Every method raises BoardError as `Link.request` does."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def hello(self) -> Hello:
        """Ask the board who it is. BoardError if it speaks another version of the protocol."""
        # A board with an older protocol gives a shorter reply, but its first byte is always the version.
        reply = self.link.request(Command.HELLO).ljust(HELLO_REPLY.size, b"\0")
        hello = HELLO_REPLY.unpack(reply)
        if hello.version != PROTOCOL_VERSION:
            raise BoardError(
                f"The board on {self.link.port} speaks protocol {hello.version}, this program {PROTOCOL_VERSION}.",
                "Flash the firmware of this version with `fer-edge flash`.",
            )
        name, *classes = reply[HELLO_REPLY.size :].decode(errors="replace").split("\n")
        return Hello(
            firmware=f"{hello.major}.{hello.minor}.{hello.patch}",
            network_name=name,
            network_hash=hello.network_hash,
            input_bytes=hello.input_bytes,
            outputs=hello.outputs,
            logit_shift=hello.logit_shift,
            sensor=Sensor(hello.sensor),
            runs=hello.runs,
            stack_bytes=hello.stack_bytes,
            reset_cause=ResetCause(hello.reset_cause),
            fault=(hello.pc, hello.lr, hello.cfsr, hello.hfsr, hello.fault_address),
            classes=tuple(classes),
        )

    def infer(self, image: np.ndarray) -> Answer:
        """Infer one image: int8 (channels, rows, columns) as `IntegerNetwork.device_input` gives it."""
        return next(self.infer_all([image]))

    def infer_all(self, images: Iterable[np.ndarray]) -> Iterator[Answer]:
        """`infer` for each image; the next is on its way while the board works on one."""
        return map(self._answer, self.link.stream(Command.INFER, (image.tobytes() for image in images)))

    def window(self, activity: Activity, count: int, flags: WindowFlag, timeout: float) -> Window:
        """Do one thing `count` times (idle: milliseconds) with a quiet line and the trigger pin high.

        LOAD_INPUT and INFER take the image of the last `infer`. `timeout`: seconds it may take on the host's clock.
        """
        reply = self.link.request(Command.WINDOW, WINDOW_REQUEST.pack(activity, count, flags), timeout)
        done = WINDOW_REPLY.unpack(self._fixed(Command.WINDOW, reply, WINDOW_REPLY.size))
        return Window(activity, done.count, done.microseconds * 1e-6, _sensor_reading(done) if done.sensor else None)

    def duty_cycle(
        self, period: float, frames: int, wait: Wait, rest: Rest, clock: ClockSetting, timeout: float
    ) -> DutyReply:
        """Infer the image of the last `infer` every `period` seconds, with the trigger pin high.

        `timeout`: seconds it may take on the host's clock. The board does not listen meanwhile.
        """
        request = DUTY_CYCLE_REQUEST.pack(round(1e6 * period), frames, wait, rest, clock)
        reply = self.link.request(Command.DUTY_CYCLE, request, timeout)
        done = DUTY_CYCLE_REPLY.unpack(self._fixed(Command.DUTY_CYCLE, reply, DUTY_CYCLE_REPLY.size))
        if not done.frames:
            raise BoardError("The board inferred no frame of the duty cycle.", "Run the same command again.")
        return DutyReply(
            frames=done.frames,
            late=done.late,
            differing=done.differing,
            logits_crc=done.logits_crc,
            seconds=done.microseconds * 1e-6,
            wake_us=done.wake_us / done.frames,
            load_us=done.load_us / done.frames,
            infer_us=done.infer_us / done.frames,
            read_us=done.read_us / done.frames,
        )

    def _answer(self, reply: bytes) -> Answer:
        cycles, microseconds, predicted = INFER_REPLY.unpack(self._fixed(Command.INFER, reply, INFER_REPLY.size))
        count, rest = divmod(len(reply) - INFER_REPLY.size, 4)
        if rest or predicted >= count:
            raise BoardError(
                f"{self.link.port} answers INFER with {len(reply)} bytes and class {predicted}, which do not fit.",
                "Flash the firmware of this version with `fer-edge flash`.",
            )
        logits = np.frombuffer(reply, "<i4", offset=INFER_REPLY.size)
        return Answer(tuple(logits.tolist()), predicted, cycles, microseconds)

    def repeat(self, count: int, timeout: float) -> tuple[int, int]:
        """Infer the last image `count` times with a quiet line: inferences run, elapsed microseconds."""
        reply = self.link.request(Command.REPEAT, REPEAT_REQUEST.pack(count), timeout)
        done, microseconds = REPEAT_REPLY.unpack(self._fixed(Command.REPEAT, reply, REPEAT_REPLY.size))
        return done, microseconds

    def probe(self, last_layer: int, address: int, words: int) -> np.ndarray:
        """Infer the last image with layers 0 … `last_layer` only, then read data memory: uint32 (words,).

        `address`: of the accelerator's data memory, a multiple of four; at most `PROBE_WORDS` words.
        """
        reply = self.link.request(Command.PROBE, PROBE_REQUEST.pack(last_layer, address, words))
        return np.frombuffer(self._fixed(Command.PROBE, reply, 4 * words), "<u4")

    def start_camera(self) -> None:
        """Start the board's camera, which takes part of a second. BoardError names the step that failed."""
        self.link.request(Command.CAMERA_START, timeout=CAMERA_START_SECONDS)

    def stop_camera(self) -> None:
        """Stop the camera; it has no supply then."""
        self.link.request(Command.CAMERA_STOP)

    def set_camera_window(self, row: int, column: int, side: int) -> None:
        """Infer this square of the camera's picture, of `CAMERA_SIDE` rows and columns, from the next picture on."""
        self.link.request(Command.CAMERA_WINDOW, CAMERA_WINDOW_REQUEST.pack(row, column, side))

    def camera_frames(self, details: Iterable[CameraDetail]) -> Iterator[CameraFrame]:
        """A frame for each of `details`, each from a later picture; the next is asked for before one has come.

        BoardError when the camera is off, or goes off.
        """
        expected: int | None = None
        requests = (CAMERA_FRAME_REQUEST.pack(detail) for detail in details)
        for reply in self.link.stream(Command.CAMERA_FRAME, requests, CAMERA_FRAME_SECONDS):
            frame = self._camera_frame(reply, expected)
            expected = frame.number + 1
            yield frame

    def _camera_frame(self, reply: bytes, expected: int | None) -> CameraFrame:
        size = CAMERA_FRAME_REPLY.size
        head = CAMERA_FRAME_REPLY.unpack(self._fixed(Command.CAMERA_FRAME, reply, size))
        pixels_at = size + 4 * head.outputs
        preview_at = pixels_at + head.side**2
        self._fixed(Command.CAMERA_FRAME, reply, preview_at + head.camera_side**2)
        preview = np.frombuffer(reply, np.uint8, head.camera_side**2, preview_at)
        return CameraFrame(
            number=head.number,
            lost=0 if expected is None else head.number - expected,
            broken=head.broken,
            capture_seconds=head.capture_us * 1e-6,
            compute_seconds=head.compute_us * 1e-6,
            inference_seconds=head.inference_us * 1e-6,
            predicted=head.predicted,
            logits=tuple(np.frombuffer(reply, "<i4", head.outputs, size).tolist()),
            pixels=np.frombuffer(reply, np.uint8, head.side**2, pixels_at).reshape(head.side, head.side),
            preview=preview.reshape(head.camera_side, head.camera_side),
        )

    def selftest(self) -> Selftest:
        """Infer the sample stored in the firmware and compare with its stored answer."""
        reply = self._fixed(Command.SELFTEST, self.link.request(Command.SELFTEST), SELFTEST_REPLY.size)
        return Selftest(*SELFTEST_REPLY.unpack(reply))

    def _fixed(self, command: Command, reply: bytes, size: int) -> bytes:
        if len(reply) < size:
            raise BoardError(
                f"{self.link.port} answers {command.name} with {len(reply)} bytes instead of {size}.",
                "Flash the firmware of this version with `fer-edge flash`.",
            )
        return reply
