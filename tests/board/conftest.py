"""What the board tests share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from fer_edge.board.accelerator import Accelerator
from tests.board.reference import State


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per reference network."""
    if "reference" in metafunc.fixturenames:
        folder = os.environ.get("FER_EDGE_GOLDEN")
        networks = sorted(p.parent for p in Path(folder).glob("*/state.npz")) if folder else [None]
        metafunc.parametrize("reference", networks, ids=lambda p: p.name if p else "none", indirect=True)


@pytest.fixture
def reference(request: pytest.FixtureRequest) -> State:
    """`state.npz` of a reference network."""
    if request.param is None:
        pytest.skip("FER_EDGE_GOLDEN does not name a folder of reference networks")
    with np.load(request.param / "state.npz") as state:
        return dict(state)


@pytest.fixture
def accelerator() -> Accelerator:
    """Powered; an inference finishes at once."""
    accelerator = Accelerator()
    accelerator.power(0xF)
    return accelerator
