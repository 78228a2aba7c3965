"""Nordic's Power Profiler Kit II as an ampere meter: 100,000 samples a second over USB.

The public `ppk2-api` swallows errors, takes default calibration values without a word, does not notice lost samples
and computes them one by one in Python; so the few commands needed are here.

A sample is a little-endian word: ADC in bits 0–13, range in 14–16, a counter in 18–23, eight logic inputs in 24–31.
"""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_edge.bench import ports
from fer_edge.bench.device import Window
from fer_edge.bench.meters.meter import Meter, Reading, check_length, integrate
from fer_edge.bench.meters.trace import pulses
from fer_edge.bench.units import quantity
from fer_edge.errors import BoardError

START, STOP, POWER, MODE, METADATA, REGULATOR = 0x06, 0x07, 0x0C, 0x11, 0x19, 0x0D
AMPERE_METER = 1
SAMPLES_PER_SECOND = 100_000
RANGES = 5
ADC_VOLTS = 1.8 / 163840
COUNTER = 64
FILTER, FILTER_HIGHEST = 0.18, 0.06
"""Weight of a new sample in the running means that replace samples just after a change of range."""
AFTER_CHANGE = 3
METADATA_SECONDS = 2.0
SETTLE_SECONDS = 0.05
LOWEST_MV, HIGHEST_MV = 800, 5000


