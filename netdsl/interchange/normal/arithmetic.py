"""Sums, products and limits with numbers as TIMES, PLUS, RELU and RELU6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdsl.interchange.normal.draft import exact
from netdsl.layers.activation import Relu, Relu6
from netdsl.layers.norm import Plus, Times

if TYPE_CHECKING:
    from netdsl.layers.base import Layer

_ENDLESS = 3e38
"""From here on a limit is none: the largest float32."""


def linear(factor: float, offset: float) -> tuple[Layer, ...]:
    """A value times a factor, and an offset."""
    times = () if factor == 1 else (Times(exact(factor)),)
    return times if offset == 0 else (*times, Plus(exact(offset)))


def clipping(low: float | None, high: float | None) -> tuple[Layer, ...]:
    """A value held between limits: clip(x, 0, 1) is relu6(6x) / 6."""
    low = None if low is None or low < -_ENDLESS else low
    high = None if high is None or high > _ENDLESS else high
    if low is not None and high is not None:
        wide = high - low
        return (*linear(1, -low), *linear(6 / wide, 0), Relu6(), *linear(wide / 6, low)) if wide > 0 else ()
    if low is not None:
        return (*linear(1, -low), Relu(), *linear(1, low))
    if high is not None:
        return (*linear(-1, high), Relu(), *linear(-1, high))
    return ()


def with_number(kind: str, value: float, last: bool) -> tuple[Layer, ...] | None:
    """An operator of a value and a number, which stands `last` or first; None for others, () where it does nothing."""
    match kind:
        case "Add" | "Sum":
            return linear(1, value)
        case "Sub":
            return linear(1, -value) if last else linear(-1, value)
        case "Mul":
            return linear(value, 0)
        case "Div" if last and value:
            return linear(1 / value, 0)
        case "Max":
            return clipping(value, None)
        case "Min":
            return clipping(None, value)
        case "Pow" if last and value == 1:
            return ()
        case _:
            return None
