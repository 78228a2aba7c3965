"""What a network that comes with fer-edge is worth and costs, and whether the virtual board computes it to the bit.

python docs/examples/agreement.py zoo:fernet-plus-nano
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
print(f"{source}, trained on the photographs of FER2013; measured on its PublicTest, by the model card:")
for metric, meaning in {"agreement": "of faces as most of ten people say", "accuracy": "of FER2013's labels"}.items():
    share, low, high = map(percent, (card[metric], *card[f"{metric}_95"]))
    print(f"  {metric:9} {share} {meaning} (95 %: {low} to {high})")
print(f"  cost      {card['weight_bytes']:,} bytes of weights, {card['latency_us']:,.0f} µs an inference (estimated)")
print(f"  logits    {equal} of {len(board)} random images on the virtual board as in the simulator, bit for bit")
