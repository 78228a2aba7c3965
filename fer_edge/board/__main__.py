"""The child process of `VirtualBoard`: `python -m fer_edge.board ELF` runs until its standard input ends."""

import sys
import threading
from pathlib import Path

from fer_edge.board.serve import serve
from fer_edge.errors import FerEdgeError


def main(elf: Path) -> int:
    """Print the port on standard output, the reason of a failure on standard error."""
    stop = threading.Event()

    def stop_with_parent() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=stop_with_parent, daemon=True).start()
    try:
        serve(elf, on_ready=lambda port: print(port, flush=True), stop=stop)
    except FerEdgeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
