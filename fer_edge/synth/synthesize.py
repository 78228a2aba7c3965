"""IntegerNetwork → placement → ONNX, YAML, checkpoint, register program and C."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_edge import checkpoint as checkpoints
from fer_edge import filenames
from fer_edge.errors import NetworkError
from fer_edge.estimate import START_CYCLES, Estimate, estimate
from fer_edge.files import atomic_write
from fer_edge.network import IntegerNetwork
from fer_edge.simulate import activations
from fer_edge.synth import c_code, data, masks, memory_map, overview, placement, vendor_onnx, vendor_yaml
from fer_edge.synth.placement import PlacedNetwork
from fer_edge.synth.placer import place
from fer_edge.synth.program import program

SAMPLE_FILE = "sample_fer2013.npy"
"""The known-answer input, as the vendor's tool takes it: `tests/sample_<dataset>.npy` of its checkout."""


@dataclass(frozen=True)
class Synthesis:
    """What `synthesize` wrote."""

    placed: PlacedNetwork
    estimate: Estimate
    table: list[overview.LayerRow]
    directory: Path
    files: tuple[str, ...]

    @property
    def network(self) -> IntegerNetwork:
        """The network, wherever it lives."""
        return self.placed.network

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "network": self.network.name,
            "hash": self.network.content_hash.hex(),
            "directory": str(self.directory),
            "files": list(self.files),
            "onnx_refused": vendor_onnx.refusal(self.network),
            "layers": [asdict(row) for row in self.table],
            "estimate": self.estimate.to_dict(),
        }

    def summary(self) -> str:
        """Table of layers and totals for the terminal."""
        return "\n".join(
            [
                f"{self.network.name}: {len(self.network.layers)} layers, {self.estimate.macs:,} multiply-accumulates",
                "",
                overview.render(self.table, self.estimate),
                f"  written  {self.directory}: {', '.join(self.files)}",
                f"  ai8xize  {self._routes()}",
            ]
        )

    def _routes(self) -> str:
        """Which of the files the vendor's tool takes."""
        refusal = vendor_onnx.refusal(self.network)
        if refusal is None:
            return "takes model.yaml with model.pth.tar or with model.onnx"
        return f"takes model.yaml with model.pth.tar; not with model.onnx: {refusal}"


def synthesize(
    network: IntegerNetwork | PlacedNetwork,
    directory: Path | str,
    *,
    sample: np.ndarray | None = None,
) -> Synthesis:
    """Place `network`, unless it is, and write everything the vendor's tool, the firmware and the bench need.

    `sample`: int8 (channels, rows, columns), the known-answer input; random but fixed if not given. Nothing is written
    when anything is wrong (NetworkError).
    """
    from fer_edge.synth import onnx_model

    placed = network if isinstance(network, PlacedNetwork) else place(network)
    network = placed.network
    memory = _fit(placed)
    registers = program(placed, memory)
    cost = estimate(network, _placed_details(placed, memory))
    table = overview.rows(placed, memory.offset, cost)
    if sample is None:
        sample = np.random.default_rng(0).integers(-128, 128, network.input_shape, np.int8)
    layers = activations(network, sample[None])
    logits = layers[-1].reshape(-1)
    segments = data.input_segments(placed)
    image = data.input_image(segments, placed.placement.data_format, sample)
    expected = data.expected_output(placed, logits)

    state = io.BytesIO()
    np.savez_compressed(
        state,
        reg_addr=np.array([w.address for w in registers.writes], np.uint32),
        reg_value=np.array([w.value for w in registers.writes], np.uint32),
        kernel=memory.kernel,
        kernel_used=memory.kernel_used,
        bias=memory.bias,
        bias_used=memory.bias_used,
        input_addr=np.concatenate([data.addresses(segment) for segment in segments]),
        input_value=np.concatenate(image),
        output_addr=expected.address,
        output_mask=expected.mask,
        output_value=expected.value,
        cycles=np.array([START_CYCLES, *(layer.cycles for layer in cost.layers)], np.int64),
        logits=logits.astype(np.int64),
        **{f"layer{i}": output[0] for i, output in enumerate(layers)},
    )
    known_input = io.BytesIO()
    np.save(known_input, sample.astype(np.int64))
    files: dict[str, bytes | str] = {
        **c_code.generate(placed, memory, registers, segments, image, expected, cost),
        filenames.ONNX: onnx_model.to_bytes(network),
        filenames.YAML: vendor_yaml.write(placed),
        filenames.LAYERS: overview.to_csv(table),
        filenames.MEMORY_MAP: memory_map.render(placed, memory),
        filenames.ACCELERATOR_STATE: state.getvalue(),
        SAMPLE_FILE: known_input.getvalue(),
        filenames.CHECKPOINT: checkpoints.to_bytes(network),
    }
    directory = Path(directory)
    for name, content in files.items():
        atomic_write(directory / name, content)
    return Synthesis(placed, cost, table, directory, tuple(files))


def estimate_placed(network: IntegerNetwork | PlacedNetwork) -> tuple[list[overview.LayerRow], Estimate]:
    """Table of layers and cost of a network, trained or not, which we place unless it is. NetworkError when it does not
    fit."""
    placed = network if isinstance(network, PlacedNetwork) else place(network)
    memory = _fit(placed)
    cost = estimate(placed.network, _placed_details(placed, memory))
    return overview.rows(placed, memory.offset, cost), cost


def _fit(placed: PlacedNetwork) -> masks.Masks:
    """Weight memory of a placement; NetworkError with every reason at once, of data and weight memory alike."""
    found = list(placement.violations(placed))
    if not any(placement.map_violations(placed)):
        try:
            memory = masks.pack(placed)
        except NetworkError as error:
            found += error.violations
    if found:
        raise NetworkError(f"Network {placed.network.name!r} does not fit the accelerator:", found)
    return memory


def _placed_details(placed: PlacedNetwork, memory: masks.Masks) -> dict[int, dict[str, int]]:
    """What the cycle formula takes from placement, by layer."""
    return {
        view.index: {"mask_offset": memory.offset[view.index]}
        if view.layer.weighted
        else {"quad_words": placement.pass_words(view.layer, view.placement.processors)}
        for view in placed.layers
    }
