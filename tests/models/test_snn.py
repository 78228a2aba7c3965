"""Spiking networks: as large as published, each call by itself, able to learn."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from spikingjelly.activation_based import functional
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge import models
from fer_edge.faces import CLASSES, drawn
from fer_edge.models import snn
from fer_edge.models.snn import SpikingNet
from fer_edge.training.config import TrainConfig
from fer_edge.training.loop import new_optimizer, normalize
from tests.present import present

SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("csnn-1conv", "csnn", "sew-resnet18")]


@pytest.fixture(scope="module")
def faces() -> Tensor:
    return normalize(torch.from_numpy(drawn.draw(range(64)))[:, None])


def net(name: str) -> SpikingNet:
    torch.manual_seed(0)
    return snn.build(name, 7)


def firing_net(name: str) -> SpikingNet:
    """Weights so large that neurons of every layer fire."""
    model = net(name)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.weight.data.mul_(5)
    return model


def single_steps(model: SpikingNet, images: Tensor) -> Tensor:
    """What SpikingJelly's single-step mode gives, one step after another; `model` as it was."""
    functional.set_step_mode(model.spiking, "s")
    current = model.static(images)
    rates = torch.stack([model.spiking(current) for _ in range(model.steps)]).mean(0)
    functional.reset_net(model.spiking)
    functional.set_step_mode(model.spiking, "m")
    return rates


def parameters(modules: nn.Module, kind: type[nn.Module]) -> list[int]:
    return [sum(p.numel() for p in m.parameters()) for m in modules.modules() if isinstance(m, kind)]


def test_csnn_is_as_large_as_published() -> None:
    model = net("csnn")
    assert parameters(model, nn.Conv2d) == [1_280, 147_584]
    assert parameters(model, nn.BatchNorm2d) == [256, 256]
    assert parameters(model, nn.Linear) == [21_234_816, 147_584, 903]
    assert sum(p.numel() for p in model.parameters()) == 21_532_679


def test_sew_resnet18_is_as_large_as_published() -> None:
    assert sum(p.numel() for p in net("sew-resnet18").parameters()) == pytest.approx(11.2e6, rel=0.005)


@pytest.mark.parametrize("name", snn.BUILDERS)
def test_a_call_does_not_depend_on_the_one_before(name: str, faces: Tensor) -> None:
    model = net(name).eval()
    first = model(faces[:2])
    assert first.shape == (2, len(CLASSES))
    assert torch.equal(model(faces[:2]), first)
    torch.testing.assert_close(model(faces[:3])[:2], first)  # another batch size
    with pytest.raises(RuntimeError):
        model(faces[:2, :, :8, :8].repeat(1, 2, 1, 1))  # two channels
    assert torch.equal(model(faces[:2]), first)


@pytest.mark.parametrize("name", snn.BUILDERS)
def test_all_steps_at_once_are_the_steps_one_by_one(name: str, faces: Tensor) -> None:
    model = firing_net(name).train()
    model(faces[:2])  # statistics of batch norm that are not the initial ones
    model.eval()
    rates = model(faces[:2])
    assert rates.unique().numel() > 1
    torch.testing.assert_close(rates, single_steps(model, faces[:2]))


@pytest.mark.parametrize("name", snn.BUILDERS)
def test_gradients_reach_every_weight_under_autocast_too(name: str, faces: Tensor) -> None:
    model = firing_net(name).to(memory_format=torch.channels_last).train()
    with torch.autocast("cpu", torch.bfloat16):
        output = model(faces[:2])
    (output.float() - 0.5).square().sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    weights = [p for p in model.parameters() if p.ndim > 1]
    assert all(present(p.grad).any() for p in weights)


