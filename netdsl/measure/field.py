"""Receptive fields: which part of the input an output position can see, exactly, over all paths.

After Araujo, Norris and Sim, Computing Receptive Fields of Convolutional Neural Networks (Distill, 2019),
with the union over merging paths, and not clipped to the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from netdsl.graph.node import ShapedGraph
from netdsl.layers.arguments import Number
from netdsl.layers.base import Window
from netdsl.layers.shape import Shape


@dataclass(frozen=True, slots=True)
class Axis:
    """What output position 0 sees along one axis of the input: positions from `start` to `end`.

    Each further position sees `stride` further on. Where layers enlarge, all three may be fractions.
    """

    start: Number
    end: Number
    stride: Number

    @property
    def size(self) -> int:
        """The receptive field, in input positions."""
        return math.floor(self.end - self.start) + 1


_WHOLE = Axis(0, 0, 1)


def fields(shaped: ShapedGraph) -> list[tuple[Axis, ...]]:
    """For every node, what it sees along each axis of the network's input."""
    found: list[tuple[Axis, ...]] = []
    for index, node in enumerate(shaped.nodes):
        if not node.inputs:
            found.append((_WHOLE,) * shaped.shapes[index].rank)
            continue
        inputs = shaped.input_shapes(index)
        if node.layer.merge:
            union = found[node.inputs[0]]
            for source in node.inputs[1:]:
                union = _union(union, found[source])
            found.append(union)
            continue
        found.append(
            _through(node.layer.windows(*inputs), node.layer.enlargement(*inputs), inputs[0], found[node.inputs[0]])
        )
    return found


def _union(a: tuple[Axis, ...], b: tuple[Axis, ...]) -> tuple[Axis, ...]:
    if a == b:
        return a
    if len(a) != len(b):
        return max(a, b, key=len)
    return tuple(
        Axis(min(x.start, y.start), max(x.end, y.end), max(x.stride, y.stride)) for x, y in zip(a, b, strict=True)
    )


def _through(
    windows: tuple[Window, ...] | Literal["all"],
    scale: Sequence[Fraction],
    shape: Shape,
    before: tuple[Axis, ...],
) -> tuple[Axis, ...]:
    """What is seen through one layer, of what its input sees."""
    if windows == ():
        return before
    if windows == "all":
        sizes = shape.spatial
        if len(sizes) != len(before):
            return before
        return tuple(
            Axis(axis.start, axis.end + (size - 1) * axis.stride, axis.stride)
            for axis, size in zip(before, sizes, strict=True)
        )
    if len(windows) != len(before):
        return before
    found: list[Axis] = []
    for position, (axis, window) in enumerate(zip(before, windows, strict=True)):
        step = axis.stride / Fraction(scale[position]) if scale else axis.stride
        start = axis.start - window.before * step
        end = axis.end + (window.reach - 1 - window.before) * step
        found.append(Axis(start, end, step * window.stride))
    return tuple(found)
