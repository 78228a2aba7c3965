"""CSV traces: columns by name with units, windows where the trigger is high."""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.bench.device import Window
from fer_edge.bench.meters import trace
from fer_edge.bench.meters.trace import TraceMeter, pulses, read_windows
from fer_edge.bench.protocol import Activity
from fer_edge.errors import DataError, FerEdgeError

TWO_PULSES = """time [ms],current [mA],voltage [V],trigger
0,1,3,0
1,2,3,1
2,4,3,1
3,4,2,1
4,1,3,0
5,3,3,1
6,3,3,1
7,1,3,0
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(text)
    return path


def windows(*seconds: float) -> list[Window]:
    return [Window(Activity.INFER, 100, s, None) for s in seconds]


def test_power_is_integrated_sample_by_sample(tmp_path: Path) -> None:
    first, second = read_windows(written(tmp_path, TWO_PULSES))
    # mW: 6, 12, 8 at 1 ms distance. The product of means would be 3.5 mA × 2.75 V × 2 ms = 19.25 µJ.
    assert first.energy_j == pytest.approx(19e-6)
    assert first.mean_amperes == pytest.approx(3.5e-3)
    assert first.mean_volts == pytest.approx(2.75)
    assert (first.samples, first.seconds) == pytest.approx((3, 2e-3))
    assert second.energy_j == pytest.approx(9e-6)


@pytest.mark.parametrize(
    "header",
    ["time [s],current [A],voltage [V],trigger", "Timestamp(s),Current(A),Voltage(V),D0", "t / s,I / A,V / V,Trigger"],
)
def test_the_header_may_be_written_as_instruments_do(tmp_path: Path, header: str) -> None:
    (reading,) = read_windows(written(tmp_path, f"{header}\n0,1,2,0\n1,1,2,1\n2,1,2,1\n3,1,2,0\n"))
    assert reading.energy_j == pytest.approx(2.0)


def test_the_header_of_a_file_that_exists_is_checked_before_the_windows(tmp_path: Path) -> None:
    path = written(tmp_path, "time [s],current [A],trigger\n")
    with pytest.raises(DataError, match=r"no column voltage.*--voltage"):
        TraceMeter(path)
    TraceMeter(path, voltage="5V")
    TraceMeter(written(tmp_path, ""))  # a recorder that has begun, but has not written yet


@pytest.mark.parametrize("value", ["inf", "nan", "1e400", "1e300", "-1e9"])
def test_a_value_that_cannot_be_is_named_by_its_row(tmp_path: Path, value: str) -> None:
    path = written(tmp_path, f"time [s],current [A],voltage [V],trigger\n0,1,2,0\n1,1,2,1\n2,{value},2,1\n3,1,2,0\n")
    with pytest.raises(DataError, match=r"1 rows hold no figures that can be, the first of them row 4\."):
        read_windows(path)


def test_a_typed_voltage_stands_in_for_a_column(tmp_path: Path) -> None:
    path = written(tmp_path, "current [uA],trigger,time [us]\n1,0,0\n1000,1,1\n1000,1,2\n1,0,3\n")
    (reading,) = read_windows(path, volts=5.0)
    assert reading.energy_j == pytest.approx(5e-9)
    with pytest.raises(DataError, match=r"no column voltage.*--voltage"):
        read_windows(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column time"),
        ("time,current [mA],voltage [V],trigger\n0,1,1,0\n", r"column time has unit none.*time \[ms\]"),
        ("time [s],current [V],voltage [V],trigger\n0,1,1,0\n", r"column current has unit V"),
        ("time [s],current [A],voltage [V]\n0,1,1\n", "no column trigger"),
        ("time [s],current [A],voltage [V],trigger\n0,1,1,0\nx,1,1,0\n", "no numbers"),
        ("time [s],current [A],voltage [V],trigger\n0,1\n", "no numbers"),
        ("time [s],current [A],voltage [V],trigger\n0,1,1,0\n2,1,1,0\n1,1,1,0\n", "time does not grow in row 4"),
    ],
)
def test_what_is_wrong_with_a_trace_is_said(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_windows(written(tmp_path, text))


def test_pulses_are_matched_with_the_windows_that_have_run(tmp_path: Path) -> None:
    meter = TraceMeter(written(tmp_path, TWO_PULSES))
    for window in windows(0.002, 0.001):
        meter.stop(window)
    assert [r.samples for r in meter.readings()] == [3, 2]
    meter.stop(windows(0.002)[0])
    with pytest.raises(DataError, match="2 pulses of the trigger, but 3 windows have run"):
        meter.readings()


def test_a_trace_of_something_else_is_refused(tmp_path: Path) -> None:
    meter = TraceMeter(written(tmp_path, TWO_PULSES))
    for window in windows(0.002, 0.005):
        meter.stop(window)
    with pytest.raises(FerEdgeError, match="saw a window of 1 ms, the board one of 5 ms"):
        meter.readings()


def test_a_trace_not_saved_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trace, "POLL_SECONDS", 0.01)
    meter = TraceMeter(tmp_path / "trace.csv")
    for window in windows(0.002, 0.001):
        meter.stop(window)
    threading.Timer(0.1, lambda: written(tmp_path, TWO_PULSES).touch()).start()
    monkeypatch.setattr(trace, "WAIT_SECONDS", 5)
    assert len(meter.readings()) == 2
    assert "Save the recording as" in capsys.readouterr().err
    monkeypatch.setattr(trace, "WAIT_SECONDS", 0.05)
    with pytest.raises(DataError, match="cannot be read"):
        TraceMeter(tmp_path / "never.csv").readings()


@given(st.lists(st.booleans(), max_size=60))
def test_a_pulse_is_high_throughout_with_low_on_both_sides(levels: list[bool]) -> None:
    trigger = np.array(levels, bool)
    for first, end in pulses(trigger):
        assert trigger[first:end].all()
        assert not trigger[first - 1]
        assert not trigger[end]
        assert first > 0
