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
from fer_edge.registers import WEIGHT_BYTES
from fer_edge.synth.synthesize import estimate_placed
from fer_edge.training.evaluate import evaluate

BOARD_FACES = 500


@dataclass(frozen=True)
class Target:
    """What a network was to reach: at most so many bytes and cycles, at least such a share of faces right."""

    weight_bytes: int
    cycles: int | None
    agreement: float | None = None
    accuracy: float | None = None


# The published system's weights and 1.516 ms, and the whole weight memory.
_SMALL, _FAST = 70_572, 75_400
TARGETS = {
    "fernet-plus-nano": Target(_SMALL, _FAST, agreement=0.80),
    "fernet-plus-fast": Target(WEIGHT_BYTES, _FAST, agreement=0.82),
    "fernet-plus": Target(WEIGHT_BYTES, None, agreement=0.84),
    "fernet-nano": Target(_SMALL, _FAST, accuracy=0.67),
    "fernet-nano-res": Target(_SMALL, _FAST, accuracy=0.67),
    "fernet-fast": Target(WEIGHT_BYTES, _FAST, accuracy=0.695),
    "fernet": Target(WEIGHT_BYTES, None, accuracy=0.705),
}


def bench(
    data: str | Path,
    split: str = "test",
    limit: int | None = None,
    port: str | None = None,
    faces: int = BOARD_FACES,
    labels: Path | None = None,
) -> list[dict[str, Any]]:
    """Each shipped network on a split of FER2013: cost (estimated), what its integers get right (measured), and target.

    limit : use a stratified sample of this many faces.
    port : as for `fer-edge bench`; the logits of a sample of `faces` are then compared with that board's.
    labels : FERPlus' votes, for the agreement with the majority of people.

    Returns
    -------
    list of dict : `name`, `split`, `weight_bytes`, `cycles`; `accuracy` on the labels and `agreement` with the votes,
        both as `metrics.scores` gives them, the latter None without `labels`; `target` (a `Target` or None);
        `board_faces` and, of them, `logits_differing`, None without a port.
    """
    return [_row(name, data, split, limit, port, faces, labels) for name in zoo.names()]


def _row(
    name: str, data: str | Path, split: str, limit: int | None, port: str | None, faces: int, labels: Path | None
) -> dict[str, Any]:
    source = Path(zoo.PREFIX + name)
    network = load_network(source)
    cost = estimate_placed(network)[1]
    result = evaluate(network, data, split, limit=limit)
    row: dict[str, Any] = {
        "name": name,
        "split": split,
        "weight_bytes": cost.weight_bytes,
        "cycles": cost.cycles,
        "accuracy": result,
        "agreement": evaluate(network, data, split, limit=limit, labels=labels) if labels else None,
        "target": TARGETS.get(name),
        "board_faces": None,
        "logits_differing": None,
    }
    if port is not None:
        from fer_edge.bench.harness import BenchConfig, run_bench

        on_board = run_bench(BenchConfig(port, source, str(data), split=split, limit=min(faces, result["n"])))
        row |= {"board_faces": on_board.data.images, "logits_differing": on_board.logits.images_differing}
    return row


def render(rows: Sequence[dict[str, Any]]) -> str:
    """What `bench` gives as a Markdown table."""
    lines = [
        "| network | weights | target | cycles (estimated) | target | agreement with people (measured) | target "
        "| accuracy on the labels (measured) | target | board |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        target = row["target"] or Target(0, None)
        cells = [
            row["name"],
            f"{row['weight_bytes']:,} B",
            f"≤ {target.weight_bytes:,} B" if target.weight_bytes else "–",
            f"{row['cycles']:,}",
            f"≤ {target.cycles:,}" if target.cycles else "–",
            _score(row["agreement"]),
            f"≥ {percent(target.agreement)}" if target.agreement else "–",
            _score(row["accuracy"]),
            f"≥ {percent(target.accuracy)}" if target.accuracy else "–",
            _board(row),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _score(result: dict[str, Any] | None) -> str:
    if result is None:
        return "not asked"
    low, high = result["accuracy_95"]
    return f"{percent(result['accuracy'])} ({percent(low)} to {percent(high)}, n = {result['n']:,})"


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
    parser.add_argument("--labels", type=Path, help="FERPlus' fer2013new.csv, for the agreement with people")
    parser.add_argument("--port", help="compare logits with a board: serial port, `auto` or `virtual`")
    arguments = parser.parse_args()
    try:
        rows = bench(arguments.data, arguments.split, port=arguments.port, labels=arguments.labels)
    except FerEdgeError as failure:
        sys.exit(f"fer-edge: {failure}")
    print(render(rows))
    if any(row["logits_differing"] for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    _main()
