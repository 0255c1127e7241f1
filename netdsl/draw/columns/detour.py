"""Lines that would pass under boxes, through words or along other lines, led around these through the gaps between.

There are gaps around every box, so that there is a way; the one is taken that is short, has few bends, and runs along
no line of another source and target.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import pairwise
from typing import TypeAlias

from netdsl.draw import notice
from netdsl.draw.columns.layout import RISE, Layout, Place, words
from netdsl.draw.columns.parts import Link, leaves
from netdsl.draw.svg import Point

_CLEAR = 1.9
"""How near a line that is led around something may come to it."""
_LANES = (4.0, 7.0)
"""How far from boxes such lines run, where there is room."""
_OUTER = 6.0
"""Between lines beside everything."""
_BESIDE = 7.0
"""Where a line comes to the side of its target: the head of its arrow has room there."""
_WIDE = 60.0
"""Targets of this width take lines at several places of their feet."""
_BEND, _ALONG = 14.0, 20.0
"""What a bend costs, and a point along another line, in points."""
_NEAR = 2.2
"""Lines that are nearer than this to each other run along one another, as far as they do."""
_SHARED = 8.0
"""So far another line may be run along: where they leave or arrive."""
MOST = 3_000_000
"""Lines that the searches for a column's lines may look at; the lines for which these do not suffice are left out."""
_BANDS = 64
"""What may be in the way of a line is looked up in strips, as many of a picture at most."""

Line: TypeAlias = Sequence[Point]
_State: TypeAlias = tuple[int, int, bool]
"""The lanes that meet at a point of a way, and whether it comes there upright."""


def led(layout: Layout) -> Layout:
    """A layout whose lines meet only what they join."""
    return _Leading(layout).layout()


def _stretches(line: Line) -> Iterator[Place]:
    """The level and upright stretches of a line, as places without a width or height."""
    for (ax, ay), (bx, by) in pairwise(line):
        yield Place((ax + bx) / 2, min(ay, by), abs(bx - ax), abs(by - ay))


def _meet(stretch: Place, place: Place, clear: float) -> bool:
    """Whether a stretch comes nearer to a place than asked; where that is negative, farther into it."""
    across = stretch.left < place.right + clear and place.left - clear < stretch.right
    return across and stretch.y < place.top + clear and place.y - clear < stretch.top


def _lanes(places: Iterable[Place], *, upright: bool, further: Iterable[float]) -> list[float]:
    """Where lines may run beside places, from the least on; what is almost the same but once."""
    ends = [(one.left, one.right) if upright else (one.y, one.top) for one in places]
    found = {low - away for low, _ in ends for away in _LANES} | {high + away for _, high in ends for away in _LANES}
    kept = list(further)
    known = {round(2 * at) for at in kept}
    for at in sorted(found):
        if round(2 * at) not in known:
            known.add(round(2 * at))
            kept.append(at)
    return sorted(set(kept))


_Stretch: TypeAlias = tuple[bool, float, float, float]
"""A straight part of a line: whether it is upright, where it is across, and from where to where it goes along."""


def _straight(line: Line) -> Iterator[_Stretch]:
    for (ax, ay), (bx, by) in pairwise(line):
        yield (True, ax, min(ay, by), max(ay, by)) if ax == bx else (False, ay, min(ax, bx), max(ax, bx))


@dataclass
class _Tracks:
    """Lines as they run: their stretches by where these are, with what each joins."""

    band: float
    """How long the parts are that they are looked up by."""
    found: dict[tuple[bool, int, int], list[tuple[float, float, float, Link]]] = field(
        default_factory=lambda: defaultdict(list[tuple[float, float, float, Link]])
    )
    looked: int = 0
    """How many stretches all questions have been held against."""

    def add(self, line: Line, link: Link) -> None:
        """Take in a line."""
        for upright, at, low, high in _straight(line):
            for band in _bands(low, high, self.band):
                part = (at, max(low, band * self.band), min(high, (band + 1) * self.band), link)
                self.found[upright, round(at / _NEAR), band].append(part)

    def near(self, stretch: _Stretch) -> Iterator[tuple[float, float, float, Link]]:
        """The parts of lines that are about where a stretch is."""
        upright, at, low, high = stretch
        bucket = round(at / _NEAR)
        for number in (bucket - 1, bucket, bucket + 1):
            for band in _bands(low, high, self.band):
                here = self.found.get((upright, number, band), ())
                self.looked += 1 + len(here)
                yield from here

    def along(self, stretch: _Stretch, link: Link) -> float:
        """How much of a stretch runs along lines that have neither its source nor its target."""
        _, at, low, high = stretch
        total = 0.0
        for where, start, end, other in self.near(stretch):
            if abs(where - at) < _NEAR and other[0] != link[0] and other[1] != link[1]:
                total += max(0.0, min(high, end) - max(low, start))
        return total

    def beside(self, line: Line, link: Link) -> bool:
        """Whether a line runs along others for more than a step."""
        return any(self.along(stretch, link) > _SHARED for stretch in _straight(line))

    def holds(self, point: Point, source: str) -> bool:
        """Whether a line of a source runs through a point."""
        x, y = point
        return any(
            link[0] == source and abs(where - at) < 0.1 and low - 0.1 <= along <= high + 0.1
            for upright, at, along in ((True, x, y), (False, y, x))
            for where, low, high, link in self.near((upright, at, along, along))
        )


