"""The child process of `VirtualBoard`: `python -m fer_edge.board ELF OPTIONS` runs until its standard input ends."""

import sys
import threading
from pathlib import Path

from fer_edge.board.options import Options
from fer_edge.board.serve import serve
from fer_edge.errors import FerEdgeError


def main(elf: Path, options: Options) -> int:
    """Print the port on standard output, the reason of a failure on standard error."""
    stop = threading.Event()

    def stop_with_parent() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=stop_with_parent, daemon=True).start()
    try:
        serve(elf, on_ready=lambda port: print(port, flush=True), stop=stop, options=options)
    except FerEdgeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Options.from_json(sys.argv[2])))
