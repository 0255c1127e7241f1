"""The style `columns`: a column a network, a box a layer, and what works at equal sizes level across the columns.

As course slides set AlexNet, VGG-16 and VGG-19 side by side: the input at the foot, the classifier on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from netdsl.draw.columns.across import spread
from netdsl.draw.columns.arcs import flows
from netdsl.draw.columns.build import column
from netdsl.draw.columns.detour import led
from netdsl.draw.columns.layout import Layout, Plan
from netdsl.draw.columns.paint import paint
from netdsl.draw.columns.parts import Column, alike, leaves
from netdsl.draw.columns.rows import align, runs
from netdsl.draw.columns.upward import stack
from netdsl.draw.palette import Theme
from netdsl.graph.node import ShapedGraph
from netdsl.layers.shape import Shape


def svg(networks: Sequence[ShapedGraph], theme: Theme) -> bytes:
    """Networks side by side, in their order, as the bytes of an SVG."""
    layouts, floors, labels = laid_out([column(shaped) for shaped in networks])
    return paint(layouts, floors, labels, theme)


def laid_out(columns: Sequence[Column]) -> tuple[list[Layout], list[float], list[tuple[str, ...]]]:
    """Columns in their places, where each row that they share begins and the last ends, and the sizes in each."""
    own = [runs(one.series) for one in columns]
    sizes, placed = align([one.sizes for one in own])
    plans = [
        Plan(one, {id: row[run] for id, run in found.of.items()}, *flows(one))
        for one, found, row in zip(columns, own, placed, strict=True)
    ]
    floors, heights = stack(plans, len(sizes))
    shapes: list[list[Shape]] = [[] for _ in sizes]
    for plan in plans:
        for leaf in leaves(plan.column.series):
            row = plan.row[leaf.id]
            if alike(leaf.extent, sizes[row]):
                shapes[row].append(leaf.shape)
    layouts = [led(spread(plan, own_heights)) for plan, own_heights in zip(plans, heights, strict=True)]
    return layouts, floors, [_label(one) for one in shapes]


def _label(shapes: Sequence[Shape]) -> tuple[str, ...]:
    """The spatial sizes of a row: two as they are, and of more the largest and the smallest."""
    found = list(dict.fromkeys(shape.spatial for shape in shapes))
    if len(found) > 2:
        found.sort(key=lambda spatial: (prod(spatial), spatial))
        found = [found[-1], found[0]]
    return tuple("×".join(map(str, spatial)) or "vector" for spatial in found)
