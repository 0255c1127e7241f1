"""Functions of single values, and of values at one place, in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netdsl.compile.onnx.sheet import Value, Writer
from netdsl.layers import activation
from netdsl.layers.activation import Activation, Elu, LeakyRelu, ParametricRelu, Tanh
from netdsl.layers.base import Layer
from netdsl.layers.merge import Merging
from netdsl.layers.norm import Plus, Times

_PLAIN: Mapping[type[Layer], tuple[str, Mapping[str, Any]]] = {
    activation.Relu: ("Relu", {}),
    activation.Selu: ("Selu", {}),
    activation.Gelu: ("Gelu", {}),
    activation.Mish: ("Mish", {}),
    activation.HardSwish: ("HardSwish", {}),
    activation.HardSigmoid: ("HardSigmoid", {"alpha": 1 / 6}),
    activation.Sigmoid: ("Sigmoid", {}),
    activation.Softplus: ("Softplus", {}),
    activation.Absolute: ("Abs", {}),
    activation.Softmax: ("Softmax", {"axis": 1}),
    activation.LogSoftmax: ("LogSoftmax", {"axis": 1}),
}
PLAIN = tuple(_PLAIN)
"""Activations that are one operator of ONNX."""


def plain(layer: Activation, write: Writer, x: Value) -> Value:
    """That operator."""
    kind, attributes = _PLAIN[type(layer)]
    return write(kind, x, **attributes)


def relu6(layer: activation.Relu6, write: Writer, x: Value) -> Value:
    """A Clip."""
    return write("Clip", x, 0.0, 6.0)


def sloping(layer: LeakyRelu | Elu, write: Writer, x: Value) -> Value:
    """A LeakyRelu or an Elu."""
    return write("Elu" if isinstance(layer, Elu) else "LeakyRelu", x, alpha=float(layer.slope))


def prelu(layer: ParametricRelu, write: Writer, x: Value) -> Value:
    """A PRelu."""
    return write("PRelu", x, write.per_channel("weight", x.shape.rank))


def silu(layer: activation.Silu, write: Writer, x: Value) -> Value:
    """Each value times its sigmoid."""
    return write("Mul", x, write("Sigmoid", x))


def tanh(layer: Tanh, write: Writer, x: Value) -> Value:
    """A Tanh, with factors before and behind it where it has some."""
    if layer.plain:
        return write("Tanh", x)
    return write("Mul", write("Tanh", write("Mul", x, float(layer.slope))), float(layer.scale))


def times(layer: Times, write: Writer, x: Value) -> Value:
    """A Mul with the factor."""
    return write("Mul", x, float(layer.factor))


def plus(layer: Plus, write: Writer, x: Value) -> Value:
    """An Add of the offset."""
    return write("Add", x, float(layer.offset))


def concat(layer: Merging, write: Writer, *inputs: Value) -> Value:
    """A Concat along channels."""
    return write("Concat", *inputs, axis=1)


def merging(several: str, two: str = "") -> Callable[..., Value]:
    """The rule of a merge: one operator for any number of inputs, or one for two of them."""

    def rule(layer: Merging, write: Writer, *inputs: Value) -> Value:
        if several and (not two or len(inputs) > 2):
            return write(several, *inputs)
        rank = max([one.shape.rank for one in inputs])
        total, *others = [write.stretched(one, rank - one.shape.rank) for one in inputs]
        for other in others:
            total = write(two, total, other)
        return total

    return rule
