"""Receptive fields: which part of the input an output position can see, exactly, over all paths.

After Araujo, Norris and Sim, Computing Receptive Fields of Convolutional Neural Networks (Distill, 2019),
with the union over merging paths, and not clipped to the image; netdsl.measure.clipped_field clips it.
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
from netdsl.text.tree import exact

_MOST_PHASES = 4096
_MOST_SEEN = 100_000
"""How many phases of a network are worked out; behind them each layer has one, which sees what all of its would."""
_FINEST = 2**32
"""The finest step that is told apart, as a share of an input: a map that is enlarged again and again has finer ones."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What the positions of a map see along one axis of the network's input.

    Position o sees inputs from `starts[o]` to `ends[o]`. Behind the last of these phases it begins again, `step` inputs
    further on; there are several where a layer enlarges a map, since neighbours then see the same inputs.
    """

    starts: tuple[Number, ...]
    ends: tuple[Number, ...]
    step: Number
    fixed: bool = False
    """Whether all positions see the same, each the whole map of a layer: no step then leads further on."""

    @property
    def size(self) -> int:
        """The receptive field, in input positions: the most that a position sees."""
        if len(self.starts) == 1:
            return math.floor(self.ends[0] - self.starts[0]) + 1
        return math.floor(max(end - start for start, end in zip(self.starts, self.ends, strict=True))) + 1

    @property
    def stride(self) -> Number:
        """The effective stride: how much further on the next position sees, on average."""
        return _over(self.step, len(self.starts))

    @property
    def offset(self) -> Number:
        """Where the field of the first position starts: before the input, where padding is seen."""
        return _over(self.starts[0], 1)

    @property
    def centre(self) -> Number:
        """The middle of the field of the first position; Araujo et al. place features by it."""
        return _over(self.starts[0] + self.ends[0], 2)

    def start(self, position: int) -> Number:
        """The first input that a position sees."""
        if self.fixed:
            return self.starts[0]
        rounds, phase = divmod(position, len(self.starts))
        return self.starts[phase] + rounds * self.step

    def end(self, position: int) -> Number:
        """The last input that a position sees."""
        if self.fixed:
            return self.ends[0]
        rounds, phase = divmod(position, len(self.ends))
        return self.ends[phase] + rounds * self.step


def _over(number: Number, count: int) -> Number:
    """A number divided by a count, whole where it can be."""
    if isinstance(number, int) and number % count == 0:
        return number // count
    share = Fraction(number) / count
    if share.denominator > _FINEST:
        share = Fraction(math.ceil(share * _FINEST), _FINEST)
    return exact(share)


_OWN = Axis((0,), (0,), 1)
_ONE = Fraction(1)


def fields(shaped: ShapedGraph) -> list[tuple[Axis, ...]]:
    """For every node, what it sees along each axis of the network's input."""
    found: list[tuple[Axis, ...]] = []
    left = _MOST_SEEN
    known: dict[tuple[int, ...], tuple[tuple[Window, ...] | Literal["all"], Sequence[Fraction]]] = {}
    for index, node in enumerate(shaped.nodes):
        if not node.inputs:
            found.append((_OWN,) * shaped.shapes[index].rank)
            continue
        inputs = shaped.input_shapes(index)
        if node.layer.merge:
            union = found[node.inputs[0]]
            for source in node.inputs[1:]:
                union = _union(union, found[source], shaped.shapes[index])
            found.append(union)
            continue
        key = (id(node.layer), *map(id, inputs))  # which copies have in common
        if key not in known:
            known[key] = node.layer.windows(*inputs), node.layer.enlargement(*inputs)
        several = shaped.shapes[index].positions > 1
        most = _MOST_PHASES if left > 0 else 1
        before = found[node.inputs[0]]
        found.append(_through(*known[key], inputs[0], before, several=several, most=most))
        left -= 0 if found[-1] is before else sum([len(axis.starts) - 1 for axis in found[-1]])
    return found


def _union(a: tuple[Axis, ...], b: tuple[Axis, ...], shape: Shape) -> tuple[Axis, ...]:
    """What a map of a shape sees along two ways."""
    if a == b:
        return a
    if len(a) != len(b):
        return max(a, b, key=len)
    sizes = shape.spatial if shape.rank == len(a) else (1,) * len(a)
    seen: list[Axis] = []
    for place, each in enumerate(zip(a, b, strict=True)):
        alike = place and a[place - 1] is each[0] and b[place - 1] is each[1]
        alike = alike and sizes[place] == sizes[place - 1]
        seen.append(seen[-1] if alike else _either(*each, sizes[place]))
    return tuple(seen)


