"""The MAX78000's addresses, register fields and limits: the one table.

The synthesizer, the accelerator model, the virtual board and the C header `firmware/hal/max78000.h` all
derive from it. Names are those of the public user guide; what is not used by firmware, generator or virtual
board is left out. `make generate` writes the header.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Register:
    """One 32-bit register: byte offset in its block, and its fields as name → (lowest bit, width in bits)."""

    name: str
    offset: int
    fields: Mapping[str, tuple[int, int]]

    def mask(self, *names: str) -> int:
        """The bits of the fields named, or-ed."""
        bits = 0
        for name in names:
            low, width = self.fields[name]
            bits |= ((1 << width) - 1) << low
        return bits

    def get(self, word: int, name: str) -> int:
        """The value of one field in `word`."""
        low, width = self.fields[name]
        return (word >> low) & ((1 << width) - 1)

    def pack(self, **values: int) -> int:
        """A word with the fields given; ValueError when one does not fit its field.

        >>> post = CNN_LAYER["POST"]
        >>> hex(post.pack(SHIFT=3, BIAS_EN=1))
        '0x7000'
        >>> post.get(post.pack(SHIFT=3, BIAS_EN=1), "SHIFT")
        3
        >>> post.pack(BIAS_EN=2)
        Traceback (most recent call last):
        ValueError: POST.BIAS_EN is 1 bits wide and cannot hold 2
        """
        word = 0
        for name, value in values.items():
            low, width = self.fields[name]
            if not 0 <= value < 1 << width:
                raise ValueError(f"{self.name}.{name} is {width} bits wide and cannot hold {value}")
            word |= value << low
        return word


@dataclass(frozen=True)
class Block:
    """One peripheral: the base addresses of its instances and its registers by name."""

    name: str
    bases: tuple[int, ...]
    registers: Mapping[str, Register]

    @property
    def base(self) -> int:
        """Address of the first (often only) instance."""
        return self.bases[0]

    def __getitem__(self, register: str) -> Register:
        return self.registers[register]

    def __iter__(self) -> Iterator[Register]:
        return iter(self.registers.values())

    def address(self, register: str, instance: int = 0) -> int:
        """Absolute byte address of one register."""
        return self.bases[instance] + self.registers[register].offset


def _block(name: str, bases: int | tuple[int, ...], layout: dict[str, tuple[int, str]]) -> Block:
    """Read a layout: register → (offset, "FIELD:bit FIELD:high..low …")."""
    registers = {}
    for register, (offset, text) in layout.items():
        fields = {}
        for item in text.split():
            field, bits = item.split(":")
            high, _, low = bits.partition("..")
            fields[field] = (int(low or high), int(high) - int(low or high) + 1)
        registers[register] = Register(register, offset, MappingProxyType(fields))
    return Block(name, bases if isinstance(bases, tuple) else (bases,), MappingProxyType(registers))


# --- memories of the microcontroller ---------------------------------------------------------------------

FLASH_BASE, FLASH_SIZE, FLASH_PAGE = 0x10000000, 0x80000, 0x2000
SRAM_BASE, SRAM_SIZE = 0x20000000, 0x20000
IPO_HZ, ISO_HZ, IBRO_HZ, ERTCO_HZ, INRO_HZ = 100_000_000, 60_000_000, 7_372_800, 32_768, 8_000
PCLK_DIVIDER = 2  # PCLK = SYSCLK / 2
EXTERNAL_INTERRUPTS = 104
CNN_IRQ, UART0_IRQ, TMR0_IRQ, WDT0_IRQ, GPIO0_IRQ = 101, 14, 5, 1, 24
RTC_IRQ, TRNG_IRQ, DMA0_IRQ, WUT_IRQ, GPIOWAKE_IRQ, PCIF_IRQ = 3, 4, 28, 53, 54, 91

# --- the accelerator: limits -----------------------------------------------------------------------------

PROCESSORS = 64
QUADRANTS = 4
PROCESSORS_PER_QUADRANT = 16
PROCESSORS_PER_INSTANCE = 4  # one data memory serves four processors
INSTANCES = PROCESSORS // PROCESSORS_PER_INSTANCE
INSTANCES_PER_QUADRANT = INSTANCES // QUADRANTS
MAX_LAYERS = 32
MASK_COLUMNS = 768  # per processor
MASK_COLUMN_BYTES = 9
WEIGHT_BYTES = PROCESSORS * MASK_COLUMNS * MASK_COLUMN_BYTES  # 442,368
BIAS_BYTES_PER_QUADRANT = 512
DATA_INSTANCE_BYTES = 0x8000
DATA_BYTES = INSTANCES * DATA_INSTANCE_BYTES
MAX_CHANNELS = 1024
MAX_DIMENSION = 1023  # RCNT and CCNT are 10 bits wide, padding included
CNN_SRAM_DEFAULT = 0x0000040E  # timing of the memories, the value every vendor program writes
CNN_HZ = 50_000_000  # PCLK / 1 on the 100 MHz oscillator

# --- the accelerator: addresses --------------------------------------------------------------------------

CNN_BASE = 0x50000000
CNN_AON_CTL = 0x50001000
QUADRANT_STRIDE = 0x00400000
CNN_CONTROL = 0x50100000  # global and per-layer registers of quadrant 0
CNN_BIAS = 0x50108000  # one byte per 32-bit word
CNN_TRAM = 0x50110000
CNN_MASK = 0x50180000
CNN_DATA = 0x50400000
CNN_LAYER_REGISTERS = 0x10  # from CNN_CONTROL
LAYER_REGISTER_STRIDE = 0x80
PROCESSOR_MASK_STRIDE = 0x4000
MASK_COLUMN_STRIDE = 16
TRAM_STRIDE = 0x4000
TRAM_WORDS = 3072

CNN = _block(
    "CNN",
    tuple(CNN_CONTROL + q * QUADRANT_STRIDE for q in range(QUADRANTS)),
    {
        "CTL": (
            0x0,
            "CNN_EN:0 RDY_SEL:2..1 CLK_EN:3 ONESHOT:8 MASTER:10..9 EXT_SYNC:11 CNN_IRQ:12 POOL_RND:13 STREAM_EN:14"
            " FIFO_EN:15 MLAT_LD:16 MLAT_SEL:18..17 MEXPRESS:20 SIMPLE1B:21",
        ),
        "SRAM": (0x4, "SRAM:31..0"),
        "LCNT_MAX": (0x8, "LCNT:4..0"),
        "SRAM_TEST": (0xC, ""),
    },
)

_LAYER_LAYOUT: tuple[tuple[str, str], ...] = (
    ("RCNT", "ROWS:9..0 PAD:17..16"),
    ("CCNT", "COLS:9..0 PAD:17..16"),
    (
        "ONED",
        "TSCNT_MAX:3..0 OCHAN_START:7..4 ONED_WIDTH:11..8 ONED_EN:12 ELTWISE_EN:13 ELTWISE_FN:15..14 POOL_FIRST:16"
        " ELTWISE_CONV:17 OPERANDS:21..18",
    ),
    ("PRCNT", "POOL_ROWS:3..0"),
    ("PCCNT", "POOL_COLS:3..0"),
    ("STRIDE", "STRIDE:3..0"),
    ("WPTR_BASE", "OFFSET:12..0 INSTANCE:16..13"),
    ("WPTR_TOFFS", "OFFSET:31..0"),
    ("WPTR_MOFFS", "OFFSET:31..0"),
    ("WPTR_CHOFFS", "OFFSET:31..0"),
    ("RPTR_BASE", "OFFSET:31..0"),
    (
        "LCTL",
        "MASTER:5 CHW:6 POOL_EN:7 MAXPOOL:8 RELU:9 CPAD_ONLY:10 SRAMLSRC:11 QUADRANTS:15..12 WIDE:16",
    ),
    ("MCNT", "LAST:15..0 FIRST:31..16"),
    ("TPTR", "MAX:11..0 FLATTEN:31..16"),
    ("ENA", "PROCESSORS:15..0 MASKS:31..16"),
    (
        "POST",
        "BIAS_ADDR:11..0 BIAS_EN:12 SHIFT:16..13 SHIFT_RIGHT:17 FLATTEN_HIGH:21..18 WEIGHT_BITS:23..22 PASS:24"
        " PASS_ONE:25 ABS:26 FLATTEN:27 DECONV_EN:28 CALCX4:29 DEPTHWISE:30 TCALC:31",
    ),
    ("STREAM1", ""),
    ("STREAM2", ""),
    ("FMAX", ""),
    ("IFRM", ""),
    ("LCTL2", "PASSES:3..0 WRITE_GAP:7..4 OCHAN_END:31..8"),
)

CNN_LAYER = _block(
    "CNN_LAYER",
    tuple(CNN_CONTROL + CNN_LAYER_REGISTERS + q * QUADRANT_STRIDE for q in range(QUADRANTS)),
    {name: (number * LAYER_REGISTER_STRIDE, text) for number, (name, text) in enumerate(_LAYER_LAYOUT)},
)
"""Per-layer registers: that of layer n stands at `address(name, quadrant) + 4 * n`."""

WEIGHT_BITS_CODE = {8: 0, 1: 1, 2: 2, 4: 3}
"""POST.WEIGHT_BITS by weight width."""

ELTWISE_CODE = {"sub": 0, "add": 1, "or": 2, "xor": 3}
"""ONED.ELTWISE_FN by operation."""


def layer_register(name: str, layer: int, quadrant: int) -> int:
    """Byte address of a per-layer register."""
    return CNN_LAYER.address(name, quadrant) + 4 * layer


def mask_address(processor: int, column: int) -> int:
    """Byte address of a 72-bit mask column (plain layout, 16 bytes per column)."""
    quadrant, local = divmod(processor, PROCESSORS_PER_QUADRANT)
    base = CNN_MASK + quadrant * QUADRANT_STRIDE + local * PROCESSOR_MASK_STRIDE
    return base + column * MASK_COLUMN_STRIDE


def bias_address(quadrant: int, index: int) -> int:
    """Byte address of the word that holds one bias byte."""
    return CNN_BIAS + quadrant * QUADRANT_STRIDE + 4 * index


def data_address(instance: int) -> int:
    """Byte address of data memory instance 0…15."""
    quadrant, local = divmod(instance, INSTANCES_PER_QUADRANT)
    return CNN_DATA + quadrant * QUADRANT_STRIDE + local * DATA_INSTANCE_BYTES


# --- peripherals -----------------------------------------------------------------------------------------

GCR = _block(
    "GCR",
    0x40000000,
    {
        "RST0": (
            0x04,
            "DMA:0 WDT0:1 GPIO0:2 GPIO1:3 TMR0:5 TMR1:6 TMR2:7 TMR3:8 UART0:11 UART1:12 I2C0:16 RTC:17 CNN:25"
            " SOFT:29 PERIPH:30 SYS:31",
        ),
        "CLKCTRL": (
            0x08,
            "SYSCLK_DIV:8..6 SYSCLK_SEL:11..9 SYSCLK_RDY:13 ERTCO_EN:17 ISO_EN:18 IPO_EN:19 IBRO_EN:20"
            " ERTCO_RDY:25 ISO_RDY:26 IPO_RDY:27 IBRO_RDY:28 INRO_RDY:29",
        ),
        "PM": (0x0C, "MODE:3..0 GPIO_WE:4 RTC_WE:5 WUT_WE:7"),
        "PCLKDIV": (0x18, "ADCFRQ:12..10 CNNCLKDIV:16..14 CNNCLKSEL:17"),
        "PCLKDIS0": (
            0x24,
            "GPIO0:0 GPIO1:1 DMA:5 UART0:9 UART1:10 I2C0:13 TMR0:15 TMR1:16 TMR2:17 TMR3:18 ADC:23 CNN:25 I2C1:28"
            " PT:29",
        ),
        "MEMCTRL": (0x28, "FWS:2..0"),
        "MEMZ": (0x2C, ""),
        "RST1": (0x44, "I2C1:0 PT:1"),
        "PCLKDIS1": (0x48, "PCIF:18 I2C2:24 WDT0:27"),
        "REVISION": (0x50, "REVISION:15..0"),
    },
)
SYSCLK_ISO, SYSCLK_IPO = 0, 4  # GCR.CLKCTRL.SYSCLK_SEL
CNNCLKDIV_DIV1 = 4  # GCR.PCLKDIV.CNNCLKDIV

LPGCR = _block("LPGCR", 0x40080000, {"RST": (0x08, "GPIO2:0"), "PCLKDIS": (0x0C, "GPIO2:0")})
SIMO = _block("SIMO", 0x40004400, {"VREGO_C": (0x0C, "")})
GCFR = _block("GCFR", 0x40005800, {"REG0": (0x0, ""), "REG1": (0x4, ""), "REG2": (0x8, ""), "REG3": (0xC, "")})
ICC = _block("ICC", 0x4002A000, {"CTRL": (0x100, "EN:0 RDY:16"), "INVALIDATE": (0x700, "")})
GPIO = _block(
    "GPIO",
    (0x40008000, 0x40009000, 0x40080400),
    {
        name: (offset, "")
        for name, offset in {
            "EN0": 0x00, "EN0_SET": 0x04, "EN0_CLR": 0x08, "OUTEN": 0x0C, "OUTEN_SET": 0x10, "OUTEN_CLR": 0x14,
            "OUT": 0x18, "OUT_SET": 0x1C, "OUT_CLR": 0x20, "IN": 0x24, "INTMODE": 0x28, "INTPOL": 0x2C, "INEN": 0x30,
            "INTEN": 0x34, "INTEN_SET": 0x38, "INTEN_CLR": 0x3C, "INTFL": 0x40, "INTFL_CLR": 0x48, "DUALEDGE": 0x5C,
            "PADCTRL0": 0x60, "PADCTRL1": 0x64, "EN1": 0x68, "EN1_SET": 0x6C, "EN1_CLR": 0x70, "EN2": 0x74,
            "EN2_SET": 0x78, "EN2_CLR": 0x7C, "PS": 0xB8, "VSSEL": 0xC0,
        }.items()
    },
)  # fmt: skip
BUTTONS = {"sw1": (0, 2), "sw2": (1, 7)}
"""Port and pin of the board's buttons, which connect them to ground."""
UART = _block(
    "UART",
    (0x40042000, 0x40043000, 0x40044000),
    {
        "CTRL": (
            0x00,
            "RX_THD_VAL:3..0 PAR_EN:4 TX_FLUSH:8 RX_FLUSH:9 CHAR_SIZE:11..10 STOPBITS:12 HFC_EN:13 BCLKEN:15"
            " BCLKSRC:17..16 BCLKRDY:19",
        ),
        "STATUS": (
            0x04,
            "TX_BUSY:0 RX_BUSY:1 RX_EM:4 RX_FULL:5 TX_EM:6 TX_FULL:7 RX_LVL:11..8 TX_LVL:15..12",
        ),
        "INT_EN": (0x08, "RX_FERR:0 RX_PAR:1 CTS:2 RX_OV:3 RX_THD:4 TX_HE:6"),
        "INT_FL": (0x0C, "RX_FERR:0 RX_PAR:1 CTS:2 RX_OV:3 RX_THD:4 TX_HE:6"),
        "CLKDIV": (0x10, "CLKDIV:19..0"),
        "OSR": (0x14, "OSR:2..0"),
        "FIFO": (0x20, "DATA:7..0"),
        "DMA": (0x30, "TX_THD_VAL:3..0 TX_EN:4 RX_THD_VAL:8..5 RX_EN:9"),
    },
)
UART_FIFO_DEPTH = 8
UART_BCLKSRC_PCLK, UART_BCLKSRC_IBRO = 0, 2
I2C = _block(
    "I2C",
    (0x4001D000, 0x4001E000, 0x4001F000),
    {
        "CTRL": (0x00, "EN:0 MST:1 SCL_OUT:6 SDA_OUT:7 SCL:8 SDA:9 BB_MODE:10"),
        "STATUS": (0x04, "BUSY:0 RX_EM:1 RX_FULL:2 TX_EM:3 TX_FULL:4 MST_BUSY:5"),
        "INTFL0": (
            0x08,
            "DONE:0 RX_THD:4 TX_THD:5 STOP:6 ADDR_ACK:7 ARB_ERR:8 TO_ERR:9 ADDR_NACK_ERR:10 DATA_ERR:11 DNR_ERR:12"
            " START_ERR:13 STOP_ERR:14 TX_LOCKOUT:15",
        ),
        "INTEN0": (0x0C, ""),
        "INTFL1": (0x10, ""),
        "INTEN1": (0x14, ""),
        "FIFOLEN": (0x18, ""),
        "RXCTRL0": (0x1C, "FLUSH:7 THD_LVL:11..8"),
        "RXCTRL1": (0x20, "CNT:7..0 LVL:11..8"),
        "TXCTRL0": (0x24, "PRELOAD_MODE:0 FLUSH:7 THD_VAL:11..8"),
        "TXCTRL1": (0x28, "LVL:11..8"),
        "FIFO": (0x2C, "DATA:7..0"),
        "MSTCTRL": (0x30, "START:0 RESTART:1 STOP:2"),
        "CLKLO": (0x34, "LO:8..0"),
        "CLKHI": (0x38, "HI:8..0"),
    },
)
I2C_FIFO_DEPTH = 8
WDT = _block(
    "WDT",
    0x40003000,
    {
        "CTRL": (0x00, "INT_LATE_VAL:3..0 RST_LATE_VAL:7..4 EN:8 INT_LATE:9 WDT_INT_EN:10 WDT_RST_EN:11 RST_LATE:31"),
        "RST": (0x04, "RESET:7..0"),
        "CLKSEL": (0x08, "SOURCE:2..0"),
        "CNT": (0x0C, ""),
    },
)
WDT_FEED0, WDT_FEED1 = 0xA5, 0x5A  # written to WDT.RST one after the other
WDT_LONGEST = 31  # a period value of n means 2 to the power of 31 − n counts
TMR = _block(
    "TMR",
    (0x40010000, 0x40011000, 0x40012000, 0x40013000),
    {
        "CNT": (0x00, ""),
        "CMP": (0x04, ""),
        "PWM": (0x08, ""),
        "INTFL": (0x0C, "IRQ_A:0 WRDONE_A:8 WR_DIS_A:9 IRQ_B:16 WRDONE_B:24"),
        "CTRL0": (0x10, "MODE_A:3..0 CLKDIV_A:7..4 POL_A:8 RST_A:13 CLKEN_A:14 EN_A:15"),
        "NOLCMP": (0x14, ""),
        "CTRL1": (0x18, "CLKSEL_A:1..0 CLKEN_A:2 CLKRDY_A:3 IE_A:8 CASCADE:31"),
        "WKFL": (0x1C, ""),
    },
)
PWRSEQ = _block(
    "PWRSEQ",
    0x40006800,
    {
        "LPWKST0": (0x04, ""),
        "LPWKEN0": (0x08, ""),
        "LPWKST1": (0x0C, ""),
        "LPWKEN1": (0x10, ""),
        "LPWKST2": (0x14, ""),
        "LPWKEN2": (0x18, ""),
        "LPPWST": (0x30, ""),
    },
)
MCR = _block("MCR", 0x40006C00, {"CTRL": (0x10, "INRO_EN:2 ERTCO_EN:3")})
PM_ACTIVE, PM_STANDBY, PM_BACKUP, PM_LPM, PM_UPM, PM_POWERDOWN = 0, 2, 4, 8, 9, 10  # GCR.PM.MODE
DMA = _block("DMA", 0x40028000, {"INTEN": (0x00, ""), "INTFL": (0x04, "")})
DMA_CH = _block(
    "DMA_CH",
    (0x40028100, 0x40028120, 0x40028140, 0x40028160),
    {
        "CTRL": (
            0x00,
            "EN:0 RLDEN:1 PRI:3..2 REQUEST:9..4 SRCWD:17..16 SRCINC:18 DSTWD:21..20 DSTINC:22 BURST_SIZE:28..24"
            " DIS_IE:30 CTZ_IE:31",
        ),
        "STATUS": (0x04, "STATUS:0 IPEND:1 CTZ_IF:2 RLD_IF:3 BUS_ERR:4 TO_IF:6"),
        "SRC": (0x08, ""),
        "DST": (0x0C, ""),
        "CNT": (0x10, "CNT:23..0"),
        "SRCRLD": (0x14, "ADDR:30..0"),
        "DSTRLD": (0x18, "ADDR:30..0"),
        "CNTRLD": (0x1C, "CNT:23..0 EN:31"),
    },
)
DMA_MEMTOMEM, DMA_CRC_TX = 0x00, 0x2C  # DMA_CH.CTRL.REQUEST
DMA_PCIF_RX = 0x0D
DMA_UART_RX, DMA_UART_TX = (0x04, 0x05, 0x0E), (0x24, 0x25, 0x2E)  # by UART
CRC = _block(
    "CRC",
    0x4000F000,
    {
        "CTRL": (0x00, "EN:0 DMA_EN:1 MSB:2 BYTE_SWAP_IN:3 BYTE_SWAP_OUT:4 BUSY:16"),
        "DATAIN": (0x04, ""),
        "POLY": (0x08, ""),
        "VAL": (0x0C, ""),
    },
)
TRNG = _block(
    "TRNG",
    0x4004D000,
    {"CTRL": (0x00, "RND_IE:1 KEYGEN:3 KEYWIPE:15"), "STATUS": (0x04, "RDY:0"), "DATA": (0x08, "")},
)
RTC = _block(
    "RTC",
    0x40006000,
    {
        "SEC": (0x00, ""),
        "SSEC": (0x04, "SSEC:11..0"),
        "TODA": (0x08, "TOD_ALARM:19..0"),
        "SSECA": (0x0C, ""),
        "CTRL": (
            0x10,
            "EN:0 TOD_ALARM_IE:1 SSEC_ALARM_IE:2 BUSY:3 RDY:4 RDY_IE:5 TOD_ALARM:6 SSEC_ALARM:7 SQW_EN:8 WR_EN:15",
        ),
        "TRIM": (0x14, ""),
        "OSCCTRL": (0x18, ""),
    },
)
RTC_HZ = 4096  # of the sub-second counter
WUT = _block(
    "WUT",
    0x40006400,
    {
        "CNT": (0x00, ""),
        "CMP": (0x04, ""),
        "INTR": (0x0C, "IRQ_CLR:0"),
        "CTRL": (0x10, "TMODE:2..0 PRES:5..3 TPOL:6 TEN:7 PRES3:8"),
    },
)
PTG = _block(
    "PTG",
    0x4003C000,
    {
        "ENABLE": (0x00, "PT0:0"),
        "RESYNC": (0x04, "PT0:0"),
        "INTFL": (0x08, "PT0:0"),
        "INTEN": (0x0C, "PT0:0"),
        "SAFE_EN": (0x10, "PT0:0"),
        "SAFE_DIS": (0x14, "PT0:0"),
    },
)
PT = _block(
    "PT",
    0x4003C020,
    {
        "RATE_LENGTH": (0x00, "RATE_CONTROL:26..0 MODE:31..27"),
        "TRAIN": (0x04, ""),
        "LOOP": (0x08, "COUNT:15..0 DELAY:27..16"),
        "RESTART": (0x0C, ""),
    },
)
PT_PATTERN_32, PT_SQUARE_WAVE = 0, 1  # PT.RATE_LENGTH.MODE
PCIF = _block(
    "PCIF",
    0x4000E000,
    {
        "VER": (0x00, "MINOR:7..0 MAJOR:15..8"),
        "FIFO_SIZE": (0x04, "FIFO_SIZE:7..0"),
        "CTRL": (
            0x08,
            "READ_MODE:1..0 DATA_WIDTH:3..2 DS_TIMING_EN:4 FIFO_THRSH:9..5 RX_DMA:16 RX_DMA_THRSH:20..17"
            " THREE_CH_EN:30 PCIF_SYS:31",
        ),
        "INT_EN": (0x0C, "IMG_DONE:0 FIFO_FULL:1 FIFO_THRESH:2 FIFO_NOT_EMPTY:3"),
        "INT_FL": (0x10, "IMG_DONE:0 FIFO_FULL:1 FIFO_THRESH:2 FIFO_NOT_EMPTY:3"),
        "DS_TIMING_CODES": (0x14, "SAV:7..0 EAV:15..8"),
        "FIFO_DATA": (0x30, ""),
    },
)
PCIF_OFF, PCIF_SINGLE, PCIF_CONTINUOUS = 0, 1, 2  # PCIF.CTRL.READ_MODE
BLOCKS = (
    CNN,
    CNN_LAYER,
    GCR,
    LPGCR,
    SIMO,
    GCFR,
    ICC,
    GPIO,
    UART,
    I2C,
    WDT,
    TMR,
    PWRSEQ,
    DMA,
    DMA_CH,
    CRC,
    TRNG,
    RTC,
    WUT,
    MCR,
    PTG,
    PT,
    PCIF,
)


