"""The vendor's Synthesizer, from a user's own checkout, run on what `synthesize` wrote; its answer held against ours.

Its files go to the folder `ai8xize` beside ours. Compared are what they mean, not how they are written: mask RAM and
bias RAM, register writes in order, and the words expected in data memory for the sample.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_edge import filenames
from fer_edge.errors import ToolError
from fer_edge.registers import (
    BIAS_BYTES_PER_QUADRANT,
    CNN,
    CNN_LAYER,
    MASK_COLUMN_BYTES,
    MASK_COLUMNS,
    MAX_LAYERS,
    PROCESSOR_MASK_STRIDE,
    PROCESSORS,
    QUADRANTS,
    layer_register,
    mask_address,
)
from fer_edge.synth.synthesize import SAMPLE_FILE, Synthesis

SCRIPT = "ai8xize.py"
FOLDER = "ai8xize"
READ = (filenames.CNN_C, filenames.CNN_H, filenames.WEIGHTS_H, filenames.SAMPLE_OUTPUT_H)
"""The files of the vendor's tool that are compared, or may replace ours."""
_PACKED_COLUMN_STRIDE = 4  # the packed format counts mask columns 4 addresses apart


@dataclass(frozen=True)
class Comparison:
    """What the vendor's tool made of the same files: by subject, the first difference, or None where both agree."""

    directory: Path
    differences: dict[str, str | None]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not any(self.differences.values())

    def summary(self) -> str:
        """A few lines for the terminal."""
        return "\n".join(
            [f"{SCRIPT}: {'all the same' if self.same else 'not the same'}, written to {self.directory}"]
            + [f"  {subject:<16} {first or 'same'}" for subject, first in self.differences.items()]
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"directory": str(self.directory), "same": self.same, "differences": self.differences}


