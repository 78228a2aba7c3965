"""Ten thousand images through a virtual board on a bad line, and a bench that is killed half way."""

import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_edge.bench.harness import BenchConfig, run_bench
from fer_edge.bench.result import Logits
from fer_edge.bench.virtual import elf_for
from fer_edge.board import Faults, VirtualBoard
from fer_edge.faces import drawn, load
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import simulate
from tests.present import present

pytestmark = [
    pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("unicorn") is None, reason="unicorn is not installed"),
]

COUNT = 10_000
# Per byte, so that about one image in fifty suffers: an image is 2,314 bytes there and 48 back.
FAULTS = Faults(
    11, drop=3e-6, flip=3e-6, duplicate=2e-6, delay=1e-6, delay_seconds=0.02, cut=2e-7, cut_seconds=0.1, reset=1e-7
)


def drawn_faces(path: Path) -> Path:
    """So many drawn faces, as a file: the source `drawn` itself has fewer."""
    lines = ["emotion,pixels,Usage"]
    for number, image in enumerate(drawn.draw(range(COUNT))):
        lines.append(f"{number % 7},{' '.join(map(str, image.ravel().tolist()))},PublicTest")
    path.write_text("\n".join(lines) + "\n")
    return path


def answered(folder: Path) -> int:
    """Answers in the unfinished file."""
    return sum(len(path.read_bytes().splitlines()) - 1 for path in folder.glob("*.unfinished.jsonl"))


def run_and_kill(config: BenchConfig, script: Path, after: int) -> None:
    """A bench in a process of its own that is killed once it has so many answers."""
    script.write_text(
        "from pathlib import PosixPath\n"
        "from fer_edge.bench.harness import BenchConfig, MeterConfig, run_bench\n"
        f"run_bench({config!r})\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stderr=subprocess.DEVNULL) as process:
        while answered(present(config.output_dir)) < after and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "it ended by itself"


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    """What an image's answer must be in every run. Bytes that arrive late make the board's processor late, too."""
    times = ("seconds", "retries", "cycles", "microseconds")
    return {name: value for name, value in record.items() if name not in times}


@pytest.mark.slow
def test_on_a_bad_line_and_killed_half_way_nothing_is_lost_and_nothing_scored_twice(
    network: IntegerNetwork, checkpoint_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    elf = elf_for(network, checkpoint_path)
    data = str(drawn_faces(tmp_path / "faces.csv"))
    with VirtualBoard(elf, faults=FAULTS) as port:
        config = BenchConfig(port, checkpoint_path, data, output_dir=tmp_path / "bad")
        run_and_kill(config, tmp_path / "bench.py", COUNT // 2)
        kept = answered(tmp_path / "bad")
        result = run_bench(config)
    assert COUNT // 2 <= kept < COUNT
    assert result.retries > 0, "nothing went wrong"
    assert result.logits == Logits(7 * COUNT, 0, [])
    assert sum(map(sum, result.scores["confusion"])) == result.scores["n"] == COUNT

    records = [json.loads(line) for line in (tmp_path / "bad/answers.jsonl").read_text().splitlines()[1:]]
    assert [record["image"] for record in records] == list(range(COUNT))
    faces = load(data, "test")
    expected = simulate(network, network.device_input(faces.images))
    for record, name, label, logits in zip(records, faces.names, faces.labels, expected, strict=True):
        assert (record["name"], record["label"], record["logits"]) == (name, label, logits.tolist())
        assert record["predicted"] == np.argmax(logits)

    with VirtualBoard(elf) as port:
        uninterrupted = run_bench(replace(config, port=port, output_dir=tmp_path / "good"))
    lines = (tmp_path / "good/answers.jsonl").read_text().splitlines()[1:]
    assert list(map(without_times, records)) == [without_times(json.loads(line)) for line in lines]
    assert (result.scores, result.logits) == (uninterrupted.scores, uninterrupted.logits)