def _either(x: Axis, y: Axis, size: int) -> Axis:
    """What so many positions see along one of two ways. Where one sees all of a map, what most see at an end."""
    if x.fixed or y.fixed:
        each = [(min(x.start(at), y.start(at)), max(x.end(at), y.end(at))) for at in (0, size - 1)]
        start, end = max(each, key=lambda one: one[1] - one[0])
        return Axis((start,), (end,), max(x.stride, y.stride), fixed=True)
    if len(x.starts) == len(y.starts) == 1:
        start, end = min(x.starts[0], y.starts[0]), max(x.ends[0], y.ends[0])
        return Axis((start,), (end,), max(x.stride, y.stride))
    count = math.lcm(len(x.starts), len(y.starts))
    if count > _MOST_PHASES:
        x, y, count = _merged(x), _merged(y), 1
    starts = tuple(min(x.start(position), y.start(position)) for position in range(count))
    ends = tuple(max(x.end(position), y.end(position)) for position in range(count))
    return Axis(starts, ends, max(x.stride, y.stride) * count)


def _through(
    windows: tuple[Window, ...] | Literal["all"],
    scale: Sequence[Fraction],
    shape: Shape,
    before: tuple[Axis, ...],
    *,
    several: bool,
    most: int,
) -> tuple[Axis, ...]:
    """What is seen through one layer, which gives `several` positions or one, of what its input sees."""
    if windows == ():
        return before
    if windows == "all":
        sizes = shape.spatial
        if len(sizes) != len(before):
            return before
        return tuple(_whole(axis, size, fixed=several) for axis, size in zip(before, sizes, strict=True))
    if len(windows) != len(before):
        return before
    scales = scale or (_ONE,) * len(windows)
    seen: list[Axis] = []
    for place, each in enumerate(zip(before, windows, scales, strict=True)):
        alike = place and not scale and windows[place - 1] == each[1] and before[place - 1] is each[0]
        seen.append(seen[-1] if alike else _seen(*each, most))
    return tuple(seen)


def _cut(axis: Axis, window: Window) -> Axis:
    """What the positions of a map see that is cut into windows, and read all of their own."""
    phases = math.lcm(window.shared, len(axis.starts))
    if phases > _MOST_PHASES:
        axis, phases = _merged(axis), window.shared
    if phases > _MOST_PHASES:  # each as if it saw what the first one does, from its own place on
        return Axis((axis.start(-window.before),), (axis.end(window.size - 1 - window.before),), axis.stride)
    firsts = [(position + window.before) // window.shared * window.shared - window.before for position in range(phases)]
    starts = tuple([axis.start(first) for first in firsts])
    ends = tuple([axis.end(first + window.size - 1) for first in firsts])
    return Axis(starts, ends, axis.step * (phases // len(axis.starts)))


def _merged(axis: Axis) -> Axis:
    """An axis with too many phases to keep, as if each position saw all that they see: an upper bound."""
    return Axis((min(axis.starts),), (max(axis.ends),), axis.stride)


def _whole(axis: Axis, size: int, *, fixed: bool) -> Axis:
    """What a window over a whole map of some size sees, which all positions have where it is fixed."""
    phases = min(size, len(axis.starts))
    start = min(axis.start(position) for position in range(phases))
    end = max(axis.end(position) for position in range(size - phases, size))
    return Axis((start,), (end,), axis.stride, fixed)


def _seen(axis: Axis, window: Window, scale: Fraction, most: int) -> Axis:
    """What a window sees that slides over a map, which is enlarged before by a scale."""
    if axis.fixed:
        return Axis(axis.starts, axis.ends, exact(window.stride * axis.step / scale), fixed=True)
    if window.shared > 1:
        return _cut(axis, window)
    if scale == 1 and len(axis.starts) == 1:
        start = axis.starts[0] - window.before * axis.step
        end = axis.ends[0] + (window.reach - 1 - window.before) * axis.step
        return Axis((start,), (end,), window.stride * axis.step)
    wide, narrow = scale.numerator, scale.denominator
    step: Number = window.stride * narrow
    phases = wide * len(axis.starts)
    common = math.gcd(step, phases)
    step, phases = step // common, phases // common
    if phases > most:
        axis, step, phases = _merged(axis), Fraction(window.stride) / scale, 1
    starts: list[Number] = []
    ends: list[Number] = []
    for position in range(phases):
        low, high = _met(window, position * window.stride - window.before, scale)
        starts.append(axis.start(low))
        ends.append(axis.end(high))
    return Axis(tuple(starts), tuple(ends), step * axis.step)


def _met(window: Window, first: int, scale: Fraction) -> tuple[int, int]:
    """The first and the last position of a map that meet the cells of a window, which begins at `first`.

    The map is enlarged by a scale, with zeros between its values. Where a window meets zeros alone, it is what lies
    behind its first cell.
    """
    wide, narrow = scale.numerator, scale.denominator
    low, high = -(-first * narrow // wide), (first + window.reach - 1) * narrow // wide
    if window.dilation == 1 or narrow > 1:
        return low, max(low, high)
    common = math.gcd(window.dilation, wide)
    every = wide // common  # cells apart are those that meet values
    cell = -first // common * pow(window.dilation // common, -1, every) % every
    if first % common or cell >= window.size:
        return low, low
    last = cell + (window.size - 1 - cell) // every * every
    return (first + cell * window.dilation) // wide, (first + last * window.dilation) // wide
