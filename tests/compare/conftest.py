"""Reports are made as the bench's tests make them."""

from __future__ import annotations

from typing import Any

import pytest

from fer_edge.bench.result import BenchResult
from tests.bench.conftest import checkpoint_path, faces_folder, network
from tests.bench.conftest import result as bench_result

__all__ = ["bench_result", "checkpoint_path", "faces_folder", "network"]


@pytest.fixture
def result(bench_result: BenchResult) -> dict[str, Any]:
    """What stands in report.json."""
    return bench_result.to_dict()