def _bands(low: float, high: float, band: float) -> range:
    return range(int(low // band), int(high // band) + 1)


class _Leading:
    """One run of led()."""

    def __init__(self, layout: Layout) -> None:
        self.whole = layout
        self.boxes = {leaf.id: layout.places[leaf.id] for leaf in leaves(layout.column.series)}
        self.words = list(words(layout))
        extent = max(layout.left + layout.right, *(place.top for place in layout.places.values()))
        self.band = max(64.0, extent / _BANDS)
        self.tracks = _Tracks(self.band)
        self.bands: dict[int, list[tuple[str, Place]]] = defaultdict(list)
        for id, place in (*self.boxes.items(), *(("", place) for place in self.words)):
            for band in _bands(place.y, place.top, self.band):
                self.bands[band].append((id, place))

    def layout(self) -> Layout:
        """The layout with lines that meet nothing."""
        kept: dict[int, Line] = {}
        waiting: list[int] = []
        for number, (line, link) in enumerate(zip(self.whole.lines, self.whole.links, strict=True)):
            if self._free(line, link) and not self.tracks.beside(line, link):
                kept[number] = line
                self.tracks.add(line, link)
            else:
                waiting.append(number)
        for number in [number for number, line in kept.items() if not self._begins(line, self.whole.links[number])]:
            del kept[number]
            waiting.append(number)
        for number in sorted(waiting, key=lambda number: self._reach(self.whole.links[number])):
            link = self.whole.links[number]
            line = self._search(link)
            if line is not None:
                kept[number] = line
                self.tracks.add(line, link)
        lines = [kept[number] for number in sorted(kept)]
        links = [self.whole.links[number] for number in sorted(kept)]
        across = [x for line in lines for x, _ in line]
        left, right = (
            max([self.whole.left, *(3 - x for x in across)]),
            max([self.whole.right, *(x + 3 for x in across)]),
        )
        left_out = len(self.whole.lines) - len(lines)
        if left_out:
            notice.tell(f"{left_out:,} of {len(self.whole.lines):,} lines are not drawn: there are too many in the way")
        return replace(self.whole, lines=lines, links=links, left_out=left_out, left=left, right=right)

    def _free(self, line: Line, link: Link) -> bool:
        """Whether a line meets no box and no words, but for the rims of what it joins."""
        for stretch in _stretches(line):
            for band in _bands(stretch.y - 1, stretch.top + 1, self.band):
                for id, place in self.bands.get(band, ()):
                    if _meet(stretch, place, -0.5 if id in link else 0.5):
                        return False
        return True

    def _begins(self, line: Line, link: Link) -> bool:
        """Whether a line begins at its source, or at another line from there."""
        source = self.boxes[link[0]]
        return line[0] == (source.x, source.top) or self.tracks.holds(line[0], link[0])

    def _reach(self, link: Link) -> float:
        source, target = (self.boxes[id] for id in link)
        return abs(source.x - target.x) + abs(source.y - target.y)

    def _search(self, link: Link) -> Line | None:
        """The best way from a source to a target; None where there is none, or no steps are left to find it."""
        source = self.boxes[link[0]]
        start = (source.x, source.top + RISE)
        ends = list(self._ends(link))
        if not ends:
            return None
        low = min(start[1], *(stub[1] for stub, _ in ends)) - 40
        high = max(start[1], *(stub[1] for stub, _ in ends)) + 40
        near = [one for one in (*self.boxes.values(), *self.words) if one.top > low and one.y < high]
        sides = [max(one.right for one in near), min(one.left for one in near)]
        outer = [sides[0] + _OUTER * step for step in range(2, 6)] + [sides[1] - _OUTER * step for step in range(2, 4)]
        xs = _lanes(near, upright=True, further={start[0], *(stub[0] for stub, _ in ends), *outer})
        ys = _lanes(near, upright=False, further={start[1], *(stub[1] for stub, _ in ends)})
        found = self._way(link, start, ends, xs, [y for y in ys if low < y < high], near)
        return None if found is None else _simple([(source.x, source.top), *found])

    def _ends(self, link: Link) -> Iterator[tuple[Point, Point]]:
        """Where a line may come to its target: at its sides, and below its foot, as far away as there is room."""
        target = self.boxes[link[1]]
        shifts = (0.0, 0.25, -0.25) if target.width > _WIDE else (0.0,)
        for side, step in ((target.right, _BESIDE), (target.left, -_BESIDE)):
            if self._free(((side + step, target.middle), (side, target.middle)), link):
                yield (side + step, target.middle), (side, target.middle)
        for x in (target.x + shift * target.width for shift in shifts):
            for away in reversed(_LANES):
                if self._free(((x, target.y - away - _CLEAR), (x, target.y)), link):
                    yield (x, target.y - away), (x, target.y)
                    break

    def _way(
        self,
        link: Link,
        start: Point,
        ends: Sequence[tuple[Point, Point]],
        xs: Sequence[float],
        ys: Sequence[float],
        near: Sequence[Place],
    ) -> list[Point] | None:
        """The cheapest way from a point to one of some ends along upright and level lanes, by A*."""
        across, up = {x: at for at, x in enumerate(xs)}, {y: at for at, y in enumerate(ys)}
        barred = _barred(xs, ys, near)
        beside: dict[tuple[bool, int, int], float] = {}
        stubs = {(across[x], up[y]): (number, ends[number][1][0] == x) for number, ((x, y), _) in enumerate(ends)}
        origin: _State = (across[start[0]], up[start[1]], True)
        costs: dict[_State, float] = {origin: 0.0}
        came: dict[_State, _State] = {}
        pending: list[tuple[float, _State]] = [(0.0, origin)]
        last: tuple[_State, int] | None = None
        best = float("inf")
        while pending and self.tracks.looked < MOST:
            rank, state = heappop(pending)
            if rank >= best:
                break
            i, j, upright = state
            cost = costs[state]
            if (i, j) in stubs:
                number, rises = stubs[i, j]
                whole = cost + (0 if rises == upright else _BEND)
                if whole < best:
                    best, last = whole, (state, number)
            for di, dj in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                a, b = i + di, j + dj
                piece = (dj != 0, min(i, a), min(j, b))
                if not (0 <= a < len(xs) and 0 <= b < len(ys)) or piece in barred:
                    continue
                step: _State = (a, b, dj != 0)
                at, one, two = (xs[i], ys[j], ys[b]) if dj else (ys[j], xs[i], xs[a])
                if piece not in beside:
                    beside[piece] = self.tracks.along((dj != 0, at, min(one, two), max(one, two)), link)
                found = cost + abs(two - one) + _ALONG * beside[piece] + (0 if upright == (dj != 0) else _BEND)
                if found < costs.get(step, float("inf")):
                    costs[step] = found
                    came[step] = state
                    rest = min(abs(xs[a] - x) + abs(ys[b] - y) for (x, y), _ in ends)
                    heappush(pending, (found + rest, step))
        if last is None:
            return None
        state, number = last
        way = [ends[number][1]]
        while True:
            way.append((xs[state[0]], ys[state[1]]))
            if state == origin:
                return way[::-1]
            state = came[state]


def _barred(xs: Sequence[float], ys: Sequence[float], near: Iterable[Place]) -> set[tuple[bool, int, int]]:
    """The steps between lanes that places bar: whether they are upright, and the lanes where they begin."""
    found: set[tuple[bool, int, int]] = set()
    for place in near:
        left, right = bisect_right(xs, place.left - _CLEAR), bisect_left(xs, place.right + _CLEAR)
        foot, top = bisect_right(ys, place.y - _CLEAR), bisect_left(ys, place.top + _CLEAR)
        found |= {(True, i, j) for i in range(left, right) for j in range(max(foot - 1, 0), top)}
        found |= {(False, i, j) for j in range(foot, top) for i in range(max(left - 1, 0), right)}
    return found


def _simple(line: Sequence[Point]) -> list[Point]:
    """A line without corners at which it goes straight on."""
    kept = [line[0]]
    for before, here, after in zip(line, line[1:], line[2:], strict=False):
        if not (before[0] == here[0] == after[0] or before[1] == here[1] == after[1]):
            kept.append(here)
    return [*kept, line[-1]]
