"""Quantization-aware training costs little more than float training."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import torch

from fer_edge.faces import drawn
from fer_edge.models import deployable
from fer_edge.models.net import DeployableNet
from fer_edge.training.loop import normalize
from tests.nets import deployable_net

ROUNDS, STEPS = 5, 3


def seconds_per_step(net: DeployableNet, images: torch.Tensor) -> float:
    start = time.perf_counter()
    for _ in range(STEPS):
        net.zero_grad()
        net(images).square().mean().backward()
    return (time.perf_counter() - start) / STEPS


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", deployable.names())
def test_a_qat_step_takes_at_most_a_quarter_longer_than_a_float_step(name: str) -> None:
    images = normalize(torch.from_numpy(drawn.draw(range(64)))[:, None])
    nets = {}
    for mode in ("float", "qat"):
        torch.manual_seed(0)
        nets[mode] = deployable_net(name).to(memory_format=torch.channels_last).train()
    nets["qat"].start_qat()
    seconds: dict[str, list[float]] = {"float": [], "qat": []}
    for _ in range(ROUNDS):  # in turn, so that whatever else the machine does slows both
        for mode, net in nets.items():
            seconds[mode].append(seconds_per_step(net, images))
    best = {mode: min(values) for mode, values in seconds.items()}
    print(f"\n{name}: float {64 / best['float']:.0f} images/s, QAT {64 / best['qat']:.0f} images/s")
    assert best["qat"] < 1.25 * best["float"]
