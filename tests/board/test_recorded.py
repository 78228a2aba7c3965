"""What the virtual board records, of programs whose doings are known."""

from __future__ import annotations

import struct
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_edge import timeline
from fer_edge.board import Options, serve
from fer_edge.errors import BoardError
from tests.board.firmware import Wire, build

pytest.importorskip("unicorn")

from fer_edge.board.clock import TICK_HZ
from fer_edge.board.machine import Machine
from fer_edge.board.recorded import RecordedMachine

MS = TICK_HZ // 1000


def record(
    elf: Path,
    folder: Path,
    words: int,
    said: bytes = b"",
    **options: Any,
) -> tuple[timeline.Recording, Wire, Machine]:
    """Run until so many words have come, and the recording of that."""
    wire = Wire(said)
    machine = RecordedMachine(elf, wire, Options(recording=str(folder / "recording.jsonl"), **options))
    end = time.monotonic() + 20
    machine.run(lambda: len(wire.sent) >= 4 * words or time.monotonic() > end)
    machine.close()
    assert len(wire.sent) >= 4 * words
    return timeline.read(folder / "recording.jsonl"), wire, machine


def spans(recording: timeline.Recording, track: str) -> list[timeline.Span]:
    return [span for span in recording.spans if span.track == track]


def values(recording: timeline.Recording, track: str) -> list[tuple[int, int]]:
    return [(value.time, value.number) for value in recording.values if value.track == track]


def test_an_inference_and_its_interrupt(tmp_path: Path) -> None:
    recording, wire, _ = record(build("cnn", tmp_path), tmp_path, 34)
    first, second = (s for s in spans(recording, "accelerator") if s.name == "inference")
    layers = [s for s in spans(recording, "accelerator") if s.name == "layer 0"]
    assert [(s.start, s.end) for s in layers] == [(first.start, first.end), (second.start, second.end)]
    assert first.end - first.start == 6 * 53  # ticks of a cycle at 50 MHz × cycles of this layer
    (interrupt,) = spans(recording, "interrupt")
    assert interrupt.name == "the accelerator"
    assert 0 <= interrupt.start - first.end < 5 * MS // 1000
    (asleep,) = (s for s in spans(recording, "processor") if s.name == "SLEEP")
    assert asleep.end == first.end
    assert values(recording, "accelerator clock [Hz]")[-1][1] == 50_000_000
    assert [number for _, number in values(recording, "accelerator quadrants powered")] == [0, 1]
    sent = b"".join(mark.data for mark in recording.marks if mark.name == "sent")
    assert sent == bytes(wire.sent)


@pytest.mark.parametrize(("program", "words", "said"), [("cnn", 34, b""), ("echo", 4, b"0123456789abcdef")])
def test_recording_takes_no_virtual_time(program: str, words: int, said: bytes, tmp_path: Path) -> None:
    elf, wire = build(program, tmp_path), Wire(said)
    plain = Machine(elf, wire)
    end = time.monotonic() + 20
    plain.run(lambda: len(wire.sent) >= 4 * words or time.monotonic() > end)
    _, recorded_wire, recorded = record(elf, tmp_path, words, said)
    assert recorded.clock.now == plain.clock.now
    assert recorded_wire.sent == wire.sent


def test_calls_nest_and_are_exact_to_the_cycle(tmp_path: Path) -> None:
    recording, _, _ = record(build("cnn", tmp_path), tmp_path, 34, record_calls=True)
    calls = spans(recording, "function")
    for number, span in enumerate(calls):
        for later in calls[number + 1 :]:
            assert later.start >= span.end or later.end <= span.end
    (handler,) = (span for span in calls if span.name == "on_cnn")
    (interrupt,) = spans(recording, "interrupt")
    assert (handler.start, handler.end) == (interrupt.start, interrupt.end)
    assert 5 <= (handler.end - handler.start) // 3 <= 20  # instructions of it, at 100 MHz
    results = [span for span in calls if span.name == "send_result"]
    assert len(results) == 2


