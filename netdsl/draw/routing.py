"""Ways for lines around what they do not join, through the gaps between boxes and words, for any style.

A way is short, has few bends, and runs along no line of another source and target. It consists of upright and level
stretches; which way y grows does not matter.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import pairwise
from typing import TypeAlias

from netdsl.draw.svg import Point

LANES = (4.0, 7.0)
"""How far from boxes lines run, where there is room."""

CLEAR = 1.9
"""How near a line may come to what it is led around."""

MOST = 3_000_000
"""Lines that the searches for a picture's lines may look at; then there are no more ways."""

_OUTER = 6.0
"""Between lines beside everything."""
_BEND, _ALONG = 14.0, 20.0
"""What a bend costs, and a point along another line, in points."""
_NEAR = 2.2
"""Lines that are nearer than this to each other run along one another, as far as they do."""
_SHARED = 8.0
"""So far another line may be run along: where they leave or arrive."""
_TOUCH = 0.5
"""What comes as near as this to a box or to words meets them."""
_BANDS = 64
"""What may be in the way of a line is looked up in strips, as many of a picture at most."""

Line: TypeAlias = Sequence[Point]
Link: TypeAlias = tuple[str, str]
"""What a line joins, by the names of boxes."""
_State: TypeAlias = tuple[int, int, bool]
"""The lanes that meet at a point of a way, and whether it comes there upright."""


@dataclass(frozen=True)
class Place:
    """A rectangle: its middle across, its foot, and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def top(self) -> float:
        """Its upper end."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """Half way up."""
        return self.y + self.height / 2

    @property
    def left(self) -> float:
        """Its left side."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Its right side."""
        return self.x + self.width / 2


class Router:
    """Boxes and words that lines must not meet, and the lines that there are.

    Lines keep within the room, if one is given. Where boxes are more than what is seen of them, as around what slants,
    lines that are there may begin and end `inside`.
    """

    def __init__(
        self, boxes: Mapping[str, Place], words: Sequence[Place], *, room: Place | None = None, inside: bool = False
    ) -> None:
        self.boxes, self.words, self.room, self.inside = boxes, words, room, inside
        every = (*boxes.values(), *words)
        ends = (
            [side for one in every for side in (one.left, one.right)],
            [side for one in every for side in (one.y, one.top)],
        )
        self.band = max(64.0, *((max(sides) - min(sides)) / _BANDS for sides in ends if sides))
        self.tracks = _Tracks(self.band)
        self.bands: dict[int, list[tuple[str, Place]]] = defaultdict(list)
        for id, place in (*boxes.items(), *(("", place) for place in words)):
            for band in _bands(place.y, place.top, self.band):
                self.bands[band].append((id, place))

    def add(self, line: Line, link: Link) -> None:
        """Take in a line, which others then do not run along."""
        self.tracks.add(line, link)

    def free(self, line: Line, link: Link) -> bool:
        """Whether a line meets no box and no words, but for the rims of what it joins."""
        for (ax, ay), (bx, by) in pairwise(line):
            left, right, foot, top = min(ax, bx), max(ax, bx), min(ay, by), max(ay, by)
            for band in _bands(foot - 1, top + 1, self.band):
                for id, place in self.bands.get(band, ()):
                    own = id in link
                    clear = -_TOUCH if own else _TOUCH
                    across = left < place.right + clear and place.left - clear < right
                    if across and foot < place.top + clear and place.y - clear < top and not (own and self.inside):
                        return False
        return True

    def alone(self, line: Line, link: Link) -> bool:
        """Whether a line runs along no other for more than a step, but those that share an end with it."""
        return not self.tracks.beside(line, link)

    def holds(self, point: Point, source: str) -> bool:
        """Whether a line of a source runs through a point."""
        return self.tracks.holds(point, source)

    def way(self, link: Link, begin: Line, ends: Sequence[tuple[Point, Point]]) -> Line | None:
        """The best line that goes on from its beginning to the first point of one of some ends, and so to the second.

        None where there is no way, or no time to find it.
        """
        if not ends:
            return None
        start, upright = begin[-1], begin[-1][0] == begin[-2][0]
        corners = [start, *(stub for stub, _ in ends)]
        low, high = min(y for _, y in corners) - 40, max(y for _, y in corners) + 40
        near = [one for one in (*self.boxes.values(), *self.words) if one.top > low and one.y < high]
        left, right = min(one.left for one in near), max(one.right for one in near)
        outer = [right + _OUTER * step for step in range(2, 6)] + [left - _OUTER * step for step in range(2, 4)]
        xs = _lanes(near, upright=True, further={*(x for x, _ in corners), *outer})
        ys = [y for y in _lanes(near, upright=False, further={y for _, y in corners}) if low < y < high]
        if (room := self.room) is not None:  # which bounds the way, and not where it begins and ends
            xs = [x for x in xs if room.left <= x <= room.right or any(x == corner for corner, _ in corners)]
            ys = [y for y in ys if room.y <= y <= room.top or any(y == corner for _, corner in corners)]
        found = self._search(link, start, upright, ends, xs, ys, near)
        return None if found is None else _simple([*begin[:-1], *found])

    def _search(
        self,
        link: Link,
        start: Point,
        upright: bool,
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
        origin: _State = (across[start[0]], up[start[1]], upright)
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


def _lanes(places: Iterable[Place], *, upright: bool, further: Iterable[float]) -> list[float]:
    """Where lines may run beside places, from the least on; what is almost the same but once."""
    ends = [(one.left, one.right) if upright else (one.y, one.top) for one in places]
    found = {low - away for low, _ in ends for away in LANES} | {high + away for _, high in ends for away in LANES}
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


def _barred(xs: Sequence[float], ys: Sequence[float], near: Iterable[Place]) -> set[tuple[bool, int, int]]:
    """The steps between lanes that places bar: whether they are upright, and the lanes where they begin."""
    found: set[tuple[bool, int, int]] = set()
    for place in near:
        left, right = bisect_right(xs, place.left - CLEAR), bisect_left(xs, place.right + CLEAR)
        foot, top = bisect_right(ys, place.y - CLEAR), bisect_left(ys, place.top + CLEAR)
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
