"""Firmware onto a MAX78000FTHR, by the first way that is there: a DAPLink drive, openocd or pyocd.

Nothing of this has met a board yet. The drive is how DAPLink adapters of this family work, but the board's own
documents do not promise it; OpenOCD 0.12 parses our configuration and then finds no adapter; pyocd has no built-in
MAX78000 and needs the vendor's pack.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from fer_edge import firmware
from fer_edge.errors import BoardError, ToolError

OPENOCD_CONFIGURATION = firmware.SOURCES / "openocd.cfg"
MOUNT_POINTS = ("/media/*", "/media/*/*", "/run/media/*/*", "/mnt/*", "/Volumes/*")
PACK_VARIABLE = "FER_EDGE_PYOCD_PACK"
"""Environment variable with the path of the CMSIS pack that describes the MAX78000 to pyocd."""
_TOOL_SECONDS = 120


def flash(build_dir: Path, mount_points: Sequence[str] = MOUNT_POINTS) -> str:
    """Write ``build_dir/fer_edge.hex`` into the board's flash; return one sentence that says how.

    `mount_points`: patterns of the folders that may be a DAPLink drive. ToolError if there is no such file, BoardError
    if there is no board, more than one, or writing failed.
    """
    image = build_dir / f"{firmware.NAME}.hex"
    if not image.is_file():
        raise ToolError(f"{build_dir} holds no {image.name}.", "Build it with `fer-edge firmware`.")
    drives = _daplink_drives(mount_points)
    if len(drives) > 1:
        raise BoardError(
            f"{len(drives)} DAPLink drives are mounted: {', '.join(map(str, drives))}.",
            "Unplug all boards but the one to flash.",
        )
    if drives:
        return _copy(image, drives[0])
    tried = ["no DAPLink drive is mounted"]
    if shutil.which("openocd"):
        # Quoted for Tcl.
        program = f'program "{image.resolve()}" verify reset exit'
        problem = _run(["openocd", "-f", str(OPENOCD_CONFIGURATION), "-c", program])
        if problem is None:
            return f"openocd wrote, verified and started {image}."
        tried.append(f"openocd says `{problem}`")
    pack = os.environ.get(PACK_VARIABLE)
    if shutil.which("pyocd") and pack:
        problem = _run(["pyocd", "flash", "--no-wait", "--target", "max78000", "--pack", pack, str(image)])
        if problem is None:
            return f"pyocd wrote and started {image}."
        tried.append(f"pyocd says `{problem}`")
    if len(tried) == 1:
        tried.append(f"there is neither openocd nor pyocd with a pack (${PACK_VARIABLE})")
    raise BoardError(
        f"No MAX78000FTHR could be flashed: {'; '.join(tried)}.",
        "Plug the board in by USB, mount its drive, and try again.",
    )


def _daplink_drives(mount_points: Sequence[str]) -> list[Path]:
    """Mounted drives of DAPLink adapters that take firmware for their target.

    An adapter in maintenance mode shows a drive as well, but takes what it gets for its own firmware.
    """
    drives = []
    for folder in sorted({Path(match) for pattern in mount_points for match in glob.glob(pattern)}):
        try:
            details = (folder / "DETAILS.TXT").read_text(errors="replace").lower()
        except OSError:
            continue
        if "daplink" in details and "daplink mode: bootloader" not in details:
            drives.append(folder)
    return drives


def _copy(image: Path, drive: Path) -> str:
    try:
        with (drive / image.name).open("wb") as file:
            file.write(image.read_bytes())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BoardError(
            f"Copying {image} to {drive} failed: {error.strerror}.", "Unplug the board, plug it in and try again."
        ) from error
    return (
        f"Copied {image} to {drive}; the board restarts by itself. Should FAIL.TXT appear there, it says what failed."
    )


def _run(command: list[str]) -> str | None:
    """None when a tool succeeds, else its error in one line."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_TOOL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"nothing for {_TOOL_SECONDS} s"
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "no " in line.lower()]
    return (errors or lines or [f"exit status {done.returncode}"])[0].removeprefix("Error: ")
