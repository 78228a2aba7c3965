"""No silent bits: every bit of every register of good programmes, flipped one by one.

Each flip gives another result, or is reported with register and layer, or stands in the model's table of bits that do
nothing (`consistency.INERT`, `accelerator.INERT_CONTROL`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_edge import registers as r
from fer_edge.board.accelerator import INERT_CONTROL, Accelerator
from fer_edge.board.consistency import INERT
from fer_edge.board.layer import Layer as DecodedLayer
from fer_edge.errors import BoardError
from fer_edge.network import INPUT, WEIGHT_RANGE, IntegerNetwork, Layer, Operator
from fer_edge.synth.synthesize import synthesize
from tests.board.reference import State, configure, load_input, start_writes, word_index

CTL = r.CNN["CTL"]
CHANGED, REPORTED, INERT_BIT, SILENT = "changed", "reported", "inert", "silent"


# --- five good programmes ----------------------------------------------------------------------------------


class Weights:
    """Random weights with a shift that neither saturates nor zeroes the outputs."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def __call__(self, *shape: int, bits: int = 8, bias: bool = True) -> dict[str, Any]:
        low, high = WEIGHT_RANGE[bits]
        shift = round(7 - np.log2(-low * np.sqrt(np.prod(shape[1:]))))
        return {
            "weight": self._rng.integers(low, high + 1, shape, np.int8),
            "bias": self._rng.integers(-100, 101, shape[0], np.int8) if bias else None,
            "weight_bits": bits,
            "output_shift": max(shift, bits - 23),
        }


def pooled(kind: str, size: int, stride: int) -> dict[str, Any]:
    return {"pool": kind, "pool_size": (size, size), "pool_stride": stride}


def chain() -> IntegerNetwork:
    """Both kernels, both poolings, a long flatten, a 32-bit result."""
    w = Weights(1)
    return IntegerNetwork(
        "chain",
        (3, 11, 11),
        (
            Layer("a", Operator.CONV, (INPUT,), **w(6, 3, 3, 3), pad=1, activation="relu"),
            Layer("b", Operator.CONV, (0,), **w(8, 6, 3, 3, bits=4), pad=2, activation="abs", **pooled("max", 2, 2)),
            Layer("c", Operator.CONV, (1,), **w(5, 8, 1, 1, bias=False), **pooled("avg", 3, 1)),
            Layer("d", Operator.LINEAR, (2,), **w(3, 125), output_width=32),
        ),
    )


def residual() -> IntegerNetwork:
    """A pass, a plain and a fused addition, before and after pooling; 8-bit maps as result."""
    w = Weights(2)
    return IntegerNetwork(
        "residual",
        (4, 6, 6),
        (
            Layer("in", Operator.CONV, (INPUT,), **w(6, 4, 3, 3), pad=1),
            Layer("copy", Operator.PASSTHROUGH, (0,)),
            Layer("way", Operator.CONV, (0,), **w(6, 6, 3, 3, bits=2), pad=1),
            Layer("sum", Operator.PASSTHROUGH, (1, 2)),
            Layer("again", Operator.PASSTHROUGH, (3,)),
            Layer("other", Operator.CONV, (3,), **w(6, 6, 1, 1), activation="relu"),
            Layer("out", Operator.CONV, (4, 5), **w(4, 6, 3, 3), pad=1, pool_first=False, **pooled("max", 2, 2)),
        ),
    )


def passes() -> IntegerNetwork:
    """More channels than processors, in all four quadrants."""
    w = Weights(3)
    return IntegerNetwork(
        "passes",
        (2, 4, 4),
        (
            Layer("up", Operator.CONV, (INPUT,), **w(72, 2, 1, 1), activation="relu"),
            Layer("down", Operator.CONV, (0,), **w(5, 72, 3, 3), pad=1, **pooled("avg", 2, 2)),
        ),
        avg_pool_rounding=True,
    )


def pixel() -> IntegerNetwork:
    """Down to one pixel, with weights of one bit, over a quadrant's border."""
    w = Weights(4)
    return IntegerNetwork(
        "pixel",
        (1, 5, 5),
        (
            Layer("a", Operator.CONV, (INPUT,), **w(20, 1, 3, 3, bits=1)),
            Layer("b", Operator.CONV, (0,), **w(6, 20, 1, 1), activation="relu", **pooled("max", 3, 1)),
            Layer("c", Operator.LINEAR, (1,), **w(7, 6), output_width=32),
        ),
    )


def single() -> IntegerNetwork:
    """One layer."""
    return IntegerNetwork("single", (2, 7, 7), (Layer("a", Operator.CONV, (INPUT,), **Weights(5)(4, 2, 3, 3)),))


# --- flipping ----------------------------------------------------------------------------------------------


