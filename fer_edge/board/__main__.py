"""The child process of `VirtualBoard`: `python -m fer_edge.board ELF OPTIONS` runs until its standard input ends, and
does what stands there, as the console of `serve`."""

import sys
import threading
from pathlib import Path

from fer_edge.board.options import Options
from fer_edge.board.serve import serve
from fer_edge.errors import FerEdgeError


class _Parent:
    """The parent's orders; when they end, so does the board."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def readline(self) -> str:
        line = sys.stdin.readline()
        if not line:
            self._stop.set()
        return line


def main(elf: Path, options: Options) -> int:
    """Print the port on standard output, the reason of a failure on standard error."""
    stop = threading.Event()
    try:
        serve(elf, on_ready=lambda port: print(port, flush=True), stop=stop, options=options, console=_Parent(stop))
    except FerEdgeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Options.from_json(sys.argv[2])))
