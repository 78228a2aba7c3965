"""Clocks, resets and the accelerator's power; and the peripherals that are only stored."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from fer_edge import registers as r
from fer_edge.board.accelerator import Accelerator
from fer_edge.board.bus import Bus
from fer_edge.errors import BoardError

# Peripherals that keep what is written and do nothing: base addresses by name of the user guide.
_STORAGE = {
    "SIR": 0x40000400, "FCR": 0x40000800, "DVS": 0x40003C00, "SIMO": r.SIMO.base,
    "TRIMSIR": 0x40005400, "MCR": r.MCR.base, "AES": 0x40007400, "AESKEY": 0x40007800,
    "FLC": 0x40029000, "ICC1": 0x4002A800, "ADC": 0x40034000, "OWM": 0x4003D000,
    "SEMA": 0x4003E000, "SPI1": 0x40046000, "I2S": 0x40060000, "GPIO3": 0x40080600,
    "WDT1": 0x40080800, "TMR4": 0x40080C00, "TMR5": 0x40081000, "UART3": 0x40081400, "LPCOMP": 0x40088000,
    "SPI0": 0x400BE000,
}  # fmt: skip


_SUPPLY = 0x43  # SIMO.VREGO_C as every program for this board sets it before it uses the accelerator


def connect_storage(bus: Bus) -> None:
    """Peripherals without a model: their registers keep what is written."""
    for name, base in _STORAGE.items():
        bus.claim_storage(name, base)
    bus.connect(_STORAGE["FLC"] + 0x08, write=_refuse_flash_command)
    bus.claim(r.PWRSEQ.base)  # what wakes the processor: pins are modelled, `gpio`
    # Written 1s clear it, and nothing ever sets it.
    bus.attach(r.PWRSEQ, "LPPWST", 0, lambda: 0, lambda value: None)
    oscillators = r.MCR.address("CTRL")  # in low-power modes; `machine` asks for it
    bus.connect(oscillators, lambda: bus.memory.get(oscillators, 0), partial(bus.memory.__setitem__, oscillators))
    supply = r.SIMO.address("VREGO_C")
    bus.connect(supply, write=partial(_set_supply, bus, supply))


def _set_supply(bus: Bus, address: int, value: int) -> None:
    """Supply of the accelerator, of which one value is known."""
    bus.memory[address] = value
    if value != _SUPPLY:
        bus.note_use(address)


def _refuse_flash_command(value: int) -> None:
    if value & 0b111:  # write, mass erase, page erase
        raise BoardError("Firmware programs or erases flash, which the virtual board does not model")


class SystemControl:
    """GCR, LPGCR, ICC and GCFR: clocks and their ready bits, resets, power of the accelerator.

    Parameters
    ----------
    retime : called with the new SYSCLK in Hz, before it counts.
    restart : called when firmware resets the chip.

    Attributes
    ----------
    sysclk_hz : the processor's clock.
    gated : called when the clock of a peripheral may have been switched on or off.
    resets : called when a peripheral is reset, by its field of RST1.
    """

    _READY: ClassVar = {"ERTCO_EN": "ERTCO_RDY", "ISO_EN": "ISO_RDY", "IPO_EN": "IPO_RDY", "IBRO_EN": "IBRO_RDY"}
    _SYSCLK: ClassVar = {r.SYSCLK_ISO: r.ISO_HZ, 3: r.INRO_HZ, r.SYSCLK_IPO: r.IPO_HZ, 5: r.IBRO_HZ, 6: r.ERTCO_HZ}
    _CNN_DIVIDER: ClassVar = {0: 2, 1: 4, 2: 8, 3: 16, r.CNNCLKDIV_DIV1: 1}

    def __init__(
        self, bus: Bus, accelerator: Accelerator, retime: Callable[[int], None], restart: Callable[[], None]
    ) -> None:
        self._bus = bus
        self._accelerator = accelerator
        self._retime, self._restart = retime, restart
        self.sysclk_hz = r.ISO_HZ
        self.gated: Callable[[], None] = lambda: None
        self.resets: dict[str, Callable[[], None]] = {}
        bus.claim(r.GCR.base)
        bus.claim(r.LPGCR.base)
        bus.claim(r.GCFR.base)
        bus.claim(r.ICC.base, 0x800)
        clkctrl = r.GCR["CLKCTRL"]
        self._clkctrl = clkctrl.mask("ISO_EN")
        self._always = clkctrl.mask("SYSCLK_RDY", "INRO_RDY")
        bus.attach(r.GCR, "CLKCTRL", 0, self._read_clocks, self._write_clocks)
        bus.attach(r.GCR, "PM", 0, write=self._write_mode)
        bus.attach(r.GCR, "RST0", 0, lambda: 0, self._reset)
        bus.attach(r.GCR, "RST1", 0, lambda: 0, self._reset_peripheral)
        bus.attach(r.LPGCR, "RST", 0, lambda: 0, lambda value: None)
        bus.attach(r.GCR, "PCLKDIS0", 0, write=self._write_pclkdis)
        bus.memory[r.GCR.address("PCLKDIS0")] = r.GCR["PCLKDIS0"].mask(*r.GCR["PCLKDIS0"].fields)
        bus.attach(r.GCR, "PCLKDIS1", 0, write=self._write_pclkdis1)
        bus.memory[r.GCR.address("PCLKDIS1")] = r.GCR["PCLKDIS1"].mask("PCIF", "I2C2")
        ready = r.ICC["CTRL"].mask("RDY")
        cache = r.ICC.address("CTRL")
        bus.connect(cache, read=lambda: bus.memory.get(cache, 0) | ready)
        for register in r.GCFR:
            bus.attach(r.GCFR, register.name, 0, write=self._power_writer(register.name))
        bus.memory[r.GCFR.address("REG2")] = (1 << r.QUADRANTS) - 1  # isolated until told otherwise

    @property
    def cnn_hz(self) -> float:
        """Clock of the accelerator, from PCLKDIV."""
        word = self._bus.memory.get(r.GCR.address("PCLKDIV"), 0)
        pclkdiv = r.GCR["PCLKDIV"]
        source = r.ISO_HZ if pclkdiv.get(word, "CNNCLKSEL") else self.sysclk_hz / r.PCLK_DIVIDER
        return source / self._CNN_DIVIDER.get(pclkdiv.get(word, "CNNCLKDIV"), 1)

    def clocked(self, register: str, field: str) -> bool:
        """Whether a peripheral has its clock, by its field of PCLKDIS0 or PCLKDIS1."""
        return not r.GCR[register].get(self._bus.memory[r.GCR.address(register)], field)

    @property
    def power_mode(self) -> int:
        """GCR.PM.MODE: what the next deep sleep is."""
        return r.GCR["PM"].get(self._bus.memory.get(r.GCR.address("PM"), 0), "MODE")

    @power_mode.setter
    def power_mode(self, mode: int) -> None:
        address = r.GCR.address("PM")
        self._bus.memory[address] = self._bus.memory.get(address, 0) & ~r.GCR["PM"].mask("MODE") | mode

    @property
    def wakes_by(self) -> set[str]:
        """Fields of GCR.PM that are set: what may wake the chip."""
        word = self._bus.memory.get(r.GCR.address("PM"), 0)
        return {name for name in ("GPIO_WE", "RTC_WE", "WUT_WE") if r.GCR["PM"].get(word, name)}

    def _write_mode(self, value: int) -> None:
        self._bus.memory[r.GCR.address("PM")] = value
        if self.power_mode in (r.PM_BACKUP, r.PM_POWERDOWN):
            raise BoardError(f"Firmware enters power mode {self.power_mode} (GCR.PM), which is not modelled")

    def _read_clocks(self) -> int:
        clkctrl = r.GCR["CLKCTRL"]
        value = self._clkctrl | self._always
        for enable, ready in self._READY.items():
            if self._clkctrl & clkctrl.mask(enable):
                value |= clkctrl.mask(ready)
        return value

    def _write_clocks(self, value: int) -> None:
        clkctrl = r.GCR["CLKCTRL"]
        self._clkctrl = value & ~clkctrl.mask(*self._READY.values())
        source = clkctrl.get(value, "SYSCLK_SEL")
        if source not in self._SYSCLK:
            raise BoardError(f"Firmware selects clock source {source} (GCR.CLKCTRL), which the virtual board has not")
        hz = self._SYSCLK[source] >> clkctrl.get(value, "SYSCLK_DIV")
        if hz != self.sysclk_hz:
            self.sysclk_hz = hz
            self._retime(hz)

    def _reset(self, value: int) -> None:
        if value & r.GCR["RST0"].mask("SYS", "SOFT", "PERIPH"):
            self._restart()
        elif value & r.GCR["RST0"].mask("CNN"):
            self._accelerator.reset()

    def _write_pclkdis(self, value: int) -> None:
        self._bus.memory[r.GCR.address("PCLKDIS0")] = value
        self._apply_power()
        self.gated()

    def _write_pclkdis1(self, value: int) -> None:
        self._bus.memory[r.GCR.address("PCLKDIS1")] = value
        self.gated()

    def _reset_peripheral(self, value: int) -> None:
        for field, reset in self.resets.items():
            if r.GCR["RST1"].get(value, field):
                reset()

    def _power_writer(self, register: str) -> Callable[[int], None]:
        address = r.GCFR.address(register)

        def write(value: int) -> None:
            self._bus.memory[address] = value
            self._apply_power()

        return write

    def _apply_power(self) -> None:
        reg0, reg1, isolated, reset = (self._bus.memory.get(r.GCFR.address(f"REG{n}"), 0) for n in range(4))
        self._accelerator.power(
            reg0 & reg1, reset, clocked=self.clocked("PCLKDIS0", "CNN"), isolated=isolated, retained=reg1
        )
