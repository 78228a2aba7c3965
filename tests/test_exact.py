"""One network, many readings: simulator, accelerator model, and firmware on the virtual board.

onnxruntime is held to the simulator in tests/synth, PyTorch's integer mode in tests/ai8x and tests/models.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fer_edge.bench.device import Device
from fer_edge.bench.link import Link
from fer_edge.bench.protocol import INFER_REPLY, MAX_PAYLOAD
from fer_edge.board.accelerator import Accelerator
from fer_edge.errors import NetworkError
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import activations, simulate
from fer_edge.synth.synthesize import estimate_placed, synthesize
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


def has_room(network: IntegerNetwork) -> bool:
    """Whether its weights and data find room, which many channels do not always."""
    try:
        estimate_placed(network)
    except NetworkError:
        return False
    return True


@given(networks())
def test_accelerator_computes_what_the_simulator_says(network: IntegerNetwork) -> None:
    hold_together(network)


@pytest.mark.slow
@settings(max_examples=300)
@given(networks(max_layers=5, channels=st.sampled_from([2, 5, 64, 127, 129, 193, 320, 500])).filter(has_room))
def test_accelerator_computes_what_the_simulator_says_for_many_passes(network: IntegerNetwork) -> None:
    hold_together(network)


@pytest.mark.slow
@settings(max_examples=300)
@given(networks(max_layers=7))
def test_accelerator_computes_what_the_simulator_says_for_many_networks(network: IntegerNetwork) -> None:
    hold_together(network)


def fits_a_frame(network: IntegerNetwork) -> bool:
    """Whether the firmware can send its outputs; with more it is not built, as tests/firmware/test_build.py has it."""
    return INFER_REPLY.size + 4 * math.prod(network.output_shape) <= MAX_PAYLOAD


def hold_firmware(network: IntegerNetwork) -> None:
    from fer_edge.board import VirtualBoard

    firmware = Path(__file__).parents[1] / "firmware"
    inputs = inputs_for(network, count=3)
    with tempfile.TemporaryDirectory() as folder:
        synthesize(network, f"{folder}/network", sample=inputs[1])
        command = ["make", "-s", "-C", str(firmware), f"NETWORK={folder}/network", f"BUILD={folder}/build"]
        made = subprocess.run(command, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        with VirtualBoard(Path(folder, "build", "fer_edge.elf")) as port, Link(port) as link:
            device = Device(link)
            assert device.hello().network_hash == network.content_hash
            assert device.selftest().differing == 0
            answers = [list(device.infer(image).logits) for image in inputs]
    assert answers == simulate(network, inputs).tolist()


@pytest.mark.skipif(not shutil.which("arm-none-eabi-gcc"), reason="no arm-none-eabi-gcc")
@settings(max_examples=3, phases=[Phase.generate])
@given(networks().filter(fits_a_frame))
def test_firmware_on_the_virtual_board_answers_what_the_simulator_says(network: IntegerNetwork) -> None:
    hold_firmware(network)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("arm-none-eabi-gcc"), reason="no arm-none-eabi-gcc")
@settings(max_examples=30, phases=[Phase.generate])
@given(networks(max_layers=7).filter(fits_a_frame))
def test_firmware_answers_what_the_simulator_says_for_more_networks(network: IntegerNetwork) -> None:
    hold_firmware(network)
