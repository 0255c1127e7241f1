"""Words that nothing runs through: in the picture that Graphviz made, titles of frames and labels of edges make way.

Graphviz keeps words off boxes, mostly, but not off the lines that come in through a frame's title, nor off frames.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from netdsl.draw import metrics

Point: TypeAlias = tuple[float, float]
Rectangle: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom."""

AIR = 3.0
"""How far words keep from lines and from the sides of their frame, in points."""

PLACES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9)
"""Where along an edge its label may be, from the best on."""

STEPS = 8
"""Straight pieces that a curve is taken for."""

_BUCKET = 64.0
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_GROUP = re.compile(r'<g id="[^"]*" class="(node|edge|cluster)">')
_SHAPE = re.compile(r'<(?:path|polygon|polyline) .*?\b(?:d|points)="([^"]*)"')
_TEXT = re.compile(
    r'<text [^>]*text-anchor="(\w+)" x="([^"]*)" y="([^"]*)"[^>]*font-size="([^"]*)"[^>]*>([^<]*)</text>'
)
_PLACE = re.compile(r' x="([^"]*)" y="([^"]*)"')
_FAR = 1e9


@dataclass(slots=True)
class _Words:
    """A line of words in the picture, and where it is; `at` is the line of the file, `moved` how far it has gone."""

    at: int
    left: float
    base: float
    size: float
    wide: float
    moved: Point = (0.0, 0.0)

    @property
    def rectangle(self) -> Rectangle:
        return self.left, self.base - 0.75 * self.size, self.left + self.wide, self.base + 0.22 * self.size

    def move(self, across: float, down: float) -> None:
        self.left += across
        self.base += down
        self.moved = (self.moved[0] + across, self.moved[1] + down)


@dataclass(slots=True)
class _Group:
    """A box, a frame or an edge: the points of its shapes, the first being a frame's outline or an edge's line."""

    kind: str
    shapes: list[list[Point]] = field(default_factory=list[list[Point]])
    words: list[_Words] = field(default_factory=list[_Words])


class _Obstacles:
    """What words may lie on, found by place."""

    def __init__(self) -> None:
        self._lines: dict[int, list[tuple[Point, Point, int]]] = defaultdict(list)
        self._areas: dict[int, list[tuple[Rectangle, int]]] = defaultdict(list)

    def line(self, points: Sequence[Point], cost: int) -> None:
        """Add a line through points."""
        for a, b in zip(points, points[1:], strict=False):
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
                part = _clipped(a, b, within)
                if part is not None:
                    yield part

    def cost(self, rectangle: Rectangle) -> int:
        """What it costs to put words into a rectangle."""
        total = 0
        for bucket in _buckets(rectangle[1], rectangle[3]):
            for other, cost in self._areas.get(bucket, ()):
                if _overlap(rectangle, other):
                    total += cost
            for a, b, cost in self._lines.get(bucket, ()):
                if _clipped(a, b, rectangle) is not None:
                    total += cost
        return total


def cleared(svg: bytes) -> bytes:
    """An SVG of Graphviz in which titles and labels have moved to where nothing crosses them, if there is such a place."""
    lines = svg.decode().split("\n")
    paper, groups = _groups(lines)
    obstacles = _Obstacles()
    for group in groups:
        if group.kind == "edge":
            for shape in group.shapes[:1]:
                obstacles.line(shape, 10)
            for head in group.shapes[1:]:
                obstacles.area(_bounds(head), 10)
    for group in groups:
        if group.kind == "cluster" and group.words:
            _title(group, obstacles)
    for group in groups:
        if group.kind == "node" and group.shapes:
            obstacles.area(_bounds(point for shape in group.shapes for point in shape), 100)
        elif group.kind == "cluster":
            left, top, right, bottom = _bounds(group.shapes[0])
            obstacles.line([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], 3)
            for words in group.words:
                obstacles.area(words.rectangle, 100)
    for group in groups:
        if group.kind == "edge" and group.shapes:
            for words in group.words:
                _label(words, group.shapes[0], obstacles, paper)
                obstacles.area(words.rectangle, 100)
    for group in groups:
        if group.kind != "node":
            for words in group.words:
                lines[words.at] = _written(lines[words.at], words)
    return "\n".join(lines).encode()


def _groups(lines: Sequence[str]) -> tuple[Rectangle, list[_Group]]:
    """The paper, and what is drawn on it; the caption counts as a box."""
    paper = None
    caption = _Group("node")
    groups = [caption]
    for at, line in enumerate(lines):
        if line.startswith("<g "):
            found = _GROUP.match(line)
            if found:
                groups.append(_Group(found[1]))
        elif line.startswith("<text"):
            words = _words(at, line)
            if words is not None:
                groups[-1].words.append(words)
                if groups[-1] is caption:
                    left, top, right, bottom = words.rectangle
                    caption.shapes.append([(left, top), (right, bottom)])
        elif line.startswith(("<path", "<poly")):
            if paper is None:
                paper = _bounds(_points(line))
                continue
            points = _points(line)
            groups[-1].shapes.append(
                _flat(points) if line.startswith("<path") and groups[-1].kind == "edge" else points
            )
    assert paper is not None
    return paper, groups


def _words(at: int, line: str) -> _Words | None:
    found = _TEXT.match(line)
    if found is None:
        return None
    anchor, x, y, size, text = found.groups()
    bold = 'font-weight="bold"' in line
    text = html.unescape(text)
    left, wide = float(x), metrics.width(text, float(size), bold=bold)
    shown = text.strip(" \u00a0")
    if not shown:
        return None
    before = metrics.width(text[: text.index(shown)], float(size), bold=bold)
    left += before - (wide / 2 if anchor == "middle" else 0)
    return _Words(at, left, float(y), float(size), metrics.width(shown, float(size), bold=bold))


