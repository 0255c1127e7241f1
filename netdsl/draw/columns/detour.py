"""A column's lines that would pass under boxes, through words or along other lines, led around these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netdsl.draw import notice
from netdsl.draw.columns.layout import RISE, Layout, words
from netdsl.draw.columns.parts import leaves
from netdsl.draw.routing import CLEAR, LANES, Line, Link, Router
from netdsl.draw.svg import Point

_BESIDE = 7.0
"""Where a line comes to the side of its target: the head of its arrow has room there."""
_WIDE = 60.0
"""Targets of this width take lines at several places of their feet."""


def led(layout: Layout) -> Layout:
    """A layout whose lines meet only what they join."""
    return _Leading(layout).layout()


class _Leading:
    """One run of led()."""

    def __init__(self, layout: Layout) -> None:
        self.whole = layout
        self.boxes = {leaf.id: layout.places[leaf.id] for leaf in leaves(layout.column.series)}
        self.router = Router(self.boxes, list(words(layout)))

    def layout(self) -> Layout:
        """The layout with lines that meet nothing."""
        kept: dict[int, Line] = {}
        waiting: list[int] = []
        links = self.whole.links
        for number, (line, link) in enumerate(zip(self.whole.lines, links, strict=True)):
            if self.router.free(line, link) and self.router.alone(line, link):
                kept[number] = line
                self.router.add(line, link)
            else:
                waiting.append(number)
        for number in [number for number, line in kept.items() if not self._begins(line, links[number])]:
            del kept[number]
            waiting.append(number)
        for number in sorted(waiting, key=lambda number: self._reach(links[number])):
            line = self._led(links[number])
            if line is not None:
                kept[number] = line
                self.router.add(line, links[number])
        left_out = len(links) - len(kept)
        if left_out:
            notice.tell(f"{left_out:,} of {len(links):,} lines are not drawn: there are too many in the way")
        numbers = sorted(kept)
        across = [x for line in kept.values() for x, _ in line]
        return replace(
            self.whole,
            lines=[kept[number] for number in numbers],
            links=[links[number] for number in numbers],
            left_out=left_out,
            left=max([self.whole.left, *(3 - x for x in across)]),
            right=max([self.whole.right, *(x + 3 for x in across)]),
        )

    def _begins(self, line: Line, link: Link) -> bool:
        """Whether a line begins at its source, or at another line from there."""
        source = self.boxes[link[0]]
        return line[0] == (source.x, source.top) or self.router.holds(line[0], link[0])

    def _reach(self, link: Link) -> float:
        source, target = (self.boxes[id] for id in link)
        return abs(source.x - target.x) + abs(source.y - target.y)

    def _led(self, link: Link) -> Line | None:
        """The way from the top of a source to a target."""
        source = self.boxes[link[0]]
        begin = [(source.x, source.top), (source.x, source.top + RISE)]
        return self.router.way(link, begin, list(self._ends(link)))

    def _ends(self, link: Link) -> Iterator[tuple[Point, Point]]:
        """Where a line may come to its target: at its sides, and below its foot, as far away as there is room."""
        target = self.boxes[link[1]]
        shifts = (0.0, 0.25, -0.25) if target.width > _WIDE else (0.0,)
        for side, step in ((target.right, _BESIDE), (target.left, -_BESIDE)):
            if self.router.free(((side + step, target.middle), (side, target.middle)), link):
                yield (side + step, target.middle), (side, target.middle)
        for x in (target.x + shift * target.width for shift in shifts):
            for away in reversed(LANES):
                if self.router.free(((x, target.y - away - CLEAR), (x, target.y)), link):
                    yield (x, target.y - away), (x, target.y)
                    break