@pytest.mark.parametrize("neurons", [snn.IF, snn.LIF])
def test_fewer_passes_give_spikingjellys_spikes_and_gradients(neurons: type[snn.IF | snn.LIF]) -> None:
    node, wanted = neurons(), torch.randn(5, 3, 4, 7)
    currents = (1.5 * torch.randn(5, 3, 4, 7)).requires_grad_()
    results: list[tuple[Tensor, Tensor]] = []
    for mode in "ms":
        functional.set_step_mode(node, mode)
        spikes = node(currents) if mode == "m" else torch.stack([node(current) for current in currents])
        (gradient,) = torch.autograd.grad((spikes * wanted).sum(), currents)
        results.append((spikes, gradient))
    (spikes, gradient), (their_spikes, their_gradient) = results
    assert 0 < spikes.mean() < 1
    assert torch.equal(spikes, their_spikes)
    torch.testing.assert_close(gradient, their_gradient)


@pytest.mark.parametrize("name", [name for name in snn.BUILDERS if models.get(name).twin])
def test_the_twin_without_spikes_has_the_same_weights_in_the_same_order(name: str) -> None:
    twin = models.build(present(models.get(name).twin))
    ours, theirs = net(name).state_dict(), twin.state_dict()
    assert [values.shape for values in ours.values()] == [values.shape for values in theirs.values()]
    assert [key.rpartition(".")[2] for key in ours] == [key.rpartition(".")[2] for key in theirs]


def test_preparing_scales_every_layers_currents_to_its_thresholds(faces: Tensor) -> None:
    """Weights without spikes may be so small that no neuron fires, or so large that each fires in every step."""
    model = net("csnn-1conv")
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    linear[0].weight.data *= 1e-3
    linear[1].weight.data *= 1e3
    model.prepare(faces)
    below: list[float] = []

    def note(node: snn.IF | snn.LIF, inputs: tuple[Tensor]) -> None:
        positive = inputs[0][inputs[0] > 0]
        below.append((positive < node.tau).double().mean().item())

    nodes = [module for module in model.modules() if isinstance(module, snn.IF | snn.LIF)]
    for node in nodes:
        node.register_forward_pre_hook(note)
    model(faces)
    assert below == pytest.approx([snn.CHARGE_QUANTILE] * 3, abs=0.01)
    assert not model.unprepared


def test_membranes_are_float32_under_autocast() -> None:
    """0.004 lies between the bfloat16 numbers next to 1, and would be lost in a membrane of that type."""
    node = snn.IF()
    current = torch.tensor([0.998, 0.004]).bfloat16()
    assert current.float().sum() >= 1
    assert [node(c).item() for c in current.split(1)] == [0, 1]


def test_copies_and_states_carry_over(faces: Tensor) -> None:
    model = net("csnn-1conv").train()
    model(faces[:4]).sum().backward()
    average = copy.deepcopy(model).eval()
    other = snn.build("csnn-1conv", 7)
    other.load_state_dict(model.state_dict())
    assert torch.equal(average(faces[:4]), model.eval()(faces[:4]))
    assert torch.equal(other.eval()(faces[:4]), model(faces[:4]))


@pytest.mark.parametrize("name", ["snn-fc", *SLOW])
def test_learns_64_drawn_faces_by_heart_with_the_options_it_comes_with(name: str, faces: Tensor) -> None:
    model = net(name).train()
    labels = torch.arange(64) % len(CLASSES)
    wanted = F.one_hot(labels, len(CLASSES)).float()
    optimizer = new_optimizer(TrainConfig(name, "drawn", Path(), **models.get(name).settings), model)
    for step in range(200):
        index = torch.arange(64).roll(16 * step)[:16]
        output = model(faces[index])
        loss = F.mse_loss(output, wanted[index]) if model.loss == "mse" else F.cross_entropy(output, labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 4 == 3 and (model(faces).argmax(1) == labels).float().mean() > 0.9:
            return
    pytest.fail("does not fit 64 faces")


def test_without_spikingjelly_there_is_no_network() -> None:
    """Nothing else is put in its place."""
    program = (
        "import sys; sys.modules['spikingjelly'] = None\n"
        "from fer_edge import models\n"
        "from fer_edge.errors import ToolError\n"
        "try: models.build('csnn')\n"
        "except ToolError as error: print(error)\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "SpikingJelly" in answer
    assert "pip install" in answer
