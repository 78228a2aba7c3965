"""A host for the MLPerf Tiny text dialect, written from its public description and not from our firmware.

Commands end in ``%``, replies are lines that end in CR LF, and ``m-ready`` ends the answer to each command. An input is
loaded as hexadecimal digits, at most 31 bytes a command (26 at the rate used for energy). In performance mode a
timestamp is a line, ``m-lap-us-N``; in energy mode it is a falling edge on a pin, and there is no such line.

Scores are computed as the public runner computes them: each result is divided by the sum of its values, the first of
the highest is the class, and the area under the curve is the mean over the classes of each against all others.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import serial
from sklearn.metrics import roc_auc_score

PERFORMANCE_BAUD, ENERGY_BAUD = 115_200, 9_600
PERFORMANCE_BYTES, ENERGY_BYTES = 31, 26
READY = "m-ready"


class DutError(Exception):
    """The device under test answered with ``e-[…]``, or not as described."""


@dataclass(frozen=True)
class Inference:
    """`microseconds` between the timestamps, None in energy mode; `results` as printed."""

    count: int
    microseconds: int | None
    results: list[float]


class MlperfClient:
    """The device under test behind `port`; a context manager that closes it."""

    def __init__(self, port: str, energy: bool = False) -> None:
        self.energy = energy
        baud = ENERGY_BAUD if energy else PERFORMANCE_BAUD
        self._serial = serial.Serial(port, baud, timeout=0.05, exclusive=True)
        self._text = b""

    def __enter__(self) -> MlperfClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self._serial.close()

    def command(self, text: str, timeout: float = 2.0) -> list[str]:
        """Send a command; the lines of its answer, without ``m-ready``."""
        self._serial.write(text.encode() + b"%")
        lines: list[str] = []
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self._text += self._serial.read(max(1, self._serial.in_waiting))
            while b"\r\n" in self._text:
                raw, self._text = self._text.split(b"\r\n", 1)
                line = raw.decode("ascii")
                if line == READY:
                    errors = [answer for answer in lines if answer.startswith("e-[")]
                    if errors:
                        raise DutError(errors[0])
                    return lines
                lines.append(line)
        raise DutError(f"{text}: no {READY} in {timeout:g} s, but {lines} and {self._text!r}")

    def name(self) -> str:
        return self._field("name", r"m-name-dut-\[(.+)\]")

    def profile(self) -> tuple[str, str]:
        """Firmware and model."""
        return self._field("profile", r"m-profile-\[(.+)\]"), self._field("profile", r"m-model-\[(.+)\]")

    def timestamp(self) -> int:
        """Microseconds of the device's clock (performance mode)."""
        return int(self._field("timestamp", r"m-lap-us-(\d+)"))

    def load(self, data: bytes) -> None:
        """Fill the input buffer."""
        self.command(f"db load {len(data)}")
        size = ENERGY_BYTES if self.energy else PERFORMANCE_BYTES
        for start in range(0, len(data), size):
            answer = self.command(f"db {data[start : start + size].hex()}")
            done = "m-load-done" in answer
            if done != (start + size >= len(data)):
                raise DutError(f"after {start + size} of {len(data)} bytes: {answer}")

    def infer(self, count: int, warmups: int = 0, timeout: float = 60.0) -> Inference:
        """Infer the loaded input; the lines of the answer must come as described, in order."""
        lines = self.command(f"infer {count} {warmups}", timeout)
        lap = "" if self.energy else r"m-lap-us-(\d+)\n"
        pattern = (
            rf"m-warmup-start-{warmups}\nm-warmup-done\nm-infer-start-{count}\n{lap}{lap}"
            r"m-infer-done\nm-results-\[(.+)\]\n"
        )
        match = re.fullmatch(pattern, "".join(f"{line}\n" for line in lines))
        if match is None:
            raise DutError(f"infer: {lines}")
        *laps, results = match.groups()
        microseconds = None if self.energy else int(laps[1]) - int(laps[0])
        return Inference(count, microseconds, _numbers(results))

    def results(self) -> list[float]:
        """Those of the last inference, again."""
        return _numbers(self._field("results", r"m-results-\[(.+)\]"))

    def _field(self, command: str, pattern: str) -> str:
        lines = self.command(command)
        for line in lines:
            if match := re.fullmatch(pattern, line):
                return match[1]
        raise DutError(f"{command}: {lines}")


def scores(results: Sequence[Sequence[float]], labels: Sequence[int]) -> tuple[float, float]:
    """Top-1 in percent, and area under the curve, of results (N, classes). Every class must be among the labels."""
    values, truth = np.array(results), np.array(labels)
    shares = values / values.sum(axis=1, keepdims=True)
    top1 = 100 * float((shares.argmax(axis=1) == truth).mean())
    return top1, float(roc_auc_score(truth, shares, multi_class="ovr"))


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]
