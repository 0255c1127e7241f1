"""Words that nothing runs through: in the picture that Graphviz made, titles of frames and labels of edges make way.

Graphviz keeps words off boxes, mostly, but not off the lines that come in through a frame's title, nor off frames.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import hypot

from netdsl.draw import notice
from netdsl.draw.flow import curves, shapes
from netdsl.draw.flow.plane import Obstacles, Point, Rectangle, bounds, parts
from netdsl.draw.flow.shapes import Group, Words

AIR = 3.0
"""How far words keep from lines and from the sides of their frame, in points."""

PLACES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9)
"""Where along an edge its label may be, from the best on."""

WORDS, LINE, FRAME, PAPER = 100, 10, 3, 1000
"""What it costs words to lie on boxes and other words, on a line, on a frame's side, or off the paper."""

MOST = 4_000_000
"""Lines and areas that words are held against; beyond, labels of edges are left out."""

_FAR = 1e9


def cleared(svg: bytes) -> bytes:
    """An SVG of Graphviz whose titles and labels have moved to where nothing crosses them, if there is such a place."""
    lines = svg.decode().split("\n")
    curves.mended(lines)
    paper, groups = shapes.read(lines)
    obstacles = Obstacles()
    for group in groups:
        if group.kind == "edge":
            for shape in group.shapes[:1]:
                obstacles.line(shape, LINE)
            for head in group.shapes[1:]:
                obstacles.area(bounds(head), LINE)
    for group in groups:
        if group.kind == "cluster" and group.words:
            _title(group, obstacles)
    for group in groups:
        if group.kind == "node" and group.shapes:
            obstacles.area(bounds(point for shape in group.shapes for point in shape), WORDS)
        elif group.kind == "cluster":
            left, top, right, bottom = bounds(group.shapes[0])
            obstacles.line([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], FRAME)
            for words in group.words:
                obstacles.area(words.rectangle, WORDS)
    left_out = 0
    for group in groups:
        if group.kind == "edge" and group.shapes:
            for words in group.words:
                if obstacles.looked > MOST:
                    left_out += 1
                    lines[words.at] = ""
                    continue
                _label(words, group.shapes[0], obstacles, paper)
                obstacles.area(words.rectangle, WORDS)
    for group in groups:
        if group.kind != "node":
            for words in group.words:
                if lines[words.at]:
                    lines[words.at] = shapes.written(lines[words.at], words)
    if left_out:
        notice.tell(f"{left_out:,} lines do not tell the shape of what flows, since there are too many to find places")
    return "\n".join(lines).encode()


def _title(frame: Group, obstacles: Obstacles) -> None:
    """Move a frame's title along its top, to where it fits beside what comes in, or on both sides of it.

    Where it fits nowhere, it leaves out the arguments of a call.
    """
    left, _, right, _ = bounds(frame.shapes[0])
    rows: dict[float, list[Words]] = defaultdict(list)
    for words in frame.words:
        rows[words.base].append(words)
    for together, short in ((True, False), (False, False), (True, True), (False, True)):
        for words in frame.words if short else ():
            words.shorten()
        moves = [move for row in rows.values() for move in _moves(row, obstacles, left, right - AIR, together)]
        if len(moves) == len(frame.words):
            for words, across in moves:
                words.move(across, 0)
            return


def _moves(
    row: Sequence[Words], obstacles: Obstacles, left: float, right: float, together: bool
) -> Iterator[tuple[Words, float]]:
    """How far the words in a line of a title go, all together or each by itself; none for those that find no place."""
    _, top, _, bottom = bounds(corner for words in row for corner in (words.rectangle[:2], words.rectangle[2:]))
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


def _label(words: Words, line: Sequence[Point], obstacles: Obstacles, paper: Rectangle) -> None:
    """Move an edge's label to the best place beside its line."""

    def cost(left: float, top: float) -> int:
        place = (left, top, left + words.wide, top + high)
        inside = paper[0] <= place[0] and paper[1] <= place[1] and place[2] <= paper[2] and place[3] <= paper[3]
        return obstacles.cost(place) + (0 if inside else PAPER)

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
    """The left upper corners of rectangles beside a line, from its middle on; first those that touch it."""
    pieces = [(a, b, hypot(b[0] - a[0], b[1] - a[1])) for a, b in pairwise(line)]
    for away in (0.0, AIR, 2 * AIR, 3 * AIR):
        for share in PLACES:
            x, y = _at(pieces, share)
            level = [point[0] for part in parts(line, (-_FAR, y - high / 2, _FAR, y + high / 2)) for point in part]
            plumb = [point[1] for part in parts(line, (x - wide / 2, -_FAR, x + wide / 2, _FAR)) for point in part]
            if level:
                yield max(level) + AIR + away, y - high / 2
                yield min(level) - AIR - away - wide, y - high / 2
            if plumb:
                yield x - wide / 2, min(plumb) - AIR / 2 - away - high
                yield x - wide / 2, max(plumb) + AIR / 2 + away


def _at(pieces: Sequence[tuple[Point, Point, float]], share: float) -> Point:
    """The point at a share of a line's length."""
    rest = share * sum(length for _, _, length in pieces)
    for a, b, length in pieces:
        if rest < length:
            return a[0] + (b[0] - a[0]) * rest / length, a[1] + (b[1] - a[1]) * rest / length
        rest -= length
    return pieces[-1][1]
