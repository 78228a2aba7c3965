"""Faces as MLPerf Tiny's runner wants its data sets: `python docs/examples/mlperf_dataset.py FER2013 fernet-nano`.

Writes mlperf/<network>/y_labels.csv with a raw file of 48×48 bytes for each face, and the scripts mlperf/tests_*.yaml.
"""

import sys
from pathlib import Path

from fer_edge.faces import CLASSES, load

SCRIPTS = {"accuracy": ("loop", "infer 1 0"), "performance": ("loop 5", "infer 8500 10")}


def write(data: str, network: str, folder: Path = Path("mlperf"), limit: int | None = None) -> None:
    faces = load(data, "test", limit)
    (folder / network).mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (image, label) in enumerate(zip(faces.images, faces.labels, strict=True)):
        (folder / network / f"{number:05d}.bin").write_bytes(image.tobytes())
        rows.append(f"{number:05d}.bin,{len(CLASSES)},{label}\n")
    (folder / network / "y_labels.csv").write_text("".join(rows))
    for mode, (loop, infer) in SCRIPTS.items():
        test = f"{network}:\n  name: faces\n  model: {network}\n  truth_file: y_labels.csv\n"
        script = f"  script:\n    - {loop}:\n      - download\n      - {infer}\n"
        (folder / f"tests_{mode}.yaml").write_text(test + script)


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2])
