"""What stands where in an SVG: its words, its shapes and its lines, read as a viewer shows them, y downward.

It reads what netdsl writes: rectangles, polygons, polylines, paths of absolute M, L, C and Q, and words in Helvetica.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple, TypeAlias

from netdsl.draw import metrics

Element: TypeAlias = ElementTree.Element
Point: TypeAlias = tuple[float, float]

SVG = "{http://www.w3.org/2000/svg}"
TOUCH = 0.3  # points that letters may come close by: their widths are rounded
ASCENT, DESCENT = 0.72, 0.21  # of capitals and of a `g`, in parts of the size
STEPS = 10  # points on each curve


class Area(NamedTuple):
    """A rectangle on the page."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> Point:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def overlaps(self, other: Area, slack: float = TOUCH) -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > slack and down > slack

    def holds(self, other: Area, slack: float = 0.0) -> bool:
        return (
            self.left <= other.left + slack
            and self.top <= other.top + slack
            and other.right <= self.right + slack
            and other.bottom <= self.bottom + slack
        )

    def grown(self, by: float) -> Area:
        return Area(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def moved(self, across: float, down: float) -> Area:
        return Area(self.left + across, self.top + down, self.right + across, self.bottom + down)


class Text(NamedTuple):
    """Words without the spaces around them, and where their letters are."""

    said: str
    area: Area


def root(svg: bytes | str) -> Element:
    return ElementTree.fromstring(svg)


def kind(element: Element) -> str:
    """The name of an element, without its namespace."""
    return element.tag.removeprefix(SVG)


def every(element: Element, *names: str) -> Iterator[Element]:
    """The elements of those names within one, itself with them, in the order in which they are drawn."""
    return (one for one in element.iter() if kind(one) in names)


def sheet(picture: Element) -> Area:
    """The whole picture."""
    left, top, width, height = numbers(picture.attrib["viewBox"])
    return Area(left, top, left + width, top + height)


def around(points: Iterable[Point]) -> Area:
    across, down = zip(*points, strict=True)
    return Area(min(across), min(down), max(across), max(down))


def numbers(text: str) -> list[float]:
    return [float(one) for one in re.findall(r"-?\d*\.?\d+(?:e-?\d+)?", text)]


# Words


def text(element: Element) -> Text | None:
    """The words of a text element, unless they are spaces; the width that it gives must be that of its letters."""
    full = "".join(element.itertext())
    said = full.strip(" \u00a0")
    if not said:
        return None
    size, bold = float(element.get("font-size", "0")), element.get("font-weight") == "bold"
    whole = metrics.width(full, size, bold=bold)
    assert abs(whole - float(element.get("textLength", whole))) < 0.01, said
    x, y = float(element.get("x", "0")), float(element.get("y", "0"))
    left = x - {"start": 0.0, "middle": whole / 2, "end": whole}[element.get("text-anchor", "start")]
    left += metrics.width(full[: full.index(said)], size, bold=bold)
    wide = metrics.width(said, size, bold=bold)
    if turn := element.get("transform"):  # a quarter to the left, about its start, is the only one
        assert numbers(turn.partition("(")[2])[:1] == [-90], turn
        start = y - (left - x)
        return Text(said, Area(x - ASCENT * size, start - wide, x + DESCENT * size, start))
    return Text(said, Area(left, y - ASCENT * size, left + wide, y + DESCENT * size))


def texts(element: Element) -> list[Text]:
    return [found for one in every(element, "text") if (found := text(one))]


def overlapping(words: Sequence[Text]) -> Iterator[tuple[Text, Text]]:
    """Pairs of words of which one stands on the other."""
    return ((one, other) for one, other in combinations(words, 2) if one.area.overlaps(other.area))


# Shapes and lines


def area(element: Element) -> Area:
    """The extent of a rectangle, a polygon, a polyline or a path."""
    if kind(element) == "rect":
        x, y, width, height = (float(element.get(name, "0")) for name in ("x", "y", "width", "height"))
        return Area(x, y, x + width, y + height)
    return around(line(element))


def line(element: Element) -> list[Point]:
    """The points of a polygon, a polyline or a path; on each curve, ten."""
    if "points" in element.attrib:
        return _pairs(numbers(element.attrib["points"]))
    found: list[Point] = []
    for command, given in re.findall(r"([A-Za-z])([^A-Za-z]*)", element.get("d", "")):
        points = _pairs(numbers(given))
        match command:
            case "M" | "L":
                found += points
            case "C" | "Q":
                degree = 3 if command == "C" else 2
                assert len(points) % degree == 0, element.get("d")
                for at in range(0, len(points), degree):
                    found += _curve([found[-1], *points[at : at + degree]])
            case "Z" | "z":
                found.append(found[0])
            case _:
                raise AssertionError(f"netdsl writes no {command} into a path")
    return found


def _pairs(found: list[float]) -> list[Point]:
    return list(zip(found[::2], found[1::2], strict=True))


def _curve(ends: list[Point]) -> list[Point]:
    """Points on a Bézier curve after its first, by de Casteljau's construction."""
    found: list[Point] = []
    for step in range(1, STEPS + 1):
        part, points = step / STEPS, ends
        while len(points) > 1:
            points = [(ax + part * (bx - ax), ay + part * (by - ay)) for (ax, ay), (bx, by) in pairwise(points)]
        found += points
    return found


def crosses(points: Sequence[Point], through: Area) -> bool:
    """Whether a line runs through the inside of an area."""
    return any(_enters(one, two, through) for one, two in pairwise(points))


def _enters(one: Point, two: Point, through: Area) -> bool:
    """Whether a stretch has points strictly inside, by cutting it at the sides (Liang and Barsky, 1984)."""
    first, last = 0.0, 1.0
    for axis, low, high in ((0, through.left, through.right), (1, through.top, through.bottom)):
        start, along = one[axis], two[axis] - one[axis]
        if along == 0:
            if not low < start < high:
                return False
            continue
        enter, leave = sorted(((low - start) / along, (high - start) / along))
        first, last = max(first, enter), min(last, leave)
    return first < last
