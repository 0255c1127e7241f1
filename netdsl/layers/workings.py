"""How a layer's figures come about: its own rules, asked with formulas in place of numbers."""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

from netdsl.layers import guard
from netdsl.layers.base import Layer
from netdsl.layers.formula import Formula, formula, group, known, product, total
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netdsl.layers.base import Weight


@dataclass(frozen=True)
class Workings:
    """The formulas of a layer's figures, which have the figures for their values.

    Each is worked out when it is asked for. Those of a layer that a package brings are plain numbers, since its rules
    may ask for ints.
    """

    layer: Layer
    inputs: Sequence[Shape]

    @cached_property
    def _rules(self) -> Layer:
        return self.layer if guard.brought(self.layer) else _over_formulas(self.layer)

    @cached_property
    def _shapes(self) -> Sequence[Shape]:
        return self.inputs if guard.brought(self.layer) else [_lifted(x) for x in self.inputs]

    @cached_property
    def _out(self) -> Shape:
        return self._rules.shape(*self._shapes)

    @cached_property
    def _weights(self) -> Sequence[Weight]:
        return self._rules.weights(*self._shapes)

    @property
    def _input(self) -> Shape:
        return self._shapes[0] if self._shapes else Shape((), 0)

    @property
    def sizes(self) -> tuple[Formula, ...]:
        """The sizes of its output, () where they are its input's, passed on."""
        out, x = self._out.spatial, self._input.spatial
        return () if len(out) == len(x) and all(map(_passed, out, x)) else tuple(map(formula, out))

    @property
    def channels(self) -> Formula | None:
        """Those of its output, None where they are its input's, passed on."""
        out = self._out.channels
        return None if _passed(out, self._input.channels) else formula(out)

    @property
    def weights(self) -> Formula | None:
        """Its parameters without the biases, as the course's slides count them."""
        return counted([weight for weight in self._weights if not weight.bias])

    @property
    def params(self) -> Formula | None:
        """Its parameters."""
        return counted(self._weights)

    @property
    def macs(self) -> Formula:
        """Its MACs."""
        return formula(self._rules.macs(*self._shapes))

    @property
    def connections(self) -> Formula:
        """Its connections, as LeCun counts them."""
        return formula(self._rules.connections(*self._shapes))

    @property
    def flops(self) -> Formula:
        """Its FLOPs."""
        found, each = formula(self._rules.flops(*self._shapes)), self.layer.flops_per_output
        if guard.brought(self.layer) and each and found == each * self._out.elements:
            return formula(each) * self._out.elements
        return found


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
