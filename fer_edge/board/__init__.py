"""The virtual MAX78000FTHR: the firmware's own ELF on an emulated Cortex-M4, with the CNN accelerator.

`accelerator` and `layer` read registers and memories for themselves, from the reference: of our package
this one imports only `registers` and `errors`, so that it is a second reading of what `synth` wrote.
"""

from fer_edge.board.faults import Faults
from fer_edge.board.load import LoadModel
from fer_edge.board.options import Options
from fer_edge.board.serve import VirtualBoard, serve, use_one_thread

__all__ = ["Faults", "LoadModel", "Options", "VirtualBoard", "serve", "use_one_thread"]
