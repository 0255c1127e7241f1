"""Where everything stands across: branches side by side, and arcs as near to what they pass as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netdsl.draw import metrics
from netdsl.draw.columns.arcs import Arc
from netdsl.draw.columns.layout import FONT, RISE, SMALL, TINY, Heights, Layout, Place, Plan, beside, bracket
from netdsl.draw.columns.parts import Fork, Leaf, Link, Panel, Part, Series, exits, leaves

_LEAST, _LEAST_BRANCH, _PILL = 88.0, 44.0, 46.0
_PAD, _BRANCH_GAP, _LANE, _TOWER, _TITLE = 8.0, 9.0, 9.0, 8.0, 10.0
_CLEAR = 3.0


@dataclass
class _Outline:
    """What a part covers, from its own axis: how far it reaches left, and right at which heights."""

    left: float = 0.0
    rights: list[tuple[float, float, float]] = field(default_factory=list[tuple[float, float, float]])
    """Foot, top, and right side of each thing."""

    @property
    def right(self) -> float:
        """How far it reaches right at all."""
        return max([right for _, _, right in self.rights], default=0.0)

    def between(self, low: float, high: float) -> float:
        """How far it reaches right between two heights."""
        return max([right for foot, top, right in self.rights if foot < high and low < top], default=0.0)

    def add(self, other: _Outline, shift: float = 0.0) -> None:
        """Take in another outline, whose axis is so far right."""
        self.left = max(self.left, other.left - shift)
        self.rights += [(foot, top, right + shift) for foot, top, right in other.rights]

    def flat(self) -> _Outline:
        """The same without hollows."""
        feet, tops = [foot for foot, _, _ in self.rights], [top for _, top, _ in self.rights]
        return _Outline(self.left, [(min(feet), max(tops), self.right)] if self.rights else [])


def spread(plan: Plan, heights: Heights) -> Layout:
    """A column whose parts have their heights, with everything in its place."""
    return _Spreading(plan, heights).layout()


@dataclass
class _Spreading:
    """One run of spread(). Offsets are from the axis of the series around something."""

    plan: Plan
    heights: Heights
    boxes: dict[bool, float] = field(default_factory=dict[bool, float])
    """The width of all boxes on the axis, and of those in branches."""
    offset: dict[str, float] = field(default_factory=dict[str, float])
    width: dict[str, float] = field(default_factory=dict[str, float])
    fonts: dict[str, float] = field(default_factory=dict[str, float])
    lanes: dict[Arc, float] = field(default_factory=dict[Arc, float])
    detours: dict[str, float] = field(default_factory=dict[str, float])
    """For the last leaf of a side branch, how far right the line to where it comes in must go."""
    places: dict[str, Place] = field(default_factory=dict[str, Place])
    axes: dict[str, float] = field(default_factory=dict[str, float])
    grounds: dict[str, float] = field(default_factory=dict[str, float])
    """Where the grounds of towers begin, from the axis of their branch."""
    bars: set[str] = field(default_factory=set[str])
    towers: list[tuple[int, Place, Series]] = field(default_factory=list[tuple[int, Place, Series]])

    def layout(self) -> Layout:
        """All of it."""
        self._measure(self.plan.column.series, branch=False)
        outline = self._series(self.plan.column.series, branch=False)
        self._settle(self.plan.column.series, 0.0)
        lines = [*(self._arc(arc) for arc in self.plan.arcs), *(self._straight(link) for link in self.plan.straight)]
        links = [*((arc.source, arc.target) for arc in self.plan.arcs), *self.plan.straight]
        return Layout(self.plan.column, self.places, self.fonts, lines, links, self.towers, outline.left, outline.right)

    def _measure(self, series: Series, *, branch: bool) -> None:
        """The width of boxes: all on the axis are alike, and all in branches."""
        for part in series.parts:
            match part:
                case Leaf():
                    self.fonts[part.id] = TINY if part.merges else SMALL if branch else FONT
                    wide = metrics.width(part.words, self.fonts[part.id]) + (12 if branch else 16)
                    least = _LEAST_BRANCH if branch else _LEAST
                    self.boxes[branch] = max(self.boxes.get(branch, least), wide)
                case Fork(_, branches):
                    for number, one in enumerate(branches):
                        self._measure(one, branch=branch or number != part.main)
                case Panel():
                    self._measure(part.inside, branch=branch)

    # Outlines, from the innermost outward

    def _series(self, series: Series, *, branch: bool) -> _Outline:
        """What a series covers, its arcs among it."""
        outline = _Outline()
        before: _Outline | None = None
        for place, part in enumerate(series.parts):
            after = series.parts[place + 1] if place + 1 < len(series.parts) else None
            match part:
                case Leaf():
                    found = self._leaf(part, before, branch=branch)
                case Fork():
                    found = self._fork(part, after, branch=branch)
                case Panel():
                    found = self._panel(part, branch=branch)
            outline.add(found)
            before = found.flat() if isinstance(part, Fork) and part.main is None else None
        arcs = [(self._span(arc), arc) for arc in self.plan.arcs if arc.series == series.id]
        for (low, high), arc in sorted(arcs, key=lambda one: one[0][1] - one[0][0]):
            self.lanes[arc] = max(outline.between(low, high), _PILL / 2) + _LANE
            outline.rights.append((low, high, self.lanes[arc] + _CLEAR))
        return outline

    def _span(self, arc: Arc) -> tuple[float, float]:
        """The heights at which an arc leaves and arrives."""
        low = self.heights.bus(arc.entry) if arc.entry else self.heights.top(arc.source) + RISE
        return low, self.heights.y[arc.target] + self.heights.height[arc.target] / 2

    def _leaf(self, leaf: Leaf, fork: _Outline | None, *, branch: bool) -> _Outline:
        """A box; a bar that joins the branches of a fork is as wide as they."""
        wide = self.boxes[branch]
        if leaf.merges:
            least = metrics.width(leaf.words, TINY) + 12
            wide = max(least, fork.left + fork.right if fork else _PILL)
            self.bars.add(leaf.id)
        self.width[leaf.id] = wide
        foot, top = self.heights.y[leaf.id], self.heights.top(leaf.id)
        return _Outline(wide / 2, [(foot, top, wide / 2 + beside(leaf))])

    def _panel(self, panel: Panel, *, branch: bool) -> _Outline:
        inside = self._series(panel.inside, branch=branch)
        left = inside.left + _PAD + (_TITLE if panel.name else 0.0)
        right = inside.right + _PAD
        self.width[panel.id] = left + right
        self.offset[panel.id] = (right - left) / 2
        foot, top = self.heights.y[panel.id], self.heights.top(panel.id)
        return _Outline(left, [(foot, top, right + bracket(panel.copies))])

    def _branch(self, branch: Series, *, apart: bool) -> _Outline:
        """A branch; one on a device of its own has a ground around it."""
        outline = self._series(branch, branch=apart)
        if self.plan.column.tower(branch) is None:
            return outline
        ((foot, top, right),) = outline.flat().rights
        self.width[branch.id] = outline.left + right + 2 * _TOWER
        self.grounds[branch.id] = -outline.left - _TOWER
        return _Outline(outline.left + _TOWER, [(foot - RISE, top + RISE, right + _TOWER)])

    def _fork(self, fork: Fork, after: Part | None, *, branch: bool) -> _Outline:
        found = [self._branch(one, apart=branch or number != fork.main) for number, one in enumerate(fork.branches)]
        if fork.main is not None:
            return self._beside(fork, found, after, branch=branch)
        flat = [one.flat() for one in found]
        total = sum(one.left + one.right for one in flat) + _BRANCH_GAP * (len(flat) - 1)
        outline = _Outline()
        at = -total / 2
        for series, one in zip(fork.branches, flat, strict=True):
            self.offset[series.id] = at + one.left
            outline.add(one, at + one.left)
            at += one.left + one.right + _BRANCH_GAP
        return outline

    def _beside(self, fork: Fork, found: Sequence[_Outline], after: Part | None, *, branch: bool) -> _Outline:
        """A main branch, and at its right the others, each where there is room at its height."""
        assert fork.main is not None
        outline = found[fork.main]
        self.offset[fork.branches[fork.main].id] = 0.0
        for number, series in enumerate(fork.branches):
            if number == fork.main:
                continue
            side = found[number].flat()
            ((_, top, _),) = side.rights
            low = self.heights.y[fork.id] - RISE
            at = max(outline.between(low, top + RISE), self.boxes[branch] / 2) + _BRANCH_GAP + side.left
            self.offset[series.id] = at
            outline.add(side, at)
            if isinstance(after, Leaf):
                self._detour(series, outline, at, top, self.heights.y[after.id] + self.heights.height[after.id] / 2)
        return outline

    def _detour(self, series: Series, outline: _Outline, at: float, top: float, end: float) -> None:
        """Room for the line from a side branch up to where it comes in: straight, or around what is in its way."""
        clear = outline.between(top + RISE / 2, end)
        lane = at if clear + _CLEAR < at else clear + _LANE
        for leaf in exits(series):
            self.detours[leaf.id] = lane - at
        outline.rights.append((top, end, lane + _CLEAR))

    # Places

    def _settle(self, series: Series, axis: float) -> None:
        """Axes for all that is in a series, and so places."""
        self.axes[series.id] = axis
        for part in series.parts:
            match part:
                case Leaf():
                    self._place(part.id, axis)
                case Fork(_, branches):
                    for one in branches:
                        at = axis + self.offset[one.id]
                        self._settle(one, at)
                        self._tower(one, at)
                case Panel():
                    self._place(part.id, axis + self.offset[part.id])
                    self._settle(part.inside, axis)

    def _place(self, id: str, x: float) -> None:
        self.places[id] = Place(x, self.heights.y[id], self.width[id], self.heights.height[id])

    def _tower(self, branch: Series, axis: float) -> None:
        device = self.plan.column.tower(branch)
        if device is None:
            return
        wide = self.width[branch.id]
        within = [self.places[leaf.id] for leaf in leaves(branch)]
        foot, top = min(one.y for one in within) - RISE, max(one.top for one in within) + RISE
        left = axis + self.grounds[branch.id]
        self.towers.append((device, Place(left + wide / 2, foot, wide, top - foot), branch))

    # Lines

    def _arc(self, arc: Arc) -> list[tuple[float, float]]:
        """From the line above its source, or below its entry, up its lane, and into the right side of its target."""
        low, high = self._span(arc)
        axis = self.axes[arc.series]
        lane = axis + self.lanes[arc]
        way = [(lane, low), (lane, high), (self.places[arc.target].right, high)]
        if arc.entry:
            return [(axis, low), *way]
        source = self.places[arc.source]
        return [(source.x, source.top), (source.x, low), *way]

    def _straight(self, link: Link) -> list[tuple[float, float]]:
        """From the top of a leaf to the foot of the next, or into its side from a side branch."""
        source, target = (self.places[id] for id in link)
        if link[0] in self.detours:
            lane = source.x + self.detours[link[0]]
            bend = [] if lane == source.x else [(source.x, source.top + RISE), (lane, source.top + RISE)]
            return [(source.x, source.top), *bend, (lane, target.middle), (target.right, target.middle)]
        if abs(source.x - target.x) < 0.01 or (link[1] in self.bars and target.left < source.x < target.right):
            return [(source.x, source.top), (source.x, target.y)]
        if link[0] in self.bars and source.left < target.x < source.right:
            return [(target.x, source.top), (target.x, target.y)]
        low = self.heights.bus(link[1]) if link[1] in self.heights.under else source.top + RISE
        return [(source.x, source.top), (source.x, low), (target.x, low), (target.x, target.y)]
