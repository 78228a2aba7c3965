"""The CNN accelerator as the Cortex-M4 sees it: registers, mask RAM, bias RAM and data RAM, and what they compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fer_edge import registers as r
from fer_edge.board.layer import Layer
from fer_edge.errors import BoardError

_CTL = r.CNN["CTL"]
_ENABLE, _CLOCK = _CTL.mask("CNN_EN"), _CTL.mask("CLK_EN")
_EXT_SYNC, _DONE, _EXPRESS = _CTL.mask("EXT_SYNC"), _CTL.mask("CNN_IRQ"), _CTL.mask("MEXPRESS")
_MODELLED = _CTL.mask("CNN_EN", "CLK_EN", "MASTER", "EXT_SYNC", "CNN_IRQ", "POOL_RND", "MEXPRESS")

INERT_CONTROL = {
    ("CLK_EN", "MASTER", "EXT_SYNC", "POOL_RND"): "without CNN_EN: they count from the start on",
    ("MEXPRESS",): "once the masks are loaded: it says how that is done",
    ("POOL_RND",): "where no layer averages",
}
"""Fields of CTL that do nothing, and when."""

_LCNT_MAX, _SRAM = r.CNN["LCNT_MAX"], r.CNN["SRAM"]
_LIMITS = "The virtual board models neither the FIFO nor streaming; use a network that fits data memory as a whole."

_ALL_QUADRANTS = (1 << r.QUADRANTS) - 1
_LAYER_WORDS = len(r.CNN_LAYER.registers) * r.MAX_LAYERS
# Offsets inside a quadrant, from CNN_CONTROL.
_LAYERS = r.CNN_LAYER_REGISTERS
_BIAS = r.CNN_BIAS - r.CNN_CONTROL
_TRAM = r.CNN_TRAM - r.CNN_CONTROL
_MASK = r.CNN_MASK - r.CNN_CONTROL
_END = r.PROCESSORS_PER_QUADRANT * r.PROCESSOR_MASK_STRIDE + _MASK


class Accelerator:
    """Four quadrants of sixteen processors.

    Reads and writes of a quadrant that is unpowered, isolated, in reset or without clock raise BoardError. Memories
    start, and restart with the power, as zeros.

    Parameters
    ----------
    started : called with the cycles an inference takes, when one starts; the caller then owes `finish()`.
        Without it an inference finishes at once.

    Attributes
    ----------
    data : (524288,) int8, the 16 data memories one after another, little endian.
    mask : (64, 768, 9) uint8, bytes b0…b8 of every column. `settle()` first.
    bias : (4, 512) uint8.
    powered : one bit per quadrant that answers.
    """

    def __init__(self, started: Callable[[int], None] | None = None) -> None:
        self._started = started
        self.data = np.zeros(r.DATA_BYTES, np.int8)
        self.mask = np.zeros((r.PROCESSORS, r.MASK_COLUMNS, r.MASK_COLUMN_BYTES), np.uint8)
        self.bias = np.zeros((r.QUADRANTS, r.BIAS_BYTES_PER_QUADRANT), np.uint8)
        self.warnings: list[str] = []
        self.powered = 0
        self._enabled = self._retained = self._reset = 0  # as `power` was last told
        self._layer_words = [[0] * _LAYER_WORDS for _ in range(r.QUADRANTS)]
        self._other: dict[int, int] = {}  # registers and TRAM words that are only kept
        self._ctl = [0] * r.QUADRANTS
        self._last_layer = [0] * r.QUADRANTS
        self._columns = [[0, 0, 0] for _ in range(r.PROCESSORS)]  # plain writes, before word 3 commits
        self._streams: dict[int, tuple[int, bytearray]] = {}  # express: processor → next column, bytes to come
        self._bias_written = np.zeros_like(self.bias, bool)
        self._layers: dict[int, Layer] = {}  # decoded, until what they are decoded from changes
        self._started_as: tuple[int, ...] = ()
        self._run: list[Layer] = []  # what was started
        self._busy: int | None = None  # the master quadrant while an inference runs
        # The last inference: its layers, data RAM before and after.
        self._last: tuple[list[Layer], bytes, NDArray[np.int8]] | None = None

    # --- power -------------------------------------------------------------------------------------------

    def power(
        self, enabled: int, reset: int = 0, clocked: bool = True, *, isolated: int = 0, retained: int = 0
    ) -> None:
        """Tell the state of the quadrants, one bit each, and whether the clock runs, without which nothing is lost.

        enabled : has power. Without it registers, bias, TRAM and data memory are lost.
        retained : mask memory has power, as it also has where `enabled`; without it the masks are lost.
        reset : is held in reset, which clears registers. isolated : is cut off from the bus.
        """
        retained |= enabled
        for quadrant in range(r.QUADRANTS):
            bit = 1 << quadrant
            if bit & self._enabled & ~enabled:
                self._clear_registers(quadrant)
                self._clear_memories(quadrant)
            elif bit & reset & ~self._reset:
                self._clear_registers(quadrant)
            if bit & self._retained & ~retained:
                self._clear_masks(quadrant)
        self._enabled, self._retained, self._reset = enabled, retained, reset
        self.powered = enabled & ~isolated & ~reset & _ALL_QUADRANTS if clocked else 0

    def reset(self) -> None:
        """A reset of all quadrants by RST0: registers are cleared, memories stay."""
        for quadrant in range(r.QUADRANTS):
            self._clear_registers(quadrant)

    def stand_by(self) -> None:
        """Lose all but the masks that have power: what STANDBY does, whatever the quadrants are told."""
        for quadrant in range(r.QUADRANTS):
            self._clear_registers(quadrant)
            self._clear_memories(quadrant)

    def _clear_registers(self, quadrant: int) -> None:
        self._layer_words[quadrant][:] = [0] * _LAYER_WORDS
        self._set_control(quadrant, 0)
        self._last_layer[quadrant] = 0
        for processor in range(*_processors(quadrant)):
            self._settle(processor)
            self._streams.pop(processor, None)
        base = r.CNN_CONTROL + quadrant * r.QUADRANT_STRIDE
        for address in [a for a in self._other if base <= a < base + r.QUADRANT_STRIDE]:
            del self._other[address]
        self._layers.clear()

    def _clear_memories(self, quadrant: int) -> None:
        self.bias[quadrant] = 0
        self._bias_written[quadrant] = False
        data_memory(self.data, quadrant)[:] = 0
        self._layers.clear()

    def _clear_masks(self, quadrant: int) -> None:
        self.mask[slice(*_processors(quadrant))] = 0
        self._layers.clear()

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def require(self, quadrant: int) -> None:
        """BoardError unless the quadrant can be accessed."""
        if not self.powered >> quadrant & 1:
            raise BoardError(
                f"Firmware accesses CNN quadrant {quadrant} while it has no power or clock, is isolated or in reset",
                "Enable it first: GCFR.REG1, REG0, REG2 and REG3, then its clock, GCR.PCLKDIS0.",
            )

    # --- the bus -----------------------------------------------------------------------------------------

    def write(self, address: int, value: int, size: int = 4) -> None:
        """A bus write of `size` bytes to control, bias, TRAM or mask space (data RAM is `data`)."""
        quadrant, offset = divmod(address - r.CNN_CONTROL, r.QUADRANT_STRIDE)
        if address < r.CNN_CONTROL or quadrant >= r.QUADRANTS or offset >= _END:
            self._write_unknown(address, value)
            return
        self.require(quadrant)
        if offset >= _LAYERS and not self._ctl[quadrant] & _CLOCK:
            raise BoardError(
                f"Firmware writes CNN address {address:#010x} while CTL.CLK_EN of quadrant {quadrant} is 0"
            )
        if offset >= _MASK:
            self._write_mask(quadrant, offset - _MASK, value, size)
        elif size != 4:
            self._warn(f"{size}-byte write to CNN address {address:#010x} ignored: its registers take words")
        elif offset >= _TRAM:
            self._other[address] = value & 0xFFFF
        elif offset >= _BIAS:
            self._write_bias(quadrant, (offset - _BIAS) // 4, value & 0xFF)
        elif _LAYERS <= offset < _LAYERS + 4 * _LAYER_WORDS:
            words, index = self._layer_words[quadrant], (offset - _LAYERS) // 4
            if words[index] != value:
                words[index] = value
                self._layers.pop(index % r.MAX_LAYERS, None)
        elif offset == _CTL.offset:
            self._check_control(quadrant, value)
            self._set_control(quadrant, value)
        elif offset == _LCNT_MAX.offset and not value & ~_LCNT_MAX.mask("LCNT"):
            self._last_layer[quadrant] = value
        elif offset == _SRAM.offset:
            self._other[address] = value
        else:
            self._write_unknown(address, value)

    def _write_unknown(self, address: int, value: int) -> None:
        """The FIFO, the memories' self-test, what the reference does not know: 0 is what they are when not used."""
        if value:
            raise BoardError(
                f"Firmware writes {value:#x} to CNN address {address:#010x}, which the virtual board does not model"
            )

    def _check_control(self, quadrant: int, value: int) -> None:
        where = f"CTL of CNN quadrant {quadrant}"
        if stray := value & ~_MODELLED:
            bit = stray & -stray
            names = [name for name in _CTL.fields if _CTL.mask(name) & bit]
            name = f" ({names[0]})" if names else ""
            raise BoardError(
                f"Firmware sets bit {bit.bit_length() - 1}{name} of {where}, which the virtual board does not model",
                _LIMITS,
            )
        if value & ~self._ctl[quadrant] & _DONE:
            raise BoardError(f"Firmware sets CNN_IRQ of {where} by itself, which the virtual board does not model")
        master = _CTL.get(value, "MASTER")
        if value & _ENABLE and not value & _CLOCK:
            raise BoardError(f"Firmware enables {where} without its clock (CLK_EN)")
        if value & _ENABLE and value & _EXT_SYNC and master == quadrant:
            raise BoardError(f"Firmware lets {where} wait for itself (EXT_SYNC, MASTER {master}): it never starts")
        if value & _ENABLE and not value & _EXT_SYNC and master not in (0, quadrant):
            raise BoardError(f"Firmware sets MASTER {master} in {where} without EXT_SYNC")

    def read(self, address: int) -> int:
        """The word at `address`; what was never written is 0."""
        quadrant, offset = divmod(address - r.CNN_CONTROL, r.QUADRANT_STRIDE)
        if address < r.CNN_CONTROL or quadrant >= r.QUADRANTS or offset >= _END:
            return self._other.get(address, 0)
        self.require(quadrant)
        if offset >= _MASK:
            return self._read_mask(quadrant, offset - _MASK)
        if _BIAS <= offset < _BIAS + 4 * r.BIAS_BYTES_PER_QUADRANT:
            return int(self.bias[quadrant, (offset - _BIAS) // 4])
        if _LAYERS <= offset < _LAYERS + 4 * _LAYER_WORDS:
            return self._layer_words[quadrant][(offset - _LAYERS) // 4]
        if offset == _CTL.offset:
            return self._ctl[quadrant]
        if offset == r.CNN["LCNT_MAX"].offset:
            return self._last_layer[quadrant]
        return self._other.get(address, 0)

    def _write_bias(self, quadrant: int, index: int, value: int) -> None:
        if index >= r.BIAS_BYTES_PER_QUADRANT:
            self._warn(f"write beyond the bias memory of CNN quadrant {quadrant} ignored")
        else:
            self._bias_written[quadrant, index] = True
            if self.bias[quadrant, index] != value:
                self.bias[quadrant, index] = value
                self._layers.clear()

    # --- mask RAM ----------------------------------------------------------------------------------------

    def _write_mask(self, quadrant: int, offset: int, value: int, size: int) -> None:
        local, at = divmod(offset, r.PROCESSOR_MASK_STRIDE)
        processor = quadrant * r.PROCESSORS_PER_QUADRANT + local
        if size == 1:  # express: position, in words of 4 bytes per column
            self._settle(processor)
            self._streams[processor] = (at // 4, bytearray())
        elif self._ctl[quadrant] & _EXPRESS:
            if processor not in self._streams:
                self._warn(f"mask words for processor {processor} came before their column was set; column 0 assumed")
                self._streams[processor] = (0, bytearray())
            self._streams[processor][1].extend(value.to_bytes(4, "big"))
        else:
            column, word = divmod(at // 4, 4)
            if word < 3:
                self._columns[processor][word] = value
            else:
                b0, high, low = self._columns[processor]
                packed = bytes([b0 & 0xFF]) + high.to_bytes(4, "big") + low.to_bytes(4, "big")
                self._store(processor, column, packed)

    def _store(self, processor: int, column: int, packed: bytes | bytearray) -> None:
        """Put whole columns into mask RAM."""
        columns = np.frombuffer(packed, np.uint8).reshape(-1, r.MASK_COLUMN_BYTES)
        if column + len(columns) > r.MASK_COLUMNS:
            raise BoardError(
                f"Firmware writes mask column {column + len(columns) - 1} of processor {processor}, "
                f"which has {r.MASK_COLUMNS}"
            )
        place = self.mask[processor, column : column + len(columns)]
        if not np.array_equal(place, columns):
            place[:] = columns
            self._layers.clear()

    def _settle(self, processor: int) -> None:
        """Put the whole columns of an express stream into mask RAM; the bytes of an unfinished one wait."""
        column, stream = self._streams.get(processor, (0, bytearray()))
        whole = len(stream) // r.MASK_COLUMN_BYTES
        if whole:
            self._store(processor, column, stream[: whole * r.MASK_COLUMN_BYTES])
            self._streams[processor] = (column + whole, stream[whole * r.MASK_COLUMN_BYTES :])

    def settle(self) -> None:
        """Put what express loading has delivered so far into `mask`."""
        for processor in self._streams:
            self._settle(processor)

    def _read_mask(self, quadrant: int, offset: int) -> int:
        local, at = divmod(offset, r.PROCESSOR_MASK_STRIDE)
        processor = quadrant * r.PROCESSORS_PER_QUADRANT + local
        self._settle(processor)
        column, word = divmod(at // 4, 4)
        if column >= r.MASK_COLUMNS or word == 3:
            return 0
        start, stop = ((0, 1), (1, 5), (5, 9))[word]
        return int.from_bytes(self.mask[processor, column, start:stop].tobytes(), "big")

    # --- inference ---------------------------------------------------------------------------------------

    @property
    def computing(self) -> bool:
        """Whether an inference runs."""
        return self._busy is not None

    @property
    def course(self) -> list[int]:
        """Cycles of the inference started last: start-up, then layer by layer."""
        return [1, *(layer.cycles for layer in self._run)]

    @property
    def interrupt(self) -> bool:
        """Level of the accelerator's interrupt line."""
        return any(ctl & _DONE for ctl in self._ctl)

    def _set_control(self, quadrant: int, value: int) -> None:
        rising = value & ~self._ctl[quadrant] & _ENABLE
        self._ctl[quadrant] = value
        if quadrant == self._busy and not value & _ENABLE:
            self._busy = None
        if rising and value & _CLOCK and not value & _EXT_SYNC:
            self._start(quadrant)

    def _start(self, master: int) -> None:
        self._run = self.program(master)
        cycles = sum(self.course)
        self._busy = master
        if self._started is None:
            self.finish()
        else:
            self._started(cycles)

    def cycles(self, master: int = 0) -> list[int]:
        """Estimated cycles: start-up, then layer by layer."""
        return [1, *(layer.cycles for layer in self.program(master))]

    def program(self, master: int = 0) -> list[Layer]:
        """The layers as the registers now stand; each is kept until its registers, mask or bias change."""
        running = self._running(master)
        round_average = _CTL.get(self._ctl[master], "POOL_RND")
        self.settle()
        if self._started_as != (started_as := (master, round_average, *running)):
            self._started_as = started_as
            self._layers.clear()
        for number in range(self._last_layer[master] + 1):
            if number not in self._layers:
                self._layers[number] = self._decode(number, master, running, bool(round_average))
        return [self._layers[number] for number in range(self._last_layer[master] + 1)]

    def _running(self, master: int) -> list[int]:
        """The quadrants that start with `master`, which have to be set up alike."""
        running = [q for q in range(r.QUADRANTS) if q == master or self._ctl[q] & _ENABLE]
        for quadrant in running:
            ctl, where = self._ctl[quadrant], f"CNN quadrant {quadrant}"
            if quadrant != master and not (ctl & _EXT_SYNC and _CTL.get(ctl, "MASTER") == master):
                raise BoardError(
                    f"{where} is enabled, but does not wait for quadrant {master} (EXT_SYNC, MASTER of CTL)"
                )
            if (ctl ^ self._ctl[master]) & _CTL.mask("POOL_RND"):
                raise BoardError(f"{where} rounds averages otherwise than quadrant {master} (POOL_RND of CTL)")
            if self._last_layer[quadrant] != self._last_layer[master]:
                raise BoardError(f"{where} has another number of layers than quadrant {master} (LCNT_MAX)")
            sram = self._other.get(r.CNN.address("SRAM", quadrant), 0)
            if sram != r.CNN_SRAM_DEFAULT:
                raise BoardError(
                    f"SRAM of {where} is {sram:#x}; memory timing is known for {r.CNN_SRAM_DEFAULT:#x} only"
                )
        return running

    def _decode(self, number: int, master: int, running: Sequence[int], round_average: bool) -> Layer:
        layer = Layer(number, self._layer_words, self.mask, self.bias, master, running, round_average)
        if off := [q for q in layer.quadrants if not self.powered >> q & 1]:
            raise layer.error(f"data memory of quadrant {off[0]} has no power")
        if off := [q for q in layer.quadrants if q not in running]:
            raise layer.error(f"uses data memory of quadrant {off[0]}, which is not running")
        if layer.bias_place is not None and not self._bias_written[layer.bias_place].any():
            raise layer.error("adds a bias (POST.BIAS_EN, BIAS_ADDR) that has not been written")
        return layer

    def finish(self) -> None:
        """Compute the inference that was started, and raise the interrupt; nothing if it was stopped meanwhile."""
        if self._busy is None:
            return
        self._compute(self._run)
        self._ctl[self._busy] |= _DONE
        self._busy = None

    def _compute(self, program: list[Layer]) -> None:
        """Run the layers on data RAM, or take what they made of the same data RAM last time: it is a pure function, and
        firmware that measures infers one image thousands of times."""
        before = self.data.tobytes()
        if self._last is None or self._last[0] != program or self._last[1] != before:
            for layer in program:
                layer.run(self.data)
            self._last = (program, before, self.data.copy())
        else:
            self.data[:] = self._last[2]


def _processors(quadrant: int) -> tuple[int, int]:
    """The first processor of a quadrant, and the first behind it."""
    return quadrant * r.PROCESSORS_PER_QUADRANT, (quadrant + 1) * r.PROCESSORS_PER_QUADRANT


def data_memory(data: NDArray[np.int8], quadrant: int) -> NDArray[np.int8]:
    """The part of data RAM that stands at `CNN_DATA + quadrant * QUADRANT_STRIDE`."""
    size = r.DATA_BYTES // r.QUADRANTS
    return data[quadrant * size : (quadrant + 1) * size]
