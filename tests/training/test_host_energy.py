"""Joules are what the counters moved, whatever they turn over; a sensor that is not there is absent, never zero."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fer_edge.training import host_energy
from fer_edge.training.host_energy import HostEnergy, HostReading


@pytest.fixture(autouse=True)
def _no_real_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)  # as if not installed


@pytest.fixture
def zone(tmp_path: Path) -> Callable[..., Path]:
    """Makes a RAPL zone as the kernel shows it."""

    def make(folder: str, name: str, microjoules: int, largest: int = 262_143_328_850) -> Path:
        path = tmp_path / folder
        path.mkdir()
        (path / "name").write_text(f"{name}\n")
        (path / "max_energy_range_uj").write_text(f"{largest}\n")
        (path / "energy_uj").write_text(f"{microjoules}\n")
        return path

    return make


def by_source(energy: HostEnergy) -> dict[str, HostReading]:
    return {reading.source: reading for reading in energy.readings}


def test_a_package_is_measured_from_begin_to_end(zone: Callable[..., Path], tmp_path: Path) -> None:
    package = zone("intel-rapl:0", "package-0", 5_000_000)
    with HostEnergy(powercap=tmp_path) as energy:
        (package / "energy_uj").write_text("17500000\n")
    reading = by_source(energy)["RAPL package-0"]
    assert reading.joules == pytest.approx(12.5)
    assert reading.seconds > 0
    assert reading.boundary == "whole processor package, all processes"
    assert str(reading).endswith("(measured; whole processor package, all processes)")


def test_a_counter_that_turns_over_goes_on_counting(zone: Callable[..., Path], tmp_path: Path) -> None:
    package = zone("intel-rapl:0", "package-0", 65_000_000_000, largest=65_532_610_987)
    with HostEnergy(powercap=tmp_path) as energy:
        (package / "energy_uj").write_text("1000000\n")
    assert by_source(energy)["RAPL package-0"].joules == pytest.approx(532.610987 + 1)


def test_a_long_run_is_read_often_enough_to_see_every_turn(
    zone: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_energy, "EVERY", 0.001)
    package = zone("intel-rapl:0", "package-0", 0, largest=1_000_000)
    read: list[int] = []
    original = host_energy._Rapl.joules

    def joules(counter: Any) -> float:
        result = original(counter)
        read.append(counter.last)
        return result

    monkeypatch.setattr(host_energy._Rapl, "joules", joules)
    with HostEnergy(powercap=tmp_path) as energy:
        for value in (900_000, 100_000, 900_000, 100_000):
            temporary = tmp_path / "new"
            temporary.write_text(str(value))
            temporary.replace(package / "energy_uj")
            deadline = time.monotonic() + 10
            while read[-1] != value and time.monotonic() < deadline:
                time.sleep(0.001)
    assert by_source(energy)["RAPL package-0"].joules == pytest.approx(2.1)


def test_what_lies_within_a_package_is_not_counted_again(zone: Callable[..., Path], tmp_path: Path) -> None:
    zone("intel-rapl:0", "package-0", 0)
    zone("intel-rapl:0:0", "core", 0)
    zone("intel-rapl:0:1", "uncore", 0)
    zone("intel-rapl:0:2", "dram", 0)
    zone("intel-rapl:1", "package-1", 0)
    zone("intel-rapl:2", "psys", 0)
    with HostEnergy(gpu=False, powercap=tmp_path) as energy:
        pass
    assert set(by_source(energy)) == {"RAPL package-0", "RAPL package-1", "RAPL dram intel-rapl:0:2"}


def test_counters_only_root_may_read_are_absent_and_say_so(
    zone: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbidden = zone("intel-rapl:0", "package-0", 0) / "energy_uj"
    original = Path.read_text

    def read_text(path: Path, *arguments: Any, **options: Any) -> str:  # root may read files of any mode
        if path == forbidden:
            raise PermissionError(13, "Permission denied")
        return original(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", read_text)
    with HostEnergy(gpu=False, powercap=tmp_path) as energy:
        pass
    (reading,) = energy.readings
    assert reading.joules is None
    assert "root" in reading.absent
    assert "absent" in str(reading)
    assert "0 J" not in str(reading)


def test_a_counter_that_goes_away_in_between_has_no_figure(zone: Callable[..., Path], tmp_path: Path) -> None:
    package = zone("intel-rapl:0", "package-0", 0)
    with HostEnergy(gpu=False, powercap=tmp_path) as energy:
        (package / "energy_uj").unlink()
    assert [reading.joules for reading in energy.readings] == [None]


def test_a_computer_without_sensors_says_of_each_why(tmp_path: Path) -> None:
    with HostEnergy(powercap=tmp_path / "missing") as energy:
        pass
    readings = by_source(energy)
    assert {source: reading.joules for source, reading in readings.items()} == {"RAPL": None, "NVIDIA": None}
    assert "no RAPL counters" in readings["RAPL"].absent
    assert "nvidia-ml-py" in readings["NVIDIA"].absent
    assert asdict(energy.readings[0]) == {
        "source": "RAPL",
        "boundary": "whole processor package, all processes",
        "seconds": 0.0,
        "joules": None,
        "absent": host_energy.NO_POWERCAP,
    }


@dataclass
class Nvml:
    """The part of pynvml that is used: `millijoules` of each GPU, None where it has no counter."""

    millijoules: list[int | None] = field(default_factory=list)
    driver: bool = True

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        module: Any = ModuleType("pynvml")

        class NVMLError(Exception):
            pass

        def init() -> None:
            if not self.driver:
                raise NVMLError("NVML Shared Library Not Found")

        def total(handle: int) -> int:
            value = self.millijoules[handle]
            if value is None:
                raise NVMLError("Not Supported")
            return value

        module.NVMLError = NVMLError
        module.nvmlInit = init
        module.nvmlDeviceGetCount = lambda: len(self.millijoules)
        module.nvmlDeviceGetHandleByIndex = lambda index: index
        module.nvmlDeviceGetName = lambda handle: "NVIDIA H200"
        module.nvmlDeviceGetTotalEnergyConsumption = total
        monkeypatch.setitem(sys.modules, "pynvml", module)


def test_every_gpu_is_measured_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Nvml([7_000, 1_000])
    nvml.install(monkeypatch)
    with HostEnergy(powercap=tmp_path) as energy:
        nvml.millijoules = [9_500, 1_100]
    readings = by_source(energy)
    assert readings["NVIDIA H200, GPU 0"].joules == pytest.approx(2.5)
    assert readings["NVIDIA H200, GPU 1"].joules == pytest.approx(0.1)
    assert readings["NVIDIA H200, GPU 0"].boundary == "whole GPU board, all processes"


def test_a_gpu_without_a_counter_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Nvml([None]).install(monkeypatch)
    with HostEnergy(powercap=tmp_path) as energy:
        pass
    reading = by_source(energy)["NVIDIA H200, GPU 0"]
    assert reading.joules is None
    assert "Not Supported" in reading.absent


def test_without_a_driver_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Nvml(driver=False).install(monkeypatch)
    with HostEnergy(powercap=tmp_path) as energy:
        pass
    assert "no NVIDIA GPU" in by_source(energy)["NVIDIA"].absent


def test_gpus_are_left_out_where_the_work_is_not_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Nvml([0]).install(monkeypatch)
    with HostEnergy(gpu=False, powercap=tmp_path) as energy:
        pass
    assert set(by_source(energy)) == {"RAPL"}


def test_an_interrupted_block_has_its_energy_too(zone: Callable[..., Path], tmp_path: Path) -> None:
    package = zone("intel-rapl:0", "package-0", 0)
    energy = HostEnergy(gpu=False, powercap=tmp_path)

    def interrupted() -> None:
        with energy:
            (package / "energy_uj").write_text("2000000")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [reading.joules for reading in energy.readings] == [2.0]
