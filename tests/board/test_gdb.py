"""The virtual board under a debugger: the protocol by a plain socket, then Debian's gdb itself."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fer_edge import firmware
from fer_edge.errors import BoardError
from fer_edge.synth.synthesize import synthesize
from tests.bench.conftest import tiny_network
from tests.board.firmware import Wire, build

pytest.importorskip("unicorn")

from fer_edge.board.gdb import Decoder, Server, Signal, encode
from fer_edge.board.machine import Machine

CLKCTRL = 0x40000008
PC, SP = 15, 13


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


def symbols(elf: Path) -> dict[str, int]:
    listing = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True).stdout
    return {words[-1]: int(words[0], 16) for line in listing.splitlines() if len(words := line.split()) == 3}


# --- packets ---------------------------------------------------------------------------------------------


def test_packets_carry_the_sum_of_their_bytes_and_escape_what_looks_like_a_frame() -> None:
    assert encode(b"OK") == b"$OK#9a"
    assert encode(b"") == b"$#00"
    assert encode(b"#$}*") == b"$}\x03}\x04}]}\x0a#%02x" % (sum(b"}\x03}\x04}]}\x0a") & 0xFF)
    everything = bytes(range(256))
    assert list(Decoder().feed(encode(everything))) == [everything]


def test_packets_arrive_in_whatever_pieces() -> None:
    decoder, stream = Decoder(), encode(b"g") + b"\x03" + encode(b"\x03-") + b"-"
    events = [event for byte in stream for event in decoder.feed(bytes([byte]))]
    assert events == [b"g", Signal.INTERRUPT, b"\x03-", Signal.AGAIN]


@pytest.mark.parametrize("broken", [b"$g#00", b"$g#zz"], ids=["wrong", "no number"])
def test_a_packet_with_a_wrong_sum_is_told_apart(broken: bytes) -> None:
    assert list(Decoder().feed(broken + b"$g#67")) == [Signal.BROKEN, b"g"]


def test_a_packet_without_end_is_given_up() -> None:
    assert list(Decoder().feed(b"$" + bytes(100_000))) == [Signal.BROKEN]


# --- a debugger made of a socket -------------------------------------------------------------------------


class Debugger:
    """Sends packets, and waits for the answers. `symbols` of what it debugs by name."""

    def __init__(self, port: int, machine: Machine, wire: Wire, symbols: dict[str, int]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.machine, self.wire, self.symbols = machine, wire, symbols
        self._decoder = Decoder()
        self._events: list[bytes | Signal] = []

    def send(self, packet: bytes) -> None:
        self.socket.sendall(encode(packet))

    def receive(self) -> bytes | Signal:
        while not self._events:
            data = self.socket.recv(65536)
            assert data, "the stub has closed the connection"
            self._events += self._decoder.feed(data)
        return self._events.pop(0)

    def ask(self, packet: bytes) -> bytes:
        self.send(packet)
        answer = self.receive()
        assert isinstance(answer, bytes)
        return answer

    def register(self, number: int) -> int:
        return int.from_bytes(bytes.fromhex(self.ask(b"p%x" % number).decode()), "little")

    def word(self, address: int) -> int:
        return int.from_bytes(bytes.fromhex(self.ask(b"m%x,4" % address).decode()), "little")

    def monitor(self, command: bytes) -> str:
        return bytes.fromhex(self.ask(b"qRcmd," + command.hex().encode()).decode()).decode()

    def restart(self) -> None:
        """Reset the board, and forget what it has sent."""
        self.monitor(b"reset")
        self.wire.sent.clear()


@contextmanager
def debugged(elf: Path) -> Iterator[Debugger]:
    """A board that runs in a thread, with a debugger connected, which stops it."""
    wire, server, end = Wire(), Server(0), threading.Event()
    machine = Machine(elf, wire)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            server.run(machine, end.is_set)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    debugger = Debugger(server.port, machine, wire, symbols(elf))
    try:
        yield debugger
    finally:
        end.set()
        thread.join(20)
        debugger.socket.close()
        server.close()
    assert not thread.is_alive()
    if failures:
        raise failures[0]


@pytest.fixture
def elf(folder: Path) -> Path:
    return build("debug", folder)


@pytest.fixture
def debugger(elf: Path) -> Iterator[Debugger]:
    with debugged(elf) as debugger:
        assert debugger.ask(b"?") == b"S05"
        yield debugger


def test_a_broken_packet_is_asked_for_again_and_an_answer_given_again(debugger: Debugger) -> None:
    debugger.socket.sendall(b"$qC#00")
    assert debugger.receive() is Signal.AGAIN
    assert debugger.ask(b"qAttached") == b"1"
    debugger.socket.sendall(b"-")
    assert debugger.receive() == b"1"


@pytest.mark.parametrize(
    ("packet", "answer"),
    [
        (b"vMustReplyEmpty", b""),
        (b"_", b""),
        (b"Z9,0,0", b""),
        (b"p99", b"E16"),
        (b"P0=0", b"E16"),
        (b"P0=zz", b"E16"),
        (b"G00", b"E16"),
        (b"m", b"E16"),
        (b"m-4,4", b"E16"),
        (b"mffffffff,8", b"E16"),
        (b"Z0,xyz,2", b"E16"),
        (b"M20000000,4:00", b"E16"),
        (b"m60000000,4", b"E0e"),
        (b"m40090000,4", b"E0e"),  # inside the peripherals' range, but no peripheral
        (b"M60000000,1:00", b"E0e"),
    ],
)
def test_what_cannot_be_done_is_answered_and_the_next_is_done(debugger: Debugger, packet: bytes, answer: bytes) -> None:
    assert debugger.ask(packet) == answer
    assert debugger.ask(b"?") == b"S05"


def test_registers_are_those_of_the_description(debugger: Debugger) -> None:
    parts = [b"m"]
    while parts[-1][:1] == b"m":
        parts.append(debugger.ask(b"qXfer:features:read:target.xml:%x,80" % (0x80 * (len(parts) - 1))))
    description = b"".join(part[1:] for part in parts)
    registers = list(ElementTree.fromstring(description.decode()).iter("reg"))
    names = [register.attrib["name"] for register in registers]
    assert names[:17] == [*(f"r{n}" for n in range(13)), "sp", "lr", "pc", "xpsr"]
    assert {"msp", "psp", "primask", "basepri", "faultmask", "control", "d15", "fpscr"} <= set(names)
    before = debugger.ask(b"g")
    assert 4 * len(before) == sum(int(register.attrib["bitsize"]) for register in registers)
    for number, name in enumerate(names):
        if re.fullmatch(r"r\d+|lr|d\d+", name):
            size = int(registers[number].attrib["bitsize"]) // 8
            contents = bytes(range(number, number + size)).hex().encode()
            assert debugger.ask(b"P%x=%b" % (number, contents)) == b"OK"
            assert debugger.ask(b"p%x" % number) == contents
    assert debugger.ask(b"G" + before) == b"OK"
    assert debugger.ask(b"g") == before
    assert debugger.register(names.index("msp")) == debugger.register(SP)


def test_memory_is_read_and_written(debugger: Debugger, elf: Path) -> None:
    assert debugger.word(0x10000000) == 0x20020000  # flash: the vector table
    assert debugger.ask(b"X20010000,5:#$}\x00\xff") == b"OK"
    assert debugger.ask(b"m20010000,5") == b"23247d00ff"
    assert debugger.ask(b"M20010001,2:abcd") == b"OK"
    assert debugger.ask(b"m20010000,5") == b"23abcd00ff"
    assert debugger.ask(b"M1007fff0,4:01020304") == b"OK"
    assert debugger.ask(b"m1007fff1,2") == b"0203"


def test_registers_of_peripherals_are_read_through_their_models(debugger: Debugger) -> None:
    debugger.ask(b"Z0,%x,2" % debugger.symbols["twice"])
    assert debugger.ask(b"c") == b"T05"
    assert debugger.word(CLKCTRL) >> 9 & 7 == 4  # as board_init selected
    assert debugger.ask(b"m%x,1" % (CLKCTRL + 1)) == b"%02x" % (debugger.word(CLKCTRL) >> 8 & 0xFF)
    assert debugger.ask(b"M40008018,4:04000000") == b"OK"  # GPIO0.OUT
    assert debugger.word(0x40008018) == 4


def test_breakpoints_stop_every_time_and_no_access_happens_twice(debugger: Debugger) -> None:
    twice, count = debugger.symbols["twice"], debugger.symbols["count"]
    debugger.restart()
    assert debugger.ask(b"Z0,%x,2" % twice) == b"OK"
    for number in range(20):
        assert debugger.ask(b"c") == b"T05"
        assert (debugger.register(PC), debugger.register(0), debugger.word(count)) == (twice, number, number)
    assert debugger.wire.words == list(range(0, 38, 2))
    assert debugger.ask(b"z0,%x,2" % twice) == b"OK"


def test_a_breakpoint_costs_no_virtual_time(debugger: Debugger) -> None:
    """The time of a round is the same whether or not it is interrupted on the way."""
    twice = debugger.symbols["twice"]

    def rounds() -> list[int]:
        times = []
        for _ in range(5):
            while debugger.ask(b"c") != b"T05" or debugger.register(PC) != twice:
                pass
            times.append(debugger.machine.clock.now)
        return [after - before for before, after in pairwise(times)]

    debugger.ask(b"Z0,%x,2" % twice)
    alone = rounds()
    assert len(set(alone)) == 1
    debugger.ask(b"Z1,%x,2" % (debugger.register(14) & ~1))  # where it returns to
    assert rounds() == alone


def test_time_stands_still_while_the_program_does(debugger: Debugger) -> None:
    debugger.ask(b"Z0,%x,2" % debugger.symbols["twice"])
    debugger.ask(b"c")
    now = debugger.machine.clock.now
    counts = {debugger.word(0x40010000) for _ in range(300)}  # TMR0.CNT, which a waiting program would move on
    assert len(counts) == 1
    assert debugger.machine.clock.now == now


@pytest.mark.parametrize(("kind", "name", "stops"), [(2, "watch", 1), (3, "rwatch", 2), (4, "awatch", 3)])
def test_watchpoints_stop_behind_the_access(debugger: Debugger, kind: int, name: str, stops: int) -> None:
    """A round reads `count` twice, for the call and for the addition, and writes it once."""
    twice, count = debugger.symbols["twice"], debugger.symbols["count"]
    debugger.restart()
    debugger.ask(b"Z0,%x,2" % twice)
    assert debugger.ask(b"c") == b"T05"
    assert debugger.ask(b"Z%d,%x,4" % (kind, count)) == b"OK"
    answers = []
    while (answer := debugger.ask(b"c")) != b"T05":
        answers.append(answer)
    assert answers == [b"T05%b:%x;" % (name.encode(), count)] * stops
    assert debugger.ask(b"z%d,%x,4" % (kind, count)) == b"OK"
    assert debugger.ask(b"c") == b"T05"
    assert debugger.wire.words == [0, 2]


def test_a_watchpoint_on_a_register_sends_every_byte_once(debugger: Debugger) -> None:
    debugger.restart()
    debugger.ask(b"Z2,40042020,4")  # UART0.FIFO
    for number in range(1, 9):
        assert debugger.ask(b"c") == b"T05watch:40042020;"
        assert len(debugger.wire.sent) == number
    assert debugger.wire.words == [0, 2]


def test_single_steps_run_one_instruction(debugger: Debugger) -> None:
    twice = debugger.symbols["twice"]
    debugger.ask(b"Z0,%x,2" % twice)
    debugger.ask(b"c")
    number, now = debugger.register(0), debugger.machine.clock.now
    assert debugger.ask(b"s") == b"T05"
    assert (debugger.register(PC), debugger.register(0)) == (twice + 2, 2 * number)
    assert debugger.machine.clock.now == now + debugger.machine.clock.cycle


def test_reset_stands_before_the_first_instruction(debugger: Debugger, elf: Path) -> None:
    assert "reset" in debugger.monitor(b"reset")
    assert debugger.register(PC) == symbols(elf)["reset"] & ~1
    assert debugger.register(SP) == 0x20020000
    assert debugger.machine.clock.now == 0
    assert "monitor reset" in debugger.monitor(b"help")


def test_ctrl_c_stops_a_loop_and_detaching_lets_it_go_on(debugger: Debugger) -> None:
    debugger.socket.sendall(encode(b"c") + b"\x03")  # at once, and then while it runs
    assert debugger.receive() == b"T02"
    debugger.send(b"c")
    sent = len(debugger.wire.sent)
    while len(debugger.wire.sent) < sent + 4000:
        pass
    debugger.socket.sendall(b"\x03")
    assert debugger.receive() == b"T02"
    sent = len(debugger.wire.sent)
    debugger.ask(b"Z0,%x,2" % debugger.symbols["twice"])
    assert debugger.ask(b"D") == b"OK"
    while len(debugger.wire.sent) < sent + 4000:
        pass


def test_a_debugger_that_goes_without_a_word_leaves_the_board_running(debugger: Debugger) -> None:
    debugger.ask(b"Z0,%x,2" % debugger.symbols["twice"])
    debugger.send(b"c")
    debugger.socket.close()
    sent = len(debugger.wire.sent)
    while len(debugger.wire.sent) < sent + 4000:
        pass


def test_bkpt_stops_and_a_fault_without_handler_is_shown_before_it_ends_the_run(folder: Path) -> None:
    def provoke() -> None:
        with debugged(build("bkpt", folder)) as debugger:
            debugger.ask(b"M%x,1:01" % debugger.symbols["go"])
            assert debugger.ask(b"c") == b"T05"
            assert debugger.word(debugger.register(PC)) & 0xFFFF == 0xBE00
            told = debugger.ask(b"c%x" % (debugger.register(PC) + 2))
            assert b"0x60000000" in bytes.fromhex(told[1:].decode())
            assert debugger.receive() == b"T0b"
            assert debugger.ask(b"D") == b"OK"

    with pytest.raises(BoardError, match="writes address 0x60000000"):
        provoke()


def test_it_listens_on_this_computer_only_and_says_when_a_port_is_taken() -> None:
    server = Server(0)
    try:
        assert server._listener.getsockname()[0] == "127.0.0.1"
        with pytest.raises(BoardError, match=rf"Port {server.port} for gdb: Address already in use\. Give another"):
            Server(server.port)
    finally:
        server.close()


# --- gdb itself ------------------------------------------------------------------------------------------


@pytest.fixture
def gdb() -> str:
    program = shutil.which("gdb-multiarch")
    if program is None:
        pytest.skip("no gdb-multiarch (Debian package gdb-multiarch)")
    return program


@contextmanager
def served(elf: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`fer-edge board ELF --gdb 0`, and its port."""
    command = [sys.executable, "-m", "fer_edge.cli", "board", str(elf), "--gdb", "0"]
    board = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert board.stdin is not None
    assert board.stderr is not None
    try:
        said = board.stderr.readline()
        found = re.fullmatch(r"gdb: target remote 127\.0\.0\.1:(\d+)\n", said)
        assert found, said + board.stderr.read()
        yield board, int(found[1])
    finally:
        board.kill()
        board.communicate()


