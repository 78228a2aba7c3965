"""A virtual board that records what it does. One that does not is a `Machine`, and pays nothing for it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from unicorn import arm_const as arm
from unicorn import unicorn_const as uc

from fer_edge import registers as r
from fer_edge.board import elf as images
from fer_edge.board.clock import TICK_HZ
from fer_edge.board.idle import INTERRUPTS
from fer_edge.board.machine import Machine
from fer_edge.board.options import Options
from fer_edge.board.recorder import (
    ACCELERATOR,
    ACCELERATOR_HZ,
    CALLS,
    CAMERA,
    DATA_READ,
    DATA_WRITTEN,
    INFERENCE,
    INTERRUPT,
    MASKS_POWERED,
    MEMORY,
    PROCESSOR,
    PROCESSOR_HZ,
    QUADRANTS_POWERED,
    RESET,
    RUNNING,
    SLEEP,
    UART0,
    WEIGHTS_WRITTEN,
    Recorder,
    layer_name,
    pin_name,
)
from fer_edge.board.system import EXTERNAL, HARD_FAULT, PENDSV, SVCALL, SYSTICK
from fer_edge.board.uart import Port

_DEEP = {r.PM_LPM: "LPM", r.PM_UPM: "UPM", r.PM_STANDBY: "STANDBY"}
_CORE = {2: "NMI", HARD_FAULT: "hard fault", SVCALL: "SVCall", PENDSV: "PendSV", SYSTICK: "SysTick"}
_MASK = r.CNN_MASK - r.CNN_CONTROL
_DATA_SIZE = r.INSTANCES_PER_QUADRANT * r.DATA_INSTANCE_BYTES


class RecordedMachine(Machine):
    """A `Machine` whose doings go to a recording, the file `options.recording`; `close` ends it.

    Times are those of the clock: exact where firmware looks at it, sleeps or wakes, else to the 5 µs of a stretch of
    instructions, and recording takes none. With `options.record_calls` instructions are counted one by one: every time
    is exact to the cycle, but for interrupts, which wait for the end of the stretch as ever.
    """

    def __init__(self, elf: Path, port: Port, options: Options) -> None:
        assert options.recording is not None
        self._elapsed = 0  # ticks before the last reset
        self._slice_began = 0
        self._touched = False
        self._pins = [0] * len(r.GPIO.bases)
        self._started: tuple[int, list[int]] | None = None  # an inference: when, and ticks from then to each end
        # Of calls: return address, stack, function; None for an exception.
        self._frames: list[tuple[int, int, int] | None] = []
        self._return: int | None = None  # of the innermost
        self._functions = images.functions(elf) if options.record_calls else {}
        self._record = Recorder(Path(options.recording), TICK_HZ, self._now)
        try:
            super().__init__(elf, port, options)
        except BaseException:
            self._record.close()
            raise
        self._hook()

    def _hook(self) -> None:
        for quadrant in range(r.QUADRANTS):
            begin = r.CNN_DATA + quadrant * r.QUADRANT_STRIDE
            for hook, name in ((uc.UC_HOOK_MEM_WRITE, DATA_WRITTEN), (uc.UC_HOOK_MEM_READ, DATA_READ)):
                self._uc.hook_add(hook, self._on_data, name, begin, begin + _DATA_SIZE - 1)
        if self._functions:
            self.counted = 0
            self._uc.hook_add(uc.UC_HOOK_CODE, self._on_instruction)

    def close(self) -> None:
        """End the recording."""
        self._record.close()

    def _now(self) -> int:
        """Ticks since power-on, resets notwithstanding; never less than before."""
        return self._elapsed + self.clock.now if hasattr(self, "clock") else 0  # else it is under construction

    # --- what the machine does ---------------------------------------------------------------------------

    def _power_on(self) -> None:
        if hasattr(self, "clock"):
            self._end_inference()
            self._record.restart()
            self._elapsed = self._now()
        super()._power_on()
        self._record.mark(RESET, "reset")
        self._frames.clear()
        self._return = None
        self._nvic.entered, self._nvic.left = self._exception_begins, self._exception_ends
        self.uart.passed = lambda name, data: self._record.data(UART0, name, data)
        self._dma.changed = self._dma_changed
        self._camera.sends = lambda sends: self._record.state(CAMERA, "frame" if sends else None)
        for port, gpio in enumerate(self.gpio):
            self._pins[port] = gpio.levels()
            gpio.watchers.append(lambda port=port: self._pins_changed(port))  # type: ignore[misc]
        self._record.state(PROCESSOR, RUNNING)
        self._sample()

    def _sample(self) -> None:
        """Clocks and power domains, which nobody tells of."""
        system, value = self._system, self._record.value
        switches, supplies = (self._bus.memory.get(r.GCFR.address(name), 0) for name in ("REG0", "REG1"))
        value(PROCESSOR_HZ, system.sysclk_hz)
        value(ACCELERATOR_HZ, round(system.cnn_hz) if system.clocked("PCLKDIS0", "CNN") else 0)
        value(QUADRANTS_POWERED, switches & supplies)
        value(MASKS_POWERED, supplies)
        value("camera powered", int(self._pmic.camera_powered))

    def _step(self, *args: Any) -> None:
        super()._step(*args)
        self._sample()
        if not self._touched:
            self._record.state(MEMORY, None)
        self._touched = False

    def _execute(self, count: int) -> bool:
        self._slice_began = self.clock.now
        return super()._execute(count)

    def _sleep(self) -> None:
        self._sample()
        self._record.state(MEMORY, None)
        self._record.state(PROCESSOR, SLEEP)
        super()._sleep()
        self._record.state(PROCESSOR, RUNNING)

    def _sleep_deeply(self) -> None:
        self._record.state(PROCESSOR, _DEEP[self._system.power_mode])
        super()._sleep_deeply()
        self._record.state(PROCESSOR, SLEEP)

    def _wait_for_event(self) -> None:
        self._record.state(PROCESSOR, SLEEP)
        super()._wait_for_event()
        self._record.state(PROCESSOR, RUNNING)

    # --- interrupts, pins, DMA ---------------------------------------------------------------------------

    def _exception_begins(self, number: int) -> None:
        irq = number - EXTERNAL
        name = _CORE.get(number, f"exception {number}") if irq < 0 else INTERRUPTS.get(irq, f"interrupt {irq}")
        self._record.begin(INTERRUPT, name)
        self._frames.append(None)
        self._return = None

    def _exception_ends(self) -> None:
        self._record.end(INTERRUPT)
        while self._frames and self._frames.pop() is not None:
            self._record.end(CALLS)
        self._find_return()

    def _pins_changed(self, port: int) -> None:
        levels = self.gpio[port].levels()
        changed, self._pins[port] = levels ^ self._pins[port], levels
        while changed:
            pin = changed.bit_length() - 1
            changed &= ~(1 << pin)
            level = levels >> pin & 1
            self._record.value(pin_name(port, pin), level, (self._elapsed, 1 - level))

    def _dma_changed(self) -> None:
        for number, channel in enumerate(self._dma.channels):
            name = f"request {channel.request:#04x}" if channel.running else None
            self._record.state(f"DMA channel {number}", name)

    # --- accelerator -------------------------------------------------------------------------------------

    def _inference_started(self, cycles: int) -> None:
        super()._inference_started(cycles)
        rate = TICK_HZ / self._system.cnn_hz
        self._started = self._now(), [round(cycles * rate) for cycles in accumulate(self.accelerator.course)]

    def _inference_done(self) -> None:
        super()._inference_done()
        self._end_inference()

    def _end_inference(self) -> None:
        if self._started is None:
            return
        start, ends = self._started
        self._started = None
        now = self._now()
        self._record.span(ACCELERATOR, INFERENCE, start, now)
        if now > start + ends[-1]:  # it stood still meanwhile, and where is not known
            return
        for layer, (begin, end) in enumerate(pairwise([0, *ends[1:]])):  # start-up belongs to the first
            if start + begin < now:
                self._record.span(ACCELERATOR, layer_name(layer), start + begin, min(start + end, now))

    def _write_cnn(self, emulator: Any, offset: int, size: int, value: int, base: int) -> None:
        super()._write_cnn(emulator, offset, size, value, base)
        if not self.accelerator.computing:  # it was stopped
            self._end_inference()
        if (base + offset - r.CNN_CONTROL) % r.QUADRANT_STRIDE >= _MASK:
            self._touch(WEIGHTS_WRITTEN)

    def _on_data(self, _emulator: Any, _access: int, _at: int, _size: int, _value: int, name: str) -> None:
        self._touch(name)

    def _touch(self, name: str) -> None:
        self._touched = True
        self._record.state(MEMORY, name)

    # --- calls -------------------------------------------------------------------------------------------

    def _on_instruction(self, emulator: Any, address: int, _size: int, _data: Any) -> None:
        assert self.counted is not None
        if (now := self._slice_began + self.counted * self.clock.cycle) > self.clock.now:
            self.clock.advance(now)
        if address == self._return:
            self._returned(address)
        if address in self._functions:
            self._called(address)
        self.counted += 1

    def _called(self, address: int) -> None:
        stack = self._uc.reg_read(arm.UC_ARM_REG_SP)
        frame = self._uc.reg_read(arm.UC_ARM_REG_LR) & ~1, stack, address
        if self._frames and self._frames[-1] == frame:
            return  # a loop back to its first instruction
        self._leave(lambda left: left[1] < stack)  # in ways of their own
        self._frames.append(frame)
        self._record.begin(CALLS, self._functions[address])
        self._return = frame[0]

    def _returned(self, address: int) -> None:
        stack = self._uc.reg_read(arm.UC_ARM_REG_SP)
        self._leave(lambda left: left[0] == address and left[1] <= stack)

    def _leave(self, left: Callable[[tuple[int, int, int]], bool]) -> None:
        """End the calls from the innermost on for which `left` holds, within the exception that is handled."""
        while self._frames and (frame := self._frames[-1]) and left(frame):
            self._frames.pop()
            self._record.end(CALLS)
        self._find_return()

    def _find_return(self) -> None:
        frame = self._frames[-1] if self._frames else None
        self._return = frame and frame[0]
