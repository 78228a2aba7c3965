"""Architectures are listed without torch, and refuse what they cannot be built with."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from fer_edge import models
from fer_edge.errors import FerEdgeError
from fer_edge.models import deployable


def test_listing_imports_no_torch() -> None:
    code = "import sys; from fer_edge import models; models.architectures(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_are_unique() -> None:
    assert len(set(models.names())) == len(models.names())


def test_every_blueprint_is_listed_as_deployable() -> None:
    listed = [architecture.name for architecture in models.architectures() if architecture.family == "deployable"]
    assert listed == list(deployable.names())


def test_get_tells_what_is_known() -> None:
    architecture = models.get("cnn-585k")
    assert (architecture.family, architecture.published) == (
        "ann",
        (68.24, "student report, authors not noted, PublicTest"),
    )


def test_published_figures_name_whose_they_are() -> None:
    assert models.get("improved-resnet50").published == (64.38, "Shastri et al., KLE Technological University")
    assert models.get("resnet50-cbam").published == (67.4, "Bakhtair et al., University of Western Ontario")


def test_an_unknown_name_is_answered_with_all_names() -> None:
    of_either = r"Use one of fernet-nano, fernet-fast, fernet, fernet-res, or for `fer-edge train` alone"
    with pytest.raises(
        FerEdgeError, match=rf"no architecture 'resnet19'. {of_either}.* cnn-585k, .* resnet18, .* csnn"
    ):
        models.build("resnet19")


@pytest.mark.parametrize("name", ["fernet-nano", "cnn-585k", "sew-resnet18"])
@pytest.mark.parametrize("option", [{"pretrained": True}, {"size": 224}, {"freeze": 1}], ids=str)
def test_options_of_imagenet_networks_are_refused_by_others(name: str, option: dict[str, Any]) -> None:
    with pytest.raises(FerEdgeError, match=f"{name} takes no --{next(iter(option))}. It is for resnet18, "):
        models.build(name, **option)


def test_weights_to_begin_with_are_for_three_kinds_of_networks() -> None:
    with pytest.raises(FerEdgeError, match="for spiking networks and those for the accelerator, too"):
        models.build("cnn-585k", pretrained=True)


def test_time_steps_are_a_spiking_networks() -> None:
    net: Any = models.build("snn-fc", steps=2)
    assert net.steps == 2
    with pytest.raises(FerEdgeError, match=r"cnn-585k takes no --steps. They are for sew-resnet18, csnn, "):
        models.build("cnn-585k", steps=2)


def test_weight_bits_are_refused_where_nothing_is_quantized() -> None:
    with pytest.raises(FerEdgeError, match="cnn-585k takes no --weight-bits"):
        models.build("cnn-585k", "4")


def test_dropout_is_for_the_accelerators_networks() -> None:
    net: Any = models.build("fernet-nano", dropout=0.2)
    assert net.dropout == 0.2
    with pytest.raises(FerEdgeError, match="cnn-585k takes no --dropout"):
        models.build("cnn-585k", dropout=0.2)
