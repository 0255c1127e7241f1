"""Operators of constants, worked out: what sizes are reckoned from, and weights that are stored in parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from netdsl.interchange.primitives import stored

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator, Tensor

_MOST = 2**22
"""Values that a constant may have which is worked out, beyond as many as those have that it is of."""
_VIEWS = frozenset(
    ("Identity", "Reshape", "Unsqueeze", "Squeeze", "Transpose", "Slice", "ConstantOfShape", "Expand", "Flatten")
)
"""Operators that give a view of what they are given, or one value for all."""


_KINDS = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}
"""The kinds of numbers that a Cast gives, as ONNX counts them."""


def folded(operator: Operator, given: Sequence[Tensor | None]) -> Tensor | None:
    """What an operator gives of constants; None where it is none that is worked out, or what it gives is too large."""
    rule = _RULES.get(operator.kind)
    if rule is None:
        return None
    try:
        if operator.kind not in _VIEWS and _large(operator, given):
            return None
        with np.errstate(all="ignore"):
            return rule(operator, *given)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, MemoryError):
        return None


def taken(value: Tensor, given: Sequence[Tensor | None]) -> int:
    """The bytes that a constant takes which was worked out, beyond those of what it is of."""
    if not any(value.strides) or any(one is not None and np.may_share_memory(value, one) for one in given):
        return 0
    return value.nbytes


def _large(operator: Operator, given: Sequence[Tensor | None]) -> bool:
    """Whether what is worked out has many more values than there are in memory already."""
    there = [one for one in given if one is not None]
    most = max(_MOST, sum(map(stored, {id(one): one for one in there}.values())))
    if operator.kind == "Gather" and len(there) == 2 and there[0].ndim:
        wide = there[0].shape[operator.whole("axis", 0) % there[0].ndim] or 1
        return there[1].size * (there[0].size // wide) > most
    if operator.kind in ("ScatterND", "Cast", "Range", "Tile"):
        return max([one.size for one in there], default=0) > most
    if operator.kind == "MatMul":
        columns = there[-1].shape[-1] if there and there[-1].ndim else 1
        return not all(any(one.strides) for one in there) or there[0].size * columns > 2**26
    if operator.kind == "Concat":
        return sum(one.size for one in there) > most
    if all(not any(one.strides) for one in there) and operator.kind in _UNIFORM:
        return False
    return prod(np.broadcast_shapes(*[one.shape for one in there])) > most


def _reshape(operator: Operator, x: Tensor, to: Tensor) -> Tensor:
    wanted = [x.shape[axis] if size == 0 else int(size) for axis, size in enumerate(to.tolist())]
    if -1 in wanted:
        wanted[wanted.index(-1)] = x.size // max(1, -prod(wanted))
    if prod(wanted) != x.size:
        raise ValueError
    return _uniform(x, wanted)


def _uniform(x: Tensor, dims: Sequence[int]) -> Tensor:
    """A tensor in other sizes; one of equal values stays a view of one."""
    if x.size and not any(x.strides):
        return np.broadcast_to(x.flat[0], dims)
    if x.size > max(_MOST, stored(x)):  # which may be copied
        raise ValueError
    return x.reshape(dims)


def _unsqueeze(operator: Operator, x: Tensor, axes: Tensor) -> Tensor:
    places = sorted(int(axis) % (x.ndim + axes.size) for axis in axes.flat)
    dims = list(x.shape)
    for place in places:
        dims.insert(place, 1)
    return _uniform(x, dims)


def _squeeze(operator: Operator, x: Tensor, axes: Tensor | None = None) -> Tensor:
    gone = {axis for axis, size in enumerate(x.shape) if size == 1}
    if axes is not None:
        gone &= {int(axis) % x.ndim for axis in axes.flat}
    return _uniform(x, [size for axis, size in enumerate(x.shape) if axis not in gone])


def _slice(
    operator: Operator,
    x: Tensor,
    starts: Tensor,
    ends: Tensor,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    places = range(starts.size) if axes is None else axes.tolist()
    cuts = [slice(None)] * x.ndim
    for at, (axis, start, end) in enumerate(zip(places, starts.tolist(), ends.tolist(), strict=True)):
        cuts[axis] = slice(start, end, None if steps is None else int(steps[at]))
    return x[tuple(cuts)]


def _of_shape(operator: Operator, dims: Tensor) -> Tensor:
    value = operator.attributes.get("value")
    sizes = [int(size) for size in dims.flat]
    if prod(sizes) > 2**40 or min(sizes, default=0) < 0:
        raise ValueError
    return np.broadcast_to(np.float32(0) if value is None or not value.size else value.flat[0], sizes)


def _cast(operator: Operator, x: Tensor) -> Tensor:
    return x.astype(_KINDS[operator.whole("to", 1)])


def _transpose(operator: Operator, x: Tensor) -> Tensor:
    return x.transpose(operator.sizes("perm") or range(x.ndim)[::-1])


def _range(operator: Operator, start: Tensor, limit: Tensor, step: Tensor) -> Tensor:
    if (limit - start) / step > _MOST:
        raise ValueError
    return np.arange(start.item(), limit.item(), step.item(), dtype=start.dtype)


def _expand(operator: Operator, x: Tensor, dims: Tensor) -> Tensor:
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(dims.tolist())))


def _both(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """A rule that works on each value, and keeps its kind: whole numbers are divided towards zero."""

    def rule(operator: Operator, *given: Tensor) -> Tensor:
        if all(not any(one.strides) and one.size for one in given):
            found = np.asarray(function(*[one.flat[0] for one in given])).astype(given[0].dtype)
            return np.broadcast_to(found, np.broadcast_shapes(*[one.shape for one in given]))
        return np.asarray(function(*given)).astype(given[0].dtype)

    return rule


def _divide(a: Tensor, b: Tensor) -> Any:
    return np.trunc(np.true_divide(a, b)) if np.issubdtype(a.dtype, np.integer) else np.divide(a, b)


def _same(operator: Operator, x: Tensor) -> Tensor:
    return x


def _gather(operator: Operator, x: Tensor, index: Tensor) -> Tensor:
    return np.take(x, index, axis=operator.whole("axis", 0))


def _concat(operator: Operator, *given: Tensor) -> Tensor:
    return np.concatenate(given, operator.whole("axis", 0))


def _flatten(operator: Operator, x: Tensor) -> Tensor:
    first = prod(x.shape[: operator.whole("axis", 1)])
    return _uniform(x, (first, x.size // first))


def _where(operator: Operator, which: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return np.where(which, a, b)


def _scattered(operator: Operator, x: Tensor, index: Tensor, updates: Tensor) -> Tensor:
    found = np.array(x)
    found[tuple(np.moveaxis(index, -1, 0))] = updates
    return found


def _tiled(operator: Operator, x: Tensor, times: Tensor) -> Tensor:
    if prod([int(one) for one in times.flat]) * x.size > _MOST:
        raise ValueError
    return np.tile(x, times)


def _triangle(operator: Operator, x: Tensor, shift: Tensor | None = None) -> Tensor:
    cut = np.triu if operator.whole("upper", 1) else np.tril
    return cut(x, 0 if shift is None else int(shift.flat[0]))


def _reduced(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """A rule that works along axes, all of them where none is said."""

    def rule(operator: Operator, x: Tensor, places: Tensor | None = None) -> Tensor:
        along = None if places is None or not places.size else tuple([int(one) for one in places.flat])
        found = function(x, axis=along, keepdims=bool(operator.whole("keepdims", 1)))
        return np.asarray(found).astype(x.dtype)

    return rule


def _length(x: Tensor, **how: Any) -> Any:
    return np.sqrt(np.sum(np.square(x), **how))


def _product(operator: Operator, a: Tensor, b: Tensor) -> Tensor:
    return np.asarray(np.matmul(a, b))


def _clipped(operator: Operator, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    low, high = (None if one is None else one.reshape(()) for one in (low, high))
    return x if low is None and high is None else np.clip(x, low, high).astype(x.dtype)


def _size(operator: Operator, x: Tensor) -> Tensor:
    return np.asarray(x.size, np.int64)


def _compared(function: Callable[..., Any]) -> Callable[..., Tensor]:
    def rule(operator: Operator, *given: Tensor) -> Tensor:
        return np.asarray(function(*given))

    return rule


def _rectified(x: Any) -> Any:
    return np.maximum(x, 0)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


_UNIFORM: Mapping[str, Callable[..., Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divide,
    "Mod": np.mod,
    "Pow": np.power,
    "Neg": np.negative,
    "Sqrt": np.sqrt,
    "Reciprocal": np.reciprocal,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Max": np.maximum,
    "Min": np.minimum,
    "Abs": np.abs,
    "Exp": np.exp,
    "Log": np.log,
    "Sin": np.sin,
    "Cos": np.cos,
    "Tanh": np.tanh,
    "Relu": _rectified,
    "Sigmoid": _sigmoid,
}
"""Operators on each number, which give one value for all where they are given such."""

_RULES: Mapping[str, Callable[..., Tensor]] = {
    "Identity": _same,
    "Reshape": _reshape,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Slice": _slice,
    "Gather": _gather,
    "Concat": _concat,
    "ConstantOfShape": _of_shape,
    "Cast": _cast,
    "Range": _range,
    "Expand": _expand,
    "Flatten": _flatten,
    "Where": _where,
    "Equal": _compared(np.equal),
    "Less": _compared(np.less),
    "LessOrEqual": _compared(np.less_equal),
    "Greater": _compared(np.greater),
    "GreaterOrEqual": _compared(np.greater_equal),
    "And": _compared(np.logical_and),
    "Or": _compared(np.logical_or),
    "Trilu": _triangle,
    "Clip": _clipped,
    "MatMul": _product,
    "Size": _size,
    "ReduceSum": _reduced(np.sum),
    "ReduceMean": _reduced(np.mean),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
    "ReduceProd": _reduced(np.prod),
    "ReduceL2": _reduced(_length),
    "Not": _compared(np.logical_not),
    "Tile": _tiled,
    "ScatterND": _scattered,
    **{name: _both(function) for name, function in _UNIFORM.items()},
}
