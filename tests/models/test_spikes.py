"""Spikes and synaptic operations, against counting one by one."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from spikingjelly.activation_based import layer
from torch import Tensor, nn

from fer_edge.models import snn, spikes
from fer_edge.models.snn import IF, SpikingNet
from fer_edge.models.spikes import energy, macs, spike_metrics, synaptic_operations


@given(
    size=st.integers(1, 7),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 1),
    groups=st.sampled_from([1, 2]),
    seed=st.integers(0, 1000),
)
def test_every_spike_counts_the_outputs_it_reaches(
    size: int, kernel: int, stride: int, padding: int, groups: int, seed: int
) -> None:
    conv = nn.Conv2d(2, 4, kernel, stride, padding, groups=groups)
    if size + 2 * padding < kernel:
        return
    values = torch.randint(0, 3, (2, 2, size, size), generator=torch.Generator().manual_seed(seed)).float()
    outputs = (size + 2 * padding - kernel) // stride + 1
    starts = [stride * i - padding for i in range(outputs)]  # the first pixel that each output sees
    expected = 0.0
    for _, _, row, column in values.nonzero().tolist():
        rows = sum(start <= row < start + kernel for start in starts)
        columns = sum(start <= column < start + kernel for start in starts)
        expected += rows * columns * 4 // groups
    doubled = (values == 2).float()
    assert synaptic_operations(conv, (values > 0).float()) == expected
    assert synaptic_operations(conv, values) == expected + synaptic_operations(conv, doubled)


@given(st.integers(0, 1000), st.integers(1, 3))
def test_spikes_are_followed_through_pooling(seed: int, steps: int) -> None:
    """A convolution behind max pooling, and a linear layer behind average pooling, counted by hand from the spikes."""
    torch.manual_seed(seed)
    static = nn.Sequential(layer.Conv2d(1, 2, 3, stride=6, padding=1), layer.BatchNorm2d(2))
    first, second = IF(), IF()
    spiking = nn.Sequential(
        *(first, layer.MaxPool2d(2), layer.Conv2d(2, 3, 3, padding=1), layer.BatchNorm2d(3), second),
        *(layer.AdaptiveAvgPool2d(1), layer.Flatten(), layer.Linear(3, 7)),
    )
    model = SpikingNet(static, spiking, steps, "cross-entropy")
    nn.init.normal_(spiking[3].bias)  # type: ignore[arg-type]
    seen: dict[IF, list[Tensor]] = {first: [], second: []}
    for node in seen:
        node.register_forward_hook(lambda module, _, output: seen[module].append(output))

    images = torch.randn(3, 1, 48, 48)
    metrics = spike_metrics(model, images, batch=2)

    fired = {node: torch.cat([part.flatten(0, 1) for part in parts]) for node, parts in seen.items()}
    assert [n.name for n in metrics.neurons] == ["spiking.0", "spiking.4"]
    assert [n.neurons for n in metrics.neurons] == [2 * 8 * 8, 3 * 4 * 4]
    assert [n.spikes for n in metrics.neurons] == pytest.approx([fired[n].sum().item() / 3 for n in (first, second)])
    assert metrics.rate == pytest.approx(sum(f.sum().item() for f in fired.values()) / (3 * steps * (128 + 48)))
    assert metrics.sparsity == pytest.approx(1 - metrics.rate)

    pooled = fired[first].unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2))
    conv = 0
    for _, _, row, column in pooled.nonzero().tolist():
        conv += 3 * sum(0 <= row + r < 4 and 0 <= column + c < 4 for r in (-1, 0, 1) for c in (-1, 0, 1))
    linear = 7 * fired[second].sum().item()
    assert [s.synops for s in metrics.synapses] == pytest.approx([conv / 3, linear / 3])
    assert metrics.synops == pytest.approx((conv + linear) / 3)
    assert metrics.macs == 2 * 8 * 8 * 9
    assert metrics.energy.value == pytest.approx((4.6 * metrics.macs + 0.9 * metrics.synops) * 1e-6)


def test_metrics_leave_the_network_as_it_was() -> None:
    model = snn.build("snn-fc", 7).train()
    images = torch.rand(3, 1, 48, 48)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    metrics = spike_metrics(model, images)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert json.loads(json.dumps(metrics.to_dict()))["energy"]["kind"] == "assumed"
    assert f"{spikes.PUBLISHED_RATE:.2%}" in metrics.report()
    assert "assumed" in metrics.report()


def test_macs_of_convolutions_and_linear_layers() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2), nn.Flatten())
    model.append(nn.Linear(4 * 21 * 21, 7))
    assert macs(model) == 23 * 23 * 4 * 9 + 21 * 21 * 4 * 2 * 9 + 4 * 21 * 21 * 7


def test_macs_of_a_spiking_network_count_every_step() -> None:
    assert macs(snn.build("snn-fc", 7)) == 2304 * 512 + 4 * (512 * 128 + 128 * 7)


def test_energy_is_assumed() -> None:
    figure = energy(macs=1_000_000, synops=2_000_000)
    assert figure.value == pytest.approx(6.4)
    assert (figure.unit, figure.kind) == ("µJ", "assumed")
