"""The trace of a bench, opened by a parser, and its energy beside the report's."""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from fer_edge import cli
from fer_edge.bench.duty import MIN_FRAMES, DutyConfig
from fer_edge.bench.duty import MODES as EVERY_MODE
from fer_edge.bench.harness import BenchConfig, run_bench
from fer_edge.bench.protocol import Rest, Wait
from fer_edge.bench.result import BenchResult
from fer_edge.bench.virtual import elf_for
from fer_edge.errors import FerEdgeError
from fer_edge.network import IntegerNetwork
from fer_edge.power import ACTIVE
from tests.timelines import Trace, parse

pytestmark = [
    pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("unicorn") is None, reason="unicorn is not installed"),
]
PHASES, ENERGY = "phase (estimated)", "estimated energy [µJ]"
FACES = 7
# A processor that waits awake looks like one at work, and loading weights is reckoned by the vendor's time.
MODES = tuple(mode for mode in EVERY_MODE if mode.wait != Wait.BUSY and mode.rest != Rest.OFF)


@pytest.fixture(scope="module")
def run(
    checkpoint_path: Path, faces_folder: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[BenchResult, Trace]:
    folder = tmp_path_factory.mktemp("traced")
    trace = folder / "run.json"
    duty = DutyConfig((20.0,), MODES)
    config = BenchConfig(
        "virtual", checkpoint_path, faces_folder, limit=FACES, output_dir=folder, trace=trace, duty=duty
    )
    return run_bench(config), parse(json.loads(trace.read_text()))


def test_phases_follow_each_other_without_a_gap(run: tuple[BenchResult, Trace]) -> None:
    phases = run[1].spans[PHASES]
    assert phases[0][1] == 0
    assert all(before[2] == after[1] for before, after in pairwise(phases))
    assert {"run", "load weights", "load", "infer", "read"} <= {name for name, _, _ in phases}


def test_the_accumulated_energy_is_that_of_all_phases(run: tuple[BenchResult, Trace]) -> None:
    trace = run[1]
    whole = sum(power_at(trace, t) * (u - t) * 1e-3 for _, t, u in trace.spans[PHASES])
    assert trace.counters[ENERGY][-1][1] == pytest.approx(whole, rel=1e-6)


def power_at(trace: Trace, time: float) -> float:
    """Milliwatts; the phase that begins then counts."""
    return trace.value("estimated power [mW]", at=time)


def windows(trace: Trace) -> list[tuple[float, float]]:
    """In which the trigger is high."""
    _, *edges = trace.counters["pin P1.6"]  # undriven at first, which is high
    return [(up, down) for (up, level), (down, _) in pairwise(edges) if level]


def between(trace: Trace, begin: float, end: float) -> list[tuple[str, float, float]]:
    return [(phase, max(begin, t), min(end, u)) for phase, t, u in trace.spans[PHASES] if t < end and u > begin]


def energy_of(trace: Trace, phases: list[tuple[str, float, float]]) -> float:
    return sum(power_at(trace, t) * (u - t) * 1e-3 for _, t, u in phases)


def test_a_duty_cycles_energy_is_that_of_the_boards_states_in_every_mode(run: tuple[BenchResult, Trace]) -> None:
    """The report's comes from the times that the firmware tells, the timeline's from what the board saw it do."""
    result, trace = run
    assert result.duty is not None
    assert len(result.duty.cycles) == len(MODES)
    for cycle, (begin, end) in zip(result.duty.cycles, windows(trace)[2:], strict=True):
        assert cycle.energy is not None
        assert end - begin == pytest.approx(MIN_FRAMES * 50_000, rel=0.002)
        phases = between(trace, begin, end)
        assert energy_of(trace, phases) / MIN_FRAMES == pytest.approx(cycle.energy.value, rel=0.01), cycle
        name = cycle.wait if cycle.wait == "sleep" else cycle.wait.upper()
        assert sum(u - t for phase, t, u in phases if phase == name) > 0.9 * (end - begin)


def test_the_sum_of_a_frames_phases_is_its_energy_and_the_reports(run: tuple[BenchResult, Trace]) -> None:
    """The windows in which the report's energy is found are those in which the trigger is high."""
    result, trace = run
    for name, (begin, end) in zip(("load_input", "infer"), windows(trace)[:2], strict=True):
        window = result.energy.windows[name]
        assert window.energy is not None
        inside = between(trace, begin, end)
        assert sum(u - t for _, t, u in inside) == pytest.approx(1e6 * window.seconds, abs=10)
        energy = energy_of(trace, inside)
        # The board counts whole µs: of a window once, of its inferences each.
        assert energy == pytest.approx(window.count * window.energy.value, abs=(window.count + 10) * ACTIVE.mw * 1e-3)
    frame = {phase.name: phase for phase in result.energy.phases}
    assert sum(phase.energy.value for phase in frame.values()) == pytest.approx(result.energy.whole.energy.value)
    for name in ("load", "infer"):
        of_trace = sum(u - t for part, t, u in inside if part == name) / window.count
        assert frame[name].time.value == pytest.approx(of_trace, abs=6)  # a stretch of instructions is 5 µs
    inferences = [u - t for phase, t, u in inside if phase == "infer"]
    assert len(inferences) == result.energy.windows["infer"].count
    assert sum(inferences) / len(inferences) == pytest.approx(result.latency.median.value, abs=1)


def test_the_accelerators_layers_have_their_names(run: tuple[BenchResult, Trace], network: IntegerNetwork) -> None:
    result, trace = run
    layers = [span for span in trace.spans["accelerator"] if span[0] == "0: conv1"]
    inferences = [span for span in trace.spans["accelerator"] if span[0] == "inference"]
    assert [(start, end) for _, start, end in layers] == [(start, end) for _, start, end in inferences]
    assert len(inferences) >= FACES + result.energy.windows["infer"].count


def test_the_command_names_the_trace(checkpoint_path: Path, faces_folder: str, tmp_path: Path) -> None:
    trace = tmp_path / "run.json"
    words = ["bench", "--port", "virtual", "--network", str(checkpoint_path), "--data", faces_folder, "--limit", "1"]
    done = CliRunner().invoke(cli.main, [*words, "--output-dir", str(tmp_path), "--trace", str(trace)])
    assert done.stdout.endswith(f"\nwritten: {trace}\n")


def test_only_a_virtual_board_leaves_a_trace(checkpoint_path: Path, faces_folder: str, tmp_path: Path) -> None:
    config = BenchConfig("/dev/null", checkpoint_path, faces_folder, output_dir=tmp_path, trace=tmp_path / "run.json")
    with pytest.raises(FerEdgeError, match="Only --port virtual leaves a trace, not /dev/null"):
        run_bench(config)


def test_ctrl_c_leaves_whole_files(network: IntegerNetwork, checkpoint_path: Path, tmp_path: Path) -> None:
    elf, trace, vcd = elf_for(network, checkpoint_path), tmp_path / "run.json", tmp_path / "run.vcd"
    command = [sys.executable, "-m", "fer_edge.cli", "board", str(elf), "--trace", str(trace), "--vcd", str(vcd)]
    with subprocess.Popen([*command, "--trace-calls"], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as board:
        assert board.stdout is not None
        with open(board.stdout.readline().decode().strip(), "rb", buffering=0) as port:
            assert port.read(1)  # it says that it is ready
        assert not trace.exists()
        board.send_signal(signal.SIGINT)
        assert board.wait(30) == 0
    parsed = parse(json.loads(trace.read_text()))
    assert {"main", "inference_init", "cnn_load_weights"} <= {name for name, _, _ in parsed.spans["function"]}
    assert "$enddefinitions $end" in vcd.read_text(encoding="ascii")
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "run.vcd"}


@pytest.mark.parametrize("options", [["--trace-calls"], ["--trace-calls", "--trace", "run.json", "--gdb", "0"]])
def test_calls_go_with_a_trace_and_without_gdb(options: list[str]) -> None:
    result = CliRunner().invoke(cli.main, ["board", "fer_edge.elf", *options])
    assert result.exit_code == 2
    assert "--trace-calls goes with --trace or --vcd, and not with --gdb" in " ".join(result.output.split())
