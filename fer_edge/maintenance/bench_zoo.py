"""`make bench-zoo`: what the shipped networks are worth, counted anew from their files, beside what was aimed at."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_edge import zoo
from fer_edge.errors import FerEdgeError
from fer_edge.load import load_network
from fer_edge.metrics import percent
from fer_edge.synth.synthesize import estimate_placed
from fer_edge.training.evaluate import evaluate

BOARD_FACES = 500


@dataclass(frozen=True)
class Target:
    """What a network was to reach: at most so many bytes and cycles, at least so many right."""

    weight_bytes: int
    cycles: int | None
    accuracy: float


# The published system's weights and 1.516 ms, and the whole weight memory.
TARGETS = {
    "fernet-nano": Target(70_572, 75_400, 0.65),
    "fernet-fast": Target(442_368, 75_400, 0.69),
    "fernet": Target(442_368, None, 0.71),
}


def bench(
    data: str | Path, split: str = "test", limit: int | None = None, port: str | None = None, faces: int = BOARD_FACES
) -> list[dict[str, Any]]:
    """Each shipped network on a split of FER2013: cost (estimated), accuracy of its integers (measured), and target.

    limit : use a stratified sample of this many faces.
    port : as for `fer-edge bench`; the logits of a sample of `faces` are then compared with that board's.

    Returns
    -------
    list of dict : `name`, `split`, `weight_bytes`, `cycles`, `n`, `accuracy`, `accuracy_95`; `target` (a `Target` or
        None); `board_faces` and, of them, `logits_differing`, None without a port.
    """
    return [_row(name, data, split, limit, port, faces) for name in zoo.names()]


def _row(name: str, data: str | Path, split: str, limit: int | None, port: str | None, faces: int) -> dict[str, Any]:
    source = Path(zoo.PREFIX + name)
    network = load_network(source)
    cost = estimate_placed(network)[1]
    result = evaluate(network, data, split, limit=limit)
    row: dict[str, Any] = {
        "name": name,
        "split": split,
        "weight_bytes": cost.weight_bytes,
        "cycles": cost.cycles,
        **{key: result[key] for key in ("n", "accuracy", "accuracy_95")},
        "target": TARGETS.get(name),
        "board_faces": None,
        "logits_differing": None,
    }
    if port is not None:
        from fer_edge.bench.harness import BenchConfig, run_bench

        output = Path("bench_out/zoo") / name
        on_board = run_bench(
            BenchConfig(port, source, str(data), split=split, limit=min(faces, result["n"]), output_dir=output)
        )
        row |= {"board_faces": on_board["n"], "logits_differing": on_board["logits"]["images_differing"]}
    return row


def render(rows: Sequence[dict[str, Any]]) -> str:
    """What `bench` gives as a Markdown table."""
    lines = [
        f"| network | weights | target | cycles (estimated) | target | accuracy (measured, {rows[0]['split']}, "
        f"n = {rows[0]['n']:,}) | 95 % | target | board |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        target = row["target"]
        low, high = row["accuracy_95"]
        cells = [
            row["name"],
            f"{row['weight_bytes']:,} B",
            f"≤ {target.weight_bytes:,} B" if target else "–",
            f"{row['cycles']:,}",
            f"≤ {target.cycles:,}" if target and target.cycles else "–",
            percent(row["accuracy"]),
            f"{percent(low)} to {percent(high)}",
            f"≥ {percent(target.accuracy)}" if target else "–",
            _board(row),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _board(row: dict[str, Any]) -> str:
    if row["logits_differing"] is None:
        return "not asked"
    if row["logits_differing"]:
        return f"logits DIFFER on {row['logits_differing']:,} of {row['board_faces']:,} faces"
    return f"logits equal on {row['board_faces']:,} faces"


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fer_edge.maintenance.bench_zoo", description=__doc__)
    parser.add_argument("data", help="FER2013, as a folder or Kaggle's fer2013.csv")
    parser.add_argument("--split", default="test", help="which faces")
    parser.add_argument("--port", help="compare logits with a board: serial port, `auto` or `virtual`")
    arguments = parser.parse_args()
    try:
        rows = bench(arguments.data, arguments.split, port=arguments.port)
    except FerEdgeError as failure:
        sys.exit(f"fer-edge: {failure}")
    print(render(rows))
    if any(row["logits_differing"] for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    _main()
