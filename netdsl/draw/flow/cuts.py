"""How a long network fits a page: its chain is cut into columns, side by side and joined by a line.

A cut goes where a single output is all that one side gives the other, so that no other edge runs between columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import NamedTuple

from netdsl.draw.drawing import Cluster, Drawing, Item, boxes
from netdsl.draw.flow import label
from netdsl.draw.flow.routes import Routes, numbers

PAGE = (540.0, 690.0)
"""The width and height, in points, of what a portrait page holds below the caption."""

LARGEST = 5000
"""Boxes and forks of a drawing that is worth cutting."""

PART = 16
"""Boxes of a part of a cluster that is too long for a column."""

MOST = 40
"""How many columns at most."""

GUTTER = 50.0
STEP = 32.0
"""The height of an edge with its label."""

LABEL = 20.0
"""By how much longer an edge sideways is than one down: its label lies along it."""

DOWN = 6
"""How many lines at most, less one, the first boxes of a column may lie below its head."""

NEAR = 8
"""How many levels apart the boxes that a cut's line feeds may lie."""

TITLE = 20.0
"""The height of a cluster's title, and of the margins around it."""

MARGIN = 8.0


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a column ends: the box that feeds the next one, and what it feeds there, `down` lines below the head."""

    source: str
    targets: tuple[str, ...]
    ends: tuple[str, ...] = ()
    """The other boxes of the column that nothing in it follows."""
    down: int = 0


class Level(NamedTuple):
    """What stands side by side: how wide and high, and the titles and margins of the clusters that begin and end."""

    width: float = 0.0
    height: float = 0.0
    before: float = 0.0
    after: float = 0.0

    def beside(self, other: Level) -> Level:
        """Two columns' levels in one line."""
        higher = (max(self.height, other.height), max(self.before, other.before), max(self.after, other.after))
        return Level(self.width + other.width, *higher)

    def room(self) -> float:
        """How much it adds to the height of a column."""
        return self.height + self.before + self.after + STEP


def parted(drawing: Drawing) -> Drawing:
    """A drawing whose longest clusters are parts one below another, so that a cut can go between these."""
    items: list[Item] = []
    for item in drawing.items:
        parts = _parts(item) if isinstance(item, Cluster) else []
        for number, part in enumerate(parts, 1):
            note = item.note if number == 1 else "continued"
            items.append(replace(item, id=f"{item.id} part {number}", items=part, note=note))
        items += [] if parts else [item]
    return replace(drawing, items=tuple(items))


def _parts(cluster: Cluster) -> list[tuple[Item, ...]]:
    """What is in a cluster, in parts of about as many boxes; nothing where it is short."""
    sizes = [sum(1 for _ in boxes((item,))) for item in cluster.items]
    if sum(sizes) <= 2 * PART or len(sizes) < 2:
        return []
    parts: list[list[Item]] = [[]]
    room = PART
    for item, size in zip(cluster.items, sizes, strict=True):
        if room <= 0:
            parts.append([])
            room = PART
        parts[-1].append(item)
        room -= size
    return [tuple(part) for part in parts]


def cuts(drawing: Drawing, routes: Routes, *, sideways: bool = False) -> tuple[Cut, ...]:
    """Where to cut a drawing so that it is largest on a page; nowhere, where that gains little.

    Where it runs sideways, the page lies on its side too, and columns are rows. No page holds the largest drawings.
    """
    if len(routes.levels) > LARGEST:
        return ()
    pieces, places = _pieces(drawing, routes)
    within: dict[str, list[str]] = defaultdict(list)
    for name, around in routes.around.items():
        within[(*around, name)[0]].append(name)
    levels = [_levels(piece, routes, within, sideways) for piece in pieces]
    heights = [_height(piece) for piece in levels]
    feeding = {way.source for way in routes.ways}
    best, most = tuple[Cut, ...](), 0.0
    for count in range(1, min(len(pieces), MOST) + 1):
        if 1.1 * most >= 1:
            break
        ends = _ends(heights, count)
        runs = [[level for piece in levels[a:b] for level in piece] for a, b in zip([0, *ends], ends, strict=False)]
        lines, downs = _aligned(runs)
        width = GUTTER * (len(runs) - 1) + sum(max(level.width for level in run) for run in runs)
        scale = min(PAGE[0] / width, PAGE[1] / _height(lines), 1.0)
        if scale > 1.1 * most:
            best = tuple(
                replace(places[b - 1], down=down, ends=_loose(pieces[a:b], feeding))
                for a, b, down in zip([0, *ends], ends[:-1], downs, strict=False)
            )
            most = scale
    return best


def _loose(pieces: Sequence[Sequence[Item]], feeding: set[str]) -> tuple[str, ...]:
    """The boxes of a column that nothing follows."""
    return tuple(one.id for piece in pieces for one in boxes(piece) if one.id not in feeding)


def _ends(heights: Sequence[float], count: int) -> list[int]:
    """Where each of at most `count` runs of heights ends, so that the largest sum of a run is as small as may be."""

    def runs(limit: float) -> list[int]:
        ends, total = list[int](), 0.0
        for index, height in enumerate(heights):
            if index and total + height > limit:
                ends.append(index)
                total = 0.0
            total += height
        return [*ends, len(heights)]

    low, high = max(heights), sum(heights)
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (low, middle) if len(runs(middle)) <= count else (middle, high)
    return runs(high)


