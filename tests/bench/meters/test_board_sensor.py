"""The INA sensor on the board, as a window's reply tells of it."""

import numpy as np
import pytest

from fer_edge.bench.device import Device
from fer_edge.bench.energy import measure
from fer_edge.bench.link import Link
from fer_edge.bench.meters.board import BoardMeter
from fer_edge.bench.protocol import INFER_REPLY, WINDOW_REQUEST, Command, Sensor, WindowFlag
from fer_edge.bench.result import Energy
from fer_edge.errors import BoardError
from tests.bench.fake_board import FakeBoard, window_reply
from tests.present import present


def energy_with(*sensor: int) -> Energy:
    def answer(command: int, payload: bytes) -> bytes:
        return INFER_REPLY.pack(1, 1000, 0) + bytes(28) if command == Command.INFER else window_reply(payload, sensor)

    with FakeBoard(answer) as board, Link(board.port) as link:
        energy = measure(Device(link), BoardMeter(), np.zeros((1, 2, 2), np.int8), 0.001, 0.01)
    flags = {WINDOW_REQUEST.unpack(r.payload)[2] for r in board.requests if r.command == Command.WINDOW}
    assert flags == {WindowFlag.SENSOR}
    return energy


def test_the_boards_own_sum_is_the_energy() -> None:
    # 5.01 V, 20 mA, but 111 mJ: what the firmware summed, not the product of the means.
    energy = energy_with(Sensor.INA226, 800, 5_010_000, 20_000, 111_000_000, 0x4127, 100_000)
    window = energy.windows["infer"]
    assert present(window.energy).value == pytest.approx(111e3 / window.count)
    assert (window.mean_volts, window.mean_amperes) == pytest.approx((5.01, 0.020))
    assert energy.settings == {
        "sensor": "INA226",
        "shunt": "0.1 Ω",
        "configuration": "0x4127",
        "shunt conversion": "1100 µs, mean of 1",
        "bus conversion": "1100 µs, mean of 1",
    }


def test_the_conversion_of_an_ina219_is_told() -> None:
    energy = energy_with(Sensor.INA219, 800, 5_000_000, 20_000, 1, 0x399F, 100_000)
    assert energy.settings["shunt conversion"] == "532 µs, 12 bits"


def test_a_board_without_a_sensor_says_so() -> None:
    with pytest.raises(BoardError, match=r"no INA219 or INA226 on I2C1.*--meter"):
        energy_with(Sensor.NONE, 0, 0, 0, 0, 0, 0)


def test_a_sensor_that_gives_nothing_is_an_error() -> None:
    with pytest.raises(BoardError, match="gave 0 samples"):
        energy_with(Sensor.INA219, 0, 0, 0, 0, 0x399F, 100_000)
