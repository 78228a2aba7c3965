"""A stub of gdb's remote serial protocol: the virtual board under a debugger, with no probe.

The protocol is that of the manual of gdb, appendix "GDB Remote Serial Protocol": packets `$data#checksum`, each
acknowledged by `+`, or by `-` where it came broken and has to be sent again.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum

from fer_edge.board.debug import FEATURES, REGISTERS, SIGINT, SIGTRAP, Probe, Stop, Watchpoint
from fer_edge.board.machine import Machine
from fer_edge.errors import BoardError

_HOST = "127.0.0.1"
_PACKET_SIZE = 0x4000  # bytes of a packet, at most
_LOOK = 0.005  # s; between looks at the socket while firmware runs
_WAIT = 0.05  # s; longest sleep before looking at `stopped` again
_PATIENCE = 5.0  # s; a debugger that takes no answer for that long has gone
_MALFORMED, _NO_MEMORY = b"E16", b"E0e"  # EINVAL, EFAULT
_HELP = "The board knows: monitor reset, monitor reset halt (the same: it waits for `continue`), monitor halt.\n"
_WATCHPOINTS = {b"2": "watch", b"3": "rwatch", b"4": "awatch"}


class Signal(Enum):
    """What comes between packets, or in place of one."""

    INTERRUPT = "Ctrl-C"
    BROKEN = "a packet with a wrong checksum or too long"
    AGAIN = "a request to send the last packet again"


def encode(data: bytes) -> bytes:
    """A packet. What would look like its frame is escaped."""
    escaped = re.sub(rb"[#$}*]", lambda found: bytes([ord("}"), found[0][0] ^ 0x20]), data)
    return b"$%b#%02x" % (escaped, sum(escaped) & 0xFF)


class Decoder:
    """Packets out of a stream of bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes | Signal]:
        """The packets that are complete now, unescaped, and what came between them."""
        self._buffer += data
        while self._buffer:
            if self._buffer[0] != ord("$"):
                match self._buffer.pop(0):
                    case 0x03:
                        yield Signal.INTERRUPT
                    case 0x2D:  # -
                        yield Signal.AGAIN
                continue
            end = self._buffer.find(b"#")
            if end < 0 or len(self._buffer) < end + 3:
                if len(self._buffer) > 2 * _PACKET_SIZE:
                    self._buffer.clear()
                    yield Signal.BROKEN
                return
            raw, checksum = bytes(self._buffer[1:end]), bytes(self._buffer[end + 1 : end + 3])
            del self._buffer[: end + 3]
            good = checksum.lower() == b"%02x" % (sum(raw) & 0xFF)
            yield _unescaped(raw) if good else Signal.BROKEN


def _unescaped(raw: bytes) -> bytes:
    return re.sub(rb"}(.)", lambda found: bytes([found[1][0] ^ 0x20]), raw, flags=re.DOTALL)


def target_description() -> bytes:
    """The registers in XML, from which gdb knows what it talks to."""
    features = []
    for name, registers in FEATURES.items():
        kinds = {register.name: 'type="data_ptr"' for register in registers if register.name in ("sp", "msp", "psp")}
        kinds |= {"pc": 'type="code_ptr"'} | {f"d{n}": 'type="ieee_double"' for n in range(16)}
        lines = [f'<reg name="{r.name}" bitsize="{r.bits}" {kinds.get(r.name, "")}/>' for r in registers]
        features.append(f'<feature name="org.gnu.gdb.arm.{name}">{"".join(lines)}</feature>')
    head = '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">'
    return f"{head}<target><architecture>arm</architecture>{''.join(features)}</target>".encode()


class Link:
    """A connection from gdb. OSError from any method when it has ended."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.settimeout(_PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._decoder = Decoder()
        self._packets: deque[bytes] = deque()
        self._last = b""
        self._next_look = 0.0
        self._interrupted = False

    def receive(self) -> bytes | None:
        """The next packet, or None if none came for a moment."""
        if not self._packets:
            self._take(_WAIT)
        return self._packets.popleft() if self._packets else None

    def interrupted(self) -> bool:
        """Whether Ctrl-C has come, or the end of the connection. Costs nothing most of the time."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK
            try:
                self._take(0)
            except OSError:  # the next `receive` meets it again
                return True
        return self._interrupted

    def send(self, data: bytes) -> None:
        self._last = encode(data)
        self._socket.sendall(self._last)

    def close(self) -> None:
        self._socket.close()

    def _take(self, seconds: float) -> None:
        if not select.select([self._socket], [], [], seconds)[0]:
            return
        data = self._socket.recv(_PACKET_SIZE)
        if not data:
            raise ConnectionResetError("gdb has gone")
        for event in self._decoder.feed(data):
            if isinstance(event, bytes):
                self._socket.sendall(b"+")
                self._packets.append(event)
                self._interrupted = False  # what came before it was for a program that has stopped since
            elif event is Signal.BROKEN:
                self._socket.sendall(b"-")
            elif event is Signal.AGAIN:
                self._socket.sendall(self._last)
            else:
                self._interrupted = True


