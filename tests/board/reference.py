"""Reference networks, fed to the accelerator as firmware would."""

from __future__ import annotations

import numpy as np

from fer_edge import registers as r
from fer_edge.board.accelerator import Accelerator

State = dict[str, np.ndarray]


def configure(accelerator: Accelerator, state: State, express: bool = True) -> None:
    """Registers, weights and bias of a reference network, up to but without the start."""
    for address, value in _registers(state, express)[: -_start_writes(state)]:
        accelerator.write(address, value)
    for processor in range(r.PROCESSORS):
        (load_express if express else load_plain)(
            accelerator, processor, state["kernel"][processor], state["kernel_used"][processor]
        )
    for quadrant, index in np.argwhere(state["bias_used"]):
        accelerator.write(r.bias_address(int(quadrant), int(index)), int(state["bias"][quadrant, index]))


def start(accelerator: Accelerator, state: State, express: bool = True) -> None:
    """The control writes that start an inference."""
    for address, value in start_writes(state, express):
        accelerator.write(address, value)


def start_writes(state: State, express: bool = True) -> list[tuple[int, int]]:
    """Address and value of the control writes that start an inference."""
    return _registers(state, express)[-_start_writes(state) :]


def load_input(accelerator: Accelerator, state: State) -> None:
    words = accelerator.data.view(np.uint32)
    words[word_index(state["input_addr"])] = state["input_value"]


def word_index(address: np.ndarray) -> np.ndarray:
    """Bus addresses of data RAM to words of `Accelerator.data`."""
    quadrant, offset = np.divmod(address.astype(np.int64) - r.CNN_DATA, r.QUADRANT_STRIDE)
    return (quadrant * (r.DATA_BYTES // r.QUADRANTS) + offset) // 4


def load_plain(accelerator: Accelerator, processor: int, columns: np.ndarray, used: np.ndarray) -> None:
    """Four words per column."""
    for column in np.flatnonzero(used):
        b = columns[column].tobytes()
        address = r.mask_address(processor, int(column))
        for word, part in enumerate((b[:1], b[1:5], b[5:9], b"")):
            accelerator.write(address + 4 * word, int.from_bytes(part, "big"))


def load_express(accelerator: Accelerator, processor: int, columns: np.ndarray, used: np.ndarray) -> None:
    """A byte sets the position; columns follow as one big-endian stream per run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], used, [False]]).astype(int)))
    for first, end in edges.reshape(-1, 2):
        base = r.mask_address(processor, 0) + 4 * int(first)
        accelerator.write(base | 1, 1, size=1)
        stream = columns[first:end].tobytes()
        stream += bytes(-len(stream) % 4)
        for at in range(0, len(stream), 4):
            accelerator.write(base + at, int.from_bytes(stream[at : at + 4], "big"))


def read_columns(accelerator: Accelerator, processor: int, count: int) -> np.ndarray:
    """(count, 9) mask columns, read over the bus."""
    columns = []
    for column in range(count):
        address = r.mask_address(processor, column)
        b0, high, low = (accelerator.read(address + 4 * word) for word in range(3))
        columns.append([b0, *high.to_bytes(4, "big"), *low.to_bytes(4, "big")])
    return np.array(columns, np.uint8)


def _registers(state: State, express: bool) -> list[tuple[int, int]]:
    mode = r.CNN["CTL"].mask("MEXPRESS")
    controls = [r.CNN.address("CTL", quadrant) for quadrant in range(r.QUADRANTS)]
    return [
        (address, value & ~mode if address in controls and not express else value)
        for address, value in zip(state["reg_addr"].tolist(), state["reg_value"].tolist(), strict=True)
    ]


def _start_writes(state: State) -> int:
    """The run of control writes the program ends with."""
    controls = [r.CNN.address("CTL", quadrant) for quadrant in range(r.QUADRANTS)]
    return int(np.argmin(np.isin(state["reg_addr"], controls)[::-1]))
