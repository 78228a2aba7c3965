"""The README's pictures are there, small, and of drawn faces."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_edge.errors import FerEdgeError
from fer_edge.maintenance import images
from fer_edge.maintenance.generate import ROOT


def test_every_picture_of_the_readme_is_there_and_small() -> None:
    shown = re.findall(r'<img src="(docs/images/[^"]+)"', (ROOT / "README.md").read_text())
    assert sorted(shown) == sorted(f"docs/images/{name}" for name in images.PICTURES)
    for name in shown:
        assert (ROOT / name).stat().st_size <= images.MAX_BYTES


@pytest.fixture
def noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture of 80 × 40 in 3,200 colours; pictures may be 40 wide."""
    monkeypatch.setattr(images, "WIDTH", 40)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 80, 3), np.uint8)).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def test_a_picture_is_made_small_by_scaling_and_by_fewer_colours(noise: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(images.small(noise)) > 800
    monkeypatch.setattr(images, "MAX_BYTES", 800)
    png = images.small(noise)
    assert len(png) <= 800
    assert Image.open(io.BytesIO(png)).size == (40, 20)


def test_a_picture_that_stays_too_large_is_refused(noise: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 100)
    with pytest.raises(FerEdgeError, match="over 100 bytes"):
        images.small(noise)


def test_without_a_browser_the_cure_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FerEdgeError, match="Install chromium"):
        images.screenshot(tmp_path / "report.html", tmp_path / "report.png")
