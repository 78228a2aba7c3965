"""One layer of the accelerator, decoded from its registers alone, and run on data RAM in exact integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer_edge import registers as r
from fer_edge.board import consistency
from fer_edge.errors import BoardError

DATA_WORDS = r.DATA_INSTANCE_BYTES // 4  # per instance
_CODE_TO_BITS = {code: bits for bits, code in r.WEIGHT_BITS_CODE.items()}
_ELTWISE = {0: np.subtract, 1: np.add, 2: np.bitwise_or, 3: np.bitwise_xor}  # by ONED.ELTWISE_FN


class LayerRegisters:
    """The registers of one layer in one quadrant, read by field: `registers("LCTL", "RELU")`."""

    def __init__(self, words: Sequence[int], layer: int) -> None:
        self._words = words  # 32 layers × register number, as in the address map
        self._layer = layer

    def __call__(self, register: str, field: str) -> int:
        return r.CNN_LAYER[register].get(self.word(register), field)

    def word(self, register: str) -> int:
        """All of a register."""
        return self._words[(r.CNN_LAYER[register].offset + 4 * self._layer) // 4]


class Layer:
    """What one layer reads, computes and writes.

    Decoding happens once; `run` then works on data RAM. Byte addresses below count through the 16 data memories
    without gaps: `instance * 32768 + offset`.

    Attributes
    ----------
    registers, master, running : the registers by quadrant, the quadrant whose registers rule, and those that run.
    operands, passes, out_passes : maps combined element by element; turns to read, and to write, all channels.
    pooling, max_pool, pooled : whether it pools, by maximum or mean, and rows and columns after pooling.
    wide : outputs of 32 bits.
    bias_place : quadrant, and the bytes of its bias RAM, that outputs add; None without.
    cycles : estimated time of the layer in accelerator clocks.
    quadrants : those whose data memories it reads or writes.
    target : (outputs, height * width) where each output goes; bytes, or 32-bit words if `wide`.
    """

    def __init__(
        self,
        number: int,
        words: Sequence[Sequence[int]],
        mask: NDArray[np.uint8],
        bias: NDArray[np.uint8],
        master: int,
        running: Sequence[int],
        round_average: bool,
    ) -> None:
        """
        Parameters
        ----------
        number : layer number, 0…31.
        words : per quadrant, the words of the per-layer register space.
        mask : (64, 768, 9) mask RAM, bytes b0…b8 of each column.
        bias : (4, 512) bias RAM.
        master : the quadrant whose registers rule.
        running : the quadrants that were started, the master among them.
        round_average : average pooling rounds to nearest (CTL.POOL_RND) instead of towards zero.
        """
        self.number = number
        self.registers = [LayerRegisters(quadrant, number) for quadrant in words]
        self._registers = self.registers[master]
        self.master, self.running = master, running
        self._round_average = round_average
        self.bias_place: tuple[int, NDArray[np.intp]] | None = None
        self._decode_shape()
        self.processors = self._active_processors()
        if self.is_pass:
            self.out_passes: int = self.passes
            self._check_pass_offset(self._registers("LCTL2", "WRITE_GAP") + 1)
        else:
            self._decode_outputs()
        consistency.check(self)

        self._source = self._read_addresses()
        if self.is_pass:
            self.target = self._pass_write_addresses()
            self.cycles = self._pass_cycles()
        else:
            self._decode_weights(mask)
            self._decode_post_processing(bias)
            self.target = self._conv_write_addresses()
            self.cycles = self._conv_cycles()
        self._operands = np.empty(self._source.shape, np.int8)
        bytes_per_quadrant = r.DATA_BYTES // r.QUADRANTS
        written = self.target * (4 if self.wide else 1)
        self.quadrants = {int(q) for place in (self._source, written) for q in np.unique(place // bytes_per_quadrant)}

    # --- decoding ----------------------------------------------------------------------------------------

    def error(self, what: str) -> BoardError:
        """An exception that names the layer."""
        return BoardError(f"Accelerator, layer {self.number}: {what}")

    def _decode_shape(self) -> None:
        reg = self._registers
        self.is_pass: bool = bool(reg("POST", "PASS"))
        self.kernel = 1 if self.is_pass or reg("ONED", "ONED_WIDTH") else 3
        self.flat = reg("POST", "FLATTEN_HIGH") << 4 | reg("LCTL2", "PASSES") if reg("POST", "FLATTEN") else 0
        self.passes = (self.flat or reg("LCTL2", "PASSES")) + 1
        eltwise = bool(reg("ONED", "ELTWISE_EN"))
        self.operands = reg("ONED", "OPERANDS") + 1 if eltwise else 1
        self._combine = _ELTWISE[reg("ONED", "ELTWISE_FN")] if eltwise else None

        self.pad = reg("RCNT", "PAD")
        self.rows = reg("RCNT", "ROWS") + 1 - 2 * self.pad
        self.columns = reg("CCNT", "COLS") + 1 - 2 * self.pad
        self.pooling: bool = bool(reg("LCTL", "POOL_EN"))
        self.window = (reg("PRCNT", "POOL_ROWS") + 1, reg("PCCNT", "POOL_COLS") + 1) if self.pooling else (1, 1)
        self.stride = reg("STRIDE", "STRIDE") + 1
        self.max_pool = bool(reg("LCTL", "MAXPOOL"))
        self.pool_first = bool(reg("ONED", "POOL_FIRST")) or not (eltwise and self.pooling)
        self.pooled: tuple[int, int] = (
            (self.rows + self.stride - self.window[0]) // self.stride,
            (self.columns + self.stride - self.window[1]) // self.stride,
        )
        shrink = self.kernel - 1 - 2 * self.pad
        self.out_rows, self.out_columns = self.pooled[0] - shrink, self.pooled[1] - shrink
        if reg("CCNT", "PAD") != self.pad:
            raise self.error("pads rows and columns differently, which is not modelled")
        if min(self.rows, self.columns, self.out_rows, self.out_columns) < 1:
            raise self.error(f"has no output: {self.rows}×{self.columns} input, pooled to {self.pooled}")
        if self.flat and (self.rows, self.columns, self.kernel, self.operands) != (1, 1, 1, 1):
            raise self.error("flattens what is not the one pixel of a 1×1 convolution (RCNT, CCNT, ONED)")
        self.wide: bool = bool(reg("LCTL", "WIDE")) and not self.is_pass

    @property
    def pixels(self) -> int:
        """Output pixels of a channel."""
        return self.out_rows * self.out_columns

    @property
    def time_slots(self) -> int:
        """Turns in which a pass layer writes the channels of a quadrant, four at a time."""
        most = max(np.bincount(np.array(self.processors) // r.PROCESSORS_PER_QUADRANT))
        return -(-int(most) // r.PROCESSORS_PER_INSTANCE)

    @property
    def line_end(self) -> int:
        """The highest value of the pointer into TRAM, the line buffer."""
        if self.kernel == 3:
            return max(0, self.pooled[1] + 2 * self.pad - 3)
        return 2 * self.flat + 1 if self.flat else 0

    def _active_quadrants(self) -> list[int]:
        if self.is_pass:
            return list(self.running)
        others = self._registers("LCTL", "QUADRANTS")
        active = [q for q in range(r.QUADRANTS) if q == self.master or others >> q & 1]
        if missing := set(active) - set(self.running):
            raise self.error(f"needs quadrant {min(missing)}, which is not running")
        return active

    def _active_processors(self) -> list[int]:
        """Processors that take part, ascending."""
        processors = []
        for quadrant in self._active_quadrants():
            reg = self.registers[quadrant]
            enabled = reg("ENA", "PROCESSORS")
            if not self.is_pass:
                enabled &= reg("ENA", "MASKS")
            base = quadrant * r.PROCESSORS_PER_QUADRANT
            processors += [base + p for p in range(r.PROCESSORS_PER_QUADRANT) if enabled >> p & 1]
        if not processors:
            raise self.error("has no processor enabled")
        return processors

    def _read_addresses(self) -> NDArray[np.intp]:
        """(operands, passes * processors, rows, columns): the byte each input value comes from."""
        reg = self._registers
        base = reg("RPTR_BASE", "OFFSET")
        pixel = np.arange(self.rows * self.columns)
        processor = np.array(self.processors)
        instance, lane = np.divmod(processor, r.PROCESSORS_PER_INSTANCE)
        start = instance * r.DATA_INSTANCE_BYTES + 4 * base
        if reg("LCTL", "CHW"):
            if self.passes > 1 or self.operands > 1:
                raise self.error("reads CHW data in several passes or operands, which is not modelled")
            last = base + int(pixel[-1]) // 4
            address: NDArray[np.signedinteger] = start[:, None] + pixel
        else:
            operand = np.arange(self.operands)[:, None, None, None]
            turn = np.arange(self.passes)[:, None, None]
            word = (pixel * self.passes + turn) * self.operands + operand
            last = base + int(word.max())
            address = (start + lane)[:, None] + 4 * word
        if last >= DATA_WORDS:
            raise self.error(f"reads word {last} of a data memory of {DATA_WORDS} words")
        return address.reshape(self.operands, -1, self.rows, self.columns).astype(np.intp)

    def _decode_outputs(self) -> None:
        """Number of outputs, and in how many passes they are written; MCNT, LCTL2 and WPTR_CHOFFS have to agree."""
        reg = self._registers
        self._bits = _CODE_TO_BITS[reg("POST", "WEIGHT_BITS")]
        first, last = reg("MCNT", "FIRST"), reg("MCNT", "LAST")
        if last < first or first % 8 or (last - first) % self._bits:
            raise self.error(f"MCNT {first}…{last} is no range of weights of {self._bits} bits")
        kernels = (last - first) // self._bits + 1
        if kernels % self.passes:
            raise self.error(f"MCNT {first}…{last} holds {kernels} kernels, which are not whole sets of {self.passes}")
        self.outputs = kernels // self.passes

        end = reg("LCTL2", "OCHAN_END")
        if end % self._bits or end // self._bits >= r.PROCESSORS:
            raise self.error(
                f"LCTL2.OCHAN_END is {end:#x}: {r.PROCESSORS} processors with {self._bits} bits each at most"
            )
        self._per_pass = end // self._bits + 1
        self.out_passes = -(-self.outputs // self._per_pass)
        # A flattened layer's last pass may be in part; the processors used are always whole groups of four then.
        share = -(-self.outputs // self.out_passes)
        whole = -(-share // r.PROCESSORS_PER_INSTANCE) * r.PROCESSORS_PER_INSTANCE
        if self._per_pass != (share if self.out_passes == 1 else whole):
            raise self.error(
                f"MCNT has {self.outputs} outputs, LCTL2.OCHAN_END {self._per_pass} a pass, which is at odds"
            )
        gap = reg("LCTL2", "WRITE_GAP") + 1
        if gap % self.out_passes:
            raise self.error(f"LCTL2.WRITE_GAP {gap - 1:#x} leaves no room for {self.out_passes} output passes")
        self._check_pass_offset(gap // self.out_passes * (4 if self.wide else 1))

    def _check_pass_offset(self, step: int) -> None:
        found = self._registers("WPTR_CHOFFS", "OFFSET")
        if found not in ((step,) if self.out_passes > 1 else (0, step)):
            raise self.error(f"WPTR_CHOFFS is {found:#x}, where the rest of the layer asks for {step:#x}")

    def _decode_weights(self, mask: NDArray[np.uint8]) -> None:
        """Unpack kernels into a matrix that multiplies unfolded input columns."""
        taps, bits, first = self.kernel**2, self._bits, self._registers("MCNT", "FIRST")
        self._kernel_start = (first // 8) * taps // r.MASK_COLUMN_BYTES

        # A processor's mask RAM is a byte stream that fills columns from b8 to b0.
        stream = mask[self.processors, :, ::-1].reshape(len(self.processors), -1)
        bit = first + np.arange(self.outputs * self.passes) * bits
        byte = (bit // 8)[:, None] * taps + np.arange(taps)[::-1]  # the last tap comes first
        if byte.max() >= stream.shape[1]:
            raise self.error(f"reads mask column {int(byte.max()) // r.MASK_COLUMN_BYTES} of {r.MASK_COLUMNS}")
        value = stream[:, byte] >> (bit % 8).astype(np.uint8)[:, None]
        signed = (value << (8 - bits)).astype(np.uint8).view(np.int8) >> (8 - bits)
        # (processor, output × pass, tap) to (output, tap × pass × processor)
        split = signed.reshape(len(self.processors), self.outputs, self.passes, taps)
        self._weights = split.transpose(1, 3, 2, 0).reshape(self.outputs, -1)

    def _decode_post_processing(self, bias: NDArray[np.uint8]) -> None:
        """Bias, scale and activation, and the buffers that `run` needs."""
        reg = self._registers
        self._absolute = bool(reg("POST", "ABS"))
        self._lowest = 0 if reg("LCTL", "RELU") else -128
        offset = np.zeros(self.outputs, np.int64)
        for quadrant in self._active_quadrants():
            post = self.registers[quadrant]
            if post("POST", "BIAS_EN"):
                at = post("POST", "BIAS_ADDR")
                if at >= r.BIAS_BYTES_PER_QUADRANT:
                    raise self.error(f"reads bias byte {at} of {r.BIAS_BYTES_PER_QUADRANT}")
                # Outputs that only fill up the last pass may read past the end; nothing uses them.
                index = (at + np.arange(self.outputs)) % r.BIAS_BYTES_PER_QUADRANT
                self.bias_place = quadrant, index
                offset += 128 * bias[quadrant, index].view(np.int8).astype(np.int64)

        shift = reg("POST", "SHIFT")
        scale = -shift if reg("POST", "SHIFT_RIGHT") else shift
        if not self.wide and scale < 7:
            offset += 1 << (6 - scale)  # the half that rounding adds before floor, in units of the sum
        self._scale = 2.0 ** (scale - 7)
        # Sums of integers are exact in any order while they fit the mantissa.
        bound = (128 * np.abs(self._weights.astype(np.int64)).sum(axis=1) + np.abs(offset)).max()
        real = np.float32 if bound < 1 << 24 else np.float64
        self._weights = self._weights.astype(real)
        self._offset = offset.astype(real)[:, None]
        height, width = self.pooled[0] + 2 * self.pad, self.pooled[1] + 2 * self.pad
        taps = self.kernel**2
        channels = self.passes * len(self.processors)
        self._padded = np.zeros((channels, height, width), real)
        self._unfolded = np.empty((taps, channels, self.out_rows, self.out_columns), real)
        self._sums = np.empty((self.outputs, self.out_rows * self.out_columns), real)

    def _check_writes(self, offset: NDArray[np.intp]) -> None:
        if offset.max() >= DATA_WORDS:
            raise self.error(f"writes word {int(offset.max())} of a data memory of {DATA_WORDS} words")

    def _conv_write_addresses(self) -> NDArray[np.intp]:
        reg = self._registers
        width = 4 if self.wide else 1
        turn, place = np.divmod(np.arange(self.outputs), self._per_pass)
        group, lane = np.divmod(place, r.PROCESSORS_PER_INSTANCE)
        pixel = np.arange(self.out_rows * self.out_columns)
        step = (reg("LCTL2", "WRITE_GAP") + 1) * width
        offset = pixel * step + (turn * reg("WPTR_CHOFFS", "OFFSET"))[:, None]
        if self.wide:
            offset = offset + lane[:, None]
        self._check_writes(reg("WPTR_BASE", "OFFSET") + offset)
        base = reg("WPTR_BASE", "INSTANCE") * DATA_WORDS + reg("WPTR_BASE", "OFFSET")
        word = base + group[:, None] * reg("WPTR_MOFFS", "OFFSET") + offset
        if word.max() >= r.INSTANCES * DATA_WORDS:
            raise self.error("writes beyond the last data memory")
        result: NDArray[np.intp] = (word if self.wide else 4 * word + lane[:, None]).astype(np.intp)
        return result

    def _pass_write_addresses(self) -> NDArray[np.intp]:
        turns = self.passes
        pixel = np.arange(self.out_rows * self.out_columns)
        place = dict.fromkeys(range(r.QUADRANTS), 0)
        rows = []
        for processor in self.processors:
            quadrant = processor // r.PROCESSORS_PER_QUADRANT
            reg = self.registers[quadrant]
            group, lane = divmod(place[quadrant], r.PROCESSORS_PER_INSTANCE)
            place[quadrant] += 1
            base = reg("WPTR_BASE", "INSTANCE") * DATA_WORDS + group * reg("WPTR_TOFFS", "OFFSET")
            turn = np.arange(turns)[:, None]
            offset = reg("WPTR_BASE", "OFFSET") + (pixel * turns + turn) * (reg("LCTL2", "WRITE_GAP") + 1)
            self._check_writes(offset)
            rows.append(4 * (base + offset) + lane)
        # (processor, pass, pixel) to (pass × processor, pixel), the order of `_read_addresses`
        return np.stack(rows).transpose(1, 0, 2).reshape(-1, pixel.size).astype(np.intp)

    # --- time --------------------------------------------------------------------------------------------

    def _pass_cycles(self) -> int:
        pixels = self.pooled[0] * self.pooled[1]
        area = self.window[0] * self.window[1]
        passes = 2 * self.passes - 1 if area > 1 else self.passes
        _, read = self._read_cycles(passes)
        return pixels * (read + passes * (self._registers("ONED", "TSCNT_MAX") + 1))

    def _read_cycles(self, passes: int) -> tuple[int, int]:
        """Cycles to fetch one pixel: of padding, and of data."""
        area = self.window[0] * self.window[1]
        if self.pool_first:
            return 2 * passes * self.operands, passes * self.operands * (area + 1)
        return 2 * passes, passes * (self.operands * area + 1)

    def _conv_cycles(self) -> int:
        passes, pad, k = self.passes, self.pad, self.kernel
        height, width = self.pooled
        blank, data = self._read_cycles(passes)
        repeat = 1 if self.pool_first else passes
        before = 0
        if not self.pool_first:  # which implies several operands
            before = (self.out_rows * pad + self.out_columns * pad - pad * pad) * self._kernel_start
        warm = k - 1 - pad  # rows, and columns, that must be read before the first result
        pad_row = 2 * pad * (blank + 1) + repeat * width * (blank + 1)
        warm_row = 2 * pad * (blank + 1) + repeat * width * (data + 1)
        tail = repeat * (self.out_columns - pad)
        row = pad * (blank + 1) + repeat * warm * (data + 1) + tail * data + blank * pad
        bottom = pad * (blank + 1) + repeat * warm * (blank + 1) + tail * blank + blank * pad
        # One output of one pass takes a cycle more for each row; a flattened map's rows are not in the registers.
        compute = passes * self.out_columns * self.outputs
        if self.outputs == 1 and passes == 1:
            compute += 1
        flatten = 1 if self._registers("POST", "FLATTEN") else 0
        return (
            flatten
            + before
            + pad * pad_row
            + warm * warm_row
            + (row + compute) * (height - warm)
            + pad * (bottom + compute)
        )

    # --- arithmetic --------------------------------------------------------------------------------------

    def run(self, data: NDArray[np.int8]) -> None:
        """Compute the layer: reads and writes `data`, the 524,288 bytes of data RAM."""
        x = np.take(data, self._source, out=self._operands, mode="clip")  # in range: checked when decoding
        if self.pool_first:
            y = self._combined(self._pool(x))
        else:
            y = self._pool(self._combined(x)[None])[0]
        if self.is_pass:
            data[self.target] = y.reshape(self.target.shape)
            return
        sums = self._convolve(y)
        if self.wide:
            data.view(np.int32)[self.target] = sums
            return
        sums *= self._scale  # a power of two: exact
        np.floor(sums, out=sums)
        if self._absolute:
            np.abs(sums, out=sums)
        np.clip(sums, self._lowest, 127, out=sums)
        data[self.target] = sums.astype(np.int8)

    def _combined(self, x: NDArray[np.int8]) -> NDArray[np.int8]:
        """Element-wise operation over the operands (axis 0), saturated to int8."""
        if self._combine is None:
            result: NDArray[np.int8] = x[0]
            return result
        total: NDArray[np.int32] = self._combine.reduce(x, axis=0, dtype=np.int32)
        return total.clip(-128, 127).astype(np.int8)

    def _pool(self, x: NDArray[np.int8]) -> NDArray[np.int8]:
        """Pool the last two axes."""
        if self.window == (1, 1) and self.stride == 1:
            return x
        height, width = self.pooled
        views = [
            x[..., dy : dy + (height - 1) * self.stride + 1 : self.stride, dx :: self.stride][..., :width]
            for dy in range(self.window[0])
            for dx in range(self.window[1])
        ]
        if self.max_pool:
            best = views[0].copy()
            for view in views[1:]:
                np.maximum(best, view, out=best)
            return best
        total = views[0].astype(np.int32)
        for view in views[1:]:
            total += view
        area = len(views)
        size = np.abs(total)
        mean = (2 * size + area) // (2 * area) if self._round_average else size // area  # ties away from zero
        return np.where(total < 0, -mean, mean).astype(np.int8)

    def _convolve(self, x: NDArray[np.int8]) -> NDArray[np.floating]:
        """(channels, height, width) to sums (outputs, pixels), bias and rounding included."""
        pad, (height, width) = self.pad, self.pooled
        self._padded[:, pad : pad + height, pad : pad + width] = x
        tap = 0
        for dy in range(self.kernel):
            for dx in range(self.kernel):
                window = self._padded[:, dy : dy + self.out_rows, dx : dx + self.out_columns]
                self._unfolded[tap] = window
                tap += 1
        np.matmul(self._weights, self._unfolded.reshape(self._weights.shape[1], -1), out=self._sums)
        self._sums += self._offset
        return self._sums
