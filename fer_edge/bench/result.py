"""What a bench finds: `BenchResult` and its parts. `report.json` is `BenchResult.to_dict`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fer_edge.estimate import Estimate
from fer_edge.faces import Selection
from fer_edge.figure import Figure
from fer_edge.frame import Frame, Phase

FORMAT = "fer-edge bench 2"


@dataclass(frozen=True)
class Mean(Figure):
    """The mean of the rounds of a measurement; its standard error is None for a single round."""

    standard_error: float | None = None


@dataclass(frozen=True)
class Network:
    """The network that ran; its content hash in hexadecimal."""

    name: str
    hash: str
    weight_bytes: int
    bias_bytes: int


@dataclass(frozen=True)
class Board:
    """The board it ran on, as `device.Hello` has it, and the baud rate at the end."""

    port: str
    virtual: bool
    firmware: str
    network: str
    classes: list[str]
    sensor: str
    runs: int
    stack_bytes: int
    last_start: str
    baud_rate: int


@dataclass(frozen=True)
class BoardShare:
    """One of several boards: as the user named it, its port, the faces it answered in this run.

    lost : why it answered no more, or None.
    """

    name: str
    port: str
    answered: int
    lost: str | None


@dataclass(frozen=True)
class MisreadFace:
    """A face that was taken for another class, with the softmax of the board's logits by class."""

    image: int
    name: str
    label: str
    predicted: str
    scores: dict[str, float]


@dataclass(frozen=True)
class Misread:
    """How many faces were taken for another class, and those of which the board was surest."""

    images: int
    surest: list[MisreadFace]


@dataclass(frozen=True)
class LayerDifference:
    """The first layer whose output differs from the simulator's, in `differing` of its `values`."""

    number: int
    name: str
    differing: int
    values: int

    def __str__(self) -> str:
        return f"first differing layer: {self.number} ({self.name}), {self.differing:,} of {self.values:,} values"


@dataclass(frozen=True)
class LayerUnknown:
    """Why the first layer that differs cannot be told."""

    unknown: str

    def __str__(self) -> str:
        return f"first differing layer unknown: {self.unknown}"


@dataclass(frozen=True)
class Difference:
    """An image of which the board's logits or class are not the simulator's. `layer` is None where nobody asked."""

    image: int
    name: str
    board: list[int]
    simulator: list[int]
    board_class: str | int
    simulator_class: str
    layer: LayerDifference | LayerUnknown | None = None


@dataclass(frozen=True)
class Logits:
    """How many logits were compared with the simulator's, how many images differ, and the first of them."""

    compared: int
    images_differing: int
    first_differing: list[Difference]


@dataclass(frozen=True)
class Latency:
    """The accelerator's time, start to done, as the board tells it; `microseconds` is each value and how often."""

    min: Figure
    median: Figure
    max: Figure
    cycles_median: Figure
    microseconds: list[tuple[int, int]]


@dataclass(frozen=True)
class OperationEnergy:
    """Energy of one operation: total, and net of idle power where that is known.

    low, high : what an estimate may be off by, µJ; None for a measurement.
    """

    what: str
    energy: Mean
    net: Mean | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class WindowEnergy:
    """The windows of one activity over all rounds; energy is per operation, None for idling."""

    count: int
    seconds: float
    mean_volts: float | None
    mean_amperes: float | None
    samples: int
    power: Mean
    energy: Mean | None
    net: Mean | None


@dataclass(frozen=True)
class Drift:
    """How far power moved from the first round to the last, as fractions of its mean."""

    idle: float
    infer: float
    limit: float
    steady: bool


@dataclass(frozen=True)
class Energy:
    """What a meter saw. `inference` is the accelerator's part, `whole` one inference with its image and its logits.

    phases : the parts of `whole` in their order; times and energies add up to it.

    windows : by the activity's name.
    trace : the current of the last infer window, as `meters.meter.envelope` gives it, where the meter has one.
    """

    meter: str
    boundary: str
    source: str
    settings: Mapping[str, Any]
    rounds: int
    windows: dict[str, WindowEnergy]
    power: Mean
    inference: OperationEnergy
    whole: OperationEnergy
    phases: tuple[Phase, ...]
    drift: Drift | None
    trace: list[list[float]] | None


@dataclass(frozen=True)
class ThroughCamera:
    """The same faces, shown to the board's camera.

    lens : what the faces went through before, in words.
    scores : `metrics.scores` of the board's logits.
    images_differing : of which the logits are not the simulator's on the very pixels that the board reports.
    frames, lost, broken : at full rate, pictures answered, left out between them, and not arrived whole.
    overlap : per cent of the shorter of capture and compute that costs no time, as both go on at once.
    frame : energy of a whole frame, capture included.
    """

    lens: str
    scores: Mapping[str, Any]
    images_differing: int
    frames: int
    lost: int
    broken: int
    frame_rate: Figure
    capture: Figure
    compute: Figure
    overlap: Figure
    frame: Frame


@dataclass(frozen=True)
class DutyCycle:
    """Inferences at a rate, and how processor and accelerator wait in between: names of `Wait` and `Rest`.

    phases : a frame's, in order. energy : of a frame, power : mean; None where a frame takes longer than its period.
    battery : how long it lasts, where one was given.
    """

    rate: float
    wait: str
    rest: str
    processor_mhz: int
    accelerator_mhz: int
    phases: tuple[Phase, ...]
    energy: Figure | None
    power: Figure | None
    battery: Figure | None


@dataclass(frozen=True)
class BreakEven:
    """Seconds between frames below which it costs less to keep the weights in a mode than to load them again."""

    wait: str
    processor_mhz: int
    seconds: Figure
    rate: Figure


@dataclass(frozen=True)
class DutyCycles:
    """What `--rate` and `--modes` ask for. `battery`: milliampere-hours and volts."""

    cycles: tuple[DutyCycle, ...]
    break_even: tuple[BreakEven, ...]
    battery: tuple[float, float] | None
    source: str
    boundary: str


@dataclass(frozen=True)
class BenchResult:
    """A finished run. `run`: a hash of what tells it from others. `scores` is `metrics.scores` of the board's logits.
    `boards`: who answered, if there were several; `board` is the first of them."""

    output_dir: str
    run: str
    tool: str
    finished: str
    network: Network
    board: Board
    data: Selection
    classes: list[str]
    scores: Mapping[str, Any]
    misread: Misread
    logits: Logits
    latency: Latency
    throughput: Figure
    retries: int
    energy: Energy
    estimate: Estimate
    camera: ThroughCamera | None = None
    duty: DutyCycles | None = None
    boards: tuple[BoardShare, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the scores stand beside the rest."""
        content: dict[str, Any] = {"format": FORMAT}
        for key, value in asdict(self).items():
            content |= value if key == "scores" else {key: value}
        return content
