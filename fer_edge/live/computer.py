"""Who computes an answer: the board, while there is one, or the simulator; and what the inference cost."""

from __future__ import annotations

import math
import threading
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_edge.bench.device import Device
from fer_edge.bench.harness import VIRTUAL, board_port, same_network
from fer_edge.bench.link import Link
from fer_edge.errors import BoardError
from fer_edge.estimate import POWER_MW, Estimate
from fer_edge.figure import Figure, Kind
from fer_edge.load import load_network
from fer_edge.metrics import softmax
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import logit_unit, simulate
from fer_edge.synth.synthesize import estimate_placed

NO_PORT = "none"
SIMULATOR = "simulator"


@dataclass(frozen=True)
class Answer:
    """What a network says of a face, who computed it, and what that inference cost.

    scores : the softmax of the logits, in the order of the classes.
    """

    who: str
    logits: list[int]
    scores: list[float]
    cycles: Figure
    latency: Figure
    energy: Figure

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


class Computer:
    """A network on the board behind a port, if any, and in the simulator. A context manager; safe between threads.

    source : folder that `fer-edge synth` wrote, quantized checkpoint or zoo:NAME.
    port : as for the bench, or `none`.

    Entering raises BoardError where the port cannot be opened or its board runs another network.
    """

    def __init__(self, source: Path, port: str) -> None:
        self.network = load_network(source)
        self.classes = class_names(self.network)
        self.port = port
        self._source = source
        self._estimate: Estimate = estimate_placed(self.network)[1]
        self._lock = threading.Lock()
        self._board: _Board | None = None

    def __enter__(self) -> Computer:
        if self.port != NO_PORT:
            self._board = _Board(self.network, self._source, self.port)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._board is not None:
            self._board.close()

    @property
    def who(self) -> str:
        """Who computes, in words."""
        return SIMULATOR if self._board is None else self._board.name

    def answers(self, pixels: NDArray[np.uint8]) -> list[Answer]:
        """Of each face, uint8 [N, 48, 48]. BoardError if the board does not answer."""
        if not len(pixels):
            return []
        inputs = self.network.device_input(pixels)
        with self._lock:
            if self._board is not None:
                return [self._answer(self._board.name, *answered) for answered in self._board.infer(inputs)]
        return self._simulated(inputs)

    def _simulated(self, inputs: NDArray[np.int8]) -> list[Answer]:
        cycles = Figure(self._estimate.cycles, "cycles", "estimated", "vendor's cycle formula")
        logits = simulate(self.network, inputs).tolist()
        return [self._answer(SIMULATOR, row, cycles, self._estimate.latency) for row in logits]

    def _answer(self, who: str, logits: list[int], cycles: Figure, latency: Figure) -> Answer:
        energy = Figure(
            POWER_MW * latency.value * 1e-3, "µJ", "estimated", f"{POWER_MW:g} mW (assumed) × {latency.kind} latency"
        )
        scores = softmax(np.array([logits]) * logit_unit(self.network))[0].tolist()
        return Answer(who, logits, scores, cycles, latency, energy)


class _Board:
    """An open port with the right network behind it. Raises as `Computer`."""

    def __init__(self, network: IntegerNetwork, source: Path, port: str) -> None:
        with ExitStack() as stack:
            path = stack.enter_context(board_port(port, network, source))
            link = stack.enter_context(Link(path))
            self._device = Device(link)
            same_network(self._device.hello(), network, port)
            link.raise_baud_rate()
            self._kind: Kind = "estimated" if link.pseudo_terminal else "measured"
            self.name = "virtual board" if port == VIRTUAL else f"board on {path}"
            self._stack = stack.pop_all()

    def infer(self, inputs: NDArray[np.int8]) -> list[tuple[list[int], Figure, Figure]]:
        """Logits, cycles and latency of each input."""
        source = "the board's timer" if self._kind == "measured" else "the virtual board's time: cycle formula"
        return [
            (
                list(answer.logits),
                Figure(answer.cycles, "cycles", self._kind, source),
                Figure(answer.microseconds, "µs", self._kind, source),
            )
            for answer in self._device.infer_all(inputs)
        ]

    def close(self) -> None:
        with suppress(BoardError):  # it is gone already
            self._stack.close()


def class_names(network: IntegerNetwork) -> tuple[str, ...]:
    """What the outputs are called; by their numbers where nobody named them."""
    return network.classes or tuple(f"output {number}" for number in range(math.prod(network.output_shape)))