def _title(frame: _Group, obstacles: _Obstacles) -> None:
    """Move a frame's title along its top, to where it fits beside what comes in, or on both sides of it."""
    left, _, right, _ = _bounds(frame.shapes[0])
    rows: dict[float, list[_Words]] = defaultdict(list)
    for words in frame.words:
        rows[words.base].append(words)
    for together in (True, False):
        moves = [move for row in rows.values() for move in _moves(row, obstacles, left, right - AIR, together)]
        if len(moves) == len(frame.words):
            for words, across in moves:
                words.move(across, 0)
            return


def _moves(
    row: Sequence[_Words], obstacles: _Obstacles, left: float, right: float, together: bool
) -> Iterator[tuple[_Words, float]]:
    """How far the words in a line of a title go, all together or each by itself; those that find no place go nowhere."""
    _, top, _, bottom = _bounds(corner for words in row for corner in (words.rectangle[:2], words.rectangle[2:]))
    taken = sorted((min(a[0], b[0]), max(a[0], b[0])) for a, b in obstacles.lines((left, top, right, bottom)))
    across = 0.0
    for run in [row] if together else [[words] for words in row]:
        start, end = run[0].left + across, run[-1].left + run[-1].wide + across
        for low, high in taken:
            if low - AIR < end and start < high + AIR:
                start, end = high + AIR, end + high + AIR - start
        across = start - run[0].left
        if end <= right:
            yield from ((words, across) for words in run)


def _label(words: _Words, line: Sequence[Point], obstacles: _Obstacles, paper: Rectangle) -> None:
    """Move an edge's label to the best place beside its line."""

    def cost(left: float, top: float) -> int:
        place = (left, top, left + words.wide, top + high)
        inside = paper[0] <= place[0] and paper[1] <= place[1] and place[2] <= paper[2] and place[3] <= paper[3]
        return obstacles.cost(place) + (0 if inside else 1000)

    left, top, _, bottom = words.rectangle
    high = bottom - top
    best, least = (left, top), cost(left, top)
    for place in _beside(line, words.wide, high):
        if not least:
            break
        found = cost(*place)
        if found < least:
            best, least = place, found
    words.move(best[0] - left, best[1] - top)


def _beside(line: Sequence[Point], wide: float, high: float) -> Iterator[Point]:
    """The left upper corners of rectangles that touch a line from its sides, from its middle on."""
    lengths = [((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 for a, b in zip(line, line[1:], strict=False)]
    for share in PLACES:
        rest = share * sum(lengths)
        for (a, b), length in zip(zip(line, line[1:], strict=False), lengths, strict=True):
            if rest <= length and length:
                break
            rest -= length
        else:
            continue
        x, y = (a[axis] + (b[axis] - a[axis]) * rest / length for axis in (0, 1))
        level = [point[0] for part in _parts(line, (-_FAR, y - high / 2, _FAR, y + high / 2)) for point in part]
        plumb = [point[1] for part in _parts(line, (x - wide / 2, -_FAR, x + wide / 2, _FAR)) for point in part]
        if level:
            yield max(level) + AIR, y - high / 2
            yield min(level) - AIR - wide, y - high / 2
        if plumb:
            yield x - wide / 2, min(plumb) - AIR / 2 - high
            yield x - wide / 2, max(plumb) + AIR / 2


# Geometry


def _buckets(low: float, high: float) -> range:
    return range(int(low // _BUCKET), int(high // _BUCKET) + 1)


def _bounds(points: Iterable[Point]) -> Rectangle:
    """The smallest rectangle around points."""
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _parts(line: Sequence[Point], within: Rectangle) -> Iterator[tuple[Point, Point]]:
    """The parts of a line that lie in a rectangle."""
    for a, b in zip(line, line[1:], strict=False):
        part = _clipped(a, b, within)
        if part is not None:
            yield part


def _clipped(a: Point, b: Point, within: Rectangle) -> tuple[Point, Point] | None:
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


def _flat(points: Sequence[Point]) -> list[Point]:
    """Cubic Bézier curves, each from where the one before ends, as straight pieces."""
    found = [points[0]]
    for at in range(1, len(points) - 2, 3):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = points[at - 1 : at + 3]
        if abs(ax - dx) < 0.1 and abs(ax - bx) < 0.1 and abs(ax - cx) < 0.1:
            found.append((dx, dy))
            continue
        for step in range(1, STEPS + 1):
            t = step / STEPS
            u = 1 - t
            p, q, r, s = u**3, 3 * u * u * t, 3 * u * t * t, t**3
            found.append((p * ax + q * bx + r * cx + s * dx, p * ay + q * by + r * cy + s * dy))
    return found


# The file


def _points(line: str) -> list[Point]:
    """The points of a shape, in a line of the file."""
    found = _SHAPE.match(line)
    numbers = [float(number) for number in _NUMBER.findall(found[1])] if found else []
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _written(line: str, words: _Words) -> str:
    """A line of the file with its words where they have gone."""

    def there(place: re.Match[str]) -> str:
        x, y = (float(place[axis]) + words.moved[axis - 1] for axis in (1, 2))
        return f' x="{x:.2f}" y="{y:.2f}"'

    return line if words.moved == (0.0, 0.0) else _PLACE.sub(there, line, count=1)
