"""What is in an SVG that Graphviz made: boxes, frames and edges with their shapes and words, read line by line."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from netdsl.draw import metrics
from netdsl.draw.flow.plane import Point, Rectangle, bounds

STEPS = 8
"""Straight pieces that a curve is taken for."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_GROUP = re.compile(r'<g id="[^"]*" class="(node|edge|cluster)">')
_SHAPE = re.compile(r'<(?:path|polygon|polyline) .*?\b(?:d|points)="([^"]*)"')
_TEXT = re.compile(
    r'<text [^>]*text-anchor="(\w+)" x="([^"]*)" y="([^"]*)"[^>]*font-size="([^"]*)"[^>]*>([^<]*)</text>'
)
_OUTLINE = ' stroke="#'
"""In the line of a shape that is more than a fill."""

_SAID, _LENGTH = re.compile(">[^<]*<"), re.compile(r' textLength="[^"]*"')
_PLACE = re.compile(r' x="([^"]*)" y="([^"]*)"')


@dataclass(slots=True)
class Words:
    """A line of words in the picture, and where it is; `at` is the line of the file, `moved` how far it has gone."""

    at: int
    left: float
    base: float
    size: float
    wide: float
    said: str
    bold: bool
    shortened: bool = False
    moved: Point = (0.0, 0.0)

    @property
    def rectangle(self) -> Rectangle:
        return self.left, self.base - 0.75 * self.size, self.left + self.wide, self.base + 0.22 * self.size

    def shorten(self) -> None:
        """Leave out the arguments of a call."""
        name, call, _ = self.said.partition("(")
        if call:
            self.said, self.shortened = f"{name}(…)", True
            self.wide = metrics.width(self.said, self.size, bold=self.bold)

    def move(self, across: float, down: float) -> None:
        self.left += across
        self.base += down
        self.moved = (self.moved[0] + across, self.moved[1] + down)


@dataclass(slots=True)
class Group:
    """A box, a frame or an edge: the points of its shapes, the first being a frame's outline or an edge's line."""

    kind: str
    shapes: list[list[Point]] = field(default_factory=list[list[Point]])
    words: list[Words] = field(default_factory=list[Words])


def read(lines: Sequence[str]) -> tuple[Rectangle, list[Group]]:
    """The paper, and what is drawn on it; the caption counts as a box. Of boxes, only where they are."""
    paper = None
    caption = Group("node")
    here, groups = caption, [caption]
    for at, line in enumerate(lines):
        if line.startswith("<g "):
            found = _GROUP.match(line)
            if found:
                here = Group(found[1])
                groups.append(here)
        elif line.startswith("<text"):
            words = _words(at, line) if here.kind != "node" or here is caption else None
            if words is not None and here is caption:
                left, top, right, bottom = words.rectangle
                caption.shapes.append([(left, top), (right, bottom)])
            elif words is not None:
                here.words.append(words)
        elif line.startswith(("<path", "<poly")):
            if paper is None:
                paper = bounds(points_of(line))
            elif _OUTLINE in line or here.kind != "node":
                points = points_of(line)
                here.shapes.append(_flat(points) if line.startswith("<path") and here.kind == "edge" else points)
    assert paper is not None
    return paper, groups


def _words(at: int, line: str) -> Words | None:
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
    return Words(at, left, float(y), float(size), metrics.width(shown, float(size), bold=bold), shown, bold)


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


def points_of(line: str) -> list[Point]:
    """The points of a shape, in a line of the file."""
    found = _SHAPE.match(line)
    numbers = [float(number) for number in _NUMBER.findall(found[1])] if found else []
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def written(line: str, words: Words) -> str:
    """A line of the file with its words where they have gone."""

    def there(place: re.Match[str]) -> str:
        x, y = (float(place[axis]) + words.moved[axis - 1] for axis in (1, 2))
        return f' x="{x:.2f}" y="{y:.2f}"'

    if words.shortened:
        line = _LENGTH.sub(f' textLength="{words.wide:.2f}"', _SAID.sub(f">{html.escape(words.said)}<", line, count=1))
    return line if words.moved == (0.0, 0.0) else _PLACE.sub(there, line, count=1)
