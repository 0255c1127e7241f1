"""Activations that are spelled out, known by their curves: x · sigmoid(x), however it is written, is SILU.

What is made of one value by operators that work on each number alone is a function of a number. It is followed at some
points, and compared at these with the activations that the language has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import erf, sqrt
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from netdsl.layers import activation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netdsl.layers.base import Layer

Curve: TypeAlias = "NDArray[np.float64]"
Curves: TypeAlias = Mapping[str, Curve]
"""What a value is as a function of others, by their names: the nearest last."""
MOST = 6
"""How many of the values before it a value is followed from: as many as an activation has operators between."""
_NEAR = 2e-6
_APPROXIMATE = 6e-4
"""By how much GELU's approximation by tanh (Hendrycks 2016) differs from it."""
POINTS: Curve = np.concatenate([np.linspace(-9, 9, 73), [-0.37, 0.011, 1e-3, 2.718]])


def _sigmoid(x: Curve) -> Curve:
    return 1 / (1 + np.exp(-x))


def _softplus(x: Curve) -> Curve:
    return np.logaddexp(0, x)


def _hard(x: Curve) -> Curve:
    return np.clip(x / 6 + 0.5, 0, 1)


def _error(x: Curve) -> Curve:
    return np.array([erf(one) for one in x])


UNARY: Mapping[str, Callable[[Curve], Curve]] = {
    "Relu": lambda x: np.maximum(x, 0),
    "Sigmoid": _sigmoid,
    "Tanh": np.tanh,
    "Softplus": _softplus,
    "Erf": _error,
    "Exp": np.exp,
    "Neg": np.negative,
    "Abs": np.abs,
    "Sqrt": np.sqrt,
    "Reciprocal": np.reciprocal,
    "HardSwish": lambda x: x * _hard(x),
    "Mish": lambda x: x * np.tanh(_softplus(x)),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Log": np.log,
}
"""Operators of one value without attributes."""
BINARY: Mapping[str, Callable[[Curve, Curve], Curve]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Pow": np.power,
    "Min": np.minimum,
    "Max": np.maximum,
}


@cache
def _known() -> tuple[Sequence[Layer], Curve, Curve]:
    """The activations, their curves, and what differences from these are held against."""
    x = POINTS
    layers, known = zip(*_activations(x), strict=True)
    return layers, np.array(known), np.maximum(1, np.abs(known))


def _activations(x: Curve) -> Sequence[tuple[Layer, Curve]]:
    return (
        (activation.Relu(), np.maximum(x, 0)),
        (activation.Relu6(), np.clip(x, 0, 6)),
        (activation.Silu(), x * _sigmoid(x)),
        (activation.HardSwish(), x * _hard(x)),
        (activation.HardSigmoid(), _hard(x)),
        (activation.Mish(), x * np.tanh(_softplus(x))),
        (activation.Gelu(), x * (1 + _error(x / sqrt(2))) / 2),
        (activation.Sigmoid(), _sigmoid(x)),
        (activation.Tanh(), np.tanh(x)),
        (activation.Softplus(), _softplus(x)),
        (activation.Absolute(), np.abs(x)),
    )


def of(kind: str, *inputs: Curves) -> Curves:
    """What an operator makes of its inputs, as a function of each value that all of them follow from."""
    with np.errstate(all="ignore"):
        if len(inputs) == 1:
            function = UNARY[kind]
            found = {name: function(curve) for name, curve in inputs[0].items()}
        else:
            first, second = inputs
            both = BINARY[kind]
            found = {name: both(curve, second[name]) for name, curve in first.items() if name in second}
    return dict([*found.items()][-MOST:])


def constant(curves: Curves, value: float) -> Curves:
    """A number, as a function of each of these values."""
    return dict.fromkeys(curves, np.full_like(POINTS, value))


def recognised(curves: Curves) -> tuple[str, Layer, bool] | None:
    """The value that an activation is of, the activation, and whether it is so but nearly; the farthest counts."""
    finite = {name: curve for name, curve in curves.items() if np.isfinite(curve).all()}
    if not finite:
        return None
    layers, known, size = _known()
    apart = np.max(np.abs(np.array([*finite.values()])[:, None] - known) / size, axis=2)
    near = apart < [_APPROXIMATE if isinstance(one, activation.Gelu) else _NEAR for one in layers]
    if not near.any():
        return None
    row, column = divmod(int(near.argmax()), len(layers))
    return [*finite][row], layers[column], bool(apart[row, column] >= _NEAR)
