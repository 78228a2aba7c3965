"""Words of data memory: where an input goes and where outputs are found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_edge.registers import PROCESSORS_PER_INSTANCE, data_address
from fer_edge.synth.placement import PlacedNetwork, input_words, instances_of, output_words, set_bits


@dataclass(frozen=True)
class InputSegment:
    """Input words `address`, `address + 4·stride`, …: HWC has pixel i of `channels[lane]` in byte lane of word i
    (−1: unused, zero); CHW has pixels 4i … 4i+3 of `channels[0]` in word i."""

    address: int
    stride: int
    words: int
    channels: tuple[int, int, int, int]


@dataclass(frozen=True)
class OutputWords:
    """Expected words: `value` under `mask` at `address`; uint32 arrays, sorted by mask, then address."""

    address: np.ndarray
    mask: np.ndarray
    value: np.ndarray


def input_segments(placed: PlacedNetwork) -> list[InputSegment]:
    """Where the input goes, in the order of data memories and passes."""
    first = placed.layers[0]
    shape, processors = first.shape, set_bits(first.placement.processors)
    words = 4 * input_words(placed)  # (words, passes)
    segments = []
    for instance in sorted(instances_of(first.placement.processors)):
        base = data_address(instance)
        lanes = [p for p in processors if p // PROCESSORS_PER_INSTANCE == instance]
        for group in range(words.shape[1]):
            channel = {p % PROCESSORS_PER_INSTANCE: group * shape.processors + processors.index(p) for p in lanes}
            order = [c if (c := channel.get(lane, -1)) < shape.channels else -1 for lane in range(4)]
            if placed.placement.data_format == "CHW":
                order = [channel[lanes[0] % PROCESSORS_PER_INSTANCE], -1, -1, -1]
            segments.append(
                InputSegment(base + int(words[0, group]), words.shape[1], len(words), (*order,))  # type: ignore[arg-type]
            )
    return segments


def input_image(segments: list[InputSegment], data_format: str, data: np.ndarray) -> list[np.ndarray]:
    """The words of each segment for one input; `data` int8 (channels, rows, columns) → uint32 arrays."""
    pixels = data.reshape(len(data), -1)
    images = []
    for segment in segments:
        lanes = np.zeros((segment.words, 4), np.int8)
        if data_format == "CHW":
            lanes.reshape(-1)[: pixels.shape[1]] = pixels[segment.channels[0]]
        else:
            for lane, channel in enumerate(segment.channels):
                if channel >= 0:
                    lanes[:, lane] = pixels[channel]
        images.append(np.ascontiguousarray(lanes).view("<u4")[:, 0])
    return images


def addresses(segment: InputSegment) -> np.ndarray:
    """Byte addresses of a segment's words, uint32."""
    return (segment.address + 4 * segment.stride * np.arange(segment.words)).astype(np.uint32)


def output_addresses(placed: PlacedNetwork, index: int = -1) -> np.ndarray:
    """Byte address of every output of layer `index`, the last by default, in C, H, W order: int64 (outputs,).

    An 8-bit output is one byte lane of its word.
    """
    of = placed.layers[index]
    shape, processors = of.shape, np.array(set_bits(of.placement.output_processors))
    words = output_words(placed, index)  # (pixels, passes, 1 or 4)
    channel = np.arange(shape.out_channels)
    processor, group = processors[channel % shape.out_processors], channel // shape.out_processors
    base = np.array([data_address(p // PROCESSORS_PER_INSTANCE) for p in processor])
    lane = processor % PROCESSORS_PER_INSTANCE
    if of.layer.output_width == 32:
        place = base[:, None] + 4 * words[:, group, lane].T
    else:
        place = base[:, None] + 4 * words[:, group, 0].T + lane[:, None]
    result: np.ndarray = place.reshape(-1)
    return result


def expected_output(placed: PlacedNetwork, logits: np.ndarray) -> OutputWords:
    """Words of data memory after an inference that gives `logits` (int, C, H, W order)."""
    place = output_addresses(placed)
    wide = placed.network.layers[-1].output_width == 32
    words: dict[int, tuple[int, int]] = {}
    for address, value in zip(place.tolist(), logits.ravel().tolist(), strict=True):
        lane = 0 if wide else 8 * (address % 4)
        field = 0xFFFFFFFF if wide else 0xFF << lane
        mask, word = words.get(address & ~3, (0, 0))
        words[address & ~3] = mask | field, word | (value << lane & field)
    table = sorted((mask, address, value) for address, (mask, value) in words.items())
    columns = np.array(table, np.uint32).T
    return OutputWords(columns[1], columns[0], columns[2])
