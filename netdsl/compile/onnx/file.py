"""From a torch.fx GraphModule to an ONNX model, and to a `.onnx` file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, fx

from netdsl import files
from netdsl.compile.errors import SizeError
from netdsl.compile.formats import OPSET
from netdsl.compile.onnx.operators import onnx
from netdsl.compile.onnx.sheet import NOTHING, Operator, Sheet, Value, Writer
from netdsl.compile.plan import Plan
from netdsl.compile.progress import Progress, silent
from netdsl.graph import infer
from netdsl.layers import guard, merge
from netdsl.layers.base import Layer
from netdsl.layers.shape import Shape

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

    Values are called by the paths of the program, operators too, with slashes between scopes; inputs and outputs as
    the source calls them, weights as in the state dict. Raises ExportError, NetError, or SizeError where it has too
    many weights.
    """
    if (size := sum(one.nbytes for one in network.state_dict().values())) > _MOST:
        raise SizeError("onnx", size, _MOST)
    sheet = Sheet()
    inputs, outputs = _written(sheet, network, plan, progress)
    sheet.needed(outputs)
    sheet.call({one.name for one in (*inputs, *outputs)})
    title = plan.shaped.graph.title
    helper: Any = import_module("onnx.helper")
    graph = helper.make_graph(
        [_node(one) for one in sheet.operators],
        title,
        [_slot(one) for one in inputs],
        [_slot(one) for one in outputs],
        [_tensor(one) for one in sheet.held],
        value_info=[
            _slot(value)
            for one in sheet.operators
            for value in one.outputs
            if value.shape is not NOTHING and value not in outputs
        ],
    )
    made: Any = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="netdsl")
    made.ir_version = helper.find_min_ir_version_for(made.opset_import)
    return made


def _written(sheet: Sheet, network: fx.GraphModule, plan: Plan, progress: Progress) -> tuple[list[Value], list[Value]]:
    """Write the operators of a data flow; gives what goes in and what comes out, with their names."""
    shaped, graph = plan.shaped, plan.shaped.graph
    sources = iter([(index, graph.output_name(index)) for index in plan.inputs])
    layers = iter([one for one in plan.kept if shaped.nodes[one].inputs and not plan.identity(shaped.nodes[one])])
    calls = [one for one in network.graph.nodes if one.op == "call_module"]
    values: dict[fx.Node, Value] = {}
    inputs: list[Value] = []
    done = 0
    for node in network.graph.nodes:
        if node.op == "placeholder":
            index, name = next(sources)
            values[node] = Value(shaped.shapes[index], name=name)
            inputs.append(values[node])
        elif node.op == "call_module":
            taken = [values[one] for one in node.args]
            values[node] = _layer(sheet, network, plan, next(layers), taken)
            done += 1
            progress("exporting", done, len(calls))
        elif node.op == "call_method":  # `to` another precision
            values[node] = _cast(sheet, values[node.args[0]], node.args[1])
    result = cast("Any", network.graph.output_node().args[0])
    results = [result] if result.op != "call_function" else list(result.args)
    outputs: list[Value] = []
    for index, one in zip(plan.outputs, results, strict=True):
        value, name = values[one], graph.output_name(index)
        if value.name and value.name != name:  # an input, or one value under two names
            (value,) = sheet.add("Identity", [value], name)
        value.shape, value.name = shaped.shapes[index], name
        outputs.append(value)
    return inputs, outputs


def _layer(sheet: Sheet, network: fx.GraphModule, plan: Plan, index: int, inputs: Sequence[Value]) -> Value:
    """Write a layer; what gives its input as it is has no operator."""
    node, shapes = plan.shaped.nodes[index], plan.shaped.input_shapes(index)
    if node.layer.algebra(*shapes).identity:
        return inputs[0]
    owner, place = plan.modules[node.owner], f"{node.layer.written}, {node.site.span}"
    write = Writer(sheet, node.path, node.layer.written, place, owner, network.get_submodule(owner), inputs[0].dtype)

    def asked(layer: Layer, *values: Value) -> Value:
        orders = {one.moved and one.moved[1] for one in values}
        (order, *others) = orders if _apart(layer, shapes) else [None]
        if order is None or others:
            return onnx(layer, write, *values)
        # Before its inputs' axes change places, which perhaps they need not any more:
        return write.transpose(onnx(layer, write, *[one.moved[0] for one in values if one.moved]), *order)

    made = infer.ask(asked, plan.shaped, index, inputs)
    made.shape = plan.shaped.shapes[index]
    return made


def _apart(layer: Layer, shapes: Sequence[Shape]) -> bool:
    """Whether each value that it gives follows from those at its place, whatever the order of axes."""
    if guard.brought(layer):
        return False
    if layer.merge:
        return isinstance(layer, (merge.Elementwise, merge.Multiply)) and len(set(shapes)) == 1
    return layer.algebra(*shapes).elementwise


def _cast(sheet: Sheet, value: Value, dtype: torch.dtype) -> Value:
    """A value in another precision."""
    (made,) = sheet.add(
        "Cast", [value], f"{value.name or value.path}.{str(dtype).rpartition('.')[2]}", {"to": _type(dtype)}
    )
    made.shape, made.dtype = value.shape, dtype
    return made


def _type(dtype: torch.dtype) -> int:
    """What ONNX calls a type."""
    helper: Any = import_module("onnx.helper")
    if dtype == torch.bfloat16:  # which numpy has not
        return import_module("onnx").TensorProto.BFLOAT16
    return helper.np_dtype_to_tensor_dtype(torch.empty((), dtype=dtype).numpy().dtype)


def _node(operator: Operator) -> Any:
    helper: Any = import_module("onnx.helper")
    names = [one.name if one else "" for one in operator.inputs]
    made = helper.make_node(operator.kind, names, [one.name for one in operator.outputs], operator.name)
    if isinstance(operator.attributes, Mapping):
        made.attribute.extend(helper.make_attribute(*one) for one in operator.attributes.items())
    else:
        made.attribute.extend(operator.attributes)
    made.doc_string = operator.written
    return made


def _slot(value: Value) -> Any:
    helper: Any = import_module("onnx.helper")
    dims = [BATCH, value.shape.channels, *value.shape.spatial]
    return helper.make_tensor_value_info(value.name, _type(value.dtype), dims)


def _tensor(value: Value) -> Any:
    """A weight or a constant, with its values."""
    data = cast("Tensor", value.data).detach().cpu().contiguous()
    plain = data.view(torch.int16) if data.dtype == torch.bfloat16 else data
    made = import_module("onnx").TensorProto(name=value.name, data_type=_type(data.dtype), dims=data.shape)
    made.raw_data = plain.numpy().tobytes()
    return made
