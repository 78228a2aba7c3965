"""The PPK2: calibration, ranges, lost samples, spikes after a change of range, windows cut by the trigger."""

import struct
import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.bench.device import Window
from fer_edge.bench.meters import ppk2
from fer_edge.bench.meters.meter import Meter
from fer_edge.bench.protocol import Activity
from fer_edge.errors import BoardError, FerEdgeError
from tests.bench.instrument import Instrument
from tests.present import present

SHUNTS = (1031.64, 101.65, 10.15, 0.94, 0.043)
NEUTRAL = {"GS": 0.0, "GI": 1.0, "O": 0.0, "S": 0.0, "I": 0.0, "UG": 1.0}


def metadata(**changes: float | None) -> dict[str, str]:
    values: dict[str, float | None] = {f"R{i}": r for i, r in enumerate(SHUNTS)}
    values |= {f"{key}{i}": value for key, value in NEUTRAL.items() for i in range(5)}
    return {key: str(value) for key, value in (values | changes).items() if value is not None}


def words(adc: np.ndarray, ranges: np.ndarray, trigger: np.ndarray, first: int = 0) -> np.ndarray:
    counter = (first + np.arange(len(adc))) % 64
    result: np.ndarray = (adc | ranges << 14 | counter << 18 | trigger << 24).astype("<u4")
    return result


class FakePpk2(Instrument):
    """`adc` counts on `ranges`; the trigger rises some time after START, for `pulse` samples."""

    def __init__(self, pulse: int = 2000, lose: int = 0, **calibration: float | None) -> None:
        super().__init__()
        self.pulse, self.lose = pulse, lose
        self.metadata = metadata(**calibration)
        self.commands: list[bytes] = []

    def hear(self, data: bytes) -> None:
        self.commands.append(data)
        if bytes([ppk2.METADATA]) in data:
            lines = ["Calibrated: 1", *(f"{key}: {value}" for key, value in self.metadata.items()), "END", ""]
            text = "\n".join(lines).encode()
            self.say(text[:50])
            time.sleep(0.05)  # in pieces, as USB has it
            self.say(text[50:])
        if bytes([ppk2.START]) in data:
            n = 1000 + self.pulse + 500
            trigger = np.zeros(n, np.int64)
            trigger[1000 : 1000 + self.pulse] = 1
            stream = words(np.where(trigger, 4000, 1000), np.full(n, 3), trigger, first=60)
            self.say(np.delete(stream, slice(1500, 1500 + self.lose)).tobytes())


def window(seconds: float) -> Window:
    return Window(Activity.INFER, 100, seconds, None)


def run_window(meter: Meter, seconds: float) -> None:
    meter.start()
    meter.stop(window(seconds))


