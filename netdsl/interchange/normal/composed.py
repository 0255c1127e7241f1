"""Operators that are several others: fused ones, those of few opsets, and what a condition chooses that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from netdsl.interchange.normal import contractions
from netdsl.interchange.normal.draft import Draft, Unsaid
from netdsl.interchange.normal.parts import Parts
from netdsl.interchange.primitives import Branch

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator

_MICROSOFT = "com.microsoft."


def operators(draft: Draft, operator: Operator) -> Sequence[Operator] | None:
    """The operators that one is; None where it is one by itself. Raises Unsaid."""
    rule = _RULES.get(operator.kind)
    if rule is None:
        return None
    write = Parts(draft, operator)
    rule(write, operator)
    return None if write.made == [operator] else write.made


def _scaled(write: Parts, operator: Operator) -> None:
    """ImageScaler: each channel times a number, and an offset of its own; as what it is less, and divided by."""
    x, factor = operator.inputs[0], operator.real("scale", 1)
    offsets = np.asarray(operator.attributes.get("bias", ()), np.float32).reshape(-1, 1, 1)
    if factor == 0 or len(offsets) != write.dims(x)[1]:
        raise Unsaid("its numbers are not one for each channel")
    apart = write("Sub", x, write.number(-offsets / factor))
    write.last("Div", apart, write.number(np.full_like(offsets, 1 / factor)))


def _linear(write: Parts, operator: Operator) -> None:
    """Affine and Scale, which were experimental: a number times each value, and one that is added."""
    factor = operator.real("alpha", operator.real("scale", 1))
    inner = write("Mul", operator.inputs[0], write.number(factor))
    write.last("Add", inner, write.number(operator.real("beta", 0)))


def _tangent(write: Parts, operator: Operator) -> None:
    """ScaledTanh."""
    inner = write("Mul", operator.inputs[0], write.number(operator.real("beta", 1)))
    write.last("Mul", write("Tanh", inner), write.number(operator.real("alpha", 1)))


def _celu(write: Parts, operator: Operator) -> None:
    """Celu: ELU of x/a, times a."""
    alpha = operator.real("alpha", 1)
    if alpha == 0:
        raise Unsaid("its alpha is 0")
    inner = write("Elu", write("Div", operator.inputs[0], write.number(alpha)), alpha=1.0)
    write.last("Mul", inner, write.number(alpha))


def _swish(write: Parts, operator: Operator) -> None:
    """Swish, and QuickGelu: x · sigmoid(a·x)."""
    alpha = operator.real("alpha", 1.702 if operator.kind.endswith("QuickGelu") else 1)
    if alpha == 0:
        raise Unsaid("its alpha is 0")
    inner = operator.inputs[0] if alpha == 1 else write("Mul", operator.inputs[0], write.number(alpha))
    found = write("Mul", inner, write("Sigmoid", inner))
    write.last("Mul", found, write.number(1 / alpha))


def _folded(write: Parts, operator: Operator) -> None:
    """Sum, Max and Min of several of which some are constants, one after the other; Min as Max of the others' signs."""
    constants = [name for name in operator.inputs if name in write.draft.constants]
    flows = [name for name in operator.inputs if name and name not in constants]
    kind = operator.kind
    if kind == "Min" and len(flows) > 1:
        found = write("Neg", write("Max", *[write("Neg", name) for name in flows]))
    else:
        found = flows[0] if len(flows) == 1 else write(kind, *flows)
    for name in constants:
        found = write(kind if kind != "Sum" else "Add", found, name)
    write.last("Identity", found)


def _of_several(rule: Callable[[Parts, Operator], None]) -> Callable[[Parts, Operator], None]:
    """A rule where values are joined that no layer joins so; any other stays."""

    def found(write: Parts, operator: Operator) -> None:
        flows = [name for name in operator.inputs if name in write.draft.flows]
        if len(flows) > 1 and (operator.kind == "Min" or len(flows) < len(operator.inputs)):
            rule(write, operator)
        else:
            write.itself()

    return found


def _aligned(write: Parts, operator: Operator) -> None:
    """Sums and products of opset 6 and before, whose second value begins at an axis of the first."""
    if not operator.whole("broadcast", 0) or "axis" not in operator.attributes:
        write.itself()
        return
    x, other = operator.inputs
    rank, size = len(write.dims(x)), len(write.dims(other))
    behind = range(size, rank - operator.whole("axis", 0) % rank)
    inner = write("Unsqueeze", other, write.sizes(*behind)) if behind else other
    write.last(operator.kind, x, inner)


def _chosen(write: Parts, operator: Operator) -> None:
    """If, whose condition is known."""
    condition = write.draft.constant(operator, 0)
    branch = operator.attributes.get("then_branch" if condition is not None and condition.all() else "else_branch")
    if condition is None or not isinstance(branch, Branch) or len(branch.outputs) != len(operator.outputs):
        raise Unsaid("what it does depends on what flows")
    write.made += branch.operators
    for inner, outer in zip(branch.outputs, operator.outputs, strict=True):
        write.made.append(replace(operator, kind="Identity", inputs=(inner,), outputs=(outer,), attributes={}))


def _where(write: Parts, operator: Operator) -> None:
    """Where, whose condition is the same everywhere."""
    condition = write.draft.constant(operator, 0)
    if condition is None or not condition.size or not (condition == condition.flat[0]).all():
        write.itself()
        return
    write.last("Identity", operator.inputs[1 if condition.flat[0] else 2])


