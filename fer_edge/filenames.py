"""What the files are called that one command writes and another reads."""

from __future__ import annotations

ONNX, YAML, CHECKPOINT = "model.onnx", "model.yaml", "model.pth.tar"
"""A network, as `fer-edge synth` writes it and the zoo holds it: weights, description, and both as a checkpoint."""
CNN_C, CNN_H, WEIGHTS_H, SAMPLE_DATA_H, SAMPLE_OUTPUT_H = (
    "cnn.c", "cnn.h", "weights.h", "sampledata.h", "sampleoutput.h",
)  # fmt: skip
"""The C code of a network, under the names of the vendor's generator."""
NETWORK_H = "network.h"
"""What the firmware needs to know beyond that; only our own generator writes it."""
ACCELERATOR_STATE = "state.npz"
"""Registers, memories and expected outputs of a synthesized network."""
MEMORY_MAP, LAYERS = "memory-map.svg", "layers.csv"
"""Picture and table of a synthesized network."""

LAST, FLOAT, BEST, QUANTIZED = "last.pth.tar", "float.pth.tar", "best.pth.tar", "quantized.pth.tar"
"""Of a training run: what it is resumed from, the end of its float epochs, the best epoch, and the integers."""
HISTORY = "history.json"
"""Settings, epochs and result of a training run."""
TENSORBOARD = "tensorboard"
"""Its folder of what TensorBoard shows."""

REPORT, REPORT_HTML, REPORT_CSV = "report.json", "report.html", "report.csv"
ANSWERS, SIGHTS = "answers.jsonl", "camera.jsonl"
"""What a bench writes; the second of what the board's camera was shown."""

CARD, RECIPE = "model-card.md", "recipe.yaml"
"""Beside a shipped network."""