def test_modes_of_sleep_have_their_names_and_lengths(tmp_path: Path) -> None:
    recording, _, _ = record(build("low_power", tmp_path), tmp_path, 13)
    asleep = [
        (s.name, round((s.end - s.start) / TICK_HZ, 1)) for s in spans(recording, "processor") if s.name != "running"
    ]
    assert [entry for entry in asleep if entry[1] >= 0.5][:4] == [
        ("SLEEP", 1.0),
        ("LPM", 1.0),
        ("UPM", 1.0),
        ("STANDBY", 1.0),
    ]


def test_pins_from_inside_and_outside(tmp_path: Path) -> None:
    wire, path = Wire(), tmp_path / "recording.jsonl"
    machine = RecordedMachine(build("gpio", tmp_path), wire, Options(recording=str(path)))
    end = time.monotonic() + 20
    machine.run(lambda: len(wire.sent) >= 16 or time.monotonic() > end)
    machine.press("sw1")
    machine.run(lambda: machine.clock.now > TICK_HZ or time.monotonic() > end)
    machine.close()
    recording = timeline.read(path)
    assert [number for _, number in values(recording, "pin P1.6")] == [1, 0, 1, 0, 1, 0]
    (_, before), (down, low), (up, high) = values(recording, "pin P0.2")
    assert (before, low, high) == (1, 0, 1)
    assert up - down == 100 * MS


def test_bytes_in_and_dma_channels(tmp_path: Path) -> None:
    recording, _, _ = record(build("dma", tmp_path), tmp_path, 4)
    assert spans(recording, "DMA channel 0")[0].name == "request 0x00"
    recording, _, _ = record(build("echo", tmp_path), tmp_path, 4, b"0123456789abcdef")
    received = [mark for mark in recording.marks if mark.name == "received"]
    assert b"".join(mark.data for mark in received) == b"0123456789abcdef"


def test_at_line_rate_each_byte_passes_when_it_is_through(tmp_path: Path) -> None:
    recording, wire, _ = record(build("echo", tmp_path), tmp_path, 1, b"abcd", line_rate=True)
    for name, data in (("received", b"abcd"), ("sent", bytes(wire.sent))):
        marks = [mark for mark in recording.marks if mark.name == name]
        assert b"".join(mark.data for mark in marks) == data
        gaps = np.diff([mark.time for mark in marks])
        assert set(gaps) == {10 * 64 * 6}  # bits × cycles of PCLK, as the divider is after reset × ticks of a cycle


def test_frames_of_the_camera(tmp_path: Path) -> None:
    told = struct.pack("<HB", 100, False)  # µs of work a line
    recording, _, _ = record(build("camera_lines", tmp_path), tmp_path, 3 + 18432 // 4, told)
    assert [number for _, number in values(recording, "camera powered")][:2] == [0, 1]
    frames = spans(recording, "camera")
    assert frames
    assert all(frame.end - frame.start > 30 * MS for frame in frames)


def test_a_reset_ends_what_was_open_and_time_goes_on(tmp_path: Path) -> None:
    recording, _, _ = record(build("supervisor", tmp_path), tmp_path, 3)
    resets = [mark.time for mark in recording.marks if mark.name == "reset"]
    assert len(resets) >= 2
    assert resets == sorted(resets)
    running = spans(recording, "processor")
    assert any(span.end == resets[1] for span in running)
    assert any(span.start == resets[1] for span in running)


def test_without_symbols_there_are_no_calls(tmp_path: Path) -> None:
    elf = build("echo", tmp_path)
    subprocess.run(["arm-none-eabi-strip", elf], check=True)
    options = Options(recording=str(tmp_path / "recording.jsonl"), record_calls=True)
    with pytest.raises(BoardError, match="no symbols of functions"):
        serve(elf, on_ready=print, options=options)
