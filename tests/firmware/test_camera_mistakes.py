"""Mistakes that drivers of this camera are known for, made in ours one by one: none goes unnoticed."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fer_edge.bench.protocol import Command, ErrorCode
from fer_edge.network import IntegerNetwork
from fer_edge.synth.synthesize import synthesize
from tests.firmware.firmware_host import FIRMWARE

pytest.importorskip("unicorn", reason="no unicorn (pip install fer-edge[board])")

from tests.firmware.test_camera_on_virtual_board import ask, look, network, scenes  # noqa: F401
from tests.firmware.test_on_virtual_board import Board

PICTURE = "the picture"
OTHER = "another picture"
LOST = "frames are lost"


@dataclass(frozen=True)
class Patch:
    """A text of a source of the firmware, which occurs once, and what stands there instead."""

    source: str
    text: str
    instead: str


QUICK = (
    Patch("hal/sccb.c", "#define STEP_TICKS (4u", "#define STEP_TICKS (1u"),
    Patch("hal/sccb.c", "#define GAP_TICKS (100u", "#define GAP_TICKS (1u"),
)
"""Of no consequence on the virtual board, where the polling of timers takes long."""

SUPPLY = """    if (!i2c_init() || !pmic_supply_camera(true)) {
        return ERROR_CAMERA_NO_SUPPLY;
    }
"""
CAPTURE = "    if (!capture_start()) {\n"
TURNED = "        filling = 1 - filling;\n    }\n"
MISTAKES = {
    "power order wrong": (
        (Patch("src/camera.c", SUPPLY, ""), Patch("src/camera.c", CAPTURE, SUPPLY + CAPTURE)),
        ErrorCode.CAMERA_SILENT,
    ),
    "XCLK missing": (
        (Patch("hal/xclk.c", "    gpio_configure(&pin);\n", ""),),
        ErrorCode.CAMERA_SILENT,
    ),
    "XCLK not running on": (
        (Patch("src/camera.c", "    xclk_run_on();\n", ""),),
        ErrorCode.CAMERA_NO_CLOCK,
    ),
    "PCLKDIS1.18 left on": (
        (Patch("hal/capture.c", "    MXC_GCR->pclkdis1 &= ~MXC_F_GCR_PCLKDIS1_PCIF;\n", ""),),
        ErrorCode.CAMERA_NO_FRAME,
    ),
    "DMA not armed again": (
        (Patch("hal/capture.c", TURNED + "    aim();\n", TURNED),),
        LOST,
    ),
    "luma and chroma swapped": (
        (Patch("src/picture.c", "yuv[2u * i]", "yuv[2u * i + 1u]"),),
        OTHER,
    ),
    "RGB565 taken for YUV": (
        (Patch("src/ovm7692.c", "{FORMAT, 0x00}", "{FORMAT, 0x06}"),),
        OTHER,
    ),
    "width left at 12 bit": (
        (Patch("hal/capture.c", "MXC_F_PCIF_CTRL_PCIF_SYS | DMA", "MXC_F_PCIF_CTRL_PCIF_SYS | 2u << 2 | DMA"),),
        ErrorCode.CAMERA_OVERFLOW,
    ),
    "one line short": (
        (Patch("src/ovm7692.c", "{0xce, HIGH(PICTURE_SIDE + 1u)}, {0xcf, LOW(PICTURE_SIDE + 1u)}",
               "{0xce, HIGH(PICTURE_SIDE - 1u)}, {0xcf, LOW(PICTURE_SIDE - 1u)}"),),
        ErrorCode.CAMERA_SHORT_FRAME,
    ),
    "mirrored": (
        (Patch("src/ovm7692.c", "{0x0c, 0xd6}", "{0x0c, 0x96}"),),
        OTHER,
    ),
    "overflow, as nobody takes the words": (
        (Patch("hal/capture.c", " | MXC_F_PCIF_CTRL_RX_DMA\n", "\n"),),
        ErrorCode.CAMERA_OVERFLOW,
    ),
    "capture started after the sleep": (
        (
            Patch("hal/capture.c", "    begin();\n    return true;\n", "    return true;\n"),
            Patch("hal/capture.c", "    reading = complete;\n", "    begin();\n    reading = complete;\n"),
        ),
        ErrorCode.CAMERA_NO_FRAME,
    ),
}  # fmt: skip


class Workshop:
    """A copy of the firmware, built anew after each change, which takes no longer than what has changed."""

    def __init__(self, folder: Path, generated: Path) -> None:
        self._folder, self._generated = folder / "firmware", generated
        shutil.copytree(FIRMWARE, self._folder, ignore=shutil.ignore_patterns("build", "test"))
        self.patch(QUICK)
        self.build()

    def patch(self, patches: tuple[Patch, ...]) -> dict[Path, str]:
        """Change the sources; what stood there before."""
        before: dict[Path, str] = {}
        for patch in patches:
            path = self._folder / patch.source
            text = path.read_text()
            before.setdefault(path, text)
            assert text.count(patch.text) == 1, f"{patch.source} has changed: {patch.text!r}"
            path.write_text(text.replace(patch.text, patch.instead))
        return before

    def build(self) -> Path:
        command = ["make", "-C", str(self._folder), f"NETWORK={self._generated}"]
        made = subprocess.run(command, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        return self._folder / "build" / "fer_edge.elf"

    def mistaken(self, patches: tuple[Patch, ...]) -> Path:
        """The firmware with a mistake; the sources are as before afterwards."""
        before = self.patch(patches)
        try:
            return self.build()
        finally:
            for path, text in before.items():
                path.write_text(text)


@pytest.fixture(scope="module")
def workshop(
    arm_compiler: Path,
    network: IntegerNetwork,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Workshop:
    folder = tmp_path_factory.mktemp("mistakes")
    synthesize(network, folder / "network")
    return Workshop(folder, folder / "network")


def sent(scene: np.ndarray) -> np.ndarray:
    """What the sensor makes of the middle square of 120 × 120 pixels: 97 rows of 96, of which the firmware takes 96."""
    square = scene.repeat(4, 0).repeat(4, 1).astype(int)
    rows = np.arange(98) * 480 // 97
    means = np.add.reduceat(square.reshape(480, 96, 5).sum(2), rows[:-1], 0) / (5 * np.diff(rows)[:, None])
    picture: np.ndarray = np.floor(means + 0.5)[:96]
    return picture


def outcome(elf: Path, scenes: Path) -> ErrorCode | str:  # noqa: F811
    """The error of starting the camera; or whether it shows what it is shown, upright, without losing a frame."""
    board = Board(elf, pictures=str(scenes), picture_seconds=0.0)
    started = ask(board, Command.CAMERA_START)
    if isinstance(started, ErrorCode):
        return started
    _, broken, *_, preview = look(board)
    if broken:
        return LOST
    return PICTURE if np.array_equal(preview, sent(np.load(scenes)[0][:, 20:140])) else OTHER


def test_without_a_mistake_it_sees(workshop: Workshop, scenes: Path) -> None:  # noqa: F811
    assert outcome(workshop.build(), scenes) == PICTURE


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_noticed(workshop: Workshop, scenes: Path, mistake: str) -> None:  # noqa: F811
    patches, expected = MISTAKES[mistake]
    assert outcome(workshop.mistaken(patches), scenes) == expected