def c_header() -> str:
    """The same table as a C header: one struct per peripheral (offsets checked by the compiler) and masks."""
    lines = [
        "/* Written by `make generate` from fer_edge/registers.py; do not edit. */",
        "#ifndef MAX78000_H",
        "#define MAX78000_H",
        "",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "",
    ]
    lines += [f"#define {name} {_c_number(globals()[name])}" for name in _C_CONSTANTS]
    for block in BLOCKS:
        if block is not CNN_LAYER:
            lines += ["", *_c_struct(block)]
        for register in block:
            for field, (low, width) in register.fields.items():
                prefix = f"{block.name}_{register.name}_{field}"
                lines.append(f"#define MXC_F_{prefix}_POS {low}")
                lines.append(f"#define MXC_F_{prefix} {_c_number(((1 << width) - 1) << low)}")
    return "\n".join([*lines, "", "#endif", ""])


_C_CONSTANTS = (
    "FLASH_BASE", "FLASH_SIZE", "FLASH_PAGE", "SRAM_BASE", "SRAM_SIZE", "IPO_HZ", "ISO_HZ", "IBRO_HZ", "ERTCO_HZ",
    "INRO_HZ", "PCLK_DIVIDER", "EXTERNAL_INTERRUPTS", "CNN_IRQ", "UART0_IRQ", "TMR0_IRQ", "WDT0_IRQ", "GPIO0_IRQ",
    "RTC_IRQ", "TRNG_IRQ", "DMA0_IRQ", "WUT_IRQ", "GPIOWAKE_IRQ", "PCIF_IRQ", "CNN_HZ",
    "CNN_CONTROL", "CNN_DATA", "QUADRANT_STRIDE", "INSTANCES_PER_QUADRANT", "DATA_INSTANCE_BYTES",
    "SYSCLK_ISO", "SYSCLK_IPO", "CNNCLKDIV_DIV1", "UART_FIFO_DEPTH",
    "UART_BCLKSRC_PCLK", "UART_BCLKSRC_IBRO", "I2C_FIFO_DEPTH", "WDT_FEED0", "WDT_FEED1", "WDT_LONGEST",
    "PM_STANDBY", "PM_LPM", "PM_UPM",
    "DMA_PCIF_RX", "PT_PATTERN_32", "PT_SQUARE_WAVE", "PCIF_OFF", "PCIF_SINGLE", "PCIF_CONTINUOUS",
)  # fmt: skip


def _c_number(value: int) -> str:
    return f"{value}u" if value < 256 or value % 1000 == 0 else f"0x{value:08x}u"


def _c_struct(block: Block) -> list[str]:
    low = block.name.lower()
    lines, at, holes = ["typedef struct {"], 0, 0
    for register in sorted(block, key=lambda r: r.offset):
        if gap := (register.offset - at) // 4:
            lines.append(f"    uint32_t reserved{holes}[{gap}];")
            holes += 1
        lines.append(f"    volatile uint32_t {register.name.lower()};")
        at = register.offset + 4
    lines.append(f"}} mxc_{low}_regs_t;")
    for register in block:
        lines.append(
            f'_Static_assert(offsetof(mxc_{low}_regs_t, {register.name.lower()}) == {register.offset:#x}, "");'
        )
    for index, base in enumerate(block.bases):
        name = f"MXC_{block.name}{index if len(block.bases) > 1 else ''}"
        lines.append(f"#define {name} ((mxc_{low}_regs_t *){_c_number(base)})")
    return lines