def _aligned(columns: Sequence[Sequence[Level]]) -> tuple[list[Level], list[int]]:
    """The lines that columns share, and how far each but the first is let down below its head.

    Clusters that begin and end in the same lines of all columns keep the picture low: a line's room is that of all.
    """
    lines = list(columns[0])
    downs: list[int] = []
    for column in columns[1:]:
        best = min(range(DOWN), key=lambda down: (_growth(lines, column, down + 1), down))
        lines += [Level()] * (best + 1 + len(column) - len(lines))
        for at, level in enumerate(column, best + 1):
            lines[at] = lines[at].beside(level)
        downs.append(best)
    return lines, downs


def _growth(lines: Sequence[Level], column: Sequence[Level], down: int) -> float:
    """By how much lines grow higher when a column stands in them, so many lines down."""
    grown = STEP * max(0, down - len(lines))
    for at, level in enumerate(column, down):
        grown += lines[at].beside(level).room() - lines[at].room() if at < len(lines) else level.room()
    return grown


def _height(levels: Sequence[Level]) -> float:
    return sum(level.room() for level in levels)


def _pieces(drawing: Drawing, routes: Routes) -> tuple[list[list[Item]], list[Cut]]:
    """The top level's items, parted wherever a cut is possible, and those cuts."""
    number = numbers(drawing, routes)
    order = _order(len(drawing.items), {(number[way.source], number[way.target]) for way in routes.ways}, number)
    spot = {at: index for index, at in enumerate(order)}
    sources = list(dict.fromkeys(way.source for way in routes.ways))
    first = {source: spot[number[source]] for source in sources}
    last = dict(first)
    open_ = [0] * len(order)  # sources that feed something behind an item, but for those that feed backward
    named = [0] * len(order)  # the sum of their numbers
    for way in routes.ways:
        reached = spot[number[way.target]]
        last[way.source] = max(last[way.source], reached)
        if reached < first[way.source]:
            open_[reached] += 2
            open_[first[way.source]] -= 2
    for at, source in enumerate(sources):
        for steps, size in ((open_, 1), (named, at)):
            steps[first[source]] += size
            steps[last[source]] -= size
    inputs = max((spot[number[one.id]] for one in drawing.boxes if one.kind == "input"), default=0)
    ends: dict[str, int] = {}
    for index, (count, name) in enumerate(zip(accumulate(open_), accumulate(named), strict=True)):
        if count == 1 and index >= inputs:
            ends[sources[name]] = index + 1
    found: list[Cut] = []
    stops: list[int] = []
    targets: dict[str, list[str]] = defaultdict(list)
    for way in routes.ways:
        targets[way.source].append(way.target)
    for source, end in ends.items():
        behind = [target for target in targets[source] if spot[number[target]] >= end]
        levels = [routes.levels[target] for target in behind]
        if max(levels) - min(levels) <= NEAR:
            found.append(Cut(source, tuple(behind)))
            stops.append(end)
    stops.append(len(order))
    pieces = [[drawing.items[at] for at in order[a:b]] for a, b in zip([0, *stops], stops, strict=False)]
    return pieces, found


def _order(count: int, links: set[tuple[int, int]], number: dict[str, int]) -> list[int]:
    """The items in the order of the program, but what does not lead to the first output right behind what feeds it."""
    feeds: dict[int, list[int]] = defaultdict(list)
    for a, b in links:
        feeds[b].append(a)
    main: set[int] = set()
    pending = [number.get("output 1", 0)]
    while pending:
        at = pending.pop()
        if at not in main:
            main.add(at)
            pending += feeds[at]
    anchor: dict[int, int] = {}
    for at in range(count):
        anchor[at] = at if at in main else max((anchor.get(source, 0) for source in feeds[at]), default=0)
    return sorted(range(count), key=lambda at: (anchor[at], at not in main, at))


def _levels(piece: Sequence[Item], routes: Routes, within: Mapping[str, Sequence[str]], sideways: bool) -> list[Level]:
    """What stands in each line of a piece."""
    sizes = {one.id: label.size(one) for one in boxes(piece)}
    names = [name for item in piece for name in within[item.id]]
    top = min(routes.levels[name] for name in names)
    level = {name: routes.levels[name] - top for name in names}
    spans: dict[str, tuple[int, int]] = {}
    for name in names:
        for cluster in routes.around[name]:
            low, high = spans.get(cluster, (level[name], level[name]))
            spans[cluster] = (min(low, level[name]), max(high, level[name]))
    found = [Level()] * (max(level.values()) + 1)
    for name in names:
        width, height = sizes.get(name, (0.0, 0.0))
        if sideways:
            width, height = height, width + LABEL
        ends = [spans[cluster] for cluster in routes.around[name]]
        before = TITLE * sum(low == level[name] for low, _ in ends)
        after = MARGIN * sum(high == level[name] for _, high in ends)
        here = Level(width + 20 + 4 * len(ends), height, before, after)
        found[level[name]] = found[level[name]].beside(here)
    return found
