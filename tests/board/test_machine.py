"""The processor and its peripherals, by small programs compiled for the board."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from fer_edge.errors import BoardError
from fer_edge.registers import FLASH_BASE, SRAM_BASE, SRAM_SIZE
from tests.board.firmware import Wire, build, run

pytest.importorskip("unicorn")

from fer_edge.board import Options
from fer_edge.board.machine import Machine

MS = 50_000  # timer counts of a millisecond


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


def test_waits_take_their_time_of_the_clock_but_not_of_the_host(folder: Path) -> None:
    elf = build("time", folder)
    start = time.process_time()
    tick, countflag, polled, one_shot, alarms_flag_enable, continuous = run(elf, 6)[:6]
    assert time.process_time() - start < 2  # for 4.2 s of virtual time, four of them in busy waits
    assert tick == pytest.approx(10 * MS, rel=0.002)
    assert countflag == pytest.approx(12 * 2**24 / 2, rel=0.02)
    assert polled == pytest.approx(2000 * MS, rel=0.02)
    assert one_shot == pytest.approx(5 * MS, rel=0.002)
    assert alarms_flag_enable == 1 << 2  # one, nothing more to come
    assert continuous == pytest.approx(21 * MS, rel=0.002)


def test_polling_for_what_never_comes_lets_no_more_time_pass_than_its_reads_take(folder: Path) -> None:
    left, inference, stopped, wraps, seconds = run(build("bounded", folder), 5, seconds=60)[:5]
    assert left == 0
    assert inference == pytest.approx(1_000_000 * 5 / 2, rel=0.01)  # five cycles a read, two cycles a count
    assert stopped == pytest.approx(100_000 * 4 / 2, rel=0.01)
    assert 10 < wraps < 100  # every one of them is waited for anew
    assert seconds == wraps * 2**24 // 100_000_000


def test_a_program_linked_for_sram_runs_there_and_after_a_reset_again(folder: Path) -> None:
    elf = build("supervisor", folder, linked_for="sram")
    assert run(elf, 3) == run(build("supervisor", folder), 3)


def test_virtual_time_is_deterministic(folder: Path) -> None:
    elf = build("time", folder)
    assert run(elf, 6) == run(elf, 6)


def test_a_masked_sleep_loses_no_interrupt(folder: Path) -> None:
    (wakes,) = run(build("sleep_race", folder), 1)
    assert wakes <= 2 * 200


def test_interrupts_leave_all_registers_as_they_were(folder: Path) -> None:
    undisturbed, disturbed, inner, outer, wrong, moved = run(build("context", folder), 6)
    assert disturbed == undisturbed
    assert inner > 500
    assert outer > 100
    assert wrong == 0
    assert moved == 0


def test_supervisor_calls_and_software_reset(folder: Path) -> None:
    trace, clocks, enabled = run(build("supervisor", folder), 3)
    assert trace == 1234
    assert clocks >> 9 & 7 == 4
    assert enabled == 0


def test_accelerator_by_interrupt_and_by_polling(folder: Path) -> None:
    ticks, *result = run(build("cnn", folder), 34)
    assert result[:16] == list(range(16))
    polled_ticks, *polled = result[16:]
    assert polled == list(range(100, 116))
    # 1 + 4 rows × (4 pixels read and computed in 2 + 1 cycles, 1 more as there is one output only)
    cycles = 1 + 4 * (4 * 2 + 4 + 1)
    assert cycles <= ticks <= cycles + 60
    assert cycles <= polled_ticks <= cycles + 60


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        (b"r", "reads address 0x60000000"),
        (b"p", "reads address 0x40050000, where the virtual board has no peripheral"),
        (b"P", "writes address 0x40050000, where the virtual board has no peripheral"),
        (b"w", "writes address 0x10000100"),
        (b"x", "executes address 0x30000000"),
        (b"u", "undefined instruction"),
        (b"b", "breakpoint"),
        (b"s", "exception 11 finds the stack at 0x1ffffff0"),
        (b"m", "no handler for exception 11"),
        (b"?r", r"writes address 0x70000000, .* \(lockup\)"),  # by the handler of the first one
    ],
)
def test_a_fault_that_nothing_handles_ends_the_run_with_its_place(
    folder: Path, order: bytes, complaint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BoardError, match=complaint) as fault:
        run(build("fault", folder), 100, order)
    if order != b"m":
        assert "PC 0x1000" in str(fault.value) or order == b"x"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        (b"f", r"sets bit 14 \(STREAM_EN\) of CTL of CNN quadrant 0"),
        (b"i", r"slept at PC 0x1000.* for 0.5 s, waiting for TMR2 or the accelerator"),
        (b"s", "none is enabled"),
        (b"e", "none is enabled"),
        (b"p", r"polled CTL of the accelerator for 0\.5 s, and no inference runs"),
    ],
)
def test_a_wait_that_nobody_can_end_ends_with_what_it_waits_for(folder: Path, order: bytes, complaint: str) -> None:
    machine = Machine(build("forlorn", folder), Wire(order), Options(idle_limit=0.5))
    give_up = time.monotonic() + 20
    with pytest.raises(BoardError, match=complaint):
        machine.run(lambda: time.monotonic() > give_up)


FORCED, DEBUGEVT = 1 << 30, 1 << 31
BFARVALID, STKERR, PRECISERR, IBUSERR = 1 << 15, 1 << 12, 1 << 9, 1 << 8
UNDEFINSTR, INVSTATE = 1 << 16, 1 << 17


@pytest.mark.parametrize(
    ("order", "status", "address"),
    [
        (b"r", (PRECISERR | BFARVALID, FORCED), 0x60000000),
        (b"w", (PRECISERR | BFARVALID, FORCED), 0x10000100),
        (b"x", (IBUSERR, FORCED), 0),
        (b"u", (UNDEFINSTR, FORCED), 0),
        (b"e", (INVSTATE, FORCED), 0),
        (b"b", (0, DEBUGEVT), 0),
        (b"s", (STKERR, FORCED), 0),
        (b"o", (PRECISERR | BFARVALID | STKERR, FORCED), 0x1FFFFFF8),
    ],
)
def test_a_fault_enters_its_handler_with_frame_and_status(
    folder: Path, order: bytes, status: tuple[int, int], address: int
) -> None:
    elf = build("fault", folder)
    _, link, stack, pc, lr, cfsr, hfsr, bfar = run(elf, 8, b"!" + order)
    assert link == 0xFFFFFFF9  # to thread mode, without floating point
    assert (cfsr, hfsr, bfar) == (*status, address)
    if cfsr & STKERR:
        assert stack < SRAM_BASE
        assert stack % 8 == 0
        return
    assert SRAM_BASE < stack < SRAM_BASE + SRAM_SIZE - 32
    if jumps_to := {b"x": 0x30000000, b"e": FLASH_BASE}.get(order):
        assert pc == jumps_to
        assert mnemonic(elf, lr - 3) == "blx"  # two bytes before where it would have returned to
    else:
        assert mnemonic(elf, pc) == {b"r": "ldr", b"w": "str", b"u": "udf", b"b": "bkpt"}[order]


def mnemonic(elf: Path, address: int) -> str:
    """Of the instruction at an address."""
    listing = subprocess.run(["arm-none-eabi-objdump", "-d", elf], capture_output=True, text=True, check=True).stdout
    (line,) = (line for line in listing.splitlines() if line.startswith(f"{address:x}:"))
    return line.split("\t")[2].split(".")[0].strip()


def test_registers_without_a_model_keep_what_is_written(folder: Path) -> None:
    assert run(build("fault", folder), 1) == [0xABCD]
