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
from fer_edge.faces import drawn
from fer_edge.files import atomic_write
from fer_edge.maintenance.generate import ROOT

IMAGES = ROOT / "docs" / "images"
PICTURES = ("report.png", "predictions.png", "live.png", filenames.MEMORY_MAP)
"""Pictures that `write` makes."""
MAX_BYTES = 150_000
"""Size in bytes of the largest picture of the README."""
WIDTH = 800
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGE = (1000, 1160)
"""Width and height of what is shown of the report: its top."""
LIVE_FACES = (2453, 2473)
"""Numbers of the drawn faces that are shown to the live page: a happy and a fearful one."""


def write(demo: Path, images: Path = IMAGES) -> list[Path]:
    """Write report, memory map and predictions of the run in `demo`, and the live page, into `images`: their paths.

    FerEdgeError without a browser, or for a picture that cannot be made small enough.
    """
    images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = screenshot(demo / "report" / filenames.REPORT_HTML, Path(folder) / "report.png")
        atomic_write(images / "report.png", small(page))
        atomic_write(images / "live.png", small(live_page(Path(folder))))
    atomic_write(images / "predictions.png", small(demo / "train" / "predictions.png"))
    atomic_write(images / filenames.MEMORY_MAP, (demo / "network" / filenames.MEMORY_MAP).read_text())
    return [images / name for name in PICTURES]


def live_page(folder: Path) -> Path:
    """The page of `fer-edge live` with two drawn faces before the virtual board, as a PNG file in `folder`.

    FerEdgeError without a browser.
    """
    from playwright.sync_api import sync_playwright

    ground = Image.new("L", (800, 480), 120)
    for number, left in zip(LIVE_FACES, (80, 480), strict=True):
        face = Image.fromarray(drawn.draw(range(number, number + 1))[0])
        ground.paste(face.resize((240, 240), Image.Resampling.BICUBIC), (left, 120))
    ground.save(folder / "faces.png")
    chromium = _chromium()
    command = [sys.executable, "-m", "fer_edge.cli", "live", "--network", "zoo:fernet-nano"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served, sync_playwright() as playwright:
        try:
            assert served.stdout is not None
            address = served.stdout.readline().split()[-1]
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": PAGE[0], "height": 700}, color_scheme="light")
            page.goto(address)
            page.set_input_files("#file", folder / "faces.png")
            page.get_by_role("button", name="What mattered?").click()
            page.get_by_text("By the simulator.").wait_for()
            page.screenshot(path=folder / "live.png")
            browser.close()
        finally:
            served.terminate()
    return folder / "live.png"


def screenshot(page: Path, path: Path) -> Path:
    """The top of an HTML page as a PNG file, by Chromium. FerEdgeError where there is none, or it fails."""
    browser = _chromium()
    size = ",".join(map(str, PAGE))
    command = [browser, "--headless", "--no-sandbox", "--hide-scrollbars", "--blink-settings=preferredColorScheme=1"]
    done = subprocess.run(
        [*command, f"--window-size={size}", f"--screenshot={path}", page.resolve().as_uri()], capture_output=True
    )
    if done.returncode or not path.exists():
        raise FerEdgeError(f"{browser} took no picture of {page}.", "Run `make demo` first, and look at its report.")
    return path


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise FerEdgeError("There is no Chromium to look at pages with.", "Install chromium (Debian, Ubuntu).")
    return found


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
