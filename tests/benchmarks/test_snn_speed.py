"""All time steps at once in few passes over memory, which is what ships, beside SpikingJelly's ways, and few steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from fer_edge.faces import drawn
from fer_edge.models import snn
from fer_edge.models.snn import SpikingNet
from fer_edge.training.loop import normalize
from tests.models.test_snn import single_steps

ROUNDS, BATCH = 5, 8


def spikingjellys_multi_step(model: SpikingNet, images: Tensor) -> Tensor:
    """`model` with the multi-step mode of its neurons' base classes."""
    ours = snn.FewerPasses.multi_step_forward
    del snn.FewerPasses.multi_step_forward
    try:
        rates: Tensor = model(images)
    finally:
        snn.FewerPasses.multi_step_forward = ours  # type: ignore[method-assign]
    return rates


@pytest.fixture
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
@pytest.mark.parametrize("name", ["csnn", "sew-resnet18"])
def test_what_ships_is_no_slower_than_spikingjellys_ways(name: str) -> None:
    """Forwards and backwards, in processor seconds, so that other programs on the machine do not count."""
    images = normalize(torch.from_numpy(drawn.draw(range(BATCH)))[:, None])
    model = snn.build(name, 7).train()
    quarter = snn.build(name, 7, model.steps // 4).train()
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "as shipped": model,
        "SpikingJelly's multi-step": lambda images: spikingjellys_multi_step(model, images),
        "single steps": lambda images: single_steps(model, images),
        "a quarter of the steps": quarter,
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, forward in ways.items():
            model.zero_grad()
            start = time.process_time()
            forward(images).square().mean().backward()
            seconds[way].append(time.process_time() - start)
    best = {way: min(taken) for way, taken in seconds.items()}
    print(f"\n{name}: " + ", ".join(f"{way} {BATCH / taken:.1f} images/s" for way, taken in best.items()))
    assert best["as shipped"] <= min(best["SpikingJelly's multi-step"], best["single steps"])
    assert best["a quarter of the steps"] <= best["as shipped"] / 2
