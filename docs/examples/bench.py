"""The firmware's own answers, compared logit by logit: `python docs/examples/bench.py zoo:fernet-nano FER2013 out`.

The port `virtual` builds the firmware and runs it on the virtual board; with a MAX78000FTHR say `auto`.
"""

import sys
from pathlib import Path

from fer_edge.bench.harness import BenchConfig, BenchResult, run_bench
from fer_edge.metrics import percent


def run(name: str, data: str, folder: Path, port: str = "virtual", limit: int | None = None) -> BenchResult:
    result = run_bench(BenchConfig(port, Path(name), data, limit=limit, output_dir=folder))
    print(f"{result.logits.compared:,} logits compared; faces with a difference: {result.logits.images_differing}")
    print(f"accuracy {percent(result.scores['accuracy'])} (measured); the report is {folder / 'report.html'}")
    return result


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
