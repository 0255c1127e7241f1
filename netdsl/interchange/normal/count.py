"""What a network of operators costs, counted from its weights and not from layers: what an import is held against."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netdsl.interchange.primitives import Dims, Primitives, Tensor

_WEIGHTS: Mapping[str, tuple[int, ...]] = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (0, 1),
    "BatchNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "GroupNormalization": (1, 2),
    "LSTM": (1, 2, 3),
    "GRU": (1, 2, 3),
    "PRelu": (1,),
}
"""The inputs of operators that training changes."""


def counted(
    source: Primitives, constants: Mapping[str, Tensor], dims: Mapping[str, Dims], batch: int
) -> tuple[int | None, int | None]:
    """Values that training changes, and multiply-adds of convolutions and products with weights, of one example.

    None for either where it does not follow from the operators alone: a factor or an offset beside them may be a part
    of a layer or not.
    """
    params: dict[object, int] = {}
    macs: int | None = 0
    certain = True
    for operator in source.operators:
        if operator.outputs[0] in constants:
            continue
        for at in _WEIGHTS.get(operator.kind, ()):
            name = operator.inputs[at] if at < len(operator.inputs) else ""
            if name in constants:
                value = constants[name]
                alone = value.size and name in params and value.ndim < 3 and bool((value == value.flat[0]).all())
                params[(name, operator.outputs[0]) if alone else name] = value.size
        if operator.kind in ("Add", "Mul", "Sub", "Div", "Concat"):
            beside = [constants[name] for name in operator.inputs if name in constants]
            certain &= all(one.size == 1 and one.ndim < 3 for one in beside)
        if macs is not None and operator.kind in ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU"):
            one = _macs(dims, operator.kind, operator.inputs, operator.outputs[0], constants)
            macs = None if one is None else macs + one
    return sum(params.values()) if certain else None, None if macs is None else macs // max(1, batch)


def _macs(
    sizes: Mapping[str, Dims], kind: str, inputs: tuple[str, ...], output: str, constants: Mapping[str, Tensor]
) -> int | None:
    weight = constants.get(inputs[1])
    dims = sizes.get(output if kind in ("Conv", "Gemm", "MatMul") else inputs[0])
    if weight is None or dims is None or not weight.size:
        return None
    if kind in ("LSTM", "GRU"):
        across = constants.get(inputs[2])
        return None if across is None else (weight.size + across.size) * prod(dims[:-1])
    if kind in ("Conv", "ConvTranspose"):
        return weight.size * dims[0] * prod(dims[2:])
    return weight.size * prod(dims[:-1])
