"""What PyTorch's exporter to ONNX makes of one module, of a layer that nothing here has a rule for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch

from netdsl.compile import exported
from netdsl.compile.errors import ExportError, PackagesError
from netdsl.compile.formats import OPSET
from netdsl.compile.onnx.sheet import Value, Writer
from netdsl.runtime import parser
from netdsl.runtime.quiet import quiet


def inlined(write: Writer, inputs: Sequence[Value]) -> Value:
    """The operators that the exporter writes for the layer's module, for any batch size. Raises CompileError."""
    graph: Any = _exported(write, inputs)
    onnx: Any = import_module("onnx")
    tensors = write.module.state_dict()
    values: dict[str, Value | None] = {"": None}
    values |= dict(zip((one.name for one in graph.input), inputs, strict=True))
    for one in graph.initializer:
        known = one.name in tensors
        data = torch.as_tensor(onnx.numpy_helper.to_array(one).copy())
        values[one.name] = write.weight(one.name) if known else Value(data=data)
    for node in graph.node:
        taken = [values[name] for name in node.input]
        if node.op_type == "Identity":
            values[node.output[0]] = taken[0]
            continue
        made = write.several(node.op_type, taken, [*node.attribute], len(node.output))
        values |= dict(zip(node.output, made, strict=True))
    (result,) = [values[one.name] for one in graph.output]
    assert result is not None
    return result


def _exported(write: Writer, inputs: Sequence[Value]) -> Any:
    """The graph that the exporter makes of the module, without functions of its own."""
    if find_spec("onnxscript") is None:
        raise PackagesError("onnx", ["onnxscript"])
    examples = tuple([torch.zeros(2, one.shape.channels, *one.shape.spatial, dtype=one.dtype) for one in inputs])
    onnx: Any = import_module("onnx")
    exporter: Any = import_module("torch.onnx")
    by = "torch.export"
    try:
        program = exported.program(write.module, examples)
        by = "torch.onnx"
        with parser.TURN, quiet("torch.onnx"):
            options = {"dynamo": True, "optimize": False, "external_data": False, "verbose": False}
            made = exporter.export(program, opset_version=OPSET, **options).model_proto
        model = import_module("onnx.inliner").inline_local_functions(made)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # whatever a layer's own code raises, or the exporter trips over
        cause: BaseException = error
        while by == "torch.onnx" and cause.__cause__ is not None:
            cause = cause.__cause__
        raise ExportError(write.path, type(write.module).__name__, exported.reason(cause), by, write.place) from error
    return model.graph
