"""Pins, their interrupts, and the buttons."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import serial

from tests.board.firmware import Wire, build, run

pytest.importorskip("unicorn")

from fer_edge.board import Options
from fer_edge.board.machine import Machine

FALLS, IS_LOW, RISES, EITHER = 1, 2, 3, 4  # what the program reports


def words_of(machine: Machine, wire: Wire, count: int) -> list[int]:
    end = time.monotonic() + 20
    machine.run(lambda: len(wire.sent) >= 4 * count or time.monotonic() > end)
    return wire.words[:count]


def test_a_pin_interrupts_by_edge_by_level_and_by_what_drives_it_itself(tmp_path: Path) -> None:
    # P1.6, an output that the program moves twice: a rising edge, then either; and a pull-down that is switched on.
    assert run(build("gpio", tmp_path), 4) == [RISES, EITHER, EITHER, 0b011]


def test_a_button_interrupts_when_it_is_pressed(tmp_path: Path) -> None:
    wire = Wire()
    machine = Machine(build("gpio", tmp_path), wire)
    words_of(machine, wire, 4)
    machine.press("sw1")
    assert words_of(machine, wire, 5)[4:] == [FALLS]
    machine.press("sw1")
    machine.hold("sw2")
    assert words_of(machine, wire, 7)[5:] == [FALLS, IS_LOW]  # the level goes on until it is let go, once reported each


def test_a_button_can_be_held_from_the_start(tmp_path: Path) -> None:
    for hold, levels in ((), 0b011), (("sw1",), 0b010), (("sw2",), 0b001), (("sw1", "sw2"), 0b000):
        wire = Wire()
        machine = Machine(build("gpio", tmp_path), wire, Options(hold=hold))
        assert words_of(machine, wire, 4)[-1] == levels, hold


def test_the_console_of_a_running_board_presses_buttons(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fer_edge.cli", "board", str(build("gpio", tmp_path)), "--hold", "sw1"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with serial.Serial(process.stdout.readline().strip(), timeout=20) as port:
            time.sleep(0.5)
            port.reset_input_buffer()  # what it reports at the start
            process.stdin.write("sw3\nrelease sw1\nsw1\n")
            assert port.read(4) == FALLS.to_bytes(4, "little")
            process.stdin.write("show 0\nshow 1\nhold sw2\n")
            assert port.read(4) == IS_LOW.to_bytes(4, "little")
    finally:
        process.kill()
        said, errors = process.communicate()
    assert said == "shown: 0\nnot shown: 1; the camera has 1, counted from 0\n"
    assert "unknown: 'sw3'. Type a button's name (sw1, sw2) to press it" in errors
