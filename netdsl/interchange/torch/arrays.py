"""PyTorch's operators on arrays of numpy: what a program computes of constants alone.

PyTorch and numpy agree on which results are views, so that a change in place changes here what it changes there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from netdsl.interchange.flat import MOST_INPUTS
from netdsl.interchange.torch.program import numbers

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Tensor

FILLED: Mapping[str, float | None] = {
    **dict.fromkeys(("zeros", "new_zeros", "zeros_like", "empty", "new_empty", "empty_like"), 0),
    **dict.fromkeys(("ones", "new_ones", "ones_like"), 1),
    **dict.fromkeys(("full", "new_full", "full_like"), None),
}
"""What makes a constant by its size alone, though it may be given a tensor to resemble."""
_MOST = 2**28
"""Multiply-adds of a product of constants."""


class Left(Exception):
    """A call that is not worked out."""


Rule = Callable[[Mapping[str, Any], Sequence[int]], Any]


def _x(given: Mapping[str, Any]) -> Tensor:
    return given["self"] if "self" in given else given["input"]


def _one(function: Callable[[Any], Any]) -> Rule:
    return lambda given, dims: function(_x(given))


def _two(function: Callable[[Any, Any], Any]) -> Rule:
    """Of two values; the kind of numbers is that of the tensor where the other is a number."""

    def rule(given: Mapping[str, Any], dims: Sequence[int]) -> Any:
        a, b = given["self"], given["other"]
        _fits(dims, a, b)
        if given.get("alpha", 1) != 1:
            b = b * given["alpha"]
        found = np.asarray(function(a, b))
        return found.astype(np.float32) if found.dtype == np.float64 and np.asarray(a).dtype != np.float64 else found

    return rule


def _fits(dims: Sequence[int], *parts: Any) -> None:
    """Raise Left where values together have other sizes than they should, before memory is taken."""
    if np.broadcast_shapes(*[np.shape(one) for one in parts]) != tuple(dims):
        raise Left


def _where(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    _fits(dims, given["condition"], given["self"], given["other"])
    condition: Tensor = np.asarray(given["condition"])
    return np.where(condition, np.asarray(given["self"]), np.asarray(given["other"]))


def _masked(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    x, mask = _x(given), given["mask"]
    _fits(dims, x, mask)
    return np.where(mask, np.asarray(given["value"], x.dtype), x)


def _repeated(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    """repeat and repeat_interleave, by whole numbers."""
    x, times = _x(given), given["repeats"]
    if not isinstance(times, int):
        found = np.broadcast_shapes((1,) * len(times), x.shape)
        if tuple([a * b for a, b in zip(found, times, strict=True)]) != tuple(dims):
            raise Left
        return np.tile(x, times)
    if times * x.size != prod(dims):
        raise Left
    return np.repeat(x, times, given.get("dim"))


def _axis(given: Mapping[str, Any], rank: int, name: str = "dim") -> int:
    return int(given.get(name, 0)) % rank


def _slice(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    x = _x(given)
    cuts = [slice(None)] * x.ndim
    cuts[_axis(given, x.ndim)] = slice(given.get("start"), given.get("end"), given.get("step", 1))
    return x[tuple(cuts)]


def _select(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    x = _x(given)
    cuts: list[Any] = [slice(None)] * x.ndim
    cuts[_axis(given, x.ndim)] = given["index"]
    return x[tuple(cuts)]


def _parts(given: Mapping[str, Any], dims: Sequence[int]) -> list[Tensor]:
    """chunk and split."""
    x = _x(given)
    axis = _axis(given, x.ndim)
    size = x.shape[axis]
    if "chunks" in given:
        step = -(-size // given["chunks"])
        places = list(range(step, size, step))
    else:
        sizes = given.get("split_size", given.get("split_sizes"))
        places = list(range(sizes, size, sizes)) if isinstance(sizes, int) else list(np.cumsum(sizes)[:-1])
    if len(places) > MOST_INPUTS:
        raise Left
    return np.split(x, places, axis)


def _unbound(given: Mapping[str, Any], dims: Sequence[int]) -> list[Tensor]:
    x = np.moveaxis(_x(given), given.get("dim", 0), 0)
    if len(x) > MOST_INPUTS:
        raise Left
    return list(x)


def _power(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    _fits(dims, given["self"], given["exponent"])
    return np.power(given["self"], given["exponent"])


def _swapped(first: str, second: str) -> Rule:
    return lambda given, dims: np.swapaxes(_x(given), given[first], given[second])


def _squeezed(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    return _x(given).reshape(dims)


def _linear(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    if (*given["input"].shape[:-1], len(given["weight"])) != tuple(dims):
        raise Left
    found = given["input"] @ given["weight"].T
    return found if given.get("bias") is None else found + given["bias"]


def _weight_norm(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    """A weight of a length and a direction, which weight_norm keeps apart."""
    direction, length = given["v"], given["g"]
    _fits(dims, direction, length)
    axis = given.get("dim", 0) % direction.ndim
    rest = tuple([one for one in range(direction.ndim) if one != axis])
    found: Any = direction * (length / np.sqrt((direction**2).sum(rest, keepdims=True)))
    return found


def _product(first: str, second: str) -> Rule:
    def rule(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
        if max(np.ndim(given[first]), np.ndim(given[second])) > 1 + len(dims):
            raise Left
        a, b = given[first], given[second]
        if np.size(a) * prod(np.shape(b)[1:][-1:]) > _MOST:
            raise Left
        return a @ b

    return rule


def _einsum(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    """einsum of constants, which numpy does one product after the other."""
    equation, tensors = given["equation"], given["tensors"]
    letters = "".join(equation.partition("->")[0].split()).split(",")
    sizes = {
        letter: size
        for term, one in zip(letters, tensors, strict=True)
        for letter, size in zip(term, one.shape, strict=True)
    }
    if prod(sizes.values()) > _MOST // 2**4:
        raise Left
    return np.einsum(equation, *tensors)


def _index(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    x, indices = _x(given), given["indices"]
    places = [one for one in indices if one is not None]
    kept = [size for size, one in zip(x.shape, [*indices, *[None] * x.ndim], strict=False) if one is None]
    if prod(np.broadcast_shapes(*[np.shape(one) for one in places])) * prod(kept) > prod(dims):
        raise Left
    return x[tuple([slice(None) if one is None else one for one in indices])]


def _rows(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    """embedding of numbers that are known, as those of positions are."""
    table, places = given["weight"], given["indices"]
    if (*places.shape, table.shape[1]) != tuple(dims):
        raise Left
    return table[places]


def _reduced(function: Callable[..., Any]) -> Rule:
    def rule(given: Mapping[str, Any], dims: Sequence[int]) -> Any:
        axes = numbers(given.get("dim")) or None
        return function(_x(given), axis=axes, keepdims=bool(given.get("keepdim")))

    return rule


def _spread(given: Mapping[str, Any]) -> Tensor:
    """The variance over axes, with Bessel's correction where nothing else is said."""
    said = given.get("correction")
    less = said if said is not None else int(given.get("unbiased", True) or given.get("dim") is None)
    axes = numbers(given.get("dim")) or None
    return np.var(_x(given), axis=axes, ddof=less, keepdims=bool(given.get("keepdim")))


