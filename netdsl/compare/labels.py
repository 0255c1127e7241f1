"""Where the names of bubbles go: beside each, or further off at the end of a line, none on another.

All is in points, from the lower left corner of the frame that names stay within.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import cos, hypot, radians, sin
from typing import Literal, NamedTuple, TypeAlias

Side: TypeAlias = Literal["left", "center", "right"]
Point: TypeAlias = tuple[float, float]

DOT = 1.5
"""The radius of the dot that marks where a bubble stands."""

_GAP = 3.0  # between a bubble and its name
_PAD = 2.0  # around names, at least
_DISTANCES = (0.0, 9.0, 18.0, 30.0, 45.0, 62.0, 82.0, 105.0)
_LEADER = 8.0  # from this distance on, a line leads to the name
_ANGLES = (0, 180, 90, 270, 45, 315, 135, 225, *(22.5 * odd for odd in (1, 15, 7, 9, 3, 5, 11, 13)))
_ROUNDS = 12
_CROWD = 30  # bubbles
_KEPT = 120  # candidates for each name, the best by themselves
_COLLISION = 1000.0
_LINES = 100.0  # of two that cross


class Bubble(NamedTuple):
    """A circle that has a name."""

    x: float
    y: float
    radius: float


class Box(NamedTuple):
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    def gap(self, x: float, y: float) -> float:
        """How far a point is from it; 0 within."""
        return hypot(max(self.left - x, 0, x - self.right), max(self.bottom - y, 0, y - self.top))

    def meets(self, other: Box, pad: float) -> bool:
        """Whether two are nearer to each other than `pad`, along both axes."""
        return (
            self.left - pad < other.right
            and other.left - pad < self.right
            and self.bottom - pad < other.top
            and other.bottom - pad < self.top
        )


@dataclass(frozen=True, slots=True)
class Label:
    """A name's place: its box, the side of it that faces the bubble, and the line that leads to it, if one does."""

    box: Box
    side: Side
    leader: tuple[Point, Point] | None = None


def place(bubbles: Sequence[Bubble], sizes: Sequence[Point], frame: Box) -> list[Label | None]:
    """A place for each name, of the given width and height, within the frame; None for one that fits nowhere.

    Each name in turn takes the place that is best beside all others, until none would move; of several orders in
    which they begin, the one that ends best counts.
    """
    options = [
        sorted(_candidates(index, bubbles, size, frame), key=lambda option: option[0])[:_KEPT]
        for index, size in enumerate(sizes)
    ]
    indices = [index for index, some in enumerate(options) if some]
    orders = (
        sorted(indices, key=lambda index: len(options[index])),
        sorted(indices, key=lambda index: bubbles[index].x),
        sorted(indices, key=lambda index: -bubbles[index].x),
        sorted(indices, key=lambda index: -bubbles[index].y),
    )
    search = _Search(options)
    tried = orders if len(bubbles) <= _CROWD else orders[:1]  # it takes its time
    best = min((search.run(order) for order in tried), key=search.cost)
    placed = search.apart(best)
    return [options[index][placed[index]][1] if index in placed else None for index in range(len(bubbles))]


class _Search:
    """The search for places: `options` are those of each name with their costs; a choice has one for each name."""

    def __init__(self, options: Sequence[Sequence[tuple[float, Label]]]) -> None:
        self.options = options
        self.known: dict[tuple[int, int, int, int], float] = {}

    def run(self, order: Sequence[int]) -> dict[int, int]:
        """A choice that no single move betters, from places taken in an order."""
        choice: dict[int, int] = {}
        for _ in range(_ROUNDS):
            before = dict(choice)
            for index in order:
                choice.pop(index, None)
                places = range(len(self.options[index]))
                choice[index] = min(places, key=lambda place: self._alone(index, place, choice))
            if choice == before:
                break
        return choice

    def cost(self, choice: dict[int, int]) -> float:
        """What a choice costs in all; conflicts count for both names."""
        return sum(
            self._alone(index, place, {other: at for other, at in choice.items() if other != index})
            for index, place in choice.items()
        )

    def apart(self, choice: dict[int, int]) -> dict[int, int]:
        """The choice without names that are in the way of others."""
        kept: dict[int, int] = {}
        for index, place in choice.items():
            if all(self._conflict(index, place, *other) < _COLLISION for other in kept.items()):
                kept[index] = place
        return kept

    def _alone(self, index: int, place: int, others: dict[int, int]) -> float:
        """The cost of a name at a place, beside others at theirs."""
        return self.options[index][place][0] + sum(self._conflict(index, place, *other) for other in others.items())

    def _conflict(self, one: int, place: int, other: int, at: int) -> float:
        key = (one, place, other, at) if one < other else (other, at, one, place)
        if key not in self.known:
            self.known[key] = _conflict(self.options[one][place][1], self.options[other][at][1])
        return self.known[key]


