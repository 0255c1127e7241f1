"""Lines where they belong: in the picture that Graphviz made they meet at forks and stay in the frame of their ends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from netdsl.draw.flow.plane import Point, Rectangle, bounds
from netdsl.draw.flow.shapes import points_of

AIR = 3.0
"""How far a line keeps from the sides of the frame that it is in, in points."""

_ARROW = "&#45;&gt;"
_CURVE = re.compile(r' d="[^"]*"')


def mended(lines: list[str]) -> None:
    """Mend the lines of an SVG of Graphviz in place.

    Graphviz ends a line a little above a fork, and lets one bulge over the side of a frame that both its ends are in.
    """
    frames: list[Rectangle] = []
    edges: list[tuple[int, str, str]] = []  # the line of its curve, and from where to where
    kind = ""
    for at, line in enumerate(lines):
        if line.startswith('<g id="'):
            kind = line.partition('class="')[2].partition('"')[0] or kind
        elif kind == "cluster" and line.startswith(("<path", "<polygon")):
            frames.append(bounds(points_of(line)))
            kind = ""
        elif kind == "edge" and line.startswith("<path"):
            source, _, target = lines[at - 1].removeprefix("<title>").removesuffix("</title>").partition(_ARROW)
            edges.append((at, source, target))
            kind = ""
    forks = {source: points_of(lines[at])[0] for at, source, _ in edges if source.startswith("fork ")}
    for at, _, target in edges:
        points = points_of(lines[at])
        kept = _within(points, frames)
        if target in forks:
            kept += [forks[target]] * 3
        if kept != points:
            lines[at] = _CURVE.sub(f' d="{_written(kept)}"', lines[at], count=1)


def _within(points: Sequence[Point], frames: Iterable[Rectangle]) -> list[Point]:
    """The points of a curve that leaves the innermost frame around its ends, moved into it, and so all of the curve."""
    ends = (points[0], points[-1])
    around = [one for one in frames if all(one[0] <= x <= one[2] and one[1] <= y <= one[3] for x, y in ends)]
    if not around:
        return list(points)
    left, top, right, bottom = min(around, key=lambda one: (one[2] - one[0]) * (one[3] - one[1]))
    return [(min(max(x, left + AIR), right - AIR), min(max(y, top + AIR), bottom - AIR)) for x, y in points]


def _written(points: Sequence[Point]) -> str:
    first, *rest = (f"{x:g},{y:g}" for x, y in points)
    return f"M{first}C{' '.join(rest)}"
