"""Shipped networks: found by name wherever a network is, and as good as their cards say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fer_edge import zoo
from fer_edge.errors import FerEdgeError
from fer_edge.load import load_network
from fer_edge.synth.synthesize import estimate_placed
from fer_edge.training.evaluate import evaluate

each = pytest.mark.parametrize("name", zoo.names())


@each
def test_a_card_tells_the_figures_of_the_files_beside_it(name: str) -> None:
    network, card = load_network(f"zoo:{name}"), zoo.card(name)
    cost = estimate_placed(network)[1]
    assert network.name == card["name"] == name
    assert network.content_hash.hex() == card["content_hash"]
    assert (cost.weight_bytes, cost.cycles) == (card["weight_bytes"], card["cycles"])
    assert list(network.classes) == card["classes"]
    low, high = f"{cost.energy_low.value:.1f}", f"{cost.energy_high.value:.1f}"
    text = (zoo.path(name) / "model-card.md").read_text()
    assert f"| energy | {cost.energy}, {low} to {high}: {cost.energy.source} |" in text


@each
def test_a_network_is_a_few_files_that_run_no_code(name: str) -> None:
    names = {file.name for file in zoo.path(name).iterdir()}
    assert names == {"model.onnx", "model.yaml", "model-card.md", "recipe.yaml"}


@each
def test_a_path_of_the_command_line_names_it(name: str) -> None:
    assert load_network(Path(f"zoo:{name}")).content_hash == load_network(zoo.path(name)).content_hash


@pytest.mark.slow
@each
def test_the_accuracy_on_the_card_is_counted_again(name: str, fer2013: Path) -> None:
    network, card = load_network(f"zoo:{name}"), zoo.card(name)
    assert evaluate(network, fer2013)["accuracy"] == pytest.approx(card["accuracy"], abs=5e-5)
    votes = fer2013 / "fer2013new.csv"
    assert evaluate(network, fer2013, labels=votes)["accuracy"] == pytest.approx(card["agreement"], abs=5e-5)


@pytest.mark.parametrize("name", ["", "fernet-huge", "teachers", "../zoo/fernet-nano", "/etc"])
def test_what_is_not_shipped_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(FerEdgeError, match="zoo:fernet-nano"):
        load_network(f"zoo:{name}")


def test_the_best_is_the_one_that_people_agree_with_most() -> None:
    assert zoo.card(zoo.best())["agreement"] == max(zoo.card(name)["agreement"] for name in zoo.names())


def test_no_torch_is_needed() -> None:
    code = (
        "import sys; from fer_edge import zoo; from fer_edge.load import load_network;"
        "from fer_edge.compare.listing import listing; listing();"
        "print('onnx' in sys.modules); load_network(zoo.path(zoo.best())); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