class Programme:
    """A good programme, loaded, and what data memory holds after it has run."""

    def __init__(self, state: State) -> None:
        self._state = state
        # What has never been written is not zero, so that whatever is read or written beyond the programme shows.
        self._noise = np.random.default_rng(0).integers(-128, 128, r.DATA_BYTES, np.int8)
        self._accelerator = self._loaded(state)
        self._input = self._accelerator.data.copy()
        self._start = start_writes(state)
        self._result = self._run(self._accelerator, self._start)
        self.layers = self._accelerator.program()
        words = self._result.view(np.uint32)[word_index(state["output_addr"])]
        assert np.array_equal(words & state["output_mask"], state["output_value"])

    def _loaded(self, state: State) -> Accelerator:
        accelerator = Accelerator()
        accelerator.power(0xF)
        self._load(accelerator, state)
        return accelerator

    def _load(self, accelerator: Accelerator, state: State) -> None:
        configure(accelerator, state)
        accelerator.data[:] = self._noise
        load_input(accelerator, state)

    def _run(self, accelerator: Accelerator, writes: list[tuple[int, int]]) -> np.ndarray:
        """Data memory afterwards; nothing if it never ends."""
        for address, value in writes:
            accelerator.write(address, value)
        return accelerator.data.copy() if accelerator.interrupt else np.empty(0, np.int8)

    def _verdict(self, accelerator: Accelerator, run: Callable[[], np.ndarray]) -> str:
        try:
            changed = not np.array_equal(run(), self._result)
        except BoardError as error:
            return REPORTED if any(word in str(error) for word in ("layer", "CNN", "mask column")) else SILENT
        return CHANGED if changed else REPORTED if accelerator.warnings else SILENT

    def layer_flips(self) -> Iterator[tuple[str, int, int, int, str]]:
        """Register, layer, quadrant, bit and verdict; of registers that are not written as well."""
        quadrants = self.layers[0].running
        for layer in self.layers:
            for register in r.CNN_LAYER:
                for quadrant in quadrants:
                    address = r.layer_register(register.name, layer.number, quadrant)
                    word = self._accelerator.read(address)
                    for bit in range(32):
                        self._accelerator.write(address, word ^ 1 << bit)
                        verdict = self._verdict(self._accelerator, self._again)
                        yield register.name, layer.number, quadrant, bit, verdict
                    self._accelerator.write(address, word)

    def _again(self) -> np.ndarray:
        for quadrant in range(r.QUADRANTS):
            self._accelerator.write(r.CNN.address("CTL", quadrant), CTL.mask("CLK_EN", "MEXPRESS"))
        self._accelerator.data[:] = self._input
        return self._run(self._accelerator, self._start)

    def global_flips(self) -> Iterator[tuple[int, int, int, str]]:
        """Address, written value, bit and verdict, of every write that is not to a layer's register."""
        layers = range(r.CNN_LAYER_REGISTERS, r.CNN_LAYER_REGISTERS + len(r.CNN_LAYER.registers) * 4 * r.MAX_LAYERS)
        for n, (address, value) in enumerate(zip(self._state["reg_addr"], self._state["reg_value"], strict=True)):
            if (int(address) - r.CNN_CONTROL) % r.QUADRANT_STRIDE in layers and address >= r.CNN_CONTROL:
                continue
            for bit in range(32):
                values = self._state["reg_value"].copy()
                values[n] ^= 1 << bit
                accelerator = Accelerator()
                accelerator.power(0xF)
                state = self._state | {"reg_value": values}
                verdict = self._verdict(accelerator, lambda a=accelerator, s=state: self._from_reset(a, s))  # type: ignore[misc]
                yield int(address), int(value), bit, verdict

    def _from_reset(self, accelerator: Accelerator, state: State) -> np.ndarray:
        self._load(accelerator, state)
        return self._run(accelerator, start_writes(state))


def does_nothing(layer: DecodedLayer, register: str, bit: int) -> bool:
    """Whether the model's table says so."""
    mask = r.CNN_LAYER[register].mask
    return any(e.register == register and mask(*e.fields) >> bit & 1 and e.when(layer) for e in INERT)


def control_does_nothing(layers: list[DecodedLayer], value: int, bit: int) -> bool:
    """The same of a write to CTL."""
    idle, masks, averages = INERT_CONTROL
    pools = any(layer.pooling and not layer.max_pool for layer in layers)
    holds = {idle: not value & CTL.mask("CNN_EN"), masks: True, averages: not pools}
    return any(holds[fields] and CTL.mask(*fields) >> bit & 1 for fields in INERT_CONTROL)


def check_all_bits(state: State) -> Counter[str]:
    """How often each verdict was given."""
    programme = Programme(state)
    verdicts: Counter[str] = Counter()
    silent = []
    for register, number, quadrant, bit, verdict in programme.layer_flips():
        if verdict == SILENT and does_nothing(programme.layers[number], register, bit):
            verdict = INERT_BIT
        if verdict == SILENT:
            silent.append(f"layer {number}, quadrant {quadrant}: {register} bit {bit}")
        verdicts[verdict] += 1
    controls = {r.CNN.address("CTL", quadrant) for quadrant in range(r.QUADRANTS)}
    for address, value, bit, verdict in programme.global_flips():
        if verdict == SILENT and address in controls and control_does_nothing(programme.layers, value, bit):
            verdict = INERT_BIT
        if verdict == SILENT:
            silent.append(f"{address:#x} = {value:#x}: bit {bit}")
        verdicts[verdict] += 1
    assert not silent, silent
    return verdicts


@pytest.mark.parametrize("network", [chain, residual, passes, pixel, single], ids=lambda n: n.__name__)
def test_no_bit_of_a_good_programme_is_silent(network: Callable[[], IntegerNetwork], tmp_path: Path) -> None:
    synthesize(network(), tmp_path)
    with np.load(tmp_path / "state.npz") as state:
        verdicts = check_all_bits(dict(state))
    assert verdicts[REPORTED] > 500
    assert min(verdicts[CHANGED], verdicts[INERT_BIT]) > 10


@pytest.mark.slow
def test_no_bit_of_a_reference_network_is_silent(reference: State) -> None:
    check_all_bits(reference)
