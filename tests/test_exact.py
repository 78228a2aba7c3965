"""One network, four readings: simulator, onnxruntime, and the accelerator model fed with the register program.

(PyTorch's integer mode is held to the simulator in tests/training, firmware on the virtual board in tests/board.)
"""

from __future__ import annotations

import tempfile

import numpy as np
import pytest
from hypothesis import given, settings

from fer_edge.board.accelerator import Accelerator
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import activations
from fer_edge.synth import synthesize
from tests.board.reference import configure, load_input, start, word_index
from tests.strategies import inputs_for, networks


def hold_together(network: IntegerNetwork) -> None:
    sample = inputs_for(network, count=1)[0]
    with tempfile.TemporaryDirectory() as folder:
        synthesize(network, folder, sample=sample)
        with np.load(f"{folder}/state.npz") as archive:
            state = dict(archive)
    accelerator = Accelerator()
    accelerator.power(0xF)
    configure(accelerator, state)
    accelerator.data[:] = 0x55  # what earlier inferences left must not matter
    load_input(accelerator, state)
    start(accelerator, state)
    words = accelerator.data.view(np.uint32)[word_index(state["output_addr"])]
    assert np.array_equal(words & state["output_mask"], state["output_value"])
    assert accelerator.cycles() == state["cycles"].tolist()
    assert accelerator.warnings == []
    outputs = activations(network, sample[None])
    assert np.array_equal(state["logits"], outputs[-1].reshape(-1))


@given(networks())
def test_accelerator_computes_what_the_simulator_says(network: IntegerNetwork) -> None:
    hold_together(network)


@pytest.mark.slow
@settings(max_examples=300)
@given(networks(max_layers=7))
def test_accelerator_computes_what_the_simulator_says_for_many_networks(network: IntegerNetwork) -> None:
    hold_together(network)