_REPEATED = 64
"""How often a map may be joined with itself along an axis."""


def _tile(write: Parts, operator: Operator) -> None:
    """Tile: Expand of axes of 1, and a value joined with itself along others."""
    times, x = write.draft.whole(operator, 1) or (), operator.inputs[0]
    dims = write.dims(x)
    if len(times) != len(dims) or min(times, default=1) < 1:
        raise Unsaid("it repeats another number of axes")
    if max(times, default=1) > 1 and all(size == 1 or count == 1 for size, count in zip(dims, times, strict=True)):
        write.last("Expand", x, write.sizes(*[size * count for size, count in zip(dims, times, strict=True)]))
        return
    for axis, count in enumerate(times):
        if count > _REPEATED:
            raise Unsaid(f"it repeats a map {count} times")
        x = write("Concat", *[x] * count, axis=axis) if count > 1 else x
    write.last("Identity", x)


def _activated(write: Parts, operator: Operator, x: str) -> None:
    """The activation that a fused operator ends with."""
    kind = operator.text("activation")
    numbers: Sequence[float] = operator.attributes.get("activation_params") or ()
    names = {"LeakyRelu": ("alpha",), "Elu": ("alpha",), "HardSigmoid": ("alpha", "beta")}.get(kind, ())
    known = {
        name: operator.real(f"activation_{name}", 0) for name in names if f"activation_{name}" in operator.attributes
    }
    if not kind:
        write.last("Identity", x)
    elif kind == "Clip" and len(numbers) == 2:
        write.last("Clip", x, *map(write.number, numbers))
    elif kind in ("Relu", "Tanh", "Sigmoid", *(("LeakyRelu", "Elu", "HardSigmoid") if names else ())):
        write.last(kind, x, **dict(zip(names, numbers, strict=False)), **known)
    else:
        raise Unsaid(f"it ends with the activation {kind}")


def _fused_convolution(write: Parts, operator: Operator) -> None:
    """FusedConv: a convolution, a sum, an activation."""
    how = {name: value for name, value in operator.attributes.items() if not name.startswith("activation")}
    found = write("Conv", *operator.inputs[:3], **how)
    if len(operator.inputs) > 3 and operator.inputs[3]:
        found = write("Add", found, operator.inputs[3])
    _activated(write, operator, found)


def _fused_product(write: Parts, operator: Operator) -> None:
    """FusedGemm, and FusedMatMul."""
    if operator.kind.endswith("FusedGemm"):
        how = {name: value for name, value in operator.attributes.items() if not name.startswith("activation")}
        _activated(write, operator, write("Gemm", *operator.inputs, **how))
        return
    sides = list(operator.inputs[:2])
    for at, name in enumerate(("transA", "transB")):
        if operator.whole(name, 0):
            rank = len(write.dims(sides[at]))
            sides[at] = write("Transpose", sides[at], perm=(*range(rank - 2), rank - 1, rank - 2))
    found = write("MatMul", *sides)
    write.last("Mul", found, write.number(operator.real("alpha", 1)))


def _biased_gelu(write: Parts, operator: Operator) -> None:
    """Gelu, FastGelu and BiasGelu of onnxruntime."""
    x = write("Add", *operator.inputs[:2]) if operator.inputs[1:2] and operator.inputs[1] else operator.inputs[0]
    write.last("Gelu", x, approximate="tanh" if operator.kind.endswith("FastGelu") else "none")


def _skipping_norm(write: Parts, operator: Operator) -> None:
    """SkipLayerNormalization: LN of a sum, which may be read too."""
    found = write("Add", *operator.inputs[:2])
    if len(operator.inputs) > 4 and operator.inputs[4]:
        found = write("Add", found, operator.inputs[4])
    if len(operator.outputs) > 3 and operator.outputs[3]:
        write.given("Identity", (found,), operator.outputs[3])
    write.last("LayerNormalization", found, *operator.inputs[2:4], axis=-1, epsilon=operator.real("epsilon", 1e-12))


def _euclidean(write: Parts, operator: Operator) -> None:
    """ReduceL2: the root of a sum of squares."""
    x, *over = operator.inputs
    total = write("ReduceSum", write("Mul", x, x), *over, **operator.attributes)
    write.last("Sqrt", total)


_RULES: Mapping[str, Callable[[Parts, Operator], Any]] = {
    "ImageScaler": _scaled,
    "Affine": _linear,
    "Scale": _linear,
    "ScaledTanh": _tangent,
    "Celu": _celu,
    "Swish": _swish,
    f"{_MICROSOFT}QuickGelu": _swish,
    **dict.fromkeys(("Sum", "Max", "Min"), _of_several(_folded)),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow"), _aligned),
    "If": _chosen,
    "Where": _where,
    "Tile": _tile,
    f"{_MICROSOFT}FusedConv": _fused_convolution,
    f"{_MICROSOFT}FusedGemm": _fused_product,
    f"{_MICROSOFT}FusedMatMul": _fused_product,
    **dict.fromkeys([f"{_MICROSOFT}{one}" for one in ("Gelu", "FastGelu", "BiasGelu")], _biased_gelu),
    f"{_MICROSOFT}SkipLayerNormalization": _skipping_norm,
    "ReduceL2": _euclidean,
    "Einsum": contractions.einsum,
    "Attention": contractions.attention,
    f"{_MICROSOFT}Attention": contractions.packed_attention,
}
