"""The reference networks without spikes have the sizes published, and learn."""

from __future__ import annotations

import copy
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from fer_edge import models
from fer_edge.errors import CheckpointError, FerEdgeError, ToolError
from fer_edge.faces import CLASSES, drawn
from fer_edge.models import dlib_resnet, resnet
from fer_edge.training.loop import normalize

ANNS = [architecture for architecture in models.architectures() if architecture.family == "ann"]
NAMES = [architecture.name for architecture in ANNS]
QUICK = ("cnn-baseline",)


def build(name: str) -> nn.Module:
    """The network, with faces no larger than it needs: large ones take long."""
    torch.manual_seed(0)
    smallest = dlib_resnet.SMALLEST if name == "dlib-resnet" else 48
    return models.build(name, size=smallest if models.get(name).pretrained else None)


def faces(count: int) -> Tensor:
    return normalize(torch.from_numpy(drawn.draw(range(count)))[:, None])


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.fixture(scope="module")
def imagenet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as torchvision's server has it for ResNet18, of random weights."""
    path = tmp_path_factory.mktemp("imagenet") / "resnet18.pth"
    torch.save(torchvision.models.resnet18().state_dict(), path)
    return path


def test_cnn_585k_has_the_published_number_of_parameters() -> None:
    assert parameters(build("cnn-585k")) == 584_807


def test_csnn_ann_has_the_published_number_of_parameters_in_every_layer() -> None:
    counts = [parameters(layer) for layer in build("csnn-ann").children()]
    assert [count for count in counts if count] == [1_280, 256, 147_584, 256, 21_234_816, 147_584, 903]


def test_resnet18_grey_has_the_published_number_of_parameters() -> None:
    assert round(parameters(build("resnet18-grey")) / 1e6, 1) == 11.2


def test_vgg13_slim_has_half_of_vgg13s_channels_in_all_but_the_last_block() -> None:
    def widths(net: nn.Module) -> list[int]:
        return [module.out_channels for module in net.modules() if isinstance(module, nn.Conv2d)]

    *published, _, _ = widths(torchvision.models.vgg13().features)
    assert widths(build("vgg13-slim")) == [width // 2 for width in published] + [512, 512]


def test_resnet18_3x3_keeps_the_pixels_that_the_face_has() -> None:
    sides: list[int] = []
    net = build("resnet18-3x3")
    for stage in ("conv1", "layer1", "layer2", "layer3", "layer4"):
        net.get_submodule(stage).register_forward_hook(lambda module, inputs, output: sides.append(output.shape[3]))
    net(faces(2))
    assert sides == [48, 24, 12, 6, 3]


@pytest.mark.parametrize("name", NAMES)
def test_every_network_gives_seven_logits_and_gradients_for_every_weight(name: str) -> None:
    net = build(name)
    logits = net(faces(4))
    assert logits.shape == (4, len(CLASSES))
    logits.square().sum().backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in NAMES])
def test_every_network_learns_64_drawn_faces_by_heart(name: str) -> None:
    images, labels = faces(64), torch.arange(64) % len(CLASSES)
    net = build(name).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    right = 0
    for epoch in range(120):
        net.train()
        for batch in torch.randperm(64).split(16):
            loss = F.cross_entropy(net(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 4 == 3:
            with torch.no_grad():
                right = int((net.eval()(images).argmax(1) == labels).sum())
            if right == 64:
                break
    assert right == 64


def test_a_checkpoint_restores_the_size_faces_are_enlarged_to() -> None:
    net, fresh = models.build("resnet18", size=64).eval(), models.build("resnet18").eval()
    fresh.load_state_dict(net.state_dict())
    images = faces(2)
    with torch.no_grad():
        torch.testing.assert_close(fresh(images), net(images))


def test_frozen_stages_stay_as_they_are() -> None:
    net = models.build("resnet18", size=48, freeze=2).train()
    before = copy.deepcopy(net.state_dict())
    net(faces(4)).square().sum().backward()
    torch.optim.SGD(net.parameters(), 0.1).step()
    same = {key.split(".")[1] for key, value in net.state_dict().items() if "." in key and value.equal(before[key])}
    assert same == {"conv1", "bn1", "layer1"}


@pytest.mark.parametrize("freeze", [-1, 6])
def test_stages_that_are_not_there_cannot_be_frozen(freeze: int) -> None:
    with pytest.raises(FerEdgeError, match=f"--freeze is {freeze}"):
        models.build("resnet18", freeze=freeze)


@pytest.mark.parametrize("name", ["resnet18", "improved-resnet18"])
def test_weights_come_from_a_file(name: str, imagenet_file: Path) -> None:
    expected = torch.load(imagenet_file, weights_only=True)
    state = models.build(name, pretrained=imagenet_file).state_dict()
    assert all(state[f"net.{key}"].equal(value) for key, value in expected.items() if not key.startswith("fc."))


def test_a_pretrained_network_sees_what_imagenet_networks_see(imagenet_file: Path) -> None:
    net = models.build("resnet18", pretrained=imagenet_file, size=48).eval()
    seen: list[Tensor] = []
    net.get_submodule("net").register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    pixels = torch.from_numpy(drawn.draw(range(2)))[:, None]
    net(normalize(pixels))
    preprocess = torchvision.transforms.Normalize(resnet.MEAN, resnet.STD)
    torch.testing.assert_close(seen[0], preprocess(pixels.expand(-1, 3, -1, -1) / 255))


def test_a_file_for_another_network_is_refused(imagenet_file: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds other weights\. It should be https://.*resnet50"):
        models.build("resnet50", pretrained=imagenet_file)


def test_a_missing_or_damaged_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        models.build("resnet18", pretrained=tmp_path / "missing.pth")
    (tmp_path / "torn.pth").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(CheckpointError, match="cannot be read"):
        models.build("resnet18", pretrained=tmp_path / "torn.pth")


def test_a_failed_download_tells_what_to_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **settings: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    with pytest.raises(ToolError, match=r"could not be downloaded: .*no route.* Fetch https://.*--pretrained FILE"):
        models.build("resnet18", pretrained=True)
