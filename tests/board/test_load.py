"""The load and the sensor that measures it."""

from __future__ import annotations

import pytest

from fer_edge.board.clock import TICK_HZ, Clock
from fer_edge.board.load import Ina, Load, LoadModel

MS = TICK_HZ // 1000


def read(ina: Ina, register: int) -> int:
    ina.write(bytes([register]))
    return int.from_bytes(ina.read(2), "big")


def test_the_mean_current_weighs_by_time() -> None:
    clock = Clock()
    load = Load(LoadModel(idle=0.010, cnn=0.050), clock)
    clock.advance(10 * MS)
    load.computing(True)
    clock.advance(12 * MS)
    load.computing(False)
    clock.advance(20 * MS)
    assert load.mean(0, 20 * MS) == pytest.approx((18 * 0.010 + 2 * 0.050) / 20)
    assert load.mean(11 * MS, 13 * MS) == pytest.approx(0.030)


@pytest.mark.parametrize(("kind", "volt", "shunt"), [("INA219", 4e-3, 10e-6), ("INA226", 1.25e-3, 2.5e-6)])
def test_a_register_gives_the_last_whole_conversion(kind: str, volt: float, shunt: float) -> None:
    clock = Clock()
    load = Load(LoadModel(volts=3.3, idle=0.010, cnn=0.050), clock)
    ina = Ina(kind, load, clock)
    assert read(ina, 1) == read(ina, 2) == 0  # nothing converted yet
    clock.advance(50 * MS)
    assert read(ina, 1) * shunt / 0.1 == pytest.approx(0.010, abs=shunt / 0.1)
    bus = read(ina, 2)
    assert (bus >> 3 if kind == "INA219" else bus) * volt == pytest.approx(3.3, abs=volt)
    assert (read(ina, 0xFE) == 0x5449) == (kind == "INA226")
    ina.write(bytes([0, 0x0E, 0x67]) if kind == "INA219" else bytes([0, 0x45, 0x27]))
    assert read(ina, 1) == 0  # begun anew
