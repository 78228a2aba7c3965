"""The power monitor of the MAX78000 EVKit: lines of numbers over USB, modes by single keys."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

from fer_edge.bench import ports
from fer_edge.bench.device import Window
from fer_edge.bench.meters.meter import Meter, Reading, check_length
from fer_edge.bench.protocol import Activity, WindowFlag
from fer_edge.errors import BoardError

RAILS = ("3V3", "core A", "core B", "1V8")
VERSION = b"\x16"
REPEATS = 100
"""Repeats of a phase that the monitor assumes, and divides by."""
LINE_SECONDS = 5.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Group:
    """One phase of a CNN line, all for one repeat but the powers: net joule, seconds, idle and active watt."""

    net_j: float
    seconds: float
    idle_w: float
    active_w: float


class Monitor:
    """The monitor behind its port; each method asks for one thing and waits for the line that answers it."""

    def __init__(self, port: str) -> None:
        self.port = port
        self._serial = ports.open_port(port, 115_200, POLL_SECONDS)  # any rate will do
        self._text = b""

    def close(self) -> None:
        self._serial.close()

    def version(self) -> str:
        """The line the monitor introduces itself with. BoardError if something else is on the port."""
        self._key(VERSION)
        return self._line(r"PMON .*", LINE_SECONDS)

    def rails(self, key: str) -> dict[str, float]:
        """Volts (`v`), amperes (`i`) or watts (`w`) of the four rails, once."""
        self._key(key.encode())
        return dict(zip(RAILS, self._numbers(4, LINE_SECONDS), strict=True))

    def start_cnn(self) -> None:
        """From here on the monitor waits for one idle and three active triggers, for `cnn`."""
        self._key(b"c")

    def cnn(self, timeout: float = LINE_SECONDS) -> tuple[Group, Group, Group]:
        """The line after a full sequence: weights loaded, input loaded, input loaded and inferred."""
        values = self._numbers(12, timeout)
        kernels, load, infer = (Group(*values[i : i + 4]) for i in (0, 4, 8))
        for group in (kernels, load, infer):
            net = (group.active_w - group.idle_w) * group.seconds
            # Six digits are printed: the difference of two powers may have lost most of them.
            if abs(net - group.net_j) > 0.01 * abs(group.net_j) + 1e-5 * group.active_w * group.seconds:
                raise BoardError(
                    f"{self.port}: {group.net_j:g} J is not ({group.active_w:g} − {group.idle_w:g}) W × "
                    f"{group.seconds:g} s.",
                    "Restart the monitor, and run the same command.",
                )
        return kernels, load, infer

    def start_system(self) -> None:
        """From here on each idle trigger gives a line for `system`."""
        self._key(b"s")

    def system(self, timeout: float = LINE_SECONDS) -> tuple[float, float, float]:
        """Joules, seconds and watts while the system trigger was on; idle not subtracted."""
        joules, seconds, watts = self._numbers(3, timeout)
        return joules, seconds, watts

    def _key(self, key: bytes) -> None:
        try:
            self._serial.reset_input_buffer()  # lines of the mode before
            self._text = b""
            self._serial.write(key)
        except OSError as error:
            raise self._gone(error) from error

    def _numbers(self, count: int, timeout: float) -> list[float]:
        """The next line of `count` numbers; lines of other lengths belong to a mode just left."""
        number = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
        line = self._line(rf"{number}(?:\s*,\s*{number}){{{count - 1}}}", timeout)
        return [float(value) for value in line.split(",")]

    def _line(self, pattern: str, timeout: float) -> str:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                self._text += self._serial.read(max(1, self._serial.in_waiting))
            except OSError as error:
                raise self._gone(error) from error
            *lines, self._text = self._text.split(b"\n")
            for line in lines:
                text = line.decode(errors="replace").strip()
                if re.fullmatch(pattern, text):
                    return text
        raise BoardError(
            f"{self.port}: no answer of an EVKit power monitor in {timeout:g} s.",
            "Check that this is its own USB port, and that the board's LED1 and LED2 trigger it.",
        )

    def _gone(self, error: OSError) -> BoardError:
        return BoardError(f"{self.port} went away ({error}).", "Plug the power monitor in again.")


class EvkitMeter(Meter):
    """One CNN line of the monitor for each round of windows."""

    name = "evkit"
    boundary = "the EVKit's core A rail (VCOREA): accelerator, processors and digital logic; no other rail"
    source = "EVKit power monitor, CNN mode: mean power of each phase × its time"
    flags = WindowFlag.LEDS

    def __init__(self, port: str) -> None:
        self._monitor = Monitor(port)
        try:
            self._version = self._monitor.version()
            self._rails = {key: self._monitor.rails(key) for key in "viw"}
            self._monitor.start_cnn()
        except BaseException:
            self._monitor.close()
            raise
        self._round: list[Window] = []
        self._readings: list[Reading] = []

    def close(self) -> None:
        self._monitor.close()

    def stop(self, window: Window) -> None:
        self._round.append(window)
        if window.activity != Activity.INFER:
            return
        groups = self._monitor.cnn()
        idle, *active = self._round
        self._readings.append(self._reading(groups[-1].idle_w, idle.seconds))
        for group, phase in zip(groups, active, strict=True):
            seconds = group.seconds * REPEATS
            check_length("The EVKit power monitor", seconds, phase)
            self._readings.append(self._reading(group.active_w, seconds))
        self._round = []

    def readings(self) -> list[Reading]:
        return self._readings

    def settings(self) -> dict[str, Any]:
        return {
            "version": self._version,
            "rails before the windows": {
                rail: f"{self._rails['v'][rail]:g} V, {self._rails['i'][rail]:g} A, {self._rails['w'][rail]:g} W"
                for rail in RAILS
            },
        }

    @staticmethod
    def _reading(watts: float, seconds: float) -> Reading:
        return Reading(seconds, watts * seconds, None, None, 0)
