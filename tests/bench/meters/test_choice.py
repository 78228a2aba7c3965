"""Which meter a user gets, and what is said about figures that cannot be."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fer_edge.bench.meters import METERS, MeterConfig, open_meter
from fer_edge.bench.units import column, quantity
from fer_edge.cli import main
from fer_edge.errors import FerEdgeError

EXPECTED = 0.00145


def opened(**config: str) -> str:
    return open_meter(MeterConfig(**config), EXPECTED).name


def test_without_a_word_it_is_the_estimator_and_with_a_current_what_was_typed() -> None:
    assert opened() == "estimator"
    assert opened(current="3.16mA", voltage="5V") == "typed"
    assert opened(meter="board") == "board"


def test_the_boundary_is_the_users_word_if_given() -> None:
    meter = open_meter(MeterConfig(current="3 mA", voltage="5 V", boundary="5 V of USB, debugger included"), EXPECTED)
    assert meter.boundary == "5 V of USB, debugger included"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"meter": "voltmeter"}, "no meter voltmeter.*ppk2"),
        ({"meter": "csv"}, "no meter csv.*csv:FILE"),
        ({"meter": "board:/dev/ttyACM0"}, "no meter board:/dev/ttyACM0"),
        ({"meter": "ppk2:/dev/none"}, "--voltage 5V"),
        ({"meter": "ppk2:/dev/none", "voltage": "5V"}, "no serial port /dev/none"),
        ({"meter": "evkit:/dev/none"}, "no serial port /dev/none"),
        ({"current": "3.16", "voltage": "5V"}, "--current 3.16: has no unit.*1.5mA"),
        ({"current": "3.16mV", "voltage": "5V"}, "no positive number with a unit of A"),
        ({"current": "-3mA", "voltage": "5V"}, "no positive number"),
        ({"current": "0mA", "voltage": "5V"}, "no positive number"),
        ({"current": "1e400mA", "voltage": "5V"}, "--current 1e400mA: is not above 0 and up to 1,000,000 A"),
        ({"current": "1e9A", "voltage": "5V"}, "--current 1e9A: is not above 0 and up to 1,000,000 A"),
        ({"current": "3mA", "voltage": "1e-330V"}, "no positive number"),
        ({"current": "3mA"}, "need --current and --voltage"),
        ({"voltage": "5V"}, r"--voltage means nothing to the meter estimator\. Leave it out, or give --current too\."),
        (
            {"current": "3mA", "voltage": "5V", "meter": "estimator"},
            r"--current means nothing to the meter estimator\. Leave it out, or take --meter typed\.",
        ),
        ({"current": "3mA", "voltage": "5V", "idle_current": "4mA"}, "exceeds --current"),
        ({"meter": "board", "inference_time": "1ms"}, "--inference-time means nothing"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_with_a_cure(config: dict[str, str], words: str) -> None:
    with pytest.raises(FerEdgeError, match=words):
        opened(**config)


def test_microseconds_typed_for_milliseconds_are_questioned() -> None:
    typed = {"current": "3.16mA", "voltage": "5V"}
    with pytest.raises(FerEdgeError, match=r"1\.516µs is 956 times shorter .* 1\.45 ms\. Is 1\.516ms meant\?"):
        opened(**typed, inference_time="1.516µs")
    with pytest.raises(FerEdgeError, match="times longer"):
        opened(**typed, inference_time="1.516s")
    assert opened(**typed, inference_time="1.516ms") == "typed"


@pytest.mark.parametrize(
    ("text", "base", "value"),
    [("3.16mA", "A", 3.16e-3), ("5 V", "V", 5.0), ("12µs", "s", 12e-6), ("12 us", "s", 12e-6), (".5e3uA", "A", 5e-4)],
)
def test_quantities(text: str, base: str, value: float) -> None:
    assert quantity(text, base, "--x") == pytest.approx(value)


@pytest.mark.parametrize(
    ("header", "name_and_unit"),
    [("Current [mA]", ("current", "mA")), ("time(s)", ("time", "s")), (" I / µA ", ("i", "µA")), ("D0", ("d0", ""))],
)
def test_columns(header: str, name_and_unit: tuple[str, str]) -> None:
    assert column(header) == name_and_unit


@pytest.mark.parametrize("name", METERS)
def test_every_meter_is_in_the_help_and_in_the_guide(name: str) -> None:
    form = name + METERS[name].where
    assert form in CliRunner().invoke(main, ["bench", "--help"]).output
    assert f"| `{form}`" in (Path(__file__).parents[3] / "docs/energy.md").read_text()