class Ppk2Meter(Meter):
    """A PPK2 in the supply line, its input D0 on the trigger (P1.6, J4.4).

    `voltage`: of that supply, which the PPK2 does not measure. BoardError if the port is no calibrated PPK2.
    """

    name = "ppk2"
    boundary = "what flows through the PPK2, wherever that was wired"
    takes_any_window = True

    def __init__(self, port: str, voltage: str) -> None:
        self._port = port
        self._volts = quantity(voltage, "V", "--voltage")
        millivolts = round(self._volts * 1000)
        if not LOWEST_MV <= millivolts <= HIGHEST_MV:
            raise BoardError(f"--voltage {voltage} is beyond the PPK2's 0.8 to 5 V.", "Check its unit.")
        self.source = f"PPK2, {SAMPLES_PER_SECOND:,} samples/s of current, integrated; {voltage} as typed, not observed"
        self._readings: list[Reading] = []
        self._stream = bytearray()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._serial = ports.open_port(port, 9600, 0.02)  # any rate will do
        try:
            self._write(STOP)  # a program that was killed may have left it running
            self._metadata = self._read_metadata()
            self._calibration = calibration(self._metadata, port)
            self._write(MODE, AMPERE_METER)
            # Its calibration wants to know the voltage, also of a supply that is not its own.
            self._write(REGULATOR, *divmod(3 * 256 + millivolts - LOWEST_MV + 32, 256))
            self._write(POWER, 1)
        except BaseException:
            self._serial.close()
            raise

    def close(self) -> None:
        self._end()
        self._serial.close()

    def start(self) -> None:
        self._serial.reset_input_buffer()
        self._stream.clear()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()
        self._write(START)
        time.sleep(SETTLE_SECONDS)  # the trigger is to be seen rising

    def stop(self, window: Window) -> None:
        time.sleep(SETTLE_SECONDS)
        self._write(STOP)
        self._end()
        words = np.frombuffer(bytes(self._stream[: len(self._stream) // 4 * 4]), "<u4")
        lost = int(((np.diff(words >> 18 & 63).astype(np.int64) - 1) % COUNTER).sum())
        if lost:
            raise BoardError(
                f"{self._port}: {lost} of the PPK2's samples or more were lost on the way.",
                "Plug it straight into the computer, and leave the computer alone meanwhile.",
            )
        found = pulses((words >> 24 & 1).astype(bool))
        if not found:
            raise BoardError(
                f"{self._port}: the PPK2's D0 saw no trigger in {len(words):,} samples.",
                "Wire D0 to P1.6 (J4.4), and the PPK2's VCC and GND to 3V3 and GND.",
            )
        first, end = found[-1]  # a window run twice, because its answer was lost, is the second
        # From its start, for the means that are used after a change of range.
        amperes = current(words[:end], self._calibration, self._volts)[first:]
        reading = integrate(np.arange(len(amperes)) / SAMPLES_PER_SECOND, self._volts, amperes)
        check_length("The PPK2", reading.seconds, window)
        self._readings.append(reading)

    def readings(self) -> list[Reading]:
        return self._readings

    def settings(self) -> dict[str, Any]:
        calibrated = self._metadata.get("Calibrated", "not stated")
        return {"mode": "ampere meter", "voltage": self._volts, "calibrated": calibrated}

    def _write(self, *command: int) -> None:
        try:
            self._serial.write(bytes(command))
        except OSError as error:
            raise BoardError(f"{self._port} went away ({error}).", "Plug the PPK2 in again.") from error

    def _collect(self) -> None:
        """Take the stream off the port as it comes, in a thread of its own."""
        try:
            while not self._stopping.is_set():
                self._stream += self._serial.read(max(1, self._serial.in_waiting))
        except OSError:
            pass  # an unplugged PPK2 shows as a window too short

    def _end(self) -> None:
        if self._thread is not None:
            time.sleep(SETTLE_SECONDS)  # for the samples still on the way
            self._stopping.set()
            self._thread.join()
            self._thread = None

    def _read_metadata(self) -> dict[str, str]:
        time.sleep(SETTLE_SECONDS)
        self._serial.reset_input_buffer()
        self._write(METADATA)
        text, deadline = b"", time.monotonic() + METADATA_SECONDS
        while b"END" not in text and time.monotonic() < deadline:
            text += self._serial.read(max(1, self._serial.in_waiting))
        if b"END" not in text:
            raise BoardError(f"{self._port} does not answer as a PPK2.", "Name its port: --meter ppk2:PORT.")
        return dict(re.findall(r"^(\w+):\s*(\S+)\s*$", text.decode(errors="replace"), re.MULTILINE))


def calibration(metadata: dict[str, str], port: str) -> dict[str, NDArray[np.float64]]:
    """Shunt (R), gains (GS, GI, UG) and offsets (O, S, I) of the five ranges. BoardError if one is missing or odd."""
    try:
        values = {
            key: np.array([float(metadata[f"{key}{i}"]) for i in range(RANGES)])
            for key in ("R", "GS", "GI", "O", "S", "I", "UG")
        }
    except (KeyError, ValueError) as error:
        raise BoardError(
            f"{port}: the PPK2's calibration lacks {error}.", "Update its firmware with nRF Connect."
        ) from error
    if not (values["R"] > 0).all() or not all(np.isfinite(v).all() for v in values.values()):
        raise BoardError(f"{port}: the PPK2's calibration is damaged.", "Restore it with nRF Connect.")
    return values


def current(
    words: NDArray[np.uint32], calibration: dict[str, NDArray[np.float64]], volts: float
) -> NDArray[np.float64]:
    """Amperes of raw samples (N,), the spikes after a change of range replaced by a running mean."""
    ranges = np.minimum(words >> 14 & 7, RANGES - 1).astype(np.intp)
    r, gs, gi, o, s, i, ug = (calibration[key][ranges] for key in ("R", "GS", "GI", "O", "S", "I", "UG"))
    raw = ((words & 0x3FFF).astype(np.float64) * 4 - o) * ADC_VOLTS / r
    return _without_spikes(ug * (raw * (gs * raw + gi) + s * volts + i), ranges)


def _without_spikes(amperes: NDArray[np.float64], ranges: NDArray[np.intp]) -> NDArray[np.float64]:
    """The filter of Nordic's own program: a running mean, slower in the highest range, for three samples."""
    result = amperes.copy()
    if not len(amperes):
        return result
    mean = slow = float(amperes[0])
    previous, left, since = int(ranges[0]), 0, 0
    for index, (value, now) in enumerate(zip(amperes.tolist(), ranges.tolist(), strict=True)):
        before = mean, slow
        mean += FILTER * (value - mean)
        slow += FILTER_HIGHEST * (value - slow)
        if now != previous:
            left, since = AFTER_CHANGE, 0
        elif left:
            since += 1
        if left:
            if now == RANGES - 1 and since < 2:
                mean, slow = before  # the first two samples there say nothing
            result[index] = slow if now == RANGES - 1 else mean
            left -= 1
        previous = now
    return result
