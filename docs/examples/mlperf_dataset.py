"""Faces for MLPerf Tiny's runner, into mlperf/: `python docs/examples/mlperf_dataset.py FER2013 zoo:fernet-nano`."""

import argparse
from pathlib import Path

from fer_edge import errors, faces, load


def write(data: str, source: str, folder: Path = Path("mlperf"), limit: int | None = None) -> None:
    network, found = load.load_network(source), faces.load(data, "test", limit)
    name, classes, rows = network.name, network.classes or found.classes, ""
    if unknown := set(found.classes) - set(classes):
        raise errors.DataError(f"{name} does not know {', '.join(sorted(unknown))}.", "Give faces of its classes.")
    (folder / name).mkdir(parents=True, exist_ok=True)
    for number, (image, label) in enumerate(zip(found.images, found.labels, strict=True)):
        (folder / name / f"{number:05d}.bin").write_bytes(image.tobytes())
        rows += f"{number:05d}.bin,{len(classes)},{classes.index(found.classes[label])}\n"
    (folder / name / "y_labels.csv").write_text(rows)
    for mode, loop, infer in (("accuracy", "loop", "infer 1 0"), ("performance", "loop 5", "infer 8500 10")):
        test = f"{name}:\n  name: faces\n  model: {name}\n  truth_file: y_labels.csv\n  script:\n"
        (folder / f"tests_{mode}.yaml").write_text(f"{test}    - {loop}:\n      - download\n      - {infer}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(usage="%(prog)s FACES NETWORK", description=__doc__)
    parser.add_argument("arguments", nargs=2, metavar="FACES and NETWORK", help=argparse.SUPPRESS)
    try:
        write(*parser.parse_args().arguments)
    except errors.FerEdgeError as error:
        parser.exit(1, f"{error}\n")
