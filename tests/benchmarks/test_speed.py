"""How fast the simulator and `fer-edge synth` are, beside what else there is: `make benchmark`.

Figures are of the machine they are taken on, and of no other; best of several runs, the median in brackets.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import pytest
import threadpoolctl  # type: ignore[import-untyped]

from fer_edge import checkpoint
from fer_edge.network import IntegerNetwork, Layer, Operator
from fer_edge.simulate import simulate
from fer_edge.synth import onnx_model

pytestmark = pytest.mark.slow

THREADS = 2
IMAGES = 256
VENDOR_SYNTH_SECONDS = 3.4
"""What was measured elsewhere for the vendor's tool: 268 kB of weights, two cores, start included. Not run here."""


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    """Like `fernet`, with 269 kB of weights: 3×3 kernels, bias, ReLU, max pooling, a folded 48×48 face."""
    rng = np.random.default_rng(0)
    layers: list[Layer] = []
    channels = 4
    for width, pooled in [(64, 0), (64, 0), (64, 1), (64, 0), (64, 0), (64, 1), (68, 0), (64, 0), (7, 1)]:
        last = width == 7
        layers.append(
            Layer(
                name=f"conv{len(layers) + 1}",
                operator=Operator.CONV,
                inputs=(len(layers) - 1,),
                weight=rng.integers(-128, 128, (width, channels, 3, 3), np.int8),
                bias=rng.integers(-128, 128, width, np.int8),
                output_shift=-5,
                pad=0 if last else 1,
                pool="max" if pooled else None,
                pool_size=(2, 2) if pooled else (1, 1),
                pool_stride=2 if pooled else 1,
                activation=None if last else "relu",
                output_width=32 if last else 8,
            )
        )
        channels = width
    return IntegerNetwork("benchmark", (4, 24, 24), tuple(layers), fold=2)


def seconds(*functions: Callable[[], object], runs: int = 9) -> list[list[float]]:
    """Times of each function, taken in turn so that all see the same machine."""
    times: list[list[float]] = [[] for _ in functions]
    for function in functions:
        function()
    for _ in range(runs):
        for function, taken in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return times


def test_simulate_beside_onnxruntime(network: IntegerNetwork) -> None:
    """At least 20 GMAC/s on two cores."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (IMAGES, *network.image_shape), np.uint8)
    inputs, floats = network.device_input(pixels), pixels.astype(np.float32) - 128
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(onnx_model.to_bytes(network), options, providers=["CPUExecutionProvider"])

    def onnx_run() -> np.ndarray:
        parts = [session.run(None, {"input": floats[i : i + 32]})[0] for i in range(0, IMAGES, 32)]
        return np.concatenate(parts).reshape(IMAGES, -1)

    with threadpoolctl.threadpool_limits(THREADS):
        assert np.array_equal(onnx_run(), simulate(network, inputs))
        ours, theirs = seconds(lambda: simulate(network, inputs), onnx_run)
    work = IMAGES * sum(network.macs) / 1e9
    print(f"\nsimulate, {THREADS} threads, {work / IMAGES * 1e3:.1f} MMAC per image:")
    for name, taken in (("simulate", ours), ("onnxruntime", theirs)):
        print(f"  {name:<12} {work / min(taken):5.1f} GMAC/s ({work / median(taken):.1f})")
    assert work / min(ours) >= 20


def test_synth_beside_the_vendors_tool(network: IntegerNetwork, tmp_path: Path) -> None:
    """At most a fifth of the vendor's time, start-up included."""
    checkpoint.write(tmp_path / "net.pth.tar", network)
    command = [sys.executable, "-m", "fer_edge.cli", "synth", "--checkpoint", str(tmp_path / "net.pth.tar")]
    command += ["--output-dir", str(tmp_path / "out")]
    (taken,) = seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), runs=7)
    print(f"\nfer-edge synth, {network.weight_bytes / 1e3:.0f} kB of weights, start-up included:")
    print(f"  fer-edge     {min(taken):5.2f} s ({median(taken):.2f})")
    print(f"  vendor       {VENDOR_SYNTH_SECONDS:5.2f} s, as measured elsewhere for 268 kB on two cores; not run here")
    assert min(taken) <= VENDOR_SYNTH_SECONDS / 5
