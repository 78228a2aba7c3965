"""The virtual MAX78000FTHR: a Cortex-M4, its memories and peripherals, and the loop that runs them."""

from __future__ import annotations

import random
import struct
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from unicorn import Uc, UcError  # type: ignore[attr-defined]
from unicorn import arm_const as arm
from unicorn import unicorn_const as uc

from fer_edge import registers as r
from fer_edge.board.accelerator import Accelerator, data_memory
from fer_edge.board.bus import Bus
from fer_edge.board.camera import Camera
from fer_edge.board.clock import NEVER, TICK_HZ, Clock, Countdown
from fer_edge.board.crc import Crc
from fer_edge.board.dma import Dma, Sink, Source
from fer_edge.board.elf import load_segments, vector_table
from fer_edge.board.exceptions import XPSR_THUMB, Fault, enter, leave
from fer_edge.board.faults import FaultyPort
from fer_edge.board.gpio import Edge, Gpio, WakePins
from fer_edge.board.i2c import Device, I2c
from fer_edge.board.idle import Idleness
from fer_edge.board.load import Ina, Load
from fer_edge.board.options import DEFAULT, Options
from fer_edge.board.ov7692 import Sensor
from fer_edge.board.pcif import CameraInterface
from fer_edge.board.peripherals import SystemControl, connect_storage
from fer_edge.board.pictures import Pictures
from fer_edge.board.pmic import Pmic
from fer_edge.board.pulses import PulseTrain
from fer_edge.board.rtc import Rtc
from fer_edge.board.sccb import ADDRESS as SCCB_ADDRESS
from fer_edge.board.sccb import SCL, SDA, SccbPins
from fer_edge.board.system import (
    CFSR_IBUSERR,
    CFSR_INVSTATE,
    CFSR_PRECISERR,
    CFSR_UNDEFINSTR,
    HARD_FAULT,
    HFSR_DEBUGEVT,
    PPB,
    PPB_SIZE,
    SCR,
    SLEEPDEEP,
    SVCALL,
    Nvic,
    SysTick,
)
from fer_edge.board.timers import Timer, WakeUpTimer, Watchdog
from fer_edge.board.trng import Trng
from fer_edge.board.uart import PacedUart, Port, Uart
from fer_edge.errors import BoardError

_APB, _APB_SIZE = 0x40000000, 0x100000
_CNN_GLOBAL_SIZE = 0x2000  # FIFO and always-on registers
_CNN_QUADRANT_SIZE = r.CNN_MASK + r.PROCESSORS_PER_QUADRANT * r.PROCESSOR_MASK_STRIDE - r.CNN_CONTROL
_CNN_DATA_SIZE = r.INSTANCES_PER_QUADRANT * r.DATA_INSTANCE_BYTES
_CNN_CTL = {r.CNN.address("CTL", quadrant) for quadrant in range(r.QUADRANTS)}

# Instructions run at a stretch, at most. An instruction that ends a stretch early (WFI, an exception) hides how
# many ran before it, so this is also how far virtual time can fall short: 5 µs.
SLICE = 512
_NOWHERE = 0xFFFFFFFE  # an address to run to that is never reached
_FLUSH_SLICES = 16  # between looks at the serial port while firmware computes
_TRACE_EDGES = 100_000
_SEED = 0  # of the random numbers: every run of a board sees the same
_PRESS = TICK_HZ // 10  # how long a button is pressed
_I2C_PINS = ((10, 11), (16, 17), (SCL, SDA))  # of port 0, alternate function 1
_I2C_CLOCKS = (("PCLKDIS0", "I2C0"), ("PCLKDIS0", "I2C1"), ("PCLKDIS1", "I2C2"))
_HOST_WAIT = 0.02  # s; longest sleep before looking at `stop` again

_WFI, _WFE = b"\x30\xbf", b"\x20\xbf"
_INTERRUPT_SVC, INTERRUPT_BKPT, _INTERRUPT_RETURN = 2, 7, 8  # unicorn's numbers


