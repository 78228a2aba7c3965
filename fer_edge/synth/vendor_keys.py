"""Every key of the vendor's YAML network description, as its documentation and its reader have them: taken, or refused.

`vendor_yaml.py` takes those of `GLOBAL` and `LAYER`. Those of `REFUSED_GLOBAL` and `REFUSED` stand for what the
MAX78000 or fer-edge does not have; they may be given with a value that asks for nothing. docs/limits.md is the same
list for people.
"""

from __future__ import annotations

from typing import Any

ALIASES = {
    "operation": "op",
    "operator": "op",
    "convolution": "op",
    "activation": "activate",
    "bias_group": "bias_quadrant",
    "groups": "conv_groups",
    "read_gap": "in_skip",
}
"""Other names of the same key."""

GLOBAL = frozenset("arch dataset layers output_map".split())
LAYER = frozenset(
    "name sequence next_sequence processors output_processors op eltwise operands kernel_size pad max_pool avg_pool"
    " pool_stride pool_first activate quantization output_shift output_width flatten data_format in_offset out_offset"
    " in_sequences write_gap in_channels in_dim out_channels bias_quadrant output".split()
)

MAPS = frozenset(("processors", "output_processors", "output_map"))
"""Keys with a bit for each processor; as text they are hexadecimal, with or without `0x`."""

MAX78002 = "only the MAX78002 has that"

REFUSED_GLOBAL = {
    "weights": "weights come from a checkpoint or ONNX model",
    "bias": "biases come from a checkpoint or ONNX model",
    "unload": "outputs are read from where the last layer writes them",
    "data_buffer": "rolling buffers are not supported",
    "snoop": MAX78002,
}
"""Why a key of the file's top level is not taken."""

REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "streaming": ((False,), "streaming is not supported"),
    "stride": ((1, [1, 1]), "a convolution has no stride on the MAX78000; pool instead"),
    "dilation": ((1, [1, 1]), "dilation is not supported"),
    "conv_groups": ((1,), MAX78002),
    "pool_dilation": ((1, [1, 1]), MAX78002),
    "in_skip": ((0,), MAX78002),
    "bypass": ((False,), MAX78002),
    "calcx4": ((False,), MAX78002),
    "readahead": ((False,), MAX78002),
    "tcalc": ((False,), MAX78002),
    "snoop_sequence": ((), MAX78002),
    "in_crop": ((0, [0, 0]), "cropping between layers is not supported"),
    "in_channel_skip": ((0,), "skipping channels is not supported"),
    "output_pad": ((0,), "transposed convolution is not supported"),
    "weight_source": ((), "sharing weights is not supported; store them for each layer"),
    "simulated_sequence": ((), "layers run one after another"),
    "buffer_shift": ((0,), "rolling buffers are not supported"),
    "buffer_insert": ((0,), "rolling buffers are not supported"),
}
"""Values that ask for nothing, and why any other is not taken."""
