"""Files written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def atomic_write(path: Path | str, data: bytes | str) -> None:
    """Write `data` to `path` through a temporary file in the same folder, which is made if missing."""
    content = data.encode() if isinstance(data, str) else data
    atomic_save(path, lambda temporary: temporary.write_bytes(content))


def atomic_save(path: Path | str, save: Callable[[Path], object]) -> None:
    """Let `save(temporary)` write a file, then rename it to `path`. `path` is untouched if `save` raises."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays: numpy and torch look at it.
    handle, name = tempfile.mkstemp(prefix=".", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        save(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