class _Memory:
    """Flash, SRAM and the accelerator's data memory, as the DMA controller sees them."""

    def __init__(self, emulator: Uc) -> None:
        self._uc = emulator

    def read(self, address: int, size: int) -> bytes:
        try:
            return bytes(self._uc.mem_read(address, size))
        except UcError as error:
            raise OSError(str(error)) from None

    def write(self, address: int, data: bytes) -> None:
        if address < r.SRAM_BASE:
            raise OSError("no memory that can be written")
        try:
            self._uc.mem_write(address, data)
        except UcError as error:
            raise OSError(str(error)) from None


class Machine:
    """A board with firmware in flash, out of reset.

    Time is virtual: one instruction is one cycle of SYSCLK, an inference takes the accelerator's estimated
    cycles, and sleeping or polling firmware is moved forward to the next event. Only where it waits for the host
    (UART receive interrupt enabled, or its status polled in vain) do its timers keep to real time, so that its
    time-outs mean what they say.

    Parameters
    ----------
    elf : firmware.
    port : the host's end of UART0.
    options : what is connected, and how true to life the line is.

    Attributes
    ----------
    clock, accelerator, gpio, uart : to watch.
    trace : the last changes of output pins.
    sensor : the current sensor, if there is one.
    debugged : whether a debugger is there that takes BKPT instructions.
    counted : instructions run in a slice, where a debugger has them counted one by one; None where not.
    warnings : faults that firmware has handled; what the accelerator found wrong is in its own.

    Raises `BoardError` for an ELF that does not fit, and from `run` when firmware faults and cannot handle it.
    """

    def __init__(self, elf: Path, port: Port, options: Options = DEFAULT) -> None:
        self._port = port
        self._options = options
        if options.faults is not None:
            self._port = faulty = FaultyPort(port, options.faults)
            faulty.reset = self.reset
            faulty.baud_rate = lambda: self.uart.baud_rate
        self._watchdog_expired = False
        self._held = set(options.hold)
        self._random = random.Random(_SEED)
        self.trace: deque[Edge] = deque(maxlen=_TRACE_EDGES)
        self.warnings: list[str] = []
        self._stopped: Callable[[], bool] = lambda: False
        self.debugged = False
        self.counted: int | None = None
        self._uc = Uc(uc.UC_ARCH_ARM, uc.UC_MODE_THUMB | uc.UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        self._uc.mem_map(r.FLASH_BASE, r.FLASH_SIZE, uc.UC_PROT_READ | uc.UC_PROT_EXEC)
        self._uc.mem_map(r.SRAM_BASE, r.SRAM_SIZE)
        self._load(elf)
        self._bus = Bus()
        self.pictures = Pictures(options.pictures, options.picture_seconds)
        self._pmic = Pmic(self._bus.remark)
        self._camera_sensor = Sensor(self._bus.remark, self.pictures)
        if faults := options.faults:
            self._pmic.present = not faults.pmic_silent
            self._camera_sensor.present = not faults.camera_silent
        self._map_registers()
        self._uc.hook_add(uc.UC_HOOK_INTR, self._on_interrupt)
        self._uc.hook_add(uc.UC_HOOK_MEM_INVALID, self._on_invalid)
        self._sleeps: set[int] = set()  # addresses of WFI instructions met
        self._power_on()

    # --- construction ------------------------------------------------------------------------------------

    def _load(self, elf: Path) -> None:
        memories = ((r.FLASH_BASE, r.FLASH_SIZE), (r.SRAM_BASE, r.SRAM_SIZE))
        segments = load_segments(elf)
        for address, contents in segments:
            if not any(base <= address and address + len(contents) <= base + size for base, size in memories):
                raise BoardError(
                    f"Firmware {elf}: {len(contents)} bytes at {address:#010x} lie outside flash and SRAM.",
                    "Link it for flash at 0x10000000 (512 KiB), or for SRAM at 0x20000000 (128 KiB).",
                )
            self._uc.mem_write(address, contents)
        vectors = vector_table(segments)
        if vectors is None:
            raise BoardError(
                f"Firmware {elf}: no vector table at the start of flash ({r.FLASH_BASE:#010x}) "
                "or of what it loads into SRAM.",
                "Link the table first of all.",
            )
        self._vectors = vectors
        # A reset loads into SRAM again what was there at first, as the debugger that put it there would.
        self._loaded = [(a, contents) for a, contents in segments if a >= r.SRAM_BASE]
        self._flash = bytes(self._uc.mem_read(r.FLASH_BASE, r.FLASH_SIZE))  # faster to look at

    def _map_registers(self) -> None:
        bus = self._bus
        self._windows: list[tuple[int, int, Any, Any]]  # base, size, what reads and writes there
        self._windows = [(base, size, bus.on_read, bus.on_write) for base, size in ((_APB, _APB_SIZE), (PPB, PPB_SIZE))]
        cnn = [(r.CNN_BASE, _CNN_GLOBAL_SIZE)]
        cnn += [(base, _CNN_QUADRANT_SIZE) for base in r.CNN.bases]
        self._windows += [(base, size, self._read_cnn, self._write_cnn) for base, size in cnn]
        for base, size, read, write in self._windows:
            self._uc.mmio_map(base, size, read, base, write, base)
        self._mapped = [False] * r.QUADRANTS
        for quadrant in range(r.QUADRANTS):
            self._map_data(quadrant)

    def _map_data(self, quadrant: int) -> None:
        """Data RAM is memory while the quadrant has power and clock, else registers that complain."""
        base = r.CNN_DATA + quadrant * r.QUADRANT_STRIDE
        if self._mapped[quadrant]:
            pointer = data_memory(self.accelerator.data, quadrant).ctypes.data
            self._uc.mem_map_ptr(base, _CNN_DATA_SIZE, uc.UC_PROT_READ | uc.UC_PROT_WRITE, pointer)
        else:
            self._uc.mmio_map(base, _CNN_DATA_SIZE, self._read_data, quadrant, self._write_data, quadrant)

    def _remap_data(self) -> None:
        for quadrant in range(r.QUADRANTS):
            powered = bool(self.accelerator.powered >> quadrant & 1)
            if powered != self._mapped[quadrant]:
                self._uc.mem_unmap(r.CNN_DATA + quadrant * r.QUADRANT_STRIDE, _CNN_DATA_SIZE)
                self._mapped[quadrant] = powered
                self._map_data(quadrant)

    def _power_on(self) -> None:
        """Everything as after reset; memories keep their contents."""
        self._restarting = False
        bus = self._bus
        self.trace.clear()
        bus.clear()
        self.clock = Clock()
        bus.written = self.clock.not_only_time
        self.clock.cycle = TICK_HZ // r.ISO_HZ
        self._nvic = Nvic(bus, self.reset)
        self._idle = Idleness(self._options.idle_limit, self.clock, self._nvic)
        self.clock.interrupted = lambda: self._nvic.candidate() is not None
        self._systick = SysTick(bus, self.clock, self._nvic)
        self.accelerator = Accelerator(self._inference_started)
        self._inference = Countdown(self.clock, self._inference_done)
        self._powered = 0
        self._system = SystemControl(bus, self.accelerator, self._retime, self.reset)
        connect_storage(bus)
        self._supply = Load(self._options.load, self.clock)
        self.sensor = Ina(self._options.sensor, self._supply, self.clock) if self._options.sensor else None
        if self.sensor and self._options.faults:
            self.sensor.answering = not self._options.faults.sensor_silent
        line = self._nvic.line
        ports = range(len(r.GPIO.bases))
        self.gpio = [Gpio(bus, n, self.clock, self.trace, line(r.GPIO0_IRQ + n)) for n in ports]
        self._connect_i2c()
        self._wake_pins = WakePins(bus, self.gpio, line(r.GPIOWAKE_IRQ))
        for button in self._held:
            self.hold(button)
        kind = PacedUart if self._options.line_rate else Uart
        self.uart = kind(bus, 0, self.clock, self._port, self._wait_for_host, line(r.UART0_IRQ), self._pclk_hz)
        uarts = [self.uart]
        for n in range(1, len(r.UART.bases)):
            uarts.append(Uart(bus, n, self.clock, None, self._wait_for_host, line(r.UART0_IRQ + n), self._pclk_hz))
        self._watchdog = Watchdog(
            bus, self.clock, self._pclk_hz, line(r.WDT0_IRQ), self._watchdog_expires, self._watchdog_expired
        )
        self._watchdog_expired = False
        self._timers = [Timer(bus, n, self.clock, self._pclk_hz, line(r.TMR0_IRQ + n)) for n in range(len(r.TMR.bases))]
        self._wake_up_timer = WakeUpTimer(bus, self.clock, line(r.WUT_IRQ))
        self._rtc = Rtc(bus, self.clock, line(r.RTC_IRQ))
        self._crc = Crc(bus)
        requests: dict[int, Source | Sink] = {r.DMA_CRC_TX: self._crc.dma_request()}
        for n, uart in enumerate(uarts):
            requests[r.DMA_UART_RX[n]], requests[r.DMA_UART_TX[n]] = uart.dma_requests()
        interface = self._connect_camera()
        requests[r.DMA_PCIF_RX] = interface.dma_request()
        lines = [line(r.DMA0_IRQ + n) for n in range(len(r.DMA_CH.bases))]
        clocked = partial(self._system.clocked, "PCLKDIS0", "DMA")
        self._dma = dma = Dma(bus, self.clock, _Memory(self._uc), lines, requests, clocked)
        interface.serve_dma = dma.serve
        interface.dma_wants = partial(dma.wanted, r.DMA_PCIF_RX)
        for uart in uarts:
            uart.serve_dma = dma.serve
        self._crc.serve_dma = dma.serve
        Trng(bus, self._random, line(r.TRNG_IRQ))
        self._cnn_line = line(r.CNN_IRQ)
        self._trap: int | None = None
        self._invalid: tuple[int, int] | None = None
        self._fault: Fault | None = None
        self._slept_at: int | None = None
        self._masked_slices = 0
        self._slices = 0
        self._remap_data()
        for address, contents in self._loaded:
            self._uc.mem_write(address, contents)
        stack, entry = struct.unpack("<II", self._uc.mem_read(self._vectors, 8))
        for register in (arm.UC_ARM_REG_CONTROL, arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_BASEPRI):
            self._uc.reg_write(register, 0)
        self._uc.reg_write(arm.UC_ARM_REG_XPSR, XPSR_THUMB)
        self._uc.reg_write(arm.UC_ARM_REG_SP, stack)
        self._pc = entry & ~1

    def _connect_i2c(self) -> None:
        devices: list[dict[int, Device]] = [{}, {Pmic.ADDRESS: self._pmic}, {SCCB_ADDRESS: self._camera_sensor}]
        if self.sensor:
            devices[1][Ina.ADDRESS] = self.sensor
        for n, on_bus in enumerate(devices):
            I2c(self._bus, n, self.clock, self._pclk_hz, on_bus, partial(self._i2c_connected, n))
        SccbPins(self.gpio[0], self._camera_sensor, self._bus.remark)

    def _i2c_connected(self, instance: int) -> bool:
        """Whether an I2C block has its clock and its pins."""
        routed = all(self.gpio[0].function(pin) == 1 for pin in _I2C_PINS[instance])
        return routed and self._system.clocked(*_I2C_CLOCKS[instance])

    def _connect_camera(self) -> CameraInterface:
        bus, clock, system = self._bus, self.clock, self._system
        self._pmic.restart(clock)
        self._camera_sensor.restart(clock)
        self._pulses = PulseTrain(bus, clock, self._pclk_hz, lambda: system.clocked("PCLKDIS0", "PT"))
        interface = CameraInterface(bus, clock, self._nvic.line(r.PCIF_IRQ), lambda: system.clocked("PCLKDIS1", "PCIF"))
        self._camera = camera = Camera(bus, clock, self.gpio, self._pmic, self._camera_sensor, self._pulses, interface)
        system.gated = self._clocks_gated
        system.resets["PT"] = self._pulses.reset
        if self._options.faults and self._options.faults.camera_stops is not None:
            clock.schedule(camera.stop, round(self._options.faults.camera_stops * TICK_HZ))
        return interface

    def _clocks_gated(self) -> None:
        self._pulses.replan()
        self._run_inference()

    def _run_inference(self) -> None:
        """An inference goes on while the accelerator has its clock, and stands still without."""
        if self._system.clocked("PCLKDIS0", "CNN"):
            self._inference.resume()
        else:
            self._inference.pause()

    def _pclk_hz(self) -> int:
        return self._system.sysclk_hz // r.PCLK_DIVIDER

    def _retime(self, hz: int) -> None:
        self._systick.rebase()
        self._pulses.rebase()
        for timer in self._timers:
            timer.rebase()
        self.clock.cycle = round(TICK_HZ / hz)
        self._systick.replan()
        self._pulses.replan()
        for timer in self._timers:
            timer.replan()
        self._watchdog.replan()

    # --- the accelerator on the bus ----------------------------------------------------------------------

    def _read_cnn(self, emulator: Any, offset: int, _size: int, base: int) -> int:
        address = base + offset
        try:
            if address in _CNN_CTL:
                done = self.clock.when(self._inference_done)
                self.clock.polled("CTL", done)
                if done == NEVER and not self.clock.held:
                    self._idle.polls_accelerator()
            return self.accelerator.read(address)
        except BoardError as error:
            return self._bus.fail(emulator, error)

    def _write_cnn(self, _emulator: Any, offset: int, size: int, value: int, base: int) -> None:
        address = base + offset
        self.accelerator.write(address, value, size)
        if address in _CNN_CTL:
            self._cnn_line(self.accelerator.interrupt)

    def _inference_started(self, cycles: int) -> None:
        self._inference.start(round(cycles * TICK_HZ / self._system.cnn_hz))
        self._supply.computing(True)

    def _inference_done(self) -> None:
        self._supply.computing(False)
        self.accelerator.finish()
        self._cnn_line(self.accelerator.interrupt)

    def _read_data(self, emulator: Any, offset: int, size: int, quadrant: int) -> int:
        try:
            self.accelerator.require(quadrant)
        except BoardError as error:
            return self._bus.fail(emulator, error)
        memory = data_memory(self.accelerator.data, quadrant)
        return int.from_bytes(memory[offset : offset + size].tobytes(), "little")

    def _write_data(self, _emulator: Any, offset: int, size: int, value: int, quadrant: int) -> None:
        self.accelerator.require(quadrant)
        memory = data_memory(self.accelerator.data, quadrant)
        memory.view("u1")[offset : offset + size] = list(value.to_bytes(size, "little"))

    # --- running -----------------------------------------------------------------------------------------

    def run(self, stopped: Callable[[], bool]) -> None:
        """Run until `stopped()`, which is asked every few milliseconds at the latest, says so."""
        self._stopped = stopped
        try:
            while not stopped():
                self._step()
        finally:
            self.uart.flush()

    @property
    def stored(self) -> list[str]:
        """Blocks without a model that firmware has used so far."""
        return list(self._bus.stored)

    def note(self, tell: Callable[[str], None]) -> None:
        """Have `tell` called with a sentence when firmware uses a block without a model for the first time."""
        self._bus.noted = tell

    def reset(self) -> None:
        """Press the reset button."""
        self._restarting = True

    def hold(self, button: str, held: bool = True) -> None:
        """Hold a button of `registers.BUTTONS` down, also over a reset, or let go of it."""
        (self._held.add if held else self._held.discard)(button)
        port, pin = r.BUTTONS[button]
        self.gpio[port].ground(pin, held)

    def press(self, button: str) -> None:
        """Press a button for 0.1 s of virtual time."""
        port, pin = r.BUTTONS[button]
        self.gpio[port].ground(pin, True)
        self.clock.schedule(partial(self.gpio[port].ground, pin, False), self.clock.now + _PRESS)

    def write_memory(self, address: int, data: bytes) -> None:
        """Overwrite flash or SRAM, code included. UcError where there is neither."""
        self._uc.mem_write(address, data)
        self._uc.ctl_remove_cache(address, address + len(data))
        self._flash = bytes(self._uc.mem_read(r.FLASH_BASE, r.FLASH_SIZE))

    def _watchdog_expires(self) -> None:
        self._watchdog_expired = True
        self.reset()

    def _step(self, longest: int = SLICE) -> None:
        """Take what interrupt is pending and run up to `longest` instructions."""
        count = self._take_interrupt()
        if count is None:
            distance = (self.clock.deadline - self.clock.now) // self.clock.cycle
            count = max(1, distance)
        count = min(count, longest)
        start = self.clock.now
        ran = count if self._execute(count) else 1
        if self.counted is not None:
            ran, self.counted = self.counted, 0
        self.clock.end_slice(start, ran)
        if self._restarting:
            self.uart.flush()
            self._power_on()
            return
        if self.accelerator.powered != self._powered:
            self._powered = self.accelerator.powered
            self._remap_data()
        if self._fault is not None:
            self._take_fault(self._fault)
        elif self._trap is not None:
            self._take_trap()
        elif self._slept_at is not None:
            self._sleep()
        self._slices += 1
        if self._slices % _FLUSH_SLICES == 0:
            self.uart.flush()
            if self.uart.listens:
                self.uart.receive()

    def _execute(self, count: int) -> bool:
        """Run `count` instructions; False if one of them needed attention and ended it early."""
        self._trap = self._slept_at = self._invalid = self._fault = None
        try:
            self._uc.emu_start(self._pc | 1, _NOWHERE, count=count)
            if self._bus.failure is not None:
                raise self._bus.failure
        except UcError as error:
            pc = self._pc = self._uc.reg_read(arm.UC_ARM_REG_PC)
            # unicorn does not know WFE; it stops behind it.
            if error.errno != uc.UC_ERR_INSN_INVALID or self._before(pc) != _WFE:
                self._fault = self._fault_of(error)
            else:
                self._wait_for_event()
            return False
        except BoardError as error:  # from a callback
            pc = self._pc = self._uc.reg_read(arm.UC_ARM_REG_PC)
            raise BoardError(f"{error.what.rstrip('.')} (PC {pc:#010x}).", error.cure) from None
        self._pc = self._uc.reg_read(arm.UC_ARM_REG_PC)
        if self._trap is not None:
            return False
        behind = self._pc - 2
        if self._before(self._pc) != _WFI:
            return True
        if behind not in self._sleeps:
            self._watch_sleep(behind)
            return False
        return self._slept_at is None

    def _before(self, pc: int) -> bytes:
        """The half word before `pc`."""
        at = pc - 2 - r.FLASH_BASE
        if 0 <= at < r.FLASH_SIZE:
            return self._flash[at : at + 2]
        try:
            return bytes(self._uc.mem_read(pc - 2, 2))
        except UcError:
            return b""

    def _watch_sleep(self, address: int) -> None:
        """Get told from now on when the WFI at `address` runs.

        Standing behind a WFI proves nothing, as a branch may lead there. So the first time counts as a wake-up
        without cause, which the architecture allows.
        """
        self._sleeps.add(address)
        self._uc.hook_add(uc.UC_HOOK_CODE, self._on_sleep, None, address, address)
        self._uc.ctl_remove_cache(address, address + 2)

    def _on_sleep(self, _emulator: Any, address: int, _size: int, _data: Any) -> None:
        self._slept_at = address

    def _on_interrupt(self, _emulator: Any, number: int, _data: Any) -> None:
        self._trap = number
        self._uc.emu_stop()

    def _on_invalid(self, _emulator: Any, access: int, address: int, _size: int, _value: int, _data: Any) -> bool:
        self._invalid = (access, address)
        return False

    # --- sleeping ----------------------------------------------------------------------------------------

    def _sleep(self) -> None:
        """WFI: let time pass until an interrupt is pending, masked or not."""
        self._masked_slices = 0
        if self._bus.memory.get(SCR, 0) & SLEEPDEEP and self._system.power_mode != r.PM_ACTIVE:
            self._sleep_deeply()
        while self._nvic.candidate() is None and not self._restarting and not self._stopped():
            self._pass_time(self.uart.listens and self._nvic.enabled(r.UART0_IRQ))

    def _sleep_deeply(self) -> None:
        """LPM, UPM or standby: until something wakes that GCR.PM enables; what counts a clock that is off stands still.

        In LPM the peripheral clock goes on, and so does the accelerator. In standby its quadrants lose their power, and
        with it all but the masks that are retained. The wake-up timer counts if its oscillator is enabled for these
        modes. The mode is active again afterwards, as drivers take for granted.
        """
        still: list[SysTick | Timer | WakeUpTimer | Watchdog | PulseTrain | Countdown] = [self._systick]
        if self._system.power_mode != r.PM_LPM:
            still += [*self._timers, self._watchdog, self._pulses, self._inference]
        if self._system.power_mode == r.PM_STANDBY:
            self.accelerator.stand_by()
        oscillators = self._bus.memory.get(r.MCR.address("CTRL"), 0)
        counts = self._rtc.runs or bool(r.MCR["CTRL"].get(oscillators, "ERTCO_EN"))
        if not counts:
            still.append(self._wake_up_timer)
        for counter in still:
            counter.pause()
        levels = [port.levels() for port in self.gpio]
        while not self._woken(levels, counts) and not self._restarting and not self._stopped():
            self._pass_time(False)
        for counter in still:
            counter.resume()
        self._run_inference()
        self._system.power_mode = r.PM_ACTIVE

    def _woken(self, levels: list[int], counts: bool) -> bool:
        """Whether a wake-up source that GCR.PM enables asks for it.

        A pin does by any change since `levels`, the wake-up timer if it `counts`.
        """
        wakes = self._system.wakes_by
        by_pin = "GPIO_WE" in wakes and self._wake_pins.changed(levels)
        by_timer = "WUT_WE" in wakes and counts and self._wake_up_timer.wakes
        return by_pin or by_timer or ("RTC_WE" in wakes and self._rtc.wakes)

    def _wait_for_event(self) -> None:
        """WFE: as WFI, but it may end without cause, and does after one event."""
        if self._nvic.candidate() is None:
            self._pass_time(self.uart.listens)

    def _wait_for_host(self) -> None:
        """Firmware polls the UART in vain."""
        if self._nvic.candidate() is None and not self._stopped():
            self._pass_time(True)

    def _pass_time(self, host_may_end_it: bool) -> None:
        """Go to the next event; at the pace of the host if that is whom firmware waits for."""
        uart, clock = self.uart, self.clock
        uart.flush()
        button_may_end_it = any(self._nvic.enabled(r.GPIO0_IRQ + n) for n in range(len(r.GPIO.bases)))
        if clock.deadline == NEVER and not host_may_end_it and not button_may_end_it:
            self._idle.asleep(self._pc)
        else:
            self._idle.awake()
        computes = clock.when(self._inference_done) == clock.deadline
        if clock.deadline != NEVER and (not host_may_end_it or uart.transfers or computes):
            clock.advance(clock.deadline)
            return
        seconds = min(_HOST_WAIT, max(0, clock.deadline - clock.now) / TICK_HZ)
        if self._port.wait(seconds):
            uart.receive()
        else:
            clock.advance(clock.now + max(1, round(seconds * TICK_HZ)))

    # --- exceptions --------------------------------------------------------------------------------------

    def _take_interrupt(self) -> int | None:
        """Enter the pending exception. If it is masked, how far to run before looking again."""
        number = self._nvic.candidate()
        if number is None:
            return None
        basepri = self._uc.reg_read(arm.UC_ARM_REG_BASEPRI)
        masked = self._uc.reg_read(arm.UC_ARM_REG_PRIMASK) or self._uc.reg_read(arm.UC_ARM_REG_FAULTMASK)
        if masked or (basepri and self._nvic.candidate(basepri) is None):
            # The mask may be lifted for an instruction or two only, as in `cpsid; test; wfi; cpsie`.
            self._masked_slices += 1
            return 1 if self._masked_slices < 64 else 8
        self._masked_slices = 0
        self._enter(number)
        return None

    def _enter(self, number: int) -> None:
        self._idle.awake()
        try:
            self._pc = enter(self._uc, self._nvic, number, self._pc)
        except Fault as fault:
            self._take_fault(fault)

    def _take_trap(self) -> None:
        if self._trap == _INTERRUPT_RETURN:
            self._pc = leave(self._uc, self._nvic, self._pc | 1)
        elif self._trap == _INTERRUPT_SVC:
            self._enter(SVCALL)
        elif self._trap == INTERRUPT_BKPT:
            if not self.debugged:
                self._take_fault(Fault("it runs into a breakpoint", 0, hfsr=HFSR_DEBUGEVT))
        else:
            raise BoardError(f"Firmware ran into exception {self._trap} of the emulator at PC {self._pc:#010x}.")

    def _fault_of(self, error: UcError) -> Fault:
        if self._invalid is None:
            if self._uc.reg_read(arm.UC_ARM_REG_XPSR) & XPSR_THUMB:
                return Fault(f"it runs into an undefined instruction ({error})", CFSR_UNDEFINSTR)
            return Fault("it jumps to an even address, which is not Thumb code", CFSR_INVSTATE)
        access, address = self._invalid
        if access in (uc.UC_MEM_READ_UNMAPPED, uc.UC_MEM_READ_PROT):
            return Fault(f"it reads address {address:#010x}, which it may not", CFSR_PRECISERR, address)
        if access in (uc.UC_MEM_WRITE_UNMAPPED, uc.UC_MEM_WRITE_PROT):
            return Fault(f"it writes address {address:#010x}, which it may not", CFSR_PRECISERR, address)
        return Fault(f"it executes address {address:#010x}, which it may not", CFSR_IBUSERR)

    def _take_fault(self, fault: Fault) -> None:
        """Enter the hard fault handler: faults with a handler of their own (SHCSR) are not modelled.

        BoardError, which ends the run, if there is none or it is the one that faults: the real processor locks up then.
        """
        place = f"Firmware fault at PC {self._pc:#010x}: {fault.words}"
        if HARD_FAULT in self._nvic.active or self._uc.reg_read(arm.UC_ARM_REG_FAULTMASK):
            raise BoardError(f"{place}, with no handler left to take it (lockup).")
        self._nvic.note_fault(fault.cfsr, fault.hfsr, fault.address)
        try:
            self._pc = enter(self._uc, self._nvic, HARD_FAULT, self._pc)
        except BoardError as error:
            raise BoardError(f"{place}; {error.what}.") from None
        warning = f"{place}; its fault handler ran"
        if warning not in self.warnings:  # firmware that resets may run into it for ever
            self.warnings.append(warning)
