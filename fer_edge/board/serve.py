"""The virtual board behind a pseudo-terminal, in this process or in one of its own."""

from __future__ import annotations

import importlib.util
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
import tty
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from fer_edge.board.clock import TICK_HZ
from fer_edge.board.options import DEFAULT, Options
from fer_edge.errors import BoardError, FerEdgeError, not_installed
from fer_edge.registers import BUTTONS

if TYPE_CHECKING:
    from fer_edge.board.machine import Machine

_READ_BYTES = 4096
_REMARKS = ("note: ", "warning: ")  # begin what a board says besides the reason why it ended
_STALL = 0.2  # s; a host that does not read for that long has gone


class PseudoTerminal:
    """The board's end of a serial line. `path` is the device the host opens, at any baud rate."""

    def __init__(self) -> None:
        self._board, self._host = os.openpty()  # the host's end is kept open, so that hosts may come and go
        tty.setraw(self._host)
        os.set_blocking(self._board, False)
        self.path = os.ttyname(self._host)
        self._host_reads = True

    def read(self) -> bytes:
        """What the host has sent since."""
        try:
            return os.read(self._board, _READ_BYTES)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        """Send to the host. Bytes a host does not take are lost, as on the wire."""
        while data:
            try:
                sent = os.write(self._board, data)
            except BlockingIOError:
                if self._host_reads:
                    self._host_reads = bool(select.select([], [self._board], [], _STALL)[1])
                if not self._host_reads:
                    return
            else:
                self._host_reads = True
                data = data[sent:]

    def wait(self, seconds: float) -> bool:
        """Sleep until the host sends (True) or the time is over."""
        return bool(select.select([self._board], [], [], seconds)[0])

    def close(self) -> None:
        os.close(self._board)
        os.close(self._host)


CONSOLE_HELP = (
    f"Type a button's name ({', '.join(BUTTONS)}) to press it, `hold NAME` or `release NAME`, "
    "or `show NUMBER` for what the camera sees."
)
"""What the console of a running board understands."""


class Console(Protocol):
    """Where orders come from."""

    def readline(self) -> str:
        """The next line; blocks, and is empty when there will be none any more."""


def _require_emulator() -> None:
    if importlib.util.find_spec("unicorn") is None:
        raise not_installed("unicorn")


def use_one_thread() -> None:
    """Have matrices multiplied by one thread, as long as numpy is not loaded yet.

    The accelerator's are small: more threads take longer, and the host's processor with them.
    """
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def serve(
    elf: Path,
    *,
    on_ready: Callable[[str], None],
    stop: threading.Event | None = None,
    options: Options = DEFAULT,
    console: Console | None = None,
    gdb: int | None = None,
) -> None:
    """Run firmware on the virtual board until Ctrl-C or `stop`.

    Parameters
    ----------
    elf : what `fer-edge firmware` wrote.
    on_ready : called once, with the path of the serial port.
    console : where to read what to do while it runs, a line each: `CONSOLE_HELP`.
    gdb : the TCP port of 127.0.0.1 where a debugger may connect; 0 for any that is free. Standard error says which.

    Raises `BoardError` for an unusable ELF or a firmware fault, `ToolError` without the emulator.
    """
    _require_emulator()
    use_one_thread()
    from fer_edge.board.machine import Machine

    debugger = None
    if gdb is not None:
        from fer_edge.board.gdb import Server

        debugger = Server(gdb)
        print(f"gdb: target remote 127.0.0.1:{debugger.port}", file=sys.stderr, flush=True)
    stop = stop or threading.Event()
    port = PseudoTerminal()
    recorded = None
    try:
        if options.recording is None:
            machine = Machine(elf, port, options)
        else:
            from fer_edge.board.recorded import RecordedMachine

            machine = recorded = RecordedMachine(elf, port, options)
        machine.note(lambda sentence: print(f"note: {sentence}", file=sys.stderr, flush=True))
        orders = _Orders(machine, console)

        def stopped() -> bool:
            orders.carry_out()
            return stop.is_set()

        with _ctrl_c_sets(stop):
            on_ready(port.path)
            try:
                if debugger is None:
                    machine.run(stopped)
                else:
                    debugger.run(machine, stopped)
            except FerEdgeError:
                raise
            except Exception as error:
                raise _defect(error) from error
            finally:
                for warning in machine.warnings + machine.accelerator.warnings:
                    print(f"warning: {warning}", file=sys.stderr)
                if machine.stored:
                    blocks = f"{len(machine.stored)} peripheral block{'s' if len(machine.stored) > 1 else ''}"
                    print(f"note: {blocks} used without a model: {', '.join(machine.stored)}", file=sys.stderr)
    finally:
        if recorded is not None:
            recorded.close()
        port.close()
        if debugger is not None:
            debugger.close()


