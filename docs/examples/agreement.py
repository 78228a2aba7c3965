"""What a network that comes with fer-edge is worth and costs, and whether the virtual board computes it to the bit.

python docs/examples/agreement.py zoo:fernet-nano
"""

import sys
from pathlib import Path

import numpy as np

from fer_edge import load, simulate, zoo
from fer_edge.bench.device import Device
from fer_edge.bench.link import Link
from fer_edge.bench.virtual import virtual_port
from fer_edge.metrics import percent

source = sys.argv[1]
card, network = zoo.card(source.removeprefix(zoo.PREFIX)), load.load_network(source)
images = np.random.default_rng(0).integers(0, 256, (100, *network.image_shape), np.uint8)
inputs = network.device_input(images)
with virtual_port(network, Path(source)) as port, Link(port) as link:
    board = np.array([answer.logits for answer in Device(link).infer_all(inputs)])
equal = int((board == simulate.simulate(network, inputs)).all(axis=1).sum())
accuracy, low, high = map(percent, (card["accuracy"], *card["accuracy_95"]))
print(f"{source}, trained on the photographs of FER2013")
print(f"  accuracy  {accuracy} of its PublicTest (measured, model card; 95 %: {low} to {high})")
print(f"  cost      {card['weight_bytes']:,} bytes of weights, {card['latency_us']:,.0f} µs an inference (estimated)")
print(f"  logits    {equal} of {len(board)} random images on the virtual board as in the simulator, bit for bit")
