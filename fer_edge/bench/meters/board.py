"""The INA219 or INA226 on the board's I2C bus, which the firmware samples during the window."""

from __future__ import annotations

from typing import Any

from fer_edge.bench.device import Window
from fer_edge.bench.meters.meter import Meter, Reading
from fer_edge.bench.protocol import Activity, WindowFlag
from fer_edge.bench.virtual import SIMULATED_LOAD
from fer_edge.errors import BoardError

MIN_SAMPLES = 10
MIN_SECONDS = 0.5


def no_sensor() -> BoardError:
    """That there is nothing to measure with."""
    return BoardError(
        "The board sees no INA219 or INA226 on I2C1 (SCL P0.16, SDA P0.17).", "Wire one, or choose another --meter."
    )


class BoardMeter(Meter):
    """What the firmware reads from a sensor on I2C1 (P0.16, P0.17)."""

    name = "board"
    boundary = (
        "what flows through the sensor's shunt, wherever that was wired; the sensor itself, its bus and the processor "
        "that reads it are running in every window, idle included"
    )
    source = "INA219/INA226 on the board's I2C1, V × I summed over the sensor's samples by the firmware"
    flags = WindowFlag.SENSOR

    def __init__(self) -> None:
        self._windows: list[Window] = []

    def on_virtual_board(self) -> None:
        """The sensor is simulated and its load made up: one round tells all there is, as nothing scatters, and the
        weights, which take the emulator minutes, are no part of an inference."""
        self.kind = "assumed"
        self.source = f"the board is virtual: its sensor sees {SIMULATED_LOAD}"
        self.boundary = f"nothing real: {SIMULATED_LOAD}"
        self.rounds = 1
        self.windows = (Activity.IDLE, Activity.LOAD_INPUT, Activity.INFER)

    def stop(self, window: Window) -> None:
        if window.sensor is None:
            raise no_sensor()
        if window.sensor.samples < MIN_SAMPLES and window.seconds >= MIN_SECONDS:  # shorter ones are only tried
            raise BoardError(
                f"The board's sensor gave {window.sensor.samples} samples in {window.seconds:.1f} s.",
                "Check its wiring.",
            )
        self._windows.append(window)

    def readings(self) -> list[Reading]:
        return [
            Reading(w.seconds, w.sensor.joules, w.sensor.mean_volts, w.sensor.mean_amperes, w.sensor.samples)
            for w in self._windows
            if w.sensor
        ]

    def settings(self) -> dict[str, Any]:
        sensor = self._windows[-1].sensor if self._windows else None
        return {} if sensor is None else sensor.settings()
