"""From a network's data flow to an ONNX model, and to a `.onnx` file: a rule for each layer, and names of the program.

`file` walks the data flow, `operators` has the rule of each layer's class, `sheet` is what they write on.
"""

from netdsl.compile.onnx.file import BATCH, model, write

__all__ = ["BATCH", "model", "write"]
