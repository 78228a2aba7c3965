"""Energy that the computer's own sensors count while something runs on it: Intel and AMD processors, NVIDIA GPUs.

Linux shows a processor's RAPL counters as files below ``/sys/class/powercap`` (kernel: Documentation/power/powercap);
NVML counts millijoules of a GPU since its driver was loaded (``nvmlDeviceGetTotalEnergyConsumption``, Volta or newer).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

POWERCAP = Path("/sys/class/powercap")
EVERY = 60.0
"""Seconds between readings. The smallest RAPL counters turn over after 65 kJ: 60 s are enough up to 1 kW."""
NO_POWERCAP = "This computer shows no RAPL counters (not Linux on an Intel or AMD processor, or a virtual machine)."
NO_NVML = "The package nvidia-ml-py is not installed (`pip install nvidia-ml-py`)."


@dataclass(frozen=True)
class HostReading:
    """What one sensor counted, everything it covers included: idling and other processes too.

    source : the sensor's name.
    boundary : what it covers.
    seconds : how long was measured.
    joules : None where there is no figure; `absent` says why.
    """

    source: str
    boundary: str
    seconds: float
    joules: float | None
    absent: str = ""

    def __str__(self) -> str:
        if self.joules is None:
            return f"{self.source}: absent. {self.absent}"
        return f"{self.source}: {self.joules:,.4g} J in {self.seconds:,.4g} s (measured; {self.boundary})"


class _Counter(Protocol):
    source: str
    boundary: str

    def joules(self) -> float:
        """Joules since the counter was made. OSError says why it cannot be read."""


class HostEnergy:
    """Measures what runs in its ``with`` block; `readings` then holds one `HostReading` for each sensor.

    Sensors do not overlap, so their joules may be added. A sensor that is missing or may not be read is among the
    readings as absent, with the reason. `gpu` False leaves GPUs out, where the work does not run on them.
    """

    def __init__(self, *, gpu: bool = True, powercap: Path = POWERCAP) -> None:
        self.gpu, self.powercap = gpu, powercap
        self.readings: tuple[HostReading, ...] = ()

    def __enter__(self) -> HostEnergy:
        self._absent: list[HostReading] = []
        self._counters = self._rapl() + (self._nvml() if self.gpu else [])
        self._joules: dict[str, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._read()
        self._thread.start()
        self._before, self._started = dict(self._joules), time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._read()
        seconds = time.perf_counter() - self._started
        self.readings = (
            *(
                HostReading(c.source, c.boundary, seconds, self._joules[c.source] - self._before[c.source])
                for c in self._counters
            ),
            *self._absent,
        )

    def _watch(self) -> None:
        while not self._done.wait(EVERY):
            self._read()

    def _read(self) -> None:
        for counter in list(self._counters):
            try:
                self._joules[counter.source] = counter.joules()
            except OSError as error:
                self._counters.remove(counter)
                self._absent.append(HostReading(counter.source, counter.boundary, 0.0, None, str(error)))

    def _rapl(self) -> list[_Counter]:
        counters: list[_Counter] = []
        for zone in sorted(self.powercap.glob("intel-rapl:*")):
            try:
                name = (zone / "name").read_text().strip()
            except OSError:
                continue
            # core and uncore are parts of their package, and psys holds packages.
            if name.startswith("package"):
                counters.append(_Rapl(zone, f"RAPL {name}", "whole processor package, all processes"))
            elif name == "dram":
                counters.append(_Rapl(zone, f"RAPL {name} {zone.name}", "memory of one processor, all processes"))
        if not counters:
            self._absent.append(HostReading("RAPL", "whole processor package, all processes", 0.0, None, NO_POWERCAP))
        return counters

    def _nvml(self) -> list[_Counter]:
        try:
            import pynvml
        except ImportError:
            reason = NO_NVML
        else:
            try:
                pynvml.nvmlInit()
                return [_Gpu(index) for index in range(pynvml.nvmlDeviceGetCount())]
            except pynvml.NVMLError as error:
                reason = f"There is no NVIDIA GPU, or no driver for it ({error})."
        self._absent.append(HostReading("NVIDIA", "whole GPU board, all processes", 0.0, None, reason))
        return []


class _Rapl:
    """A counter of microjoules that starts again at zero after `max_energy_range_uj`."""

    def __init__(self, zone: Path, source: str, boundary: str) -> None:
        self.zone, self.source, self.boundary = zone, source, boundary
        self.last: int | None = None
        self.total = 0

    def joules(self) -> float:
        try:
            now = int((self.zone / "energy_uj").read_text())
            if self.last is not None:
                turned = now < self.last
                whole = int((self.zone / "max_energy_range_uj").read_text()) if turned else 0
                self.total += now - self.last + whole
        except PermissionError as error:
            raise OSError(
                f"{self.zone / 'energy_uj'} may be read by root only; run as root, or let root run "
                f"`chmod a+r {self.zone / 'energy_uj'}`."
            ) from error
        except ValueError as error:
            raise OSError(f"{self.zone / 'energy_uj'} holds no number.") from error
        self.last = now
        return self.total * 1e-6


class _Gpu:
    """The counter of a GPU, millijoules since its driver was loaded."""

    boundary = "whole GPU board, all processes"

    def __init__(self, index: int) -> None:
        import pynvml

        self.handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        self.source = f"{pynvml.nvmlDeviceGetName(self.handle)}, GPU {index}"

    def joules(self) -> float:
        import pynvml

        try:
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(self.handle)) * 1e-3
        except pynvml.NVMLError as error:
            raise OSError(f"Its energy counter cannot be read ({error}).") from error
