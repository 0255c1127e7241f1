"""How a layer's figures come about, as formulas with the numbers put in.

The workings here are derived from the rules that every layer has, for layers that say nothing of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netdsl.layers.formula import Formula, apart, ceil, floor, formula, group, product, total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netdsl.layers.arguments import Sizes
    from netdsl.layers.base import Layer, Weight, Window
    from netdsl.layers.shape import Shape


@dataclass(frozen=True, slots=True)
class Workings:
    """The formulas of a layer's figures; None where there is nothing to be worked out, or no formula is known.

    `sizes` are those of the output's spatial axes. `weights` leaves the biases out, as the course's slides do.
    `notes` holds a remark on a figure by the figure's name.
    """

    sizes: tuple[Formula, ...] = ()
    channels: Formula | None = None
    weights: Formula | None = None
    params: Formula | None = None
    macs: Formula | None = None
    flops: Formula | None = None
    notes: Mapping[str, str] = field(default_factory=dict[str, str])


def derived(layer: Layer, inputs: Sequence[Shape]) -> Workings:
    """The workings that follow from a layer's own rules."""
    out, windows = layer.shape(*inputs), layer.windows(*inputs)
    sizes: tuple[Formula, ...] = ()
    if windows != "all" and windows and len(inputs) == 1 and not layer.enlargement(*inputs):
        sizes = slides(inputs[0].spatial, windows)
    weights = layer.weights(*inputs)
    macs = layer.macs(*inputs)
    work = None
    if macs and weights and macs == weights[0].count * out.positions:
        work = apart(weights[0].count, product(out.spatial)) if out.spatial else formula(macs)
    return Workings(
        sizes=sizes,
        weights=counted([weight for weight in weights if weight.name != "bias"]),
        params=counted(weights),
        macs=work,
        flops=operations(layer, inputs),
        notes={"macs": "each weight, at each position"} if work and out.spatial else {},
    )


def operations(layer: Layer, inputs: Sequence[Shape]) -> Formula | None:
    """Two for each MAC, and some for each value of the output; None where they are not that."""
    values, macs = layer.shape(*inputs).elements, layer.macs(*inputs)
    each, rest = divmod(layer.flops(*inputs) - 2 * macs, values)
    if rest or each < 0:
        return None
    terms = [formula(2) * macs] if macs else []
    return total([*terms, formula(each) * values] if each else terms)


def counted(weights: Sequence[Weight]) -> Formula | None:
    """The values of some tensors; None where there is none."""
    if not weights:
        return None
    if len(weights) > 1 and len({weight.dims for weight in weights}) == 1 and not any(one.fixed for one in weights):
        return formula(len(weights)) * product(weights[0].dims)
    counts = [product(weight.dims) - weight.fixed if weight.fixed else product(weight.dims) for weight in weights]
    return total(counts)


def slides(sizes: Sizes, windows: Sequence[Window], *, up: bool = False) -> tuple[Formula, ...]:
    """How many positions windows have along each axis; `up` as window.out_size rounds with `ceil`."""
    return tuple(_positions(size, window, up=up) for size, window in zip(sizes, windows, strict=True))


def _positions(size: int, window: Window, *, up: bool) -> Formula:
    """`(227 − 11 + 2·0)/4 + 1`, and with a dilation `(28 + 2·2 − 2·(3 − 1) − 1)/1 + 1`."""
    even = window.before == window.after
    padding = formula(2) * window.before if even else formula(window.before) + window.after
    if window.dilation == 1:
        room = formula(size) - window.size + padding
    else:
        room = formula(size) + padding - formula(window.dilation) * group(formula(window.size) - 1) - 1
    count = (ceil if up else floor)(room / window.stride) + 1
    if up and isinstance(count.value, int) and (count.value - 1) * window.stride >= size + window.before:
        count -= 1
    return count