def run_gdb(gdb: str, elf: Path, port: int, *commands: str) -> str:
    lines = [f"target remote 127.0.0.1:{port}", *commands]
    arguments = [part for line in lines for part in ("-ex", line)]
    done = subprocess.run([gdb, "-nx", "-batch", *arguments, str(elf)], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_gdb_debugs_a_program(gdb: str, elf: Path) -> None:
    commands = ["monitor reset", "maintenance flush register-cache", "break twice", "continue", "continue"]
    commands += ["print *(unsigned *)&count", "delete", "watch *(unsigned *)&count", "continue"]
    commands += ["x/wx 0x40000008", "info registers msp control", "stepi", "kill"]
    with served(elf) as (board, port):
        said = run_gdb(gdb, elf, port, *commands)
        assert board.wait(20) == 0
    assert said.count("Breakpoint 1, 0x") == 2
    assert re.search(r"\$1 = 1\b", said)
    assert re.search(r"Old value = 1\s+New value = 2\b", said)
    assert re.search(r"0x40000008:\s+0x\w{5}8\w\w", said)
    assert re.search(r"msp +0x2001", said)


def test_ctrl_c_in_gdb_stops_a_loop(gdb: str, elf: Path) -> None:
    with served(elf) as (_, port):
        command = [
            gdb,
            "-nx",
            "-q",
            "-ex",
            f"target remote 127.0.0.1:{port}",
            "-ex",
            "echo ready\\n",
            "-ex",
            "continue",
        ]
        process = subprocess.Popen(
            [*command, str(elf)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        for line in process.stdout:
            if "Continuing" in line:
                break
        time.sleep(1)  # it says so before it does
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate("info registers pc\ndetach\nquit\n", timeout=30)
    assert "SIGINT" in said
    assert re.search(r"pc +0x1000", said)


def test_gdb_stops_the_firmware_in_an_inference_and_reads_the_accelerator(gdb: str, tmp_path: Path) -> None:
    """The registers of the accelerator, and the way back through an interrupt."""
    network = tiny_network(1)
    elf = tmp_path / "build" / "fer_edge.elf"
    synthesize(network, tmp_path / "network")
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    firmware.build(network, tmp_path / "network", tmp_path / "build")
    commands = ["break inference_run", "continue", "backtrace", "x/2wx 0x50100000", "delete", "watch cnn_time"]
    commands += ["continue", "backtrace", "detach"]
    with served(elf) as (_, port):
        said = run_gdb(gdb, elf, port, *commands)
    assert re.search(r"Breakpoint 1(\.\d)?, inference_run \(", said)  # numbered where some calls of it are inlined
    found = re.search(r"0x50100000:\s+0x(\w+)\s+0x(\w+)", said)
    assert found
    assert int(found[1], 16) >> 3 & 1, "CTL of the accelerator: its clocks are on"
    assert re.search(r"CNN_ISR \(\).*<signal handler called>.*inference_run \(", said, re.DOTALL)
