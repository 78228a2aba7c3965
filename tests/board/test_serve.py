"""The virtual board behind a pseudo-terminal, as a host sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import serial

from fer_edge.board import VirtualBoard, serve
from fer_edge.board.serve import PseudoTerminal
from fer_edge.errors import BoardError, ToolError
from tests.board.firmware import build

pytest.importorskip("unicorn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


def open_port(path: str) -> serial.Serial:
    return serial.Serial(path, 115200, timeout=5, write_timeout=5, exclusive=True)


@pytest.mark.parametrize("program", ["echo", "echo_interrupt"])
def test_bytes_go_there_and_back(folder: Path, program: str) -> None:
    with VirtualBoard(build(program, folder)) as path, open_port(path) as port:
        for length in (1, 8, 9, 300, 5000):
            sent = bytes(n % 251 for n in range(length))
            port.write(sent)
            assert port.read(length) == bytes(b + 1 for b in sent)


def test_the_next_host_finds_the_board_as_the_last_one_left_it(folder: Path) -> None:
    with VirtualBoard(build("echo", folder)) as path:
        for byte in (b"\x01", b"\x02"):
            with open_port(path) as port:
                port.write(byte)
                assert port.read(1) == bytes([byte[0] + 1])


def test_a_time_out_of_the_firmware_is_one_of_the_host(folder: Path) -> None:
    """Virtual time must not run away while firmware waits, with a clock in its hand, for a host that is slower."""
    with VirtualBoard(build("patience", folder)) as path, open_port(path) as port:
        port.write(b"\x01")
        time.sleep(0.1)
        port.write(b"\x02")
        assert port.read(1) == b"\x02"
        port.write(b"\x01")
        assert port.read(1) == b"\xff"


@pytest.mark.parametrize("program", ["echo", "echo_interrupt"])
def test_a_board_nobody_talks_to_costs_little(folder: Path, program: str) -> None:
    """Firmware that waits for the host must not burn the processor the host runs on."""
    with VirtualBoard(build(program, folder)) as path, open_port(path) as port:
        port.write(b"\x01")
        port.read(1)
        (child,) = children()
        before = cpu_seconds(child)
        time.sleep(1.0)
        assert cpu_seconds(child) - before < 0.3


def test_a_crash_is_told_with_its_reason(folder: Path) -> None:
    board = VirtualBoard(build("fault", folder))

    def provoke() -> None:
        with board as path, open_port(path) as port:
            board.check()
            port.write(b"r")
            port.read(100)  # the port goes away; that is an exception of its own

    with pytest.raises(BoardError, match=r"Virtual board: Firmware fault at PC 0x1000.*0x60000000"):
        provoke()
    assert children() == []


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, "its process was ended by signal SIGKILL: by hand, or by the system for want of memory"),
        (signal.SIGSEGV, "its process was ended by signal SIGSEGV: the emulator crashed"),
        (signal.SIGTERM, "its process was ended by signal SIGTERM"),
    ],
)
def test_a_killed_board_leaves_a_sentence(folder: Path, number: int, said: str) -> None:
    def provoke() -> None:
        with VirtualBoard(build("echo", folder)):
            (child,) = children()
            os.kill(child, number)
            time.sleep(0.2)

    with pytest.raises(BoardError, match=f"Virtual board: {said}"):
        provoke()


def test_a_defect_of_the_board_itself_leaves_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(machine: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("fer_edge.board.machine.Machine._step", fail)
    with pytest.raises(BoardError, match=r"itself failed, in line \d+ of test_serve\.py: ZeroDivisionError") as it:
        serve(build("echo", folder), on_ready=print)
    assert "please report it" in it.value.cure


def test_a_fault_that_firmware_handles_is_told_in_the_end(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with VirtualBoard(build("fault", folder)) as path, open_port(path) as port:
        port.write(b"!r")
        assert len(port.read(4 * 7)) == 4 * 7  # what came before the port was open may be lost
    assert "reads address 0x60000000, which it may not; its fault handler ran" in capfd.readouterr().err


def test_an_unusable_elf_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"nothing\.elf: No such file"), VirtualBoard(tmp_path / "nothing.elf"):
        pass
    assert children() == []


def test_a_missing_emulator_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolError, match=r"pip install 'fer-edge\[board\]'"), VirtualBoard(Path("any.elf")):
        pass
    with pytest.raises(ToolError, match="unicorn"):
        serve(Path("any.elf"), on_ready=print)


def test_what_firmware_does_to_an_accelerator_without_power_ends_the_board_with_a_sentence(folder: Path) -> None:
    def provoke() -> None:
        with VirtualBoard(build("power", folder)) as path, open_port(path) as port:
            port.write(b"d")
            port.read(4)  # the port goes away; that is an exception of its own

    with pytest.raises(BoardError, match=r"Virtual board: .*accesses CNN quadrant 0 while it has no power or clock"):
        provoke()


def test_blocks_that_only_keep_what_is_written_say_so_once_and_are_counted(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with VirtualBoard(build("stored", folder)) as path, open_port(path) as port:
        assert len(port.read(4)) == 4
    assert capfd.readouterr().err.splitlines() == [
        "note: ADC at 0x40034000 is only stored: it keeps what is written and does nothing",
        "note: AES at 0x40007400 is only stored: it keeps what is written and does nothing",
        "note: 2 peripheral blocks used without a model: ADC, AES",
    ]


def test_no_process_is_left(folder: Path) -> None:
    with VirtualBoard(build("echo", folder)):
        (child,) = children()
    assert not Path(f"/proc/{child}").exists()


def test_the_board_ends_with_its_parent(folder: Path) -> None:
    script = f"""
import os, sys
from pathlib import Path
from fer_edge.board import VirtualBoard
with VirtualBoard(Path({str(build("echo", folder))!r})) as port:
    print(port, flush=True)
    os.kill(os.getpid(), 9)
"""
    parent = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert parent.returncode == -signal.SIGKILL
    path = parent.stdout.strip()
    end = time.monotonic() + 5
    while Path(path).exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(path).exists()


def test_serve_runs_until_told_to_stop(folder: Path) -> None:
    stop, ports = threading.Event(), []
    ready = threading.Event()

    def on_ready(path: str) -> None:
        ports.append(path)
        ready.set()

    thread = threading.Thread(target=serve, args=(build("echo", folder),), kwargs={"on_ready": on_ready, "stop": stop})
    thread.start()
    assert ready.wait(10)
    with open_port(ports[0]) as port:
        port.write(b"\x41")
        assert port.read(1) == b"\x42"
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_ctrl_c_ends_serve_without_a_word(folder: Path) -> None:
    command = [sys.executable, "-c", "import sys; from pathlib import Path; from fer_edge.board import serve\n"]
    command[-1] += "serve(Path(sys.argv[1]), on_ready=lambda port: print(port, flush=True))"
    with subprocess.Popen(
        [*command, str(build("echo", folder))], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("/dev/")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=5)
    assert process.returncode == 0
    assert errors == ""


def test_firmware_is_not_held_up_by_a_host_that_does_not_read() -> None:
    terminal = PseudoTerminal()
    start = time.monotonic()
    for _ in range(100):
        terminal.write(bytes(1000))
    assert time.monotonic() - start < 2
    terminal.close()


def children() -> list[int]:
    """Process numbers of the boards this process has started."""
    path = Path(f"/proc/{os.getpid()}/task")
    if not path.is_dir():
        pytest.skip("needs /proc")
    pids = [int(pid) for task in path.iterdir() for pid in (task / "children").read_text().split()]
    return [pid for pid in pids if b"fer_edge.board" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
