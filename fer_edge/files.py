"""Files: written whole or not at all, refused before work begins; what the operating system says of them, in words."""

from __future__ import annotations

import errno
import glob
import os
import re
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import IO

from fer_edge.errors import FerEdgeError

MAX_BYTES = 4 << 30
"""Largest file that is read at all: checkpoints of large networks, sets of faces, recordings."""
MAX_SMALL_BYTES = 64 << 20
"""Largest file of a network that fits the accelerator, of a picture, of a report."""
_PROBE_BYTES = 4096  # a block: a full file system may still take an empty file
_MAX_NAME = 64  # characters
_NAME_ROOM = 64  # bytes for the names of our files within an output folder
_OTHER_PLACE = "or choose another place."
_CURES = {
    errno.ENOSPC: f"Free some space, {_OTHER_PLACE}",
    errno.EDQUOT: f"Free some of your quota, {_OTHER_PLACE}",
    errno.EACCES: f"Change its permissions, {_OTHER_PLACE}",
    errno.EPERM: f"Change its permissions, {_OTHER_PLACE}",
    errno.EROFS: "Choose a place that can be written to.",
    errno.ENOENT: "Check the path.",
    errno.ENOTDIR: "Give a path that does not lead through a file.",
    errno.EEXIST: "Give a path that does not lead through a file.",
    errno.EISDIR: "Give the path of a file, not of a folder.",
    errno.ELOOP: "Give a path without links that lead round in a circle.",
    errno.ENAMETOOLONG: "Give a shorter path.",
    errno.EFBIG: f"Raise the limit on the size of files, {_OTHER_PLACE}",
    errno.EIO: "Check the disk.",
    errno.EMFILE: "Raise the limit on open files (`ulimit -n`).",
}


def refusal(error: OSError) -> FerEdgeError:
    """What the operating system refused, as an error with a cure."""
    place = error.filename if error.filename is not None else "A file or device"
    reason = error.strerror or str(error) or type(error).__name__
    return FerEdgeError(f"{os.fsdecode(place)}: {reason}.", _CURES.get(error.errno or 0, ""))


def cache_folder() -> Path:
    """Where work is kept that could be done again: ``$XDG_CACHE_HOME/fer-edge``, default ``~/.cache/fer-edge``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fer-edge"


def atomic_write(path: Path | str, data: bytes | memoryview | str) -> None:
    """Write `data` to `path` through a temporary file in the same folder, which is made if missing.

    OSError, which names `path`, if that fails; what was there before is then untouched.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with temporary.open("wb") as file:
                file.write(data.encode() if isinstance(data, str) else data)
                file.flush()
                os.fsync(file.fileno())  # else, without power, the new name might have nothing behind it
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _remove_leftovers(path: Path) -> None:
    """Remove what processes that were killed while they wrote `path` have left."""
    for other in path.parent.glob(f".{glob.escape(path.name)}.*"):
        writer = other.suffix[1:]
        if writer.isdecimal() and not _runs(int(writer)):
            other.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def atomic_save(path: Path | str, save: Callable[[IO[bytes]], object]) -> None:
    """`atomic_write` of what `save(stream)` writes. `path` is untouched if `save` raises.

    In memory first: torch and numpy do not say why a disk refuses what they write.
    """
    stream = BytesIO()
    save(stream)
    atomic_write(path, stream.getbuffer())


def file_name(text: str) -> str:
    """`text`, which may come from a file, as the name of a file or folder: never a path, hidden, empty or long."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).lstrip("._-")[:_MAX_NAME] or "unnamed"


def check_input(path: Path | str, most: int = MAX_BYTES) -> None:
    """Refuse what would keep a reader waiting or fill its memory: pipes, devices, sockets, files of over `most` bytes.

    FerEdgeError for these. Whatever else may be wrong, as that there is no such file, is the reader's to say.
    """
    try:
        status = os.stat(path)
    except OSError:
        return
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise FerEdgeError(f"{path} is not a regular file.", "Give a file, not a pipe or device.")
    if status.st_size > most:
        raise FerEdgeError(
            f"{path} has {status.st_size:,} bytes; at most {most:,} are read.", "Check that it is the right file."
        )


def check_output(path: Path, *, folder: bool) -> None:
    """Find out, before any work, whether the file `path`, or files in the folder `path`, can be written.

    Missing folders count as makeable where the nearest one that exists can be written to. Nothing is left behind.
    OSError says what is in the way.
    """
    place = _nearest_folder(path if folder else path.parent)
    with suppress(FileNotFoundError):
        kind = os.stat(path).st_mode
        if not folder and stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not folder and not stat.S_ISREG(kind):  # a device would be replaced by a file
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
    longest = max(len(os.fsencode(part)) for part in path.absolute().parts)
    whole = len(os.fsencode(path)) + _NAME_ROOM
    if longest > os.pathconf(place, "PC_NAME_MAX") or whole > os.pathconf(place, "PC_PATH_MAX"):
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))
    try:
        with tempfile.TemporaryFile(dir=place, buffering=0) as file:
            file.write(bytes(_PROBE_BYTES))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _nearest_folder(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists."""
    try:
        kind = os.stat(path).st_mode
    except FileNotFoundError:
        if path.is_symlink():  # it leads nowhere, and no folder can be made in its place
            raise
        return _nearest_folder(path.parent)
    if not stat.S_ISDIR(kind):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    return path
