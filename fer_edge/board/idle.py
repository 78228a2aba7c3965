"""Waits that nobody can end."""

from __future__ import annotations

import time

from fer_edge import registers as r
from fer_edge.board.clock import TICK_HZ, Clock
from fer_edge.board.system import Nvic
from fer_edge.errors import BoardError

_CURE = "If it is meant to wait, give --idle-limit more seconds; FIFO, streaming and other cores are not modelled."
INTERRUPTS = {
    r.CNN_IRQ: "the accelerator",
    r.WDT0_IRQ: "the watchdog",
    r.PCIF_IRQ: "the camera interface",
    r.RTC_IRQ: "the RTC",
    r.WUT_IRQ: "the wake-up timer",
    r.TRNG_IRQ: "the TRNG",
    r.GPIOWAKE_IRQ: "a wake-up pin",
    **{r.GPIO0_IRQ + n: f"GPIO{n}" for n in range(len(r.GPIO.bases))},
    **{r.DMA0_IRQ + n: f"DMA channel {n}" for n in range(len(r.DMA_CH.bases))},
    **{r.UART0_IRQ + n: f"UART{n}" for n in range(len(r.UART.bases))},
    **{r.TMR0_IRQ + n: f"TMR{n}" for n in range(len(r.TMR.bases))},
}
"""Who raises an interrupt, by its number."""


class Idleness:
    """Ends the run when firmware has waited for `limit` seconds for what nobody can bring."""

    def __init__(self, limit: float, clock: Clock, nvic: Nvic) -> None:
        self._limit, self._clock, self._nvic = limit, clock, nvic
        self._asleep_since: int | None = None
        self._polls_since: tuple[int, float] | None = None  # virtual time, and the host's when that was seen

    def awake(self) -> None:
        """Tell that something came, or may come."""
        self._asleep_since = None

    def asleep(self, pc: int) -> None:
        """Tell that the processor sleeps, nothing is scheduled, and neither host nor button can wake it."""
        now = self._clock.now
        if self._asleep_since is None:
            self._asleep_since = now
        if now - self._asleep_since < self._limit * TICK_HZ:
            return
        awaited = [irq for irq in range(r.EXTERNAL_INTERRUPTS) if self._nvic.enabled(irq)]
        what = " or ".join(INTERRUPTS.get(irq, f"interrupt {irq}") for irq in awaited)
        raise BoardError(
            f"Firmware has slept at PC {pc:#010x} for {self._limit:g} s, waiting for "
            f"{what or 'an interrupt, of which none is enabled'}, and nothing runs that could wake it.",
            _CURE,
        )

    def polls_accelerator(self) -> None:
        """Tell that firmware polls the accelerator's CTL while no inference runs."""
        since = self._clock.polling_since
        if self._polls_since is None or self._polls_since[0] != since:
            self._polls_since = since, time.monotonic()
        elif time.monotonic() - self._polls_since[1] > self._limit:
            raise BoardError(
                f"Firmware has polled CTL of the accelerator for {self._limit:g} s, and no inference runs.", _CURE
            )