class Server:
    """Listens for gdb on a TCP port of this computer; 0 for any that is free. One debugger at a time.

    Attributes
    ----------
    port : where it listens.

    Raises BoardError where the port cannot be had.
    """

    def __init__(self, port: int) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((_HOST, port))
        except OSError as error:
            self._listener.close()
            raise BoardError(
                f"Port {port} for gdb: {error.strerror}.", "Give another with --gdb; 0 takes a free one."
            ) from None
        self._listener.listen(1)
        self.port: int = self._listener.getsockname()[1]
        self._next_look = 0.0

    def close(self) -> None:
        self._listener.close()

    def run(self, machine: Machine, stopped: Callable[[], bool]) -> None:
        """`Machine.run`, until a debugger connects; then as it says, until it lets go or kills the board."""
        while not stopped():
            machine.run(lambda: stopped() or self._called())
            if stopped():
                return
            link = Link(self._listener.accept()[0])
            session = Session(machine, link, stopped)
            try:
                if session.serve():
                    return
            finally:
                link.close()

    def _called(self) -> bool:
        """Whether a debugger wants to connect."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + _LOOK
        return bool(select.select([self._listener], [], [], 0)[0])


class Session:
    """What one debugger asks for, and gets."""

    def __init__(self, machine: Machine, link: Link, stopped: Callable[[], bool]) -> None:
        self._probe, self._link, self._stopped = Probe(machine), link, stopped
        self._reason = b"S%02x" % SIGTRAP
        self._over = self._killed = False
        self._commands: dict[bytes, Callable[[bytes], bytes]] = {
            b"!": lambda _: b"OK",
            b"?": lambda _: self._reason,
            b"c": self._continue, b"C": lambda rest: self._continue(rest.partition(b";")[2]),
            b"s": self._step, b"S": lambda rest: self._step(rest.partition(b";")[2]),
            b"D": self._detach,
            b"H": lambda _: b"OK",
            b"T": lambda _: b"OK",
            b"g": self._read_registers, b"G": self._write_registers,
            b"p": self._read_register, b"P": self._write_register,
            b"m": self._read_memory, b"M": self._write_memory, b"X": self._write_binary,
            b"k": self._kill,
            b"q": self._query,
            b"v": lambda rest: self._kill(rest) if rest.startswith(b"Kill") else b"",
            b"Z": self._set_stop, b"z": self._clear_stop,
        }  # fmt: skip

    def serve(self) -> bool:
        """Answer until the debugger goes; True if it has killed the board.

        Raises BoardError where the firmware met one and is let go on.
        """
        self._probe.halt()
        with suppress(OSError):  # the connection broke: as if detached
            while not (self._over or self._stopped()):
                packet = self._link.receive()
                if packet is not None:
                    self._link.send(self._answer(packet))
        if not self._killed:
            self._probe.release()
        return self._killed

    def _answer(self, packet: bytes) -> bytes:
        """The reply; empty for what is not known here."""
        command = self._commands.get(packet[:1])
        if command is None:
            return b""
        try:
            return command(packet[1:])
        except (ValueError, IndexError):
            return _MALFORMED
        except LookupError:
            return _NO_MEMORY

    # --- registers and memory ----------------------------------------------------------------------------

    def _read_registers(self, _rest: bytes) -> bytes:
        return _hex(b"".join(map(self._probe.register, REGISTERS)))

    def _write_registers(self, rest: bytes) -> bytes:
        contents = _bytes(rest)
        if 8 * len(contents) != sum(register.bits for register in REGISTERS):
            raise ValueError("not as many registers")
        for register in REGISTERS:
            size = register.bits // 8
            self._probe.set_register(register, contents[:size])
            contents = contents[size:]
        return b"OK"

    def _read_register(self, rest: bytes) -> bytes:
        return _hex(self._probe.register(REGISTERS[int(rest, 16)]))

    def _write_register(self, rest: bytes) -> bytes:
        number, _, contents = rest.partition(b"=")
        self._probe.set_register(REGISTERS[int(number, 16)], _bytes(contents))
        return b"OK"

    def _read_memory(self, rest: bytes) -> bytes:
        address, size = _numbers(rest)
        return _hex(self._probe.read(address, min(size, _PACKET_SIZE // 2)))

    def _write_memory(self, rest: bytes) -> bytes:
        where, _, contents = rest.partition(b":")
        return self._write(where, _bytes(contents))

    def _write_binary(self, rest: bytes) -> bytes:
        where, _, contents = rest.partition(b":")
        return self._write(where, contents)

    def _write(self, where: bytes, contents: bytes) -> bytes:
        address, size = _numbers(where)
        if len(contents) != size:
            raise ValueError(f"{len(contents)} bytes of {size}")
        if contents:
            self._probe.write(address, contents)
        return b"OK"

    # --- running -----------------------------------------------------------------------------------------

    def _continue(self, rest: bytes) -> bytes:
        self._go_to(rest)
        return self._told(self._probe.resume(self._interrupted))

    def _step(self, rest: bytes) -> bytes:
        self._go_to(rest)
        return self._told(self._probe.step(self._interrupted))

    def _go_to(self, address: bytes) -> None:
        if address:
            pc = next(register for register in REGISTERS if register.name == "pc")
            self._probe.set_register(pc, int(address, 16).to_bytes(4, "little"))

    def _interrupted(self) -> bool:
        return self._link.interrupted() or self._stopped()

    def _told(self, stop: Stop | None) -> bytes:
        """The reply for why the program stands still."""
        stop = stop or Stop(SIGINT)
        if stop.error is not None:
            self._link.send(b"O" + _hex(f"{stop.error}\n".encode()))
        where = b"%s:%x;" % (stop.watchpoint.kind.encode(), stop.watchpoint.address) if stop.watchpoint else b""
        self._reason = b"T%02x%b" % (stop.signal, where)
        return self._reason

    def _set_stop(self, rest: bytes) -> bytes:
        kind, address, size = rest.split(b";")[0].split(b",")
        if kind in (b"0", b"1"):
            self._probe.break_at(int(address, 16))
        elif kind in _WATCHPOINTS:
            self._probe.watch(Watchpoint(_WATCHPOINTS[kind], int(address, 16), int(size, 16)))
        else:
            return b""
        return b"OK"

    def _clear_stop(self, rest: bytes) -> bytes:
        kind, address, size = rest.split(b",")
        if kind in (b"0", b"1"):
            self._probe.unbreak(int(address, 16))
        elif kind in _WATCHPOINTS:
            self._probe.unwatch(Watchpoint(_WATCHPOINTS[kind], int(address, 16), int(size, 16)))
        else:
            return b""
        return b"OK"

    def _detach(self, _rest: bytes) -> bytes:
        self._over = True
        return b"OK"

    def _kill(self, _rest: bytes) -> bytes:
        self._over = self._killed = True
        return b"OK"

    # --- questions ---------------------------------------------------------------------------------------

    def _query(self, rest: bytes) -> bytes:
        if rest.startswith(b"Supported"):
            return b"PacketSize=%x;qXfer:features:read+" % _PACKET_SIZE
        if rest.startswith(b"Xfer:features:read:target.xml:"):
            at, size = _numbers(rest.rpartition(b":")[2])
            part = target_description()[at : at + size]
            return (b"m" if at + len(part) < len(target_description()) else b"l") + part
        if rest.startswith(b"Rcmd,"):
            return self._monitor(_bytes(rest.removeprefix(b"Rcmd,")).decode(errors="replace"))
        return b"1" if rest.startswith(b"Attached") else b""

    def _monitor(self, command: str) -> bytes:
        match command.split():
            case ["reset"] | ["reset", "halt"]:
                self._probe.reset()
                text = "The chip is reset and stands before its first instruction.\n"
            case ["halt"]:
                text = "It stands still whenever gdb can ask.\n"
            case _:
                text = _HELP
        return _hex(text.encode())


def _hex(data: bytes) -> bytes:
    return data.hex().encode()


def _bytes(digits: bytes) -> bytes:
    return bytes.fromhex(digits.decode("ascii"))


def _numbers(text: bytes) -> tuple[int, int]:
    """ADDRESS,SIZE"""
    first, second = text.split(b",")
    address, size = int(first, 16), int(second, 16)
    if address < 0 or size < 0 or address + size > 1 << 32:
        raise ValueError("beyond the address space")
    return address, size
