"""How a layer's figures come about: its own rules, asked with formulas in place of numbers."""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields
from math import prod
from typing import TYPE_CHECKING, Any

from netdsl.layers import guard
from netdsl.layers.base import Layer
from netdsl.layers.formula import Formula, formula, group, known, product, total
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netdsl.layers.base import Weight


@dataclass(frozen=True, slots=True)
class Workings:
    """The formulas of a layer's figures, which have the figures for their values.

    `sizes` and `channels` are those of its output, () and None where they are its input's, passed on. `weights` leaves
    the biases out, as the course's slides do.
    """

    sizes: tuple[Formula, ...]
    channels: Formula | None
    weights: Formula | None
    params: Formula | None
    macs: Formula
    connections: Formula
    flops: Formula


def workings(layer: Layer, inputs: Sequence[Shape]) -> Workings:
    """The workings of a layer; plain numbers of one that a package brings, whose rules may ask for ints."""
    package = guard.brought(layer)
    rules, shapes = (layer, inputs) if package else (_over_formulas(layer), [_lifted(x) for x in inputs])
    out, weights = rules.shape(*shapes), rules.weights(*shapes)
    x = shapes[0] if shapes else Shape((), 0)
    kept = len(out.spatial) == len(x.spatial) and all(map(_passed, out.spatial, x.spatial))
    flops = formula(rules.flops(*shapes))
    if package and layer.flops_per_output and flops == layer.flops_per_output * out.elements:
        flops = formula(layer.flops_per_output) * out.elements
    return Workings(
        () if kept else tuple(map(formula, out.spatial)),
        None if _passed(out.channels, x.channels) else formula(out.channels),
        counted([weight for weight in weights if weight.name != "bias"]),
        counted(weights),
        formula(rules.macs(*shapes)),
        formula(rules.connections(*shapes)),
        flops,
    )


def counted(weights: Sequence[Weight]) -> Formula | None:
    """The values of some tensors; None where there is none."""
    if not weights:
        return None
    if len(weights) > 1 and len({weight.dims for weight in weights}) == 1 and not any(one.fixed for one in weights):
        return formula(len(weights)) * _values(weights[0])
    return total(map(_values, weights))


def _values(weight: Weight) -> Formula:
    """The values of a tensor: of filters the window, the channels that they read, and their number."""
    dims: tuple[Any, ...] = weight.dims
    if not any(isinstance(size, Formula) for size in dims):
        return product(dims) - weight.fixed if weight.fixed else product(dims)
    if weight.fixed:  # whole windows, where a table joins no map to a filter
        return product([*dims[2:], known(dims[0] * dims[1] - weight.fixed // prod(dims[2:]))])
    filters, window = dims[:1], [*dims[2:], *dims[1:2]]
    return group(product(window)) * filters[0] if len(window) > 1 else product([*window, *filters])


def _passed(size: object, before: object) -> bool:
    """Whether a size is that of the input, and none that was computed."""
    return size is before or (isinstance(size, int) and size == before)


def _over_formulas(layer: Layer) -> Layer:
    """A layer with formulas for its arguments."""
    made = copy.copy(layer)
    for field in fields(layer):
        object.__setattr__(made, field.name, _over(getattr(layer, field.name)))
    return made


def _over(value: Any) -> Any:
    """A whole number, or each of several, as a formula."""
    if isinstance(value, tuple):
        return tuple(map(_over, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return formula(value) if type(value) is int else value


def _lifted(x: Shape) -> Shape:
    return Shape(_over(x.spatial), _over(x.channels))