def _with_mean(function: Callable[[Any], Any]) -> Rule:
    return lambda given, dims: [function(_spread(given)), _reduced(np.mean)(given, dims)]


def _length(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    if given.get("ord", 2) != 2:
        raise Left
    return np.sqrt(_reduced(np.sum)({**given, "self": np.square(_x(given))}, dims))


def _standardised(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    """batch_norm by its own statistics, as weights are standardised."""
    x, wide = given["input"], (-1, *[1] * (given["input"].ndim - 2))
    if not given.get("training"):
        raise Left
    over = tuple([axis for axis in range(x.ndim) if axis != 1])
    found = (x - x.mean(over, keepdims=True)) / np.sqrt(x.var(over, keepdims=True) + given.get("eps", 1e-5))
    scale, offset = given.get("weight"), given.get("bias")
    found = found if scale is None else found * scale.reshape(wide)
    return found if offset is None else found + offset.reshape(wide)


def _pointwise(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    """conv2d of each position by itself."""
    x, weight = given["input"], given["weight"]
    if set(weight.shape[2:]) != {1} or weight.shape[1] != x.shape[1] or (*dims[2:],) != x.shape[2:]:
        raise Left
    found = np.tensordot(x, weight.reshape(weight.shape[:2]), (1, 1))
    return np.moveaxis(found if given.get("bias") is None else found + given["bias"], -1, 1)


def _linspace(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    return np.linspace(given["start"], given["end"], dims[0], dtype=_kind(given))


def _kind(given: Mapping[str, Any], like: str = "float32") -> str:
    return given.get("dtype") or like


def _filled(value: float | None) -> Rule:
    def rule(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
        return np.full(tuple(dims), given["fill_value"] if value is None else value, _kind(given))

    return rule


def _clamp(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    limits = [one for name in ("min", "max") if (one := given.get(name)) is not None]
    _fits(dims, _x(given), *limits)
    return np.clip(_x(given), given.get("min"), given.get("max"))


def _cast(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    kind = given.get("dtype")
    return _x(given).astype(kind) if kind else _x(given)


def _mesh(given: Mapping[str, Any], dims: Sequence[int]) -> list[Tensor]:
    if prod(one.size for one in given["tensors"]) != prod(dims):
        raise Left
    return list(np.meshgrid(*given["tensors"], indexing=given.get("indexing") or "ij"))


def _arange(given: Mapping[str, Any], dims: Sequence[int]) -> Tensor:
    start, step = given.get("start", 0), given.get("step", 1)
    whole = isinstance(start, int) and isinstance(step, int)
    return (start + step * np.arange(dims[0])).astype(_kind(given, "int64" if whole else "float32"))


RULES: Mapping[str, Rule] = {
    **{name: _filled(value) for name, value in FILLED.items()},
    "item": lambda given, dims: _x(given).reshape(()),
    "scalar_tensor": lambda given, dims: np.array(given["s"], _kind(given)),
    "eye": lambda given, dims: np.eye(*dims, dtype=_kind(given)),
    "arange": _arange,
    "meshgrid": _mesh,
    "copy": lambda given, dims: given["src"],
    "fill": lambda given, dims: given["value"],
    "zero": lambda given, dims: 0,
    "clone": lambda given, dims: _x(given).copy(),
    **dict.fromkeys(
        ("alias", "detach", "contiguous", "lift_fresh_copy", "lift_fresh", "type_as"), lambda given, dims: _x(given)
    ),
    **dict.fromkeys(("to", "_to_copy"), _cast),
    **dict.fromkeys(
        ("view", "reshape", "flatten", "unflatten", "_unsafe_view", "squeeze", "unsqueeze", "view_as"), _squeezed
    ),
    "permute": lambda given, dims: _x(given).transpose(given["dims"]),
    "transpose": _swapped("dim0", "dim1"),
    "swapaxes": _swapped("axis0", "axis1"),
    "t": lambda given, dims: _x(given).T,
    "mT": lambda given, dims: np.swapaxes(_x(given), -1, -2),
    "numpy_T": lambda given, dims: _x(given).T,
    "slice": _slice,
    "select": _select,
    "chunk": _parts,
    "split": _parts,
    "split_with_sizes": _parts,
    "unbind": _unbound,
    **dict.fromkeys(("expand", "expand_as", "broadcast_to"), lambda given, dims: np.broadcast_to(_x(given), dims)),
    "repeat": _repeated,
    "repeat_interleave": _repeated,
    "cat": lambda given, dims: np.concatenate(given["tensors"], given.get("dim", 0)),
    "stack": lambda given, dims: np.stack(given["tensors"], given.get("dim", 0)),
    "index": _index,
    "embedding": _rows,
    "roll": lambda given, dims: np.roll(_x(given), given["shifts"], given.get("dims") or None),
    "masked_fill": _masked,
    "where": _where,
    "tril": lambda given, dims: np.tril(_x(given), given.get("diagonal", 0)),
    "triu": lambda given, dims: np.triu(_x(given), given.get("diagonal", 0)),
    "linear": _linear,
    "_weight_norm": _weight_norm,
    "mv": _product("self", "vec"),
    "mm": _product("self", "mat2"),
    "bmm": _product("self", "mat2"),
    "matmul": _product("self", "other"),
    **dict.fromkeys(("outer", "ger"), lambda given, dims: np.outer(_x(given), given["vec2"])),
    "einsum": _einsum,
    "vdot": _product("self", "other"),
    "dot": _product("self", "tensor"),
    "relu": _one(lambda x: np.maximum(x, 0)),
    "sigmoid": _one(lambda x: 1 / (1 + np.exp(-x))),
    "tanh": _one(np.tanh),
    "exp": _one(np.exp),
    "log": _one(np.log),
    "sqrt": _one(np.sqrt),
    "rsqrt": _one(lambda x: 1 / np.sqrt(x)),
    "abs": _one(np.abs),
    "sin": _one(np.sin),
    "cos": _one(np.cos),
    "cumsum": lambda given, dims: np.cumsum(_x(given), given["dim"], given.get("dtype") or None),
    "flip": lambda given, dims: np.flip(_x(given), given["dims"]),
    "neg": _one(np.negative),
    "floor": _one(np.floor),
    "log2": _one(np.log2),
    "sign": _one(np.sign),
    "reciprocal": _one(np.reciprocal),
    "logical_not": _one(np.logical_not),
    "bitwise_not": _one(np.invert),
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp,
    "add": _two(np.add),
    "sub": _two(np.subtract),
    "mul": _two(np.multiply),
    "div": _two(np.true_divide),
    "rsub": _two(lambda a, b: np.subtract(b, a)),
    "remainder": _two(np.mod),
    "floor_divide": _two(np.floor_divide),
    "maximum": _two(np.maximum),
    "minimum": _two(np.minimum),
    "eq": _two(np.equal),
    "ne": _two(np.not_equal),
    "lt": _two(np.less),
    "gt": _two(np.greater),
    "le": _two(np.less_equal),
    "ge": _two(np.greater_equal),
    "pow": _power,
    "mean": _reduced(np.mean),
    "var": lambda given, dims: _spread(given),
    "std": lambda given, dims: np.sqrt(_spread(given)),
    "var_mean": _with_mean(np.asarray),
    "std_mean": _with_mean(np.sqrt),
    "linalg_vector_norm": _length,
    "batch_norm": _standardised,
    "conv2d": _pointwise,
    "linspace": _linspace,
    "sum": _reduced(np.sum),
    "amax": _reduced(np.max),
}
