"""From a trained network to C, and its exact answers: `python docs/examples/synthesize.py zoo:fernet-nano FER2013 out`.

The first argument is anything that holds a network: a quantized checkpoint, a folder `fer-edge synth` wrote, zoo:NAME.
"""

import sys
from pathlib import Path

from fer_edge.faces import load
from fer_edge.load import load_network
from fer_edge.metrics import percent, score, simulate_faces
from fer_edge.synth.synthesize import synthesize


def run(name: str, data: str, folder: Path, limit: int | None = None) -> float:
    network = load_network(name)
    print(synthesize(network, folder).summary())
    faces = load(data, "test", limit)
    accuracy: float = score(faces, simulate_faces(network, faces), network.classes)["accuracy"]
    print(f"{percent(accuracy)} of {len(faces):,} faces right (measured), as the board will answer")
    return accuracy


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
