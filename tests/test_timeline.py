"""From a recording to phases with their energy, to a trace and to signals."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from vcd.reader import TokenKind, tokenize

from fer_edge import timeline
from fer_edge.errors import FerEdgeError, ToolError
from fer_edge.power import ACTIVE, CAPTURE, INACTIVE, INPUT_LOAD, WEIGHT_LOAD, waiting
from fer_edge.power import PHASES as POWERS
from tests.timelines import parse

HEAD = {"format": "fer-edge recording 1", "ticks_per_second": 1_000_000}
LINES: list[Any] = [
    ["mark", "reset", 0, "reset", ""],
    ["value", "pin P1.6", 0, 0],
    ["span", "accelerator memory", "weights written", 100, 300],
    ["span", "accelerator memory", "data written", 400, 500],
    ["value", "pin P1.6", 450, 1],
    ["mark", "UART0", 450, "received", "0102ff"],
    ["span", "processor", "running", 0, 510],
    ["span", "processor", "SLEEP", 510, 1500],
    ["span", "accelerator", "inference", 500, 1500],
    ["span", "accelerator", "layer 0", 500, 900],
    ["span", "accelerator", "layer 1", 900, 1500],
    ["span", "interrupt", "the accelerator", 1500, 1510],
    ["span", "accelerator memory", "data read", 1520, 1530],
    ["span", "processor", "running", 1500, 1600],
    ["mark", "UART0", 1700, "received", "03"],
    ["span", "camera", "frame", 1800, 1900],
    ["span", "processor", "SLEEP", 1600, 2000],
]
PHASES = [
    ("run", 100, INPUT_LOAD),
    ("load weights", 200, WEIGHT_LOAD),
    ("run", 100, INPUT_LOAD),
    ("load", 100, INPUT_LOAD),
    ("infer", 1000, ACTIVE),
    ("run", 20, INPUT_LOAD),
    ("read", 10, INPUT_LOAD),
    ("run", 70, INPUT_LOAD),
    ("sleep", 200, INACTIVE),
    ("capture", 100, CAPTURE),
    ("sleep", 100, INACTIVE),
]
ENERGY = sum(microseconds * power.mw * 1e-3 for _, microseconds, power in PHASES)


@pytest.fixture
def recording(tmp_path: Path) -> timeline.Recording:
    path = tmp_path / "recording.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in [HEAD, *LINES]) + '["span","proc')  # killed there
    return timeline.read(path)


def test_states_become_phases_of_published_powers(recording: timeline.Recording) -> None:
    phases = timeline.phases(recording)
    assert [(p.name, p.end - p.start, p.power) for p in phases] == PHASES
    assert [p.start for p in phases] == [0, *(p.end for p in phases[:-1])]
    assert sum(p.energy for p in phases) == pytest.approx(ENERGY)


def test_the_trace_is_one_a_viewer_draws(recording: timeline.Recording) -> None:
    stream = io.BytesIO()
    timeline.write_trace(stream, recording, layers=["conv1", "conv2"])
    content = json.loads(stream.getvalue())
    trace = parse(content)
    assert trace.spans["accelerator"] == [("0: conv1", 500, 900), ("1: conv2", 900, 1500), ("inference", 500, 1500)]
    assert trace.spans["processor"][1] == ("SLEEP", 510, 1500)
    assert [(name, end - start) for name, start, end in trace.spans["phase (estimated)"]] == [
        (name, length) for name, length, _ in PHASES
    ]
    assert trace.instants["UART0"][0] == (450, "received", {"bytes": 3, "hex": "0102ff"})
    assert trace.value("estimated power [mW]", at=1000) == ACTIVE.mw
    assert trace.value("estimated energy [µJ]", at=2000) == pytest.approx(ENERGY)
    assert trace.counters["pin P1.6"] == [(0, 0), (450, 1)]
    assert content["otherData"]["energy"].startswith("estimated: powers that the vendor measured")


def test_the_signals_are_read_by_a_reader_of_their_format(recording: timeline.Recording) -> None:
    stream = io.BytesIO()
    timeline.write_vcd(stream, recording)
    stream.seek(0)
    names: dict[str, str] = {}
    values: dict[str, list[tuple[int, Any]]] = {}
    scope, now = "", 0
    for token in tokenize(stream):
        match token.kind:
            case TokenKind.SCOPE:
                scope = token.scope.ident
            case TokenKind.VAR:
                names[token.var.id_code] = f"{scope}.{token.var.reference}"
            case TokenKind.CHANGE_TIME:
                assert token.time_change >= now
                now = token.time_change
            case TokenKind.CHANGE_SCALAR:
                values.setdefault(names[token.scalar_change.id_code], []).append((now, int(token.scalar_change.value)))
            case TokenKind.CHANGE_VECTOR:
                values.setdefault(names[token.vector_change.id_code], []).append((now, token.vector_change.value))
            case TokenKind.CHANGE_REAL:
                values.setdefault(names[token.real_change.id_code], []).append((now, token.real_change.value))
    assert values["processor.SLEEP"] == [(0, 0), (510_000, 1), (1_500_000, 0), (1_600_000, 1), (2_000_000, 0)]
    assert values["accelerator.layer_1"] == [(0, 0), (900_000, 1), (1_500_000, 0)]
    assert values["pins.P1_6"] == [(0, 0), (450_000, 1)]
    assert values["UART0.received"] == [(0, 0), (450_000, 255), (1_700_000, 3)]
    assert values["UART0.received_count"] == [(0, 0), (450_000, 3), (1_700_000, 4)]
    assert values["estimated.energy_uJ"][-1] == (2_000_000, pytest.approx(ENERGY))
    assert (500_000, ACTIVE.mw) in values["estimated.power_mW"]


def test_each_mode_of_waiting_has_its_own_power(tmp_path: Path) -> None:
    lines = [
        ["value", "processor clock [Hz]", 0, 100_000_000],
        ["value", "accelerator clock [Hz]", 0, 50_000_000],
        ["value", "accelerator quadrants powered", 0, 15],
        ["value", "accelerator masks powered", 0, 15],
        ["span", "processor", "SLEEP", 0, 200],
        ["value", "accelerator clock [Hz]", 100, 0],
        ["span", "processor", "LPM", 200, 300],
        ["value", "accelerator quadrants powered", 300, 0],
        ["span", "processor", "UPM", 300, 400],
        ["value", "accelerator masks powered", 400, 0],
        ["value", "processor clock [Hz]", 400, 60_000_000],
        ["span", "processor", "STANDBY", 400, 500],
        ["span", "processor", "running", 500, 600],
    ]
    path = tmp_path / "recording.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in [HEAD, *lines]))
    assert [(p.name, p.end - p.start, p.power) for p in timeline.phases(timeline.read(path))] == [
        ("sleep", 100, waiting("sleep", "on", 100)),
        ("sleep", 100, waiting("sleep", "gated", 100)),
        ("LPM", 100, waiting("lpm", "gated", 100)),
        ("UPM", 100, waiting("upm", "retained", 100)),
        ("STANDBY", 100, waiting("standby", "off", 60)),
        ("run", 100, POWERS[60]["input"]),
    ]


@pytest.mark.parametrize("content", ["", "{}\n", '{"format":"another","ticks_per_second":1}\n', "no json\n"])
def test_what_is_no_recording_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_text(content)
    with pytest.raises(FerEdgeError, match="is no recording of a virtual board"):
        timeline.read(path)


def test_signals_without_their_library_are_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with (
        pytest.raises(ToolError, match=r"needs vcd.*pip install 'fer-edge\[board\]'"),
        timeline.recorded(None, tmp_path / "run.vcd"),
    ):
        pass


def test_files_are_written_however_the_run_ends_and_only_then(tmp_path: Path) -> None:
    trace = tmp_path / "run.json"

    def run() -> None:
        with timeline.recorded(trace) as recording:
            assert recording is not None
            Path(recording).write_text(json.dumps(HEAD) + "\n" + json.dumps(LINES[0]) + "\n")
            assert not trace.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert parse(json.loads(trace.read_text())).instants["reset"] == [(0, "reset", {})]
    assert list(tmp_path.iterdir()) == [trace]
    with timeline.recorded(None) as recording:
        assert recording is None