@dataclass(frozen=True)
class Tool:
    """A checkout of the vendor's Synthesizer and the Python that runs it."""

    checkout: Path
    python: Path

    @classmethod
    def find(cls, checkout: Path, python: str | None = None) -> Tool:
        """The tool in `checkout`, run by `python`, else by the checkout's own environment, else by ours."""
        if not (checkout / SCRIPT).is_file():
            raise ToolError(f"{checkout} holds no {SCRIPT}.", "Give a checkout of the vendor's ai8x-synthesis.")
        own = [checkout / name / "bin" / "python" for name in (".venv", "venv")]
        chosen = python or str(next((path for path in own if path.exists()), sys.executable))
        found = shutil.which(chosen)
        if found is None:
            raise ToolError(f"There is no Python {chosen}.", "Name the one the checkout was set up with: --python.")
        return cls(checkout.absolute(), Path(found).absolute())

    def run(self, synthesis: Synthesis, say: Callable[[str], object]) -> Comparison:
        """Run the tool on a folder that `synthesize` wrote; `say` gets its output line by line.

        ToolError, with the tool's own words, when it fails or writes what cannot be read.
        """
        ours = synthesis.directory.absolute()
        theirs = ours / FOLDER
        for name in READ:  # what an earlier run left must not pass for this one's
            (theirs / name).unlink(missing_ok=True)
        options = {
            "--prefix": FOLDER,
            "--test-dir": ours,
            "--config-file": ours / filenames.YAML,
            "--checkpoint-file": ours / filenames.CHECKPOINT,
            "--sample-input": ours / SAMPLE_FILE,
            "--device": "MAX78000",
            "--timer": 0,
        }
        switches = ["--overwrite", "--mexpress", "--compact-data", "--no-version-check"]
        if synthesis.network.avg_pool_rounding:
            switches.append("--avg-pool-rounding")
        command = [self.python, self.checkout / SCRIPT, *(word for pair in options.items() for word in pair), *switches]
        self._call([str(word) for word in command], say)
        if missing := [name for name in READ if not (theirs / name).is_file()]:
            raise ToolError(f"{SCRIPT} ended well but wrote no {missing[0]} in {theirs}.", "Try a shorter path.")
        with np.load(ours / filenames.ACCELERATOR_STATE, allow_pickle=False) as state:
            return compare(theirs, dict(state))

    def _call(self, command: list[str], say: Callable[[str], object]) -> None:
        lines: list[str] = []
        with subprocess.Popen(
            command,
            cwd=self.checkout,  # it reads its templates relative to that
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    lines.append(re.sub(r"\x1b\[[0-9;]*m", "", line).strip())
                    say(line.rstrip())
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            for line in lines:
                if found := re.match(r"ModuleNotFoundError: No module named '(\w+)", line):
                    raise ToolError(
                        f"{self.python} cannot run {SCRIPT}: it has no module {found[1]!r}.",
                        f"Install the tool's packages with {self.python} -m pip install -r requirements.txt in"
                        f" {self.checkout}, or name a Python that has them with --python.",
                    )
            # Its own errors are marked; of a traceback the last line tells most.
            said = [line for line in lines if line.startswith("ERROR:")] or [line for line in lines if line]
            last = said[-1] if said else "nothing"
            raise ToolError(
                f"{SCRIPT} failed with status {process.returncode} and said: {last}",
                "Put that right in the checkout, or leave out --backend.",
            )


def compare(directory: Path, state: dict[str, np.ndarray]) -> Comparison:
    """The files of the vendor's tool in `directory` against ours, which `state` (of `state.npz`) holds."""
    try:
        weights = _defines(_text(directory / filenames.WEIGHTS_H))
        kernel, bias = _kernel(weights), _bias(weights)
        writes = list(_register_writes(_text(directory / filenames.CNN_C)))
        expected = _defines(_text(directory / filenames.SAMPLE_OUTPUT_H))
        words = set(_expected_words(expected["SAMPLE_OUTPUT"]))
    except (KeyError, IndexError, ValueError, OverflowError) as error:
        raise ToolError(
            f"The files of {SCRIPT} in {directory} are not of the form known here: {error!r}.",
            "Use a checkout of 2023 or newer; its options must not be changed.",
        ) from error
    our_writes = zip(state["reg_addr"].tolist(), state["reg_value"].tolist(), strict=True)
    our_words = zip(*(state[f"output_{key}"].tolist() for key in ("addr", "mask", "value")), strict=True)
    return Comparison(
        directory,
        {
            "weights": _first_byte(kernel, state["kernel"], "processor {}, mask column {}, byte {}"),
            "biases": _first_byte(bias, state["bias"], "quadrant {}, bias byte {}"),
            "registers": _first_write(writes, list(our_writes)),
            "expected output": _first_word(words, set(our_words)),
        },
    )


# --- reading what the tool wrote ---------------------------------------------------------------------------


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _defines(text: str) -> dict[str, list[int]]:
    """``#define NAME { 0x…, … }``, continued over lines, as name → numbers."""
    return {
        name: [int(number, 0) for number in re.findall(r"\w+", numbers)]
        for name, numbers in re.findall(r"#define\s+(\w+)\s*\{([^}]*)\}", text)
    }


def _kernel(weights: dict[str, list[int]]) -> np.ndarray:
    """Mask RAM, uint8 (processors, columns, 9), from packed blocks {start, words, data …} that end with 0."""
    memory = np.zeros((PROCESSORS, MASK_COLUMNS, MASK_COLUMN_BYTES), np.uint8)
    bases = {mask_address(p, 0): p for p in range(PROCESSORS)}
    numbers = weights["KERNELS"]
    at = 0
    while numbers[at]:
        start, count = numbers[at : at + 2]
        data = np.array(numbers[at + 2 : at + 2 + count], ">u4").tobytes()
        columns = len(data) // MASK_COLUMN_BYTES
        block = np.frombuffer(data, np.uint8, columns * MASK_COLUMN_BYTES).reshape(columns, MASK_COLUMN_BYTES)
        offset = start % PROCESSOR_MASK_STRIDE
        first = offset // _PACKED_COLUMN_STRIDE
        memory[bases[start - offset], first : first + columns] = block
        at += 2 + count
    return memory


def _bias(weights: dict[str, list[int]]) -> np.ndarray:
    """Bias RAM, uint8 (quadrants, bytes); a network without bias has no definitions of it."""
    memory = np.zeros((QUADRANTS, BIAS_BYTES_PER_QUADRANT), np.uint8)
    for quadrant in range(QUADRANTS):
        values = weights.get(f"BIAS_{quadrant}", [])
        memory[quadrant, : len(values)] = values
    return memory


def _register_writes(source: str) -> Iterator[tuple[int, int]]:
    """(address, value) of every plain write in the three functions that program the accelerator, in their order."""
    for function in ("cnn_init", "cnn_configure", "cnn_start"):
        found = re.search(rf"^int {function}\(void\)\s*\{{(.*?)^\}}", source, re.DOTALL | re.MULTILINE)
        if not found:
            raise ValueError(f"cnn.c has no {function}()")
        for address, value in re.findall(r"\*\(\(volatile uint32_t ?\*\) ?(\w+)\) = (\w+);", found[1]):
            yield int(address, 0), int(value, 0)


def _expected_words(numbers: list[int]) -> Iterator[tuple[int, int, int]]:
    """(address, mask, value) from blocks {address, mask, count, words …} that end with 0."""
    at = 0
    while numbers[at]:
        address, mask, count = numbers[at : at + 3]
        for i in range(count):
            yield address + 4 * i, mask, numbers[at + 3 + i]
        at += 3 + count


# --- comparing ---------------------------------------------------------------------------------------------


def _first_byte(theirs: np.ndarray, ours: np.ndarray, place: str) -> str | None:
    where = np.argwhere(theirs != ours)
    if not len(where):
        return None
    at = tuple(where[0].tolist())
    return f"{len(where)} bytes differ, first {place.format(*at)}: theirs {theirs[at]:#04x}, ours {ours[at]:#04x}"


def _first_write(theirs: list[tuple[int, int]], ours: list[tuple[int, int]]) -> str | None:
    for number, (their, our) in enumerate(zip(theirs, ours, strict=False)):
        if their != our:
            return f"write {number} differs: theirs {_write(their)}, ours {_write(our)}"
    if len(theirs) != len(ours):
        return f"theirs are {len(theirs)} writes, ours {len(ours)}"
    return None


def _write(write: tuple[int, int]) -> str:
    return f"{_register_name(write[0])} = {write[1]:#010x}"


def _register_name(address: int) -> str:
    """A register in words, as `G0.L1.RCNT` (quadrant, layer), or its address."""
    for g in range(QUADRANTS):
        names = {CNN.address(register.name, g): f"G{g}.{register.name}" for register in CNN}
        for layer in range(MAX_LAYERS):
            names |= {layer_register(r.name, layer, g): f"G{g}.L{layer}.{r.name}" for r in CNN_LAYER}
        if address in names:
            return names[address]
    return f"{address:#010x}"


def _first_word(theirs: set[tuple[int, int, int]], ours: set[tuple[int, int, int]]) -> str | None:
    only = theirs ^ ours
    if not only:
        return None
    address, mask, value = first = min(only)
    who = "theirs" if first in theirs else "ours"
    return f"{len(only)} words differ, first only in {who}: {address:#010x} & {mask:#010x} = {value:#010x}"
