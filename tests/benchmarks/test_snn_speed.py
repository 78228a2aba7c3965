"""All time steps at once, which is what ships, beside one after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from fer_edge.faces import drawn
from fer_edge.models import snn
from fer_edge.training.loop import normalize
from tests.models.test_snn import single_steps

ROUNDS, BATCH = 5, 8


@pytest.fixture
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
@pytest.mark.parametrize("name", ["csnn", "sew-resnet18"])
def test_multi_step_is_no_slower_than_single_steps(name: str) -> None:
    """Forwards and backwards, in processor seconds, so that other programs on the machine do not count."""
    images = normalize(torch.from_numpy(drawn.draw(range(BATCH)))[:, None])
    model = snn.build(name, 7).train()
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "multi-step": model,
        "single steps": lambda images: single_steps(model, images),
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
    assert best["multi-step"] <= best["single steps"]
