"""Primitives as ONNX models, for onnxruntime to say what they compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from netdsl.interchange.primitives import Operator, Primitives


def run(network: Primitives, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of a network for its inputs; where the packages are not installed, the test is skipped."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    data = model(network).SerializeToString()
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip(network.inputs, inputs, strict=True)))


def model(network: Primitives) -> Any:
    """An ONNX model of opset 23."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto
    nodes, made = [], dict(network.constants)
    for operator in network.operators:
        for one in plain(operator, network, made):
            nodes.append(helper.make_node(one.kind, one.inputs, one.outputs, **one.attributes))
    names = dict.fromkeys(value for _, value in network.outputs)
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, kind.FLOAT, dims) for name, dims in network.inputs.items()],
        [helper.make_tensor_value_info(name, kind.FLOAT, None) for name in names],
        [onnx.numpy_helper.from_array(np.array(value, order="C"), name) for name, value in made.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)


def plain(operator: Operator, network: Primitives, made: dict[str, Any]) -> list[Operator]:
    """An operator as ONNX has it: products are of two axes there, and pools do not adapt."""
    output = operator.outputs[0]
    dims = network.dims.get(operator.inputs[0], ())
    if operator.kind == "RMSNormalization":
        return [replace(operator, attributes={k: v for k, v in operator.attributes.items() if k != "learned"})]
    if operator.kind.endswith("Normalization"):
        size = dims[-1] if operator.kind.startswith("Layer") else dims[1]
        made |= {f"{output}.1": np.ones(size, np.float32), f"{output}.0": np.zeros(size, np.float32)}
        x, weight, bias, *rest = (*operator.inputs, "", "")[: max(3, len(operator.inputs))]
        how = {name: value for name, value in operator.attributes.items() if name not in ("share", "learned")}
        inputs = (x, weight or f"{output}.1", bias or f"{output}.0", *rest)
        return [replace(operator, inputs=inputs, attributes=how)]
    if operator.kind == "Gemm" and len(dims) != 2:
        x, weight, *bias = operator.inputs
        axes = Operator("Transpose", (weight,), (f"{output}.t",), {"perm": [1, 0]})
        product = Operator("MatMul", (x, f"{output}.t"), (f"{output}.p" if bias else output,))
        return [axes, product, *([Operator("Add", (f"{output}.p", bias[0]), (output,))] if bias else [])]
    if operator.kind.startswith("Adaptive"):
        out = operator.attributes["output_size"]
        inner = dims[-len(out) :]
        if any(size % one for size, one in zip(inner, out, strict=True)):
            pytest.skip("ONNX has no pool that adapts")
        kernel = [size // one for size, one in zip(inner, out, strict=True)]
        how = {"kernel_shape": kernel, "strides": kernel}
        return [replace(operator, kind=operator.kind.removeprefix("Adaptive"), attributes=how)]
    return [operator]
