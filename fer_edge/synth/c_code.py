"""A placed network as C: the vendor's functions and file names, and our own `network.h`.

Firmware built with these files links as well with the `cnn.c`, `cnn.h` and `weights.h` of the vendor's generator.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from dataclasses import asdict

import jinja2
import numpy as np

from fer_edge import filenames
from fer_edge.estimate import Estimate
from fer_edge.registers import (
    CNN,
    MASK_COLUMN_BYTES,
    PROCESSORS,
    QUADRANTS,
    bias_address,
    mask_address,
)
from fer_edge.synth.data import InputSegment, OutputWords, output_addresses
from fer_edge.synth.masks import Masks
from fer_edge.synth.placement import PlacedNetwork
from fer_edge.synth.program import Program

FILES = (
    filenames.CNN_C,
    filenames.CNN_H,
    filenames.WEIGHTS_H,
    filenames.SAMPLE_DATA_H,
    filenames.SAMPLE_OUTPUT_H,
    filenames.NETWORK_H,
)


def generate(
    placed: PlacedNetwork,
    masks: Masks,
    program: Program,
    segments: list[InputSegment],
    sample: list[np.ndarray],
    expected: OutputWords,
    estimate: Estimate,
) -> dict[str, str]:
    """File name → C source."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fer_edge.synth"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["words"] = _words
    network, addresses = placed.network, output_addresses(placed)
    context = {
        "network": network,
        "name": _comment(network.name),
        "classes": _c_string("".join(f"\n{name}" for name in network.classes)),
        "hash": network.content_hash,
        "placement": placed.placement,
        "program": program,
        "quadrant_mask": sum(1 << q for q in program.quadrants),
        "ctl": {g: CNN.address("CTL", g) for g in program.quadrants},
        "ctl_stop": ~CNN["CTL"].mask("CNN_EN", "CNN_IRQ") & 0xFFFFFFFF,
        "ctl_enable": CNN["CTL"].mask("CNN_EN"),
        "estimate": estimate,
        "layers": [asdict(layer) for layer in estimate.layers],
        "segments": segments,
        "addresses": addresses.tolist(),
        "kernels": list(_express_blocks(masks)),
        "biases": [
            (g, bias_address(g, 0), masks.bias[g, masks.bias_used[g]].tolist())
            for g in range(QUADRANTS)
            if masks.bias_used[g].any()
        ],
        "sample": np.concatenate(sample).tolist(),
        "expected": list(_runs(expected)),
        "input_size": int(np.prod(network.input_shape)),
        "width": network.layers[-1].output_width,
    }
    return {name: environment.get_template(f"{name}.j2").render(context) for name in FILES}


def _express_blocks(masks: Masks) -> Iterator[int]:
    """Mask RAM in the packed download format: {start, words, data …} per run of used columns, then 0."""
    for processor in range(PROCESSORS):
        used = np.flatnonzero(masks.kernel_used[processor])
        for run in np.split(used, np.flatnonzero(np.diff(used) != 1) + 1) if used.size else ():
            data = masks.kernel[processor, run].tobytes()
            data += bytes(-len(data) % 4)
            # Columns are 16 addresses apart; the packed format counts them 4 apart.
            yield mask_address(processor, 0) + 4 * int(run[0])
            yield (MASK_COLUMN_BYTES * len(run) + 3) // 4
            yield from np.frombuffer(data, ">u4").tolist()
    yield 0


def _runs(expected: OutputWords) -> Iterator[tuple[int, int, list[int]]]:
    """(first address, mask, words) of neighbouring words under one mask."""
    breaks = np.flatnonzero((np.diff(expected.address.astype(np.int64)) != 4) | (np.diff(expected.mask) != 0)) + 1
    for part in np.split(np.arange(len(expected.address)), breaks):
        yield int(expected.address[part[0]]), int(expected.mask[part[0]]), expected.value[part].tolist()


def _words(values: Iterable[int], digits: int = 8) -> str:
    """Hexadecimal C initializers, several to a line, each line continued for use in a macro."""
    texts = [f"0x{value:0{digits}x}" for value in values]
    per_line = 8 if digits == 8 else 16
    lines = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
    return ", \\\n  ".join(lines)


def _c_string(text: str) -> str:
    """A C string literal of the text's UTF-8 bytes; octal escapes, since they end after three digits."""
    plain = set(string.ascii_letters + string.digits + " _-.,")
    return '"' + "".join(chr(b) if chr(b) in plain else f"\\{b:03o}" for b in text.encode()) + '"'


def _comment(text: str) -> str:
    """A name that is safe in a C comment or string: letters, digits and a few marks."""
    return "".join(c if (c.isalnum() and c.isascii()) or c in "-_. " else "_" for c in text)
