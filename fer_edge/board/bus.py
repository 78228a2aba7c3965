"""Registers by address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fer_edge import registers as r
from fer_edge.errors import BoardError

Read = Callable[[], int]
Write = Callable[[int], None]


class Bus:
    """The peripheral address space: some registers act, every other register of a known peripheral just keeps
    what is written to it, and an address that belongs to no peripheral is a fault.

    Attributes
    ----------
    memory : words kept, by address.
    written : called before every write.
    stored : blocks without a model that firmware has used, base address by name.
    noted : called with a sentence at the first use of each, and with every remark.
    failure : what a read met. unicorn cannot carry an exception out of a read, so it stops and this is raised.
    """

    def __init__(self) -> None:
        self.memory: dict[int, int] = {}
        self.written: Callable[[], None] = lambda: None
        self.stored: dict[str, int] = {}
        self.noted: Callable[[str], None] = lambda sentence: None
        self.failure: BoardError | None = None
        self._readers: dict[int, Read] = {}
        self._writers: dict[int, Write] = {}
        self._behind: dict[int, Read] = {}
        self._sized_writers: dict[int, Callable[[int, int], None]] = {}
        self._pages: set[int] = set()
        self._storage: dict[int, tuple[str, int]] = {}  # by page
        self._remarks: set[str] = set()

    def clear(self) -> None:
        """Forget contents and connections: a reset."""
        tables = (self.memory, self._readers, self._writers, self._behind, self._sized_writers, self._pages)
        for table in (*tables, self._storage):
            table.clear()

    def claim(self, base: int, size: int = 0x400) -> None:
        """Make `size` bytes at `base` known, as registers that keep what is written."""
        self._pages.update(range(base >> 8, (base + size + 0xFF) >> 8))

    def claim_storage(self, name: str, base: int, size: int = 0x400) -> None:
        """`claim` of a block without a model: its first use is noted."""
        self.claim(base, size)
        self._storage |= dict.fromkeys(range(base >> 8, (base + size + 0xFF) >> 8), (name, base))

    def note_use(self, address: int) -> None:
        """Say so when a block without a model is used for the first time."""
        if (block := self._storage.get(address >> 8)) and block[0] not in self.stored:
            name, base = block
            self.stored[name] = base
            self.noted(f"{name} at {base:#010x} is only stored: it keeps what is written and does nothing")

    def remark(self, sentence: str) -> None:
        """Say something about what firmware does, or relies on; once, however often it is called."""
        if sentence not in self._remarks:
            self._remarks.add(sentence)
            self.noted(sentence)

    def connect(self, address: int, read: Read | None = None, write: Write | None = None) -> None:
        """Make one register act when read or written; with only one given the other is plain storage."""
        if read is not None:
            self._readers[address] = read
        if write is not None:
            self._writers[address] = write

    def connect_sized(self, address: int, write: Callable[[int, int], None]) -> None:
        """Make one register act on (value, bytes) when written, at any byte of it."""
        self._sized_writers[address] = write

    def attach(
        self, block: r.Block, register: str, instance: int, read: Read | None = None, write: Write | None = None
    ) -> None:
        """`connect` by name."""
        self.connect(block.address(register, instance), read, write)

    def stream(self, address: int, values: Iterator[int], behind: Read) -> None:
        """Make reads of a register give `values`, which takes no Python of ours, and then what `behind` gives."""
        self._readers[address] = values.__next__
        self._behind[address] = behind

    # The two below have the signature of unicorn's MMIO callbacks; they are the hot path of the whole board.

    def on_read(self, emulator: Any, offset: int, size: int, base: int) -> int:
        try:
            reader = self._readers.get(base + offset)
            return reader() if reader is not None else self._load(base + offset, size)
        except StopIteration:
            reader = self._readers[base + offset] = self._behind[base + offset]
            return reader()
        except BoardError as error:
            return self.fail(emulator, error)

    def on_write(self, _emulator: Any, offset: int, size: int, value: int, base: int) -> None:
        self.written()
        writer = self._writers.get(base + offset)
        if writer is not None:
            writer(value)
        else:
            self._store(base + offset, size, value)

    def fail(self, emulator: Any, error: BoardError) -> int:
        """Give up on a read; the value does not matter any more."""
        self.failure = error
        emulator.emu_stop()
        return 0

    def _load(self, address: int, size: int) -> int:
        self._check(address, "reads")
        word = address & ~3
        reader = self._readers.get(word)
        value = reader() if reader is not None else self.memory.get(word, 0)
        return value >> 8 * (address & 3) & ((1 << 8 * size) - 1)

    def _store(self, address: int, size: int, value: int) -> None:
        self._check(address, "writes")
        word, shift = address & ~3, 8 * (address & 3)
        if word in self._sized_writers:
            self._sized_writers[word](value, size)
            return
        mask = ((1 << 8 * size) - 1) << shift
        self.memory[word] = self.memory.get(word, 0) & ~mask | value << shift & mask

    def _check(self, address: int, what: str) -> None:
        if address >> 8 not in self._pages:
            raise BoardError(f"Firmware {what} address {address:#010x}, where the virtual board has no peripheral")
        self.note_use(address)
