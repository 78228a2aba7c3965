"""The blueprints keep their promises."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fer_edge import models
from fer_edge.errors import FerEdgeError, NetworkError
from fer_edge.estimate import estimate
from fer_edge.models import deployable


def test_fernet_nano_is_within_its_budget() -> None:
    network = deployable.blueprint("fernet-nano")
    assert network.weight_bytes <= 70_572
    assert estimate(network).cycles <= 75_400


@pytest.mark.parametrize("name", deployable.names())
def test_networks_take_folded_faces_and_give_seven_wide_logits(name: str) -> None:
    network = deployable.blueprint(name)
    assert network.image_shape == (1, 48, 48)
    assert network.input_shape == (4, 24, 24)
    assert network.output_shape == (7, 1, 1)
    assert network.layers[-1].output_width == 32
    assert network.exact_in_float32()


@pytest.mark.parametrize("name", deployable.names())
def test_networks_are_of_the_form_the_vendors_onnx_loader_takes(name: str) -> None:
    for layer in deployable.blueprint(name).layers:
        assert (layer.operator, layer.kernel_size) == ("conv", 3)
        assert layer.bias is not None


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(FerEdgeError, match="fernet-nano"):
        models.build("fernet-giga")


def test_an_architecture_over_budget_is_refused() -> None:
    with pytest.raises(NetworkError, match="weights need"):
        deployable.chain("too-much", ((64, 64), (128, 128), (256, 256)))


def test_blueprints_need_no_torch() -> None:
    code = "import sys; from fer_edge.models import deployable; deployable.blueprint('fernet-nano')"
    subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=True)
