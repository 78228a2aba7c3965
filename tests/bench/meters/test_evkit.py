"""The EVKit's power monitor: its lines, its modes, and a round of windows."""

import pytest

from fer_edge.bench.device import Window
from fer_edge.bench.meters import evkit
from fer_edge.bench.meters.evkit import EvkitMeter, Monitor
from fer_edge.bench.protocol import Activity, WindowFlag
from fer_edge.errors import BoardError
from tests.bench.instrument import Instrument

VERSION = b"\r\nPMON 2.0 Nov  9 2021 10:11:12 FOR MAX78000EVKIT\r\n\r\n"
RAILS = {
    b"v": b"3.29, 1.18, 0.99, 1.79\r\n",
    b"i": b"0.012,0.008,0.001,0.0005\r\n",
    b"w": b"0.04,0.0094,0.001,9e-04\r\n",
}
# Three groups: kernels 2 ms, input 10 µs, input and inference 1.01 ms; idle 5 mW, active 20, 30 and 40 mW.
CNN = b"3e-05,0.002,0.005,0.02,2.5e-07,1e-05,0.005,0.03,3.535e-05,0.00101,0.005,0.04\r\n"


class FakeMonitor(Instrument):
    """Answers keys as the monitor does; `line` after each `c`, and whenever `say` is called."""

    cnn = CNN

    def hear(self, data: bytes) -> None:
        for key in (bytes([b]) for b in data.lower()):
            self.mode = key
            if key == evkit.VERSION:
                self.say(VERSION)
            elif key in RAILS:
                self.say(b"0.1,0.2\r\n" + RAILS[key])  # the end of a line of the mode before, and a whole one
            elif key == b"s":
                self.say(b"0.0123,1.0002,0.0123\r\n")


class TriggeredMonitor(FakeMonitor):
    """Prints its CNN line as soon as it is in that mode: the board's triggers are taken for granted."""

    def hear(self, data: bytes) -> None:
        super().hear(data)
        if b"c" in data:
            self.say(self.cnn)


def window(activity: Activity, seconds: float) -> Window:
    return Window(activity, 1000, seconds, None)


ROUND = [
    window(Activity.IDLE, 1.0),
    window(Activity.LOAD_WEIGHTS, 0.2),
    window(Activity.LOAD_INPUT, 0.001),
    window(Activity.INFER, 0.101),
]


def test_version_rails_and_system_lines() -> None:
    with FakeMonitor() as instrument:
        monitor = Monitor(instrument.port)
        assert monitor.version() == "PMON 2.0 Nov  9 2021 10:11:12 FOR MAX78000EVKIT"
        assert monitor.rails("v") == {"3V3": 3.29, "core A": 1.18, "core B": 0.99, "1V8": 1.79}
        assert monitor.rails("w")["1V8"] == 9e-4
        monitor.start_system()
        assert monitor.system() == (0.0123, 1.0002, 0.0123)
        monitor.close()


def test_a_round_gives_idle_and_three_active_windows() -> None:
    with TriggeredMonitor() as instrument, EvkitMeter(instrument.port) as meter:
        for activity in ROUND:
            meter.start()
            meter.stop(activity)
        idle, weights, load, infer = meter.readings()
        assert (idle.energy_j, idle.seconds) == pytest.approx((0.005, 1.0))
        assert weights.energy_j == pytest.approx(0.020 * 0.2)  # for 100 repeats, of which the line gives one
        assert load.energy_j == pytest.approx(0.030 * 0.001)
        assert (infer.energy_j, infer.seconds) == pytest.approx((0.040 * 0.101, 0.101))
        assert meter.settings()["rails before the windows"]["core A"] == "1.18 V, 0.008 A, 0.0094 W"
    assert meter.flags == WindowFlag.LEDS  # its triggers


def test_windows_of_another_length_are_refused() -> None:
    with TriggeredMonitor() as instrument, EvkitMeter(instrument.port) as meter:
        for activity in ROUND[:3]:
            meter.stop(activity)
        with pytest.raises(BoardError, match="saw a window of 101 ms, the board one of 202 ms"):
            meter.stop(window(Activity.INFER, 0.202))


def test_a_line_that_does_not_add_up_is_refused() -> None:
    class Odd(TriggeredMonitor):
        cnn = CNN.replace(b"3.535e-05", b"4.535e-05")

    with Odd() as instrument:
        monitor = Monitor(instrument.port)
        monitor.start_cnn()
        with pytest.raises(BoardError, match=r"4.535e-05 J is not \(0.04 − 0.005\) W × 0.00101 s"):
            monitor.cnn()
        monitor.close()


def test_something_else_on_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evkit, "LINE_SECONDS", 0.1)

    class Other(Instrument):
        def hear(self, data: bytes) -> None:
            self.say(b"login: ")

    with Other() as instrument, pytest.raises(BoardError, match="no answer of an EVKit power monitor"):
        EvkitMeter(instrument.port)
