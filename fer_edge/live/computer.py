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

from fer_edge.bench.device import CameraFrame, Device
from fer_edge.bench.harness import VIRTUAL, board_port, same_network
from fer_edge.bench.link import Link, Refused
from fer_edge.bench.protocol import CameraDetail
from fer_edge.errors import BoardError, FerEdgeError
from fer_edge.estimate import Estimate
from fer_edge.figure import Figure, Kind
from fer_edge.load import load_network
from fer_edge.metrics import softmax
from fer_edge.network import IntegerNetwork
from fer_edge.power import ACTIVE
from fer_edge.simulate import logit_unit, simulate
from fer_edge.synth.synthesize import estimate_placed

NO_PORT = "none"
SIMULATOR = "simulator"
CYCLES_PER_US = 50
"""Of the accelerator."""
RETRY_SECONDS = 1.0
"""Between attempts to open the port of a board that went away."""


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


@dataclass(frozen=True)
class Sight:
    """What the board's own camera saw, its answer, and how many frames it has left out in between."""

    frame: CameraFrame
    answer: Answer
    kind: Kind


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
        self.simulator_allowed = True
        self.source = source
        self._estimate: Estimate = estimate_placed(self.network)[1]
        self._lock = threading.Lock()
        self._board: _Board | None = None
        self._lost = ""  # why the board is away
        self._closed = threading.Event()
        self._taking_back: threading.Thread | None = None

    def __enter__(self) -> Computer:
        if self.port != NO_PORT:
            self._board = _Board(self.network, self.source, self.port)
        return self

    def __exit__(self, *exception: object) -> None:
        self._closed.set()
        if self._taking_back is not None:
            self._taking_back.join()
        if self._board is not None:
            self._board.close()

    @property
    def who(self) -> str:
        """Who computes, in words."""
        board = self._board
        if board is not None:
            return board.name
        return SIMULATOR if self.port == NO_PORT or self.simulator_allowed else "nobody"

    def state(self) -> dict[str, Any]:
        """What the page shows of it, as plain values; `lost` says why the board is away, if it is."""
        return {
            "network": self.network.name,
            "classes": list(self.classes),
            "who": self.who,
            "port": self.port,
            "lost": self._lost,
            "simulator_allowed": self.simulator_allowed,
        }

    def answers(self, pixels: NDArray[np.uint8]) -> list[Answer]:
        """Of each face, uint8 [N, 48, 48].

        A board that fails is taken back as soon as it returns; until then the simulator answers. BoardError where that
        is not allowed.
        """
        if not len(pixels):
            return []
        inputs = self.network.device_input(pixels)
        with self._lock:
            if self._board is not None:
                try:
                    return [self._answer(self._board.name, *answered) for answered in self._board.infer(inputs)]
                except BoardError as error:
                    self._lose(error)
        if self.port != NO_PORT and not self.simulator_allowed:
            raise BoardError(self._lost, "Plug the board in again, or allow the simulator.")
        return self._simulated(inputs)

    def see(self) -> Sight:
        """The next picture of the board's own camera, which is started if it is off.

        BoardError without a board, for a camera that does not work, and for a board that fails and is taken back then.
        """
        with self._lock:
            if self._board is None:
                raise BoardError(self._lost or "There is no board.", "Plug it in, or give --port.")
            board = self._board
            try:
                frame = board.see()
            except Refused:  # it is there, and says what is wrong with its camera
                raise
            except BoardError as error:
                self._lose(error)
                raise
            latency = Figure(1e6 * frame.inference_seconds, "µs", board.kind, board.clock)
            cycles = Figure(CYCLES_PER_US * latency.value, "cycles", board.kind, f"{board.clock}, in whole µs")
        return Sight(frame, self._answer(board.name, list(frame.logits), cycles, latency), board.kind)

    def stop_seeing(self) -> None:
        """Stop the board's camera, if there is one."""
        with self._lock, suppress(BoardError):
            if self._board is not None:
                self._board.stop_seeing()

    def _lose(self, error: BoardError) -> None:
        assert self._board is not None
        self._board.close()
        self._board, self._lost = None, error.what
        self._taking_back = threading.Thread(target=self._take_back, daemon=True)
        self._taking_back.start()

    def _take_back(self) -> None:
        """Open the board again once it is there; a virtual one is started anew."""
        while not self._closed.wait(RETRY_SECONDS):
            try:
                board = _Board(self.network, self.source, self.port)
            except FerEdgeError as error:
                self._lost = error.what
                continue
            with self._lock:
                self._board, self._lost = board, ""
            return

    def _simulated(self, inputs: NDArray[np.int8]) -> list[Answer]:
        cycles = Figure(self._estimate.cycles, "cycles", "estimated", "vendor's cycle formula")
        logits = simulate(self.network, inputs).tolist()
        return [self._answer(SIMULATOR, row, cycles, self._estimate.latency) for row in logits]

    def _answer(self, who: str, logits: list[int], cycles: Figure, latency: Figure) -> Answer:
        energy = Figure(
            ACTIVE.mw * latency.value * 1e-3,
            "µJ",
            "estimated",
            f"{ACTIVE.mw:g} mW (measured by the vendor on FaceID, assumed for this network) × {latency.kind} latency",
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
            self.kind: Kind = "estimated" if link.pseudo_terminal else "measured"
            self.clock = "the board's timer" if self.kind == "measured" else "the virtual board's time: cycle formula"
            self.name = "virtual board" if port == VIRTUAL else f"board on {path}"
            self._stack = stack.pop_all()

    def infer(self, inputs: NDArray[np.int8]) -> list[tuple[list[int], Figure, Figure]]:
        """Logits, cycles and latency of each input."""
        return [
            (
                list(answer.logits),
                Figure(answer.cycles, "cycles", self.kind, self.clock),
                Figure(answer.microseconds, "µs", self.kind, self.clock),
            )
            for answer in self._device.infer_all(inputs)
        ]

    def see(self) -> CameraFrame:
        """The next picture of its camera."""
        self._device.start_camera()  # answered at once where it runs
        return next(self._device.camera_frames([CameraDetail.PREVIEW]))

    def stop_seeing(self) -> None:
        self._device.stop_camera()

    def close(self) -> None:
        with suppress(FerEdgeError):  # it is gone already
            self._stack.close()


def class_names(network: IntegerNetwork) -> tuple[str, ...]:
    """What the outputs are called; by their numbers where nobody named them."""
    return network.classes or tuple(f"output {number}" for number in range(math.prod(network.output_shape)))
