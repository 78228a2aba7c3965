"""How the virtual board is equipped."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from fer_edge.board.faults import Faults
from fer_edge.board.load import LoadModel


@dataclass(frozen=True)
class Options:
    """What may differ from board to board.

    line_rate : whether UART0 takes the time its baud rate says, in virtual time, and its FIFO can overrun; else bytes
        come and go at once, which is faster.
    sensor : "INA219" or "INA226" at address 0x40 of I2C1, or None.
    load : what the sensor measures.
    hold : buttons held down from power-on, by their names in `registers.BUTTONS`.
    faults : what goes wrong on the line and around it, or None.
    idle_limit : seconds after which a wait that nobody can end ends the run.
    pictures : what the camera sees, a file as `pictures.Pictures` reads it; None for a camera that sees only black.
    picture_seconds : how long it sees each, in virtual time; 0 for the first until told otherwise.
    recording : file to which what happens is recorded (`recorder`), or None.
    record_calls : whether functions of the ELF are recorded, too. Instructions are then counted one by one.
    """

    line_rate: bool = False
    sensor: str | None = None
    load: LoadModel = field(default_factory=LoadModel)
    hold: tuple[str, ...] = ()
    faults: Faults | None = None
    idle_limit: float = 60.0
    pictures: str | None = None
    picture_seconds: float = 1.0
    recording: str | None = None
    record_calls: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Options:
        values = json.loads(text)
        faults = values["faults"]
        values |= {"load": LoadModel(**values["load"]), "faults": faults and Faults(**faults)}
        return cls(**values | {"hold": tuple(values["hold"])})


DEFAULT = Options()
