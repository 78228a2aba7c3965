"""Stands in for the vendor's ONNX reader (`izer/onnxcp.py`, and what `izer.py` makes of it): its habits, our words.

It takes weights and biases of Conv and Gemm nodes in order, and everything else from the YAML.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import numpy_helper

BIAS_DIVISOR = 128
NO_WEIGHTS = ("none", "passthrough", "add")


class RefusedError(Exception):
    """The tool ends with an error."""


@dataclass(frozen=True)
class Read:
    """What the tool goes on with for one layer of the YAML; `shift` is the total one."""

    weight: np.ndarray | None
    bias: np.ndarray | None
    bits: int | None
    shift: int


def highest_bit(number: int) -> int:
    """Index of the highest set bit; -1 of none."""
    return number.bit_length() - 1


def detected_bits(low: int, high: int) -> int:
    """The width it takes from a range of weights."""
    needed = max(highest_bit(n if n > 0 else abs(n) - 1) for n in (low, high))
    return 1 << (highest_bit(needed + 1) + 1)


def read(model_path: Path, yaml_path: Path) -> list[Read]:
    """All layers, or RefusedError. Lists are indexed as the tool does it, rightly or wrongly."""
    entries: list[dict[str, Any]] = yaml.safe_load(yaml_path.read_text())["layers"]
    bits: list[int | None] = [entry.get("quantization") for entry in entries]
    shifts: list[int | None] = [entry.get("output_shift") for entry in entries]
    model = onnx.load(str(model_path))
    stored = {item.name: item for item in model.graph.initializer}
    weights: list[np.ndarray] = []
    biases: list[np.ndarray | None] = []
    sizes: list[list[int]] = []
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm"):
            continue
        n, bias = len(weights), None
        for position, name in enumerate(node.input):
            if name not in stored:
                continue
            values = numpy_helper.to_array(stored[name]).astype(np.int64)
            if node.op_type == "Gemm":
                sizes.append([1, 1])
            else:
                sizes += [list(a.ints) for a in node.attribute if a.name == "kernel_shape"]
            if values.ndim > 1:
                _take(values, n, bits, shifts, sizes)
                weights.append(values)
            if position == 2:
                bias = values // BIAS_DIVISOR
        biases.append(bias)
    return _matched(entries, weights, biases, bits, shifts)


def _take(weight: np.ndarray, n: int, bits: list[int | None], shifts: list[int | None], sizes: list[list[int]]) -> None:
    """Check the n-th weights against the n-th entries of lists that count otherwise, and change those."""
    low, high = int(weight.min()), int(weight.max())
    width = bits[n]
    if width is None:
        bits[n] = width = detected_bits(low, high)
    if low < -(2 ** (width - 1)) or high >= 2 ** (width - 1):
        raise RefusedError("AssertionError: weights out of range")
    shifts[n] = (shifts[n] or 0) + 8 - width
    kernel = list(weight.shape[2:]) or [1, 1]
    if n >= len(sizes):
        raise RefusedError("IndexError: list index out of range")
    if sizes[n] != kernel:
        raise RefusedError(f"kernel_size of layer {n} should be {kernel}")


def _matched(
    entries: list[dict[str, Any]],
    weights: list[np.ndarray],
    biases: list[np.ndarray | None],
    bits: list[int | None],
    shifts: list[int | None],
) -> list[Read]:
    """Layers without weights get none, and later checks meet what was changed."""
    for index, entry in enumerate(entries):
        if str(entry["op"]).lower() in NO_WEIGHTS:
            weights.insert(index, None)  # type: ignore[arg-type]
            biases.insert(index, None)
    if len(weights) != len(entries):
        raise RefusedError("number of layers does not match")
    layers = [Read(w, b, q, s or 0) for w, b, q, s in zip(weights, biases, bits, shifts, strict=True)]
    for layer in layers:
        if layer.weight is None and layer.shift != 0:
            raise RefusedError("output_shift must be zero for passthrough layers")
        if not -15 <= layer.shift <= 15:
            raise RefusedError("output_shift out of range")
        width = 8 if layer.bits is None else layer.bits
        if layer.weight is not None and not -(2 ** (width - 1)) <= layer.weight.min() <= layer.weight.max() < 2 ** (
            width - 1
        ):
            raise RefusedError("AssertionError: weights out of range")
    return layers
