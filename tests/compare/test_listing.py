"""`fer-edge list`: every architecture and every shipped network, at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from fer_edge import models, zoo
from fer_edge.compare.listing import listing, render
from fer_edge.models.deployable import blueprint
from fer_edge.synth.synthesize import estimate_placed


def test_every_architecture_and_shipped_network_is_listed() -> None:
    listed = listing()
    json.dumps(listed)
    assert [row["name"] for row in listed["architectures"]] == [a.name for a in models.architectures()]
    assert [row["name"] for row in listed["networks"]] == list(zoo.names())


def test_what_an_architecture_costs_is_what_estimate_says() -> None:
    rows = {row["name"]: row for row in listing()["architectures"]}
    cost = estimate_placed(blueprint("fernet-nano"))[1]
    assert (rows["fernet-nano"]["weight_bytes"], rows["fernet-nano"]["cycles"]) == (cost.weight_bytes, cost.cycles)
    assert rows["fernet-nano"]["parameters"] > cost.weight_bytes  # biases count, too
    assert rows["cnn-585k"]["cycles"] is None
    assert rows["cnn-585k"]["published"][0] == 68.24


def test_the_table_says_how_its_figures_came_about() -> None:
    text = render(listing())
    assert "zoo:fernet-nano" in text
    assert "cycles, latency: estimated" in text
    assert "Measured on FER2013's PublicTest" in text


def test_it_takes_less_than_half_a_second_of_processor_time() -> None:
    code = "from fer_edge.compare.listing import listing, render; render(listing())"
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    assert used < 1  # 0.4 s measured; twice that for a busy machine
