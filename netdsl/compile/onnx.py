"""From a torch.fx GraphModule to an ONNX model, and to a `.onnx` file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import fx

from netdsl import files
from netdsl.compile import exported
from netdsl.compile.errors import ExportError, SizeError
from netdsl.compile.plan import Plan
from netdsl.compile.progress import Progress, silent
from netdsl.runtime import parser
from netdsl.runtime.quiet import quiet

_MOST = 2**31 - 2**24
"""Bytes of weights that a file holds at most: protobuf's limit, with room for the layers."""
BATCH = "batch"
"""What the first dim of inputs and outputs is called."""


def write(
    network: fx.GraphModule, plan: Plan, path: Path, texts: Mapping[str, str] | None = None, progress: Progress = silent
) -> None:
    """Write the network of a plan, with texts as metadata of the model. Raises CompileError and OSError."""
    made = model(network, plan, progress)
    for name, text in (texts or {}).items():
        made.metadata_props.add(key=name, value=text)
    progress("writing", 0, 1)
    files.replace(path, made.SerializeToString(deterministic=True))


def model(network: fx.GraphModule, plan: Plan, progress: Progress = silent) -> Any:
    """The network of a plan for inference as an `onnx.ModelProto`, for any batch size; it has the same weights.

    Inputs and outputs are called as the source calls them. Raises ExportError, or SizeError where it has too many
    weights.
    """
    if (size := sum(one.nbytes for one in network.state_dict().values())) > _MOST:
        raise SizeError("onnx", size, _MOST)
    program = exported.export(network, plan, progress)
    exporter: Any = import_module("torch.onnx")
    try:
        with parser.TURN, quiet("torch.onnx"):
            made = exporter.export(program, dynamo=True, optimize=False, external_data=False, verbose=False).model_proto
            _without_zeros(made.graph)
            # Some sizes are others by ONNX's rules than by PyTorch's, as those of poolings that round up:
            import_module("onnx").checker.check_model(made, full_check=True)
    except Exception as error:  # whatever the exporter trips over
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        raise ExportError("", "", str(cause).strip().partition("\n")[0], "torch.onnx") from error
    name = plan.shaped.graph.output_name
    _name(made.graph, [*map(name, plan.inputs)], [*map(name, plan.outputs)])
    return made


def _without_zeros(graph: Any) -> None:
    """Leave convolutions without a bias that have none.

    The exporter adds zeros, of another shape than a bias has where there are three spatial axes (onnxscript 0.7.2).
    """
    weights = {one.name for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 3 and node.input[2] not in weights:
            del node.input[2]
    needed = {one.name for one in graph.output}
    for index in reversed(range(len(graph.node))):
        if needed.isdisjoint(graph.node[index].output):
            del graph.node[index]
        else:
            needed.update(graph.node[index].input)


def _name(graph: Any, inputs: Iterable[str], outputs: Iterable[str]) -> None:
    """Give a graph's inputs and outputs their names, and its batch; whatever else is called so has another."""
    for node in graph.node:
        del node.metadata_props[:]  # what the exporter's own code is called on this machine
    names = dict(zip((one.name for one in graph.input), inputs, strict=True))
    for number, (slot, name) in enumerate(zip(graph.output, outputs, strict=True)):
        if names.get(slot.name) == name:  # an input that is an output as it is
            continue
        if slot.name in names:  # an input, or one value under two names
            graph.node.add(op_type="Identity", input=[slot.name], output=[f"output {number}"])
            slot.name = f"output {number}"
        names[slot.name] = name
    given = {*names.values()}
    values = {name for node in graph.node for name in (*node.input, *node.output)} - names.keys()
    for value in sorted(values & given):
        other = f"{value}_"
        while other in values | given | {*names.values()}:
            other += "_"
        names[value] = other
    for node in graph.node:
        node.input[:] = [names.get(one, one) for one in node.input]
        node.output[:] = [names.get(one, one) for one in node.output]
    for one in (*graph.input, *graph.output, *graph.initializer):
        one.name = names.get(one.name, one.name)
    del graph.value_info[:]  # which any reader infers
    for slot in (*graph.input, *graph.output):
        slot.type.tensor_type.shape.dim[0].dim_param = BATCH
