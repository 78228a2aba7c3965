"""Which layer of the board goes wrong first: layer by layer, its output in data memory beside the simulator's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_edge import filenames
from fer_edge.bench.device import Device
from fer_edge.bench.link import Refused
from fer_edge.bench.protocol import PROBE_WORDS
from fer_edge.bench.result import LayerDifference, LayerUnknown
from fer_edge.load import load_described
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import activations
from fer_edge.synth.data import output_addresses
from fer_edge.synth.placement import PlacedNetwork
from fer_edge.synth.placer import place


def placed_as(network: IntegerNetwork, source: Path) -> PlacedNetwork:
    """The network as firmware made from `source` has it: as its folder says, else as we place it."""
    if (source / filenames.NETWORK_H).is_file():
        return place(*load_described(source / filenames.ONNX, source / filenames.YAML))
    return place(network)


def first_differing_layer(device: Device, placed: PlacedNetwork, image: np.ndarray) -> LayerDifference | LayerUnknown:
    """The first layer whose output on the board differs from the simulator's, for one image as `Device.infer` takes it.

    BoardError if the line fails.
    """
    answer = device.infer(image)
    expected = [output[0].ravel() for output in activations(placed.network, image[None])]
    if np.array_equal(answer.logits, expected[-1]):
        return LayerUnknown("asked once more, the board gave the simulator's logits")
    last = len(placed.layers) - 1
    try:
        if not np.array_equal(_outputs(device, placed, last), answer.logits):
            return LayerUnknown("the logits are not where this network's placement has them")
        for number, layer in enumerate(placed.network.layers):
            differing = int(np.count_nonzero(_outputs(device, placed, number) != expected[number]))
            if differing:
                return LayerDifference(number, layer.name, differing, int(expected[number].size))
    except Refused as refused:
        return LayerUnknown(f"its firmware does not tell: {refused.what}")
    return LayerUnknown("layer by layer, the board's outputs are the simulator's")


def _outputs(device: Device, placed: PlacedNetwork, number: int) -> NDArray[np.int32]:
    """A layer's output on the board, in C, H, W order: int32 (outputs,)."""
    address = output_addresses(placed, number)
    wanted = np.unique(address & ~3)
    words: dict[int, int] = {}
    while len(wanted):
        start = int(wanted[0])
        near = wanted[wanted < start + 4 * PROBE_WORDS]
        count = (int(near[-1]) - start) // 4 + 1
        read = device.probe(number, start, count)
        words |= {int(at): int(read[(at - start) // 4]) for at in near}
        wanted = wanted[len(near) :]
    word = np.array([words[int(at)] for at in address & ~3], np.uint32)
    if placed.network.layers[number].output_width == 32:
        return word.view(np.int32)
    return (word >> (8 * (address & 3)).astype(np.uint32)).astype(np.uint8).view(np.int8).astype(np.int32)
