"""A program that treats the registers as the vendor's SDK does, with the accelerator code that we generate."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from fer_edge.network import INPUT, IntegerNetwork, Layer, Operator
from fer_edge.simulate import simulate
from fer_edge.synth.synthesize import synthesize
from tests.board.firmware import PROGRAMS, Wire
from tests.present import present

pytest.importorskip("unicorn")

from fer_edge.board import Options
from fer_edge.board.machine import Machine

GCC = "arm-none-eabi-gcc"
FLAGS = "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard -O2 -Wall -Werror -nostartfiles --specs=nano.specs"


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    rng = np.random.default_rng(3)
    layers = tuple(
        Layer(
            name=f"conv{n}",
            operator=Operator.CONV,
            inputs=(n - 1 if n else INPUT,),
            weight=rng.integers(-64, 64, shape, np.int8),
            bias=rng.integers(-64, 64, shape[0], np.int8),
            pad=pad,
            activation="relu" if n == 0 else None,
            output_width=8 if n == 0 else 32,
        )
        for n, (shape, pad) in enumerate((((8, 3, 3, 3), 1), ((7, 8, 3, 3), 0)))
    )
    return IntegerNetwork("small", (3, 3, 3), layers)


def compile_with(folder: Path, directory: Path) -> Path:
    if shutil.which(GCC) is None:
        pytest.skip(f"{GCC} is not installed")
    if subprocess.run([GCC, "-print-file-name=nano.specs"], capture_output=True, text=True).stdout == "nano.specs\n":
        pytest.skip(f"newlib for {GCC} is not installed")
    elf = directory / "vendor.elf"
    vendor = PROGRAMS / "vendor"
    command: list[str | Path] = [GCC, *FLAGS.split(), f"-I{vendor}", f"-I{folder}", "-T", PROGRAMS / "link.ld"]
    subprocess.run([*command, vendor / "sdk.c", vendor / "main.c", folder / "cnn.c", "-o", elf], check=True)
    return elf


def printed(elf: Path, last: str) -> tuple[str, Machine]:
    """What it prints up to `last`, over a line of 115,200 baud whose transmit FIFO holds eight bytes."""
    wire = Wire()
    machine = Machine(elf, wire, Options(line_rate=True))
    give_up = time.monotonic() + 20
    machine.run(lambda: last.encode() in wire.sent or time.monotonic() > give_up)
    return wire.sent.decode(), machine


def test_the_vendors_example_passes_its_known_answer_test(network: IntegerNetwork, tmp_path: Path) -> None:
    synthesis = synthesize(network, tmp_path / "network")
    text, machine = printed(compile_with(tmp_path / "network", tmp_path), "done\r\n")
    assert text.startswith("Waiting...\r\n\r\n*** CNN Inference Test small ***\r\n\r\n*** PASS ***\r\n")
    microseconds = int(present(re.search(r"inference time: (\d+) us\r\n", text))[1])
    # The stopwatch counts steps of 1.28 µs, and starting and stopping it takes register accesses of its own.
    assert synthesis.estimate.cycles / 50 - 2 <= microseconds <= synthesis.estimate.cycles / 50 + 4
    sample = np.random.default_rng(0).integers(-128, 128, (1, *network.input_shape), np.int8)  # the generator's default
    logits = [int(value) for value in re.findall(r"\[\d\] -> (-?\d+)\r\n", text)]
    assert logits == simulate(network, sample)[0].tolist()
    # Boot waits 200 ms for the power supply and 2 s for a debugger.
    green = next(edge for edge in machine.trace if (edge.port, edge.pin, edge.level) == (2, 1, 0))
    assert 2.2 < green.seconds < 2.3
    assert machine.uart.baud_rate == 115_200
    assert machine.accelerator.warnings == []


def test_it_fails_where_one_word_differs(network: IntegerNetwork, tmp_path: Path) -> None:
    folder = tmp_path / "network"
    synthesize(network, folder)
    header = (folder / "sampleoutput.h").read_text()
    first = re.search(r"0x([0-9a-f]{8}), 0xffffffff, 0x[0-9a-f]{8}, \\\n\s*0x([0-9a-f]{8})", header)
    assert first is not None
    wrong = f"{int(first[2], 16) ^ 1:08x}"
    (folder / "sampleoutput.h").write_text(header[: first.start(2)] + wrong + header[first.end(2) :])
    text, _ = printed(compile_with(folder, tmp_path), "FAIL ***")
    assert f"Data mismatch at 0x{first[1]}" in text
    assert "PASS" not in text
