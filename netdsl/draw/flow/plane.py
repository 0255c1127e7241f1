"""The plane of a picture: points, lines and rectangles, and what lies where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
Rectangle: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_BUCKET = 64.0
"""What lies where is looked up by strips of this height."""


class Obstacles:
    """What words may lie on, found by place."""

    def __init__(self) -> None:
        self.looked = 0
        """How many lines and areas all questions have been held against."""
        self._lines: dict[int, list[tuple[Point, Point, int]]] = defaultdict(list)
        self._areas: dict[int, list[tuple[Rectangle, int]]] = defaultdict(list)

    def line(self, points: Sequence[Point], cost: int) -> None:
        """Add a line through points."""
        for a, b in pairwise(points):
            for bucket in _buckets(min(a[1], b[1]), max(a[1], b[1])):
                self._lines[bucket].append((a, b, cost))

    def area(self, rectangle: Rectangle, cost: int) -> None:
        """Add a rectangle."""
        for bucket in _buckets(rectangle[1], rectangle[3]):
            self._areas[bucket].append((rectangle, cost))

    def lines(self, within: Rectangle) -> Iterator[tuple[Point, Point]]:
        """The parts of lines that lie in a rectangle."""
        for bucket in _buckets(within[1], within[3]):
            for a, b, _ in self._lines.get(bucket, ()):
                part = clipped(a, b, within)
                if part is not None:
                    yield part

    def cost(self, rectangle: Rectangle) -> int:
        """What it costs to put words into a rectangle."""
        total = 0
        for bucket in _buckets(rectangle[1], rectangle[3]):
            self.looked += len(self._areas.get(bucket, ())) + len(self._lines.get(bucket, ()))
            for other, cost in self._areas.get(bucket, ()):
                if _overlap(rectangle, other):
                    total += cost
            for a, b, cost in self._lines.get(bucket, ()):
                if clipped(a, b, rectangle) is not None:
                    total += cost
        return total


def _buckets(low: float, high: float) -> range:
    return range(int(low // _BUCKET), int(high // _BUCKET) + 1)


def bounds(points: Iterable[Point]) -> Rectangle:
    """The smallest rectangle around points."""
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def parts(line: Sequence[Point], within: Rectangle) -> Iterator[tuple[Point, Point]]:
    """The parts of a line that lie in a rectangle."""
    for a, b in pairwise(line):
        part = clipped(a, b, within)
        if part is not None:
            yield part


def clipped(a: Point, b: Point, within: Rectangle) -> tuple[Point, Point] | None:
    """The part of a straight line that lies in a rectangle, after Liang and Barsky (1984)."""
    left, top, right, bottom = within
    if max(a[0], b[0]) < left or min(a[0], b[0]) > right or max(a[1], b[1]) < top or min(a[1], b[1]) > bottom:
        return None
    across, down = b[0] - a[0], b[1] - a[1]
    first, last = 0.0, 1.0
    for step, room in ((-across, a[0] - left), (across, right - a[0]), (-down, a[1] - top), (down, bottom - a[1])):
        if step < 0:
            first = max(first, room / step)
        elif step > 0:
            last = min(last, room / step)
        elif room < 0:
            return None
    if first >= last:
        return None
    return (a[0] + first * across, a[1] + first * down), (a[0] + last * across, a[1] + last * down)
