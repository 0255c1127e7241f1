"""What a network of operators costs, counted from its weights and not from layers: what an import is held against."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from netdsl.interchange.normal import products
from netdsl.interchange.primitives import single

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netdsl.interchange.primitives import Dims, Operator, Tensor

_WEIGHTS: Mapping[str, tuple[int, ...]] = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (0, 1),
    "BatchNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "GroupNormalization": (1, 2),
    "RMSNormalization": (1,),
    "SimplifiedLayerNormalization": (1,),
    "PRelu": (1,),
    "LSTM": (1, 2, 3),
    "GRU": (1, 2, 3),
}
"""The inputs of operators that training changes."""
_RECURRENT = ("LSTM", "GRU")


def counted(
    operators: Sequence[Operator],
    constants: Mapping[str, Tensor],
    originals: Mapping[str, str],
    dims: Mapping[str, Dims],
    batch: int,
) -> tuple[int | None, int | None]:
    """Values that training changes, and multiply-adds of convolutions and products with weights, of one example.

    `originals` has what constants are others by another name.

    None for either where it does not follow from the operators alone: a factor or an offset beside them may be a part
    of a layer or not.
    """
    params: dict[object, int] = {}
    macs: int | None = 0
    certain = True
    known = [
        replace(one, inputs=tuple([originals.get(name, name) for name in one.inputs])) if originals else one
        for one in operators
    ]
    often = Counter(name for operator in known for _, name in _weights(operator, constants))
    for operator in known:
        if operator.outputs[0] in constants:
            continue
        for at, name in _weights(operator, constants):
            owner = name if often[name] == 1 else _owner(operator, at, name, constants)
            params[owner] = _size(operator, constants[name]) if at == 1 else constants[name].size
            certain &= _sure(operator, at, constants[name], dims)
        if operator.kind in ("Add", "Mul", "Sub", "Div", "Concat"):
            beside = [constants[name] for name in operator.inputs if name in constants]
            certain &= all(one.size == 1 and one.ndim < 3 for one in beside)
        if operator.kind in _RECURRENT:
            certain &= len(_weights(operator, constants)) == 3  # the layer has biases, whatever it has
        if macs is not None and operator.kind in ("Conv", "ConvTranspose", "Gemm", "MatMul", *_RECURRENT):
            one = _macs(dims, operator, constants)
            macs = None if one is None else macs + one
    return sum(params.values()) if certain else None, None if macs is None else macs // max(1, batch)


def _weights(operator: Operator, constants: Mapping[str, Tensor]) -> list[tuple[int, str]]:
    """The inputs of an operator that training changes, with their positions."""
    given = operator.inputs
    return [(at, given[at]) for at in _WEIGHTS.get(operator.kind, ()) if at < len(given) and given[at] in constants]


def _owner(operator: Operator, at: int, name: str, constants: Mapping[str, Tensor]) -> object:
    """Whose a constant is that others have too: that of operators with equal ones, which are one layer.

    One of equal values, which exporters keep once, is the weight's.
    """
    if single(constants[name]):
        others = [one for one in operator.inputs[1:] if one in constants and one != name]
        varied = [one for one in others if not single(constants[one])]
        return (name, *varied) if varied else (name, operator.outputs[0])
    equal = [one if one in constants else "" for one in operator.inputs]
    return (operator.kind, at, *equal, *[f"{key}={operator.attributes[key]}" for key in sorted(operator.attributes)])


def _sure(operator: Operator, at: int, value: Tensor, dims: Mapping[str, Dims]) -> bool:
    """Whether a layer has as many values: factors of 1 it may have or not, and one value may be for all channels."""
    match operator.kind:
        case "InstanceNormalization" | "LayerNormalization" if at == 1:
            return (value.ndim == 1 and operator.kind[0] == "L") or bool((value != 1).any())
        case "RMSNormalization" | "SimplifiedLayerNormalization":
            return bool(operator.whole("learned", 0)) or bool((value != 1).any())
        case "GroupNormalization" | "Gemm" if at == 2:
            return value.size == dims.get(operator.outputs[0], (0, 0))[1]
        case _:
            return True


def _size(operator: Operator, weight: Tensor) -> int:
    """The values of a weight, but for those that no table of a convolution connects."""
    if operator.kind != "Conv" or weight.ndim < 3 or not weight.size:
        return weight.size
    return products.connected(weight, operator.whole("group", 1))


def _macs(sizes: Mapping[str, Dims], operator: Operator, constants: Mapping[str, Tensor]) -> int | None:
    kind, inputs = operator.kind, operator.inputs
    weight = constants.get(inputs[1])
    dims = sizes.get(operator.outputs[0] if kind in ("Conv", "Gemm", "MatMul") else inputs[0])
    if weight is None or dims is None or not weight.size:
        return None
    if kind in _RECURRENT:
        across = constants.get(inputs[2])
        return None if across is None else (weight.size + across.size) * prod(dims[:-1])
    if kind in ("Conv", "ConvTranspose"):
        return _size(operator, weight) * dims[0] * prod(dims[2:])
    return weight.size * prod(dims[:-1])
