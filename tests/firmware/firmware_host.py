"""The firmware's portable sources as a program on this computer (firmware/test/host.c), with sanitizers."""

from __future__ import annotations

import shutil
import struct
import subprocess
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import pytest

from fer_edge.bench.protocol import Frame

FIRMWARE = Path(__file__).parents[2] / "firmware"
SOURCES = [
    *sorted(p for p in (FIRMWARE / "src").glob("*.c") if p.name != "main.c"),
    FIRMWARE / "hal/ring.c",
    FIRMWARE / "test/host.c",
]


class Status(IntEnum):
    """frame_status_t of frame.h."""

    NONE = 0
    COMPLETE = 1
    DAMAGED = 2
    TOO_LONG = 3


def build_host(network: Path, program: Path) -> Path:
    """Compile the host program for one network folder; skips the test without a compiler."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc for this computer")
    command = ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror"]
    command += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command += [f"-I{FIRMWARE / 'hal'}", f"-I{FIRMWARE / 'src'}", f"-I{network}"]
    command += [*map(str, SOURCES), "-o", str(program)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return program


class CameraFault(IntEnum):
    """camera_fault_t of host.c."""

    FINE = 0
    NO_PMIC = 1
    OTHER_PMIC = 2
    PMIC_REFUSES = 3
    CLOCK_DEAD = 4
    CLOCK_ENDLESS = 5
    SENSOR_DEAD = 6
    SENSOR_OTHER = 7
    SENSOR_STUCK = 8
    NO_PICTURES = 9
    SHORT_PICTURES = 10
    OVERFLOWS = 11
    CLOCK_STOPS = 12


class CameraState(NamedTuple):
    """Whether the camera has its supply, what it scales to; LEDs lit, a bit for each, their brightness in percent."""

    supplied: bool
    columns: int
    rows: int
    leds: int
    brightness: int


class Host:
    """The program running; a context manager. Its operations are described in host.c."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Host:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)
        assert self._process.returncode == 0, "the host program failed; its reason stands on stderr"

    def _do(self, operation: str, data: bytes = b"") -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(operation.encode() + struct.pack("<I", len(data)) + data)
        self._process.stdin.flush()
        (length,) = struct.unpack("<I", self._process.stdout.read(4))
        return self._process.stdout.read(length)

    def reset_decoder(self) -> None:
        """As after power-on, or after a silence."""
        self._do("z")
        self._do("s")

    def decode(self, data: bytes) -> list[tuple[Status, Frame]]:
        """What the decoder finds; the payload of a frame that is not complete is left empty."""
        return self._events(self._do("d", data))

    def decode_silence(self) -> list[tuple[Status, Frame]]:
        """What it finds when no more bytes come."""
        return self._events(self._do("q"))

    def missing(self) -> int:
        """Bytes that the decoder says have to arrive before it can find something new."""
        return int.from_bytes(self._do("M"), "little")

    @staticmethod
    def _events(answer: bytes) -> list[tuple[Status, Frame]]:
        events = []
        while answer:
            status, command, sequence, length = struct.unpack_from("<BBBI", answer)
            events.append((Status(status), Frame(command, sequence, answer[7 : 7 + length])))
            answer = answer[7 + length :]
        return events

    def encode(self, command: int, sequence: int, payload: bytes) -> bytes:
        """A frame made by frame_seal()."""
        return self._do("e", bytes([command, sequence]) + payload)

    def answer(self, received: bytes) -> bytes:
        """The bytes the firmware sends for the bytes it receives."""
        return self._do("a", received)

    def answer_silence(self) -> bytes:
        """The bytes it sends when no more bytes come."""
        return self._do("s")

    def ring_put(self, data: bytes) -> int:
        """Put bytes into the ring; how many fitted."""
        return int.from_bytes(self._do("p", data), "little")

    def ring_get(self, count: int) -> bytes:
        """Take at most `count` bytes out of the ring."""
        return self._do("g", struct.pack("<I", count))

    def wait(self, seconds: float) -> bytes:
        """What is sent while no byte comes for so long."""
        return self._do("t", struct.pack("<I", round(1000 * seconds)))

    def break_camera(self, fault: CameraFault) -> None:
        """What is wrong with it from now on."""
        self._do("o", bytes([fault]))

    def show_camera(self, luma: np.ndarray) -> None:
        """What the camera sees from now on: uint8 [96, 96]; it is not grey."""
        yuv = np.full((*luma.shape, 2), 90, np.uint8)
        yuv[..., 0] = luma
        self._do("v", yuv.tobytes())

    def pass_frames(self, count: int) -> None:
        """So many come while the program is busy."""
        self._do("b", struct.pack("<I", count))

    def go_round(self) -> bytes:
        """What is sent while the main loop goes round once."""
        return self._do("u")

    def press_button(self, pressed: bool) -> None:
        """SW1."""
        self._do("j", bytes([pressed]))

    @property
    def camera(self) -> CameraState:
        """The hardware's state as the program has left it."""
        return CameraState(*struct.unpack("<?HHBB", self._do("C")))

    def luma(self, yuv: bytes) -> bytes:
        """picture_luma()."""
        return self._do("y", yuv)

    def scale(self, picture: np.ndarray, row: int, column: int, window_side: int, side: int) -> np.ndarray:
        """picture_scale(): uint8 [96, 96] → uint8 [side, side]."""
        scaled = self._do("x", bytes([row, column, window_side, side]) + picture.tobytes())
        return np.frombuffer(scaled, np.uint8).reshape(side, side)

    def normalize(self, pixels: np.ndarray) -> np.ndarray:
        """picture_normalize(): uint8, any shape."""
        return np.frombuffer(self._do("c", pixels.tobytes()), np.uint8).reshape(pixels.shape)

    def set_sensor_register(self, number: int, value: int) -> None:
        """Of an INA226 at address 0x41, which this makes appear."""
        self._do("i", struct.pack("<BH", number, value))

    def remove_sensor(self) -> None:
        """It answers no more."""
        self._do("i")

    @property
    def weight_loads(self) -> int:
        """How often the weights have been loaded."""
        return int.from_bytes(self._do("k"), "little")

    def stop_oscillator(self, stopped: bool) -> None:
        """Whether the wake-up timer's oscillator does not run."""
        self._do("O", bytes([stopped]))

    @property
    def power_state(self) -> tuple[int, int, bool]:
        """The deep sleep since the last look, the system's clock in Hz, and whether the line goes unheard."""
        return struct.unpack("<II?", self._do("D"))

    @property
    def last_layers(self) -> tuple[int, int]:
        """The last layer of the last run, and of the next."""
        return struct.unpack("<II", self._do("n"))

    @property
    def falling_edges(self) -> int:
        """Of P0.19, since the start."""
        return int.from_bytes(self._do("f"), "little")

    @property
    def baud_rate(self) -> int:
        """The rate the firmware last set."""
        return int.from_bytes(self._do("r"), "little")

    def write_memory(self, address: int, words: np.ndarray) -> None:
        """Put 32-bit words into the accelerator's data memory."""
        self._do("w", struct.pack("<I", address) + words.astype("<u4").tobytes())

    def read_memory(self, address: int, count: int) -> np.ndarray:
        """32-bit words of the accelerator's data memory, (count,) uint32."""
        return np.frombuffer(self._do("m", struct.pack("<II", address, count)), "<u4")

    def set_hanging(self, hanging: bool) -> None:
        """Whether the accelerator never finishes."""
        self._do("h", bytes([hanging]))

    def set_line_busy(self, busy: bool) -> None:
        """Whether a received byte waits to be read."""
        self._do("l", bytes([busy]))