class _Orders:
    """What the user types while the board runs. Lines are read in a thread and carried out between instructions."""

    def __init__(self, machine: Machine, console: Console | None) -> None:
        self._machine = machine
        self._lines: deque[str] = deque()
        if console is not None:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTTIN, signal.SIG_IGN)  # in the background there is no console, and no stop
            threading.Thread(target=self._read, args=(console,), daemon=True).start()

    def _read(self, console: Console) -> None:
        with suppress(OSError, ValueError):  # it is closed, or another's
            self._lines.extend(iter(console.readline, ""))

    def carry_out(self) -> None:
        """Do what was typed since."""
        while self._lines:
            self._obey(self._lines.popleft().split())

    def _obey(self, words: list[str]) -> None:
        machine = self._machine
        match words:
            case []:
                pass
            case [button] if button in BUTTONS:
                machine.press(button)
            case ["hold" | "release" as verb, button] if button in BUTTONS:
                machine.hold(button, verb == "hold")
            case ["show", number] if number.isdecimal() and int(number) >= (count := len(machine.pictures)):
                print(f"not shown: {number}; the camera has {count}, counted from 0", flush=True)
            case ["show", number] if number.isdecimal():
                machine.pictures.show(int(number), machine.clock.now / TICK_HZ)
                print(f"shown: {number}", flush=True)
            case _:
                print(f"unknown: {' '.join(words)!r}. {CONSOLE_HELP}", file=sys.stderr)


def _defect(error: Exception) -> BoardError:
    """What to tell about an exception that nobody foresaw."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return BoardError(
        f"The virtual board itself failed, in line {place.lineno} of {Path(place.filename).name}: "
        f"{type(error).__name__} ({error}).",
        "That is a defect of the board, not of the firmware: please report it, with the ELF.",
    )


@contextmanager
def _ctrl_c_sets(stop: threading.Event) -> Iterator[None]:
    """An exception out of nowhere would get lost in the emulator's callbacks."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class VirtualBoard:
    """Context manager: firmware on the virtual board in a process of its own; yields the path of its serial port.

    Leaving the context ends the process, and raises `BoardError` if the board had crashed by then. `options` are the
    fields of `Options` by name.
    """

    _STOP_TIMEOUT = 5.0  # s

    def __init__(self, elf: Path, **options: Any) -> None:
        self._elf = elf
        self._options = Options(**options)
        self._errors = ""
        self._given_up = False

    def __enter__(self) -> str:
        _require_emulator()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fer_edge.board", str(self._elf), self._options.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C goes to the parent, which then ends this
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        if not port:
            self._end()
            self.check()
        return port

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if error is None or isinstance(error, Exception):  # a crash explains what the host ran into
            self.check()
        if self._errors:  # warnings
            print(self._errors, file=sys.stderr)

    def show(self, number: int) -> None:
        """Have the camera see a picture, counted from 0. Frames that begin after this call show it.

        BoardError if the board has crashed.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"show {number}\n")
            self._process.stdin.flush()
        if not self._process.stdout.readline():
            self.check(ending=True)

    def check(self, ending: bool = False) -> None:
        """Raise `BoardError` with the reason if the board has crashed. `ending`: it is about to, so wait for it."""
        if ending:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self._STOP_TIMEOUT)
        status = self._process.poll()
        if not status:
            return
        self._collect()
        if status < 0:
            raise BoardError(f"Virtual board: {self._killed_by(-status)}", "Start it again.")
        # The reason first, then what was remarked before.
        told = "\n".join(sorted(self._errors.splitlines(), key=lambda line: line.startswith(_REMARKS)))
        raise BoardError(f"Virtual board: {told or f'its process ended with exit status {status}'}")

    def _killed_by(self, number: int) -> str:
        if self._given_up:
            return f"it did not end within {self._STOP_TIMEOUT:g} s of being told to, and was killed."
        name = signal.Signals(number).name
        likely = {"SIGKILL": ": by hand, or by the system for want of memory", "SIGSEGV": ": the emulator crashed"}
        return f"its process was ended by signal {name}{likely.get(name, '')}."

    def _end(self) -> None:
        """The child ends by itself when its standard input does, also if this process is killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(self._STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._given_up = True
            self._process.kill()
            self._process.wait()
        self._collect()

    def _collect(self) -> None:
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None and not stream.closed:
                if stream is self._process.stderr:
                    self._errors = stream.read().strip()
                stream.close()
