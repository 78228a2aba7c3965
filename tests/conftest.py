"""Shared fixtures: where reference data lie, and how tests without them are skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=300)
settings.load_profile(os.environ.get("FER_EDGE_HYPOTHESIS", "default"))


def _folder(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set")
    path = Path(value)
    if not path.is_dir():
        pytest.skip(f"{variable}={value} is not a folder")
    return path


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of reference networks."""
    return _folder("FER_EDGE_GOLDEN")


@pytest.fixture(scope="session")
def fer2013() -> Path:
    """Folder of FER2013 faces."""
    return _folder("FER_EDGE_FER2013")
