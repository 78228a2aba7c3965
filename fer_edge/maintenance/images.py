"""`make images`: the README's pictures, made anew from what `make demo` wrote: drawn faces, nobody's photograph."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from fer_edge import filenames
from fer_edge.errors import FerEdgeError
from fer_edge.files import atomic_write
from fer_edge.maintenance.generate import ROOT

IMAGES = ROOT / "docs" / "images"
PICTURES = ("report.png", "predictions.png", filenames.MEMORY_MAP)
"""Pictures that `write` makes."""
MAX_BYTES = 150_000
"""Size in bytes of the largest picture of the README."""
WIDTH = 800
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGE = (1000, 1160)
"""Width and height of what is shown of the report: its top."""


def write(demo: Path, images: Path = IMAGES) -> list[Path]:
    """Write report, memory map and predictions of the run in `demo` into `images`, whose paths are returned.

    FerEdgeError without a browser, or for a picture that cannot be made small enough.
    """
    images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = screenshot(demo / "report" / filenames.REPORT_HTML, Path(folder) / "report.png")
        atomic_write(images / "report.png", small(page))
    atomic_write(images / "predictions.png", small(demo / "train" / "predictions.png"))
    atomic_write(images / filenames.MEMORY_MAP, (demo / "network" / filenames.MEMORY_MAP).read_text())
    return [images / name for name in PICTURES]


def screenshot(page: Path, path: Path) -> Path:
    """The top of an HTML page as a PNG file, by Chromium. FerEdgeError where there is none, or it fails."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise FerEdgeError("There is no Chromium to look at the report with.", "Install chromium (Debian, Ubuntu).")
    size = ",".join(map(str, PAGE))
    command = [browser, "--headless", "--no-sandbox", "--hide-scrollbars", "--blink-settings=preferredColorScheme=1"]
    done = subprocess.run(
        [*command, f"--window-size={size}", f"--screenshot={path}", page.resolve().as_uri()], capture_output=True
    )
    if done.returncode or not path.exists():
        raise FerEdgeError(f"{browser} took no picture of {page}.", "Run `make demo` first, and look at its report.")
    return path


def small(path: Path) -> bytes:
    """A picture as PNG of at most `MAX_BYTES`, with as many colours as that allows; FerEdgeError if 16 are too many."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    if image.width > WIDTH:
        image = image.resize((WIDTH, round(WIDTH * image.height / image.width)), Image.Resampling.LANCZOS)
    for colours in (256, 128, 64, 32, 16):
        png = io.BytesIO()
        image.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(png, "PNG", optimize=True)
        if png.tell() <= MAX_BYTES:
            return png.getvalue()
    raise FerEdgeError(f"{path} takes over {MAX_BYTES:,} bytes, however few its colours.", "Show less of it.")


if __name__ == "__main__":
    try:
        for written in write(Path(sys.argv[1])):
            print(f"{written}: {written.stat().st_size:,} bytes")
    except (FerEdgeError, OSError) as error:
        sys.exit(f"make images: {error}")