def _candidates(index: int, bubbles: Sequence[Bubble], size: Point, frame: Box) -> Iterator[tuple[float, Label]]:
    """The places that a name may take within the frame, off all dots, each with its cost; the dearer the worse."""
    bubble, (wide, high) = bubbles[index], size
    others = [one for other, one in enumerate(bubbles) if other != index]
    distant = [_around(one) for one in others if hypot(one.x - bubble.x, one.y - bubble.y) > 4 * DOT]
    for preference, angle in enumerate(_ANGLES):
        ux, uy = cos(radians(angle)), sin(radians(angle))
        for distance in _DISTANCES:
            reach = max(bubble.radius, DOT) + _GAP + distance
            end = (bubble.x + ux * reach, bubble.y + uy * reach)
            leader = None
            if distance >= _LEADER:
                leader = ((bubble.x + ux * DOT, bubble.y + uy * DOT), (end[0] - ux, end[1] - uy))
                if any(_crosses(leader, dot) for dot in distant):
                    continue
            cost = 0.25 * preference + (3 + 0.25 * distance) * bool(distance)
            upright = _sign(ux) == 0
            for sx in (
                (0, 1, -1) if upright else (_sign(ux),)
            ):  # above and below, in the middle or flush with the bubble
                flush = bubble.radius if upright else 0
                left = end[0] - wide / 2 + sx * (wide / 2 - flush)
                bottom = end[1] - high / 2 + _sign(uy) * high / 2
                box = Box(left, bottom, left + wide, bottom + high)
                if _free(box, bubbles, frame):
                    side: Side = "left" if sx > 0 else "right" if sx < 0 else "center"
                    strange = sum(_crossing(box, one) for one in others)
                    yield cost + strange + 0.5 * bool(upright and sx), Label(box, side, leader)


def _around(bubble: Bubble) -> Box:
    """A box around a bubble's dot."""
    return Box(bubble.x - 2 * DOT, bubble.y - 2 * DOT, bubble.x + 2 * DOT, bubble.y + 2 * DOT)


def _free(box: Box, bubbles: Sequence[Bubble], frame: Box) -> bool:
    """Whether a box lies within the frame, and off all dots."""
    within = frame.left <= box.left and frame.bottom <= box.bottom and box.right <= frame.right and box.top <= frame.top
    return within and all(box.gap(one.x, one.y) >= DOT + _PAD for one in bubbles)


def _sign(part: float) -> int:
    return 0 if abs(part) < 0.1 else 1 if part > 0 else -1


def _crossing(box: Box, bubble: Bubble) -> float:
    """The cost of a name near or over the bubble of another: it seems to belong there, or the rim crosses it."""
    apart = box.gap(bubble.x, bubble.y) - bubble.radius
    if apart > 0:
        return 9 * max(0.0, 1 - apart / (3 * _GAP))
    return 10 + min(-apart, 12) / 2


def _conflict(one: Label, other: Label) -> float:
    """The cost of two names together: over each other, across a line, or lines that cross."""
    if one.box.meets(other.box, _PAD):
        return _COLLISION
    for label, line in ((one, other.leader), (other, one.leader)):
        if line is not None and _crosses(line, label.box):
            return _COLLISION
    return _LINES if one.leader and other.leader and _cross(one.leader, other.leader) else 0.0


def tangles(placed: Sequence[Label | None]) -> int:
    """How many names have no place, and how many pairs of lines cross."""
    lines = [label.leader for label in placed if label is not None and label.leader is not None]
    return placed.count(None) + sum(_cross(one, other) for one, other in combinations(lines, 2))


def _crosses(line: tuple[Point, Point], box: Box) -> bool:
    """Whether a line runs through a box: whether some stretch of it lies between the box's sides along both axes."""
    (x0, y0), (x1, y1) = line
    enters, leaves = 0.0, 1.0
    for start, step, low, high in ((x0, x1 - x0, box.left, box.right), (y0, y1 - y0, box.bottom, box.top)):
        if step:
            one, two = sorted(((low - start) / step, (high - start) / step))
            enters, leaves = max(enters, one), min(leaves, two)
        elif not low <= start <= high:
            return False
    return enters <= leaves


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two lines cross."""
    return _side(one, other[0]) != _side(one, other[1]) and _side(other, one[0]) != _side(other, one[1])


def _side(line: tuple[Point, Point], point: Point) -> bool:
    (x0, y0), (x1, y1) = line
    return (x1 - x0) * (point[1] - y0) > (y1 - y0) * (point[0] - x0)