def test_a_window_is_cut_at_the_trigger_and_integrated() -> None:
    with FakePpk2() as instrument, ppk2.Ppk2Meter(instrument.port, "3.3V") as meter:
        run_window(meter, 0.02)
        (reading,) = meter.readings()
        expected = 4000 * 4 * ppk2.ADC_VOLTS / 0.94
        assert reading.samples == 2000
        assert reading.seconds == pytest.approx(0.02, rel=0.001)
        assert reading.mean_amperes == pytest.approx(expected)
        assert reading.energy_j == pytest.approx(3.3 * expected * reading.seconds)
        assert len(present(reading.trace)) == 300
        assert meter.settings() == {"mode": "ampere meter", "voltage": 3.3, "calibrated": "1"}
    sent = b"".join(instrument.commands)
    assert bytes([ppk2.MODE, 1]) in sent
    assert bytes([ppk2.REGULATOR, 3 + (3300 - 800 + 32) // 256, (3300 - 800 + 32) % 256]) in sent


def test_lost_samples_are_noticed_by_the_counter() -> None:
    with (
        FakePpk2(lose=5) as instrument,
        ppk2.Ppk2Meter(instrument.port, "3.3V") as meter,
        pytest.raises(BoardError, match="5 of the PPK2's samples or more were lost"),
    ):
        run_window(meter, 0.02)


def test_a_missing_trigger_is_named() -> None:
    with (
        FakePpk2(pulse=0) as instrument,
        ppk2.Ppk2Meter(instrument.port, "3.3V") as meter,
        pytest.raises(BoardError, match=r"D0 saw no trigger.*Wire D0 to P1.6"),
    ):
        run_window(meter, 0.02)


def test_a_window_of_another_length_than_the_boards_is_refused() -> None:
    with (
        FakePpk2() as instrument,
        ppk2.Ppk2Meter(instrument.port, "3.3V") as meter,
        pytest.raises(BoardError, match=r"The PPK2 saw a window of 19\.99 ms, the board one of 40 ms"),
    ):
        run_window(meter, 0.04)


@pytest.mark.parametrize(("change", "words"), [({"GS3": None}, "lacks 'GS3'"), ({"R2": 0.0}, "damaged")])
def test_calibration_is_never_guessed(change: dict[str, Any], words: str) -> None:
    with FakePpk2(**change) as instrument, pytest.raises(BoardError, match=words):
        ppk2.Ppk2Meter(instrument.port, "3.3V")


def test_something_else_on_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ppk2, "METADATA_SECONDS", 0.1)

    class Mute(Instrument):
        def hear(self, data: bytes) -> None:
            self.say(b"what?\r\n")

    with Mute() as instrument, pytest.raises(BoardError, match="does not answer as a PPK2"):
        ppk2.Ppk2Meter(instrument.port, "3.3V")


@pytest.mark.parametrize("voltage", ["5.1V", "0.7V", "5mV"])
def test_a_voltage_it_cannot_have_is_refused_before_the_port_is_opened(voltage: str) -> None:
    with pytest.raises(FerEdgeError, match="beyond the PPK2's"):
        ppk2.Ppk2Meter("/dev/none", voltage)


def reference(sample: int, calibration: dict[str, float], volts: float) -> float:
    """One sample by the published formula, in plain Python."""
    (word,) = struct.unpack("<I", struct.pack("<I", sample))
    i = min(word >> 14 & 7, 4)
    c = {key: calibration[f"{key}{i}"] for key in ("R", *NEUTRAL)}
    raw = ((word & 0x3FFF) * 4 - c["O"]) * (1.8 / 163840 / c["R"])
    result: float = c["UG"] * (raw * (c["GS"] * raw + c["GI"]) + (c["S"] * volts + c["I"]))
    return result


@given(st.integers(0, 2**32 - 1), st.floats(0.8, 5))
def test_a_sample_alone_is_the_calibration_formula(sample: int, volts: float) -> None:
    numbers = {f"R{i}": r for i, r in enumerate(SHUNTS)}
    numbers |= {f"{k}{i}": v + 0.01 * i for k, v in NEUTRAL.items() for i in range(5)}
    tables = ppk2.calibration({k: str(v) for k, v in numbers.items()}, "port")
    (amperes,) = ppk2.current(np.array([sample], np.uint32), tables, volts)
    assert amperes == pytest.approx(reference(sample, numbers, volts), rel=1e-9, abs=1e-15)


def test_a_spike_after_a_change_of_range_is_filtered() -> None:
    adc, ranges = np.full(40, 1000), np.full(40, 2)
    ranges[20:] = 3
    adc[20:] = 93  # the same current on a tenth of the shunt …
    adc[20] = 16000  # … but for a spike
    amperes = ppk2.current(words(adc, ranges, ranges * 0), ppk2.calibration(metadata(), "port"), 3.3)
    steady, spike = amperes[19], 16000 * 4 * ppk2.ADC_VOLTS / 0.94
    assert amperes[20] == pytest.approx(steady + ppk2.FILTER * (spike - steady))
    assert amperes[20] > amperes[21] > amperes[22]
    assert amperes[23:] == pytest.approx(93 * 4 * ppk2.ADC_VOLTS / 0.94)


def test_the_first_two_samples_in_the_highest_range_are_ignored() -> None:
    adc, ranges = np.full(10, 1000), np.full(10, 3)
    ranges[5:], adc[5:] = 4, 46
    adc[5:7] = 16000
    amperes = ppk2.current(words(adc, ranges, ranges * 0), ppk2.calibration(metadata(), "port"), 3.3)
    assert amperes[5:8] == pytest.approx(amperes[4], rel=0.05)


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    with FakePpk2() as instrument:
        meter = ppk2.Ppk2Meter(instrument.port, "3.3V")
        meter.start()
        meter.close()
    assert threading.active_count() == before
