"""Values that are joined number by number: ADD, MUL and their like, of what lies alike or is laid so."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

from netdsl.interchange.normal import axes
from netdsl.interchange.normal.axes import CHANNELS
from netdsl.interchange.normal.draft import Draft, Flow, Unsaid
from netdsl.layers import merge
from netdsl.layers.resize import Upsample

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Operator
    from netdsl.layers.base import Layer


def merged(draft: Draft, operator: Operator, layer: Layer, flows: Sequence[Flow]) -> Flow:
    """A merge of values that lie alike; of others as maps."""
    shapes = [draft.shapes[one.item] for one in flows]
    product = isinstance(layer, merge.Multiply)
    if all(one.layout == flows[0].layout for one in flows) and (product or len(set(shapes)) == 1):
        return Flow(draft.add(operator, layer, [one.item for one in flows]), flows[0].layout)
    if product and (layout := _stretched(flows)) is not None:
        item = draft.add(operator, layer, [one.item for one in flows])
        if {a for atoms in axes.natural(draft.shapes[item], draft.batch) for a in atoms} == {
            a for atoms in layout for a in atoms
        }:
            return Flow(item, layout)
        del draft.items[item]
    rank = max(len(one.layout) for one in flows)
    if any(len(one.layout) != rank for one in flows):
        raise Unsaid("its inputs have unequal numbers of axes")
    if not product:
        flows = _repeated(draft, operator, flows)
    places = [at for one in flows for at in range(1, rank) if one.layout[at] and draft.axis(one, at) == CHANNELS]
    channels, items = _mapped(draft, operator, flows, list(dict.fromkeys(places)) or [1])
    return draft.natural(draft.add(operator, layer, _widened(draft, operator, items)), channels)


def _repeated(draft: Draft, operator: Operator, flows: Sequence[Flow]) -> Sequence[Flow]:
    """Values of which those with one number, beside vectors of several, have it as often, as positions of a map."""
    sizes = {one.dims for one in flows}
    wide = max(sizes, key=prod)
    if len(sizes) == 1 or wide[0] != draft.batch or sizes != {wide, (wide[0], *[1] * (len(wide) - 1))}:
        return flows
    if len([size for size in wide[1:] if size > 1]) != 1:
        return flows
    found: list[Flow] = []
    for one in flows:
        if one.dims != wide:
            item = draft.map(operator, Flow(one.item, (one.layout[0], (), ())))
            item = draft.add(operator, Upsample(to=(prod(wide[1:]),)), [item], before=True)
            one = Flow(item, axes.reshaped(draft.natural(item).layout, wide) or ())
        found.append(one)
    return found


def _mapped(
    draft: Draft, operator: Operator, flows: Sequence[Flow], places: Sequence[int]
) -> tuple[int, Sequence[str]]:
    """Values as maps whose channels are the same axis, one of some; which one it is."""
    *others, last = places
    for channels in others:
        try:
            return channels, [draft.map(operator, one, channels) for one in flows]
        except Unsaid:
            continue
    return last, [draft.map(operator, one, last) for one in flows]


def _widened(draft: Draft, operator: Operator, items: Sequence[str]) -> Sequence[str]:
    """Items of which those with one position are repeated at each position of the others."""
    shapes = [draft.shapes[one] for one in items]
    wide = max(shapes, key=lambda one: one.positions).spatial
    found: list[str] = []
    for item, shape in zip(items, shapes, strict=True):
        narrow = shape.spatial != wide and shape.rank == len(wide) and shape.positions == 1
        found.append(draft.add(operator, Upsample(to=wide), [item], before=True) if narrow else item)
    return found


def _stretched(flows: Sequence[Flow]) -> axes.Layout | None:
    """The layout of a product of values, of which some have axes of 1."""
    rank = max(len(one.layout) for one in flows)
    if any(len(one.layout) != rank for one in flows):
        return None
    found: list[tuple[axes.Atom, ...]] = []
    for several in zip(*[one.layout for one in flows], strict=True):
        there = {atoms for atoms in several if atoms}
        if len(there) > 1:
            return None
        found.append(next(iter(there), ()))
    return tuple(found)
