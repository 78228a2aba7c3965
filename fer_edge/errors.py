"""Errors a user can act on. `cli.py` catches `FerEdgeError` once, prints one line and exits 1."""

from __future__ import annotations

LIMITS = "docs/limits.md lists what is not supported, and why."
"""The cure of an error that names something fer-edge does not have."""


class FerEdgeError(Exception):
    """Something the user can put right: the input, the network, the machine or the board.

    Parameters
    ----------
    what : what was wrong, and where.
    cure : what to do about it; one imperative sentence, optional.
    """

    def __init__(self, what: str, cure: str = "") -> None:
        self.what = what
        self.cure = cure
        super().__init__(f"{what} {cure}".strip())


class DataError(FerEdgeError):
    """Faces that cannot be found or read."""


class CheckpointError(FerEdgeError):
    """A checkpoint, ONNX or YAML file that cannot be read or does not hold what is needed."""


class NetworkError(FerEdgeError):
    """A network the accelerator cannot run. `violations` holds every reason, one sentence each."""

    def __init__(self, what: str, violations: list[str], cure: str = "") -> None:
        self.violations = violations
        super().__init__("\n  ".join([what, *violations]), cure)


class ToolError(FerEdgeError):
    """A program or library this step needs is missing or failed."""


class BoardError(FerEdgeError):
    """The serial port or the board behind it did not do what was asked."""


EXTRAS = {
    "torch": "train",
    "torchvision": "train",
    "spikingjelly": "train",
    "matplotlib": "train",
    "optuna": "search",
    "psycopg": "postgresql",
    "sklearn": "train",
    "starlette": "live",
    "unicorn": "board",
    "uvicorn": "live",
    "vcd": "board",
}
"""Modules that `pip install fer-edge` leaves out, and the optional extra that brings each."""


def not_installed(module: str) -> ToolError:
    """What to say when a step needs one of `EXTRAS`."""
    return ToolError(
        f"This needs {module}, which is not installed.", f"Install it: pip install 'fer-edge[{EXTRAS[module]}]'."
    )
