"""How high everything stands: in rows that all columns share, as low as what is below allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from netdsl.draw import metrics
from netdsl.draw.columns.layout import SMALL, STRIP, Heights, Plan
from netdsl.draw.columns.parts import Fork, Leaf, Panel, Part, Series, entries, inner, leaves

_BOX, _MERGE = 16.0, 11.0
_GAP, _ARC_GAP, _FORK_GAP, _JOIN_GAP = 8.0, 12.0, 14.0, 10.0
_ROW_FOOT, _ROW_HEAD = 9.0, 8.0
_FOOT, _ENTRY_FOOT, _HEAD = 7.0, 13.0, 6.0


@dataclass(frozen=True)
class _Step:
    """Something to stand in a row, at least a gap above the tops of others."""

    id: str
    row: int
    above: tuple[tuple[str, float], ...]


def stack(plans: Sequence[Plan], count: int) -> tuple[list[float], list[Heights]]:
    """Where each row begins and the last ends, and the heights in each column.

    Row by row, this is the longest path through what must stand above what: no lower arrangement has these gaps.
    """
    columns = [_Rising(plan) for plan in plans]
    floors = [0.0]
    for row in range(count):
        low = floors[-1] + _ROW_FOOT
        tops = [column.rise(row, low) for column in columns]
        floors.append(max(tops, default=low) + _ROW_HEAD)
    return floors, [column.finished() for column in columns]


@dataclass
class _Rising:
    """A column while its parts find their heights."""

    plan: Plan
    y: dict[str, float] = field(default_factory=dict[str, float])
    height: dict[str, float] = field(default_factory=dict[str, float])
    under: dict[str, str] = field(default_factory=dict[str, str])
    steps: dict[int, list[_Step]] = field(default_factory=dict[int, list[_Step]])
    """By row, in an order in which what is below comes first."""

    def __post_init__(self) -> None:
        self.sources = {(arc.series, arc.source) for arc in self.plan.arcs if not arc.entry}
        self.entered = {arc.series for arc in self.plan.arcs if arc.entry}
        self._series(self.plan.column.series, ())

    def rise(self, row: int, low: float) -> float:
        """Give everything in a row its height, and the top of it all."""
        top = low
        for step in self.steps.get(row, ()):
            self.y[step.id] = max([low, *(self.y[one] + self.height[one] + gap for one, gap in step.above)])
            top = max(top, self.y[step.id] + self.height[step.id])
        return top

    def finished(self) -> Heights:
        """All heights, short branches raised and panels closed."""
        self._raise(self.plan.column.series)
        return Heights(self.y, self.height, self.under)

    # Steps

    def _add(self, id: str, row: int, height: float, after: tuple[str, ...], gap: float) -> tuple[str, ...]:
        self.height[id] = height
        self.steps.setdefault(row, []).append(_Step(id, row, tuple((one, gap) for one in after)))
        return (id,)

    def _series(self, series: Series, after: tuple[str, ...]) -> tuple[str, ...]:
        """Steps that put each part above what it follows; gives what the series ends with."""
        before: Part | None = None
        for part in series.parts:
            gap = self._gap(series, before, part)
            rows = [self.plan.row[leaf.id] for leaf in leaves(part)]
            match part:
                case Leaf():
                    height = (_MERGE if part.merges else _BOX) + STRIP * (len(part.rows) - 1)
                    after = self._add(part.id, rows[0], height, after, gap)
                case Fork(id, branches):
                    self.under |= {leaf.id: id for leaf in entries(part) if leaf.id not in self.under}
                    foot = self._add(id, min(rows), 0.0, after, gap)
                    after = tuple(one for branch in branches for one in self._series(branch, foot))
                case Panel():
                    after = self._panel(part, rows, gap, after)
            before = part
        return after

    def _panel(self, panel: Panel, rows: Sequence[int], gap: float, after: tuple[str, ...]) -> tuple[str, ...]:
        """The foot of a panel, what is in it, and its head, far enough apart for its name to stand between them."""
        bent = panel.inside.id in self.entered or isinstance(panel.inside.parts[0], Fork)
        foot = self._add(panel.id, min(rows), _ENTRY_FOOT if bent else _FOOT, after, gap)
        ends = self._series(panel.inside, foot)
        head = self._add(_head(panel), max(rows), _HEAD, ends, 0.0)
        least = metrics.width(panel.name, SMALL, bold=True) + 8 - self.height[panel.id] - _HEAD
        step = self.steps[max(rows)].pop()
        self.steps[max(rows)].append(_Step(step.id, step.row, (*step.above, (panel.id, max(0.0, least)))))
        return head

    def _gap(self, series: Series, before: Part | None, part: Part) -> float:
        if before is None:
            return 0.0
        if isinstance(part, Fork):
            return _FORK_GAP
        if isinstance(before, Fork):
            return _JOIN_GAP if isinstance(part, Leaf) and part.merges else _FORK_GAP
        bent = isinstance(before, Leaf) and (series.id, before.id) in self.sources
        return _ARC_GAP if bent else _GAP

    # What is moved in the end

    def _raise(self, series: Series) -> None:
        """Move branches that are shorter than others of their fork upward, and give panels their heights."""
        for place, part in enumerate(series.parts):
            for one in inner(part):
                self._raise(one)
            match part:
                case Leaf():
                    pass
                case Fork(_, branches):
                    rows = {self.plan.row[leaf.id] for branch in branches for leaf in leaves(branch)}
                    if len(rows) == 1 and place + 1 < len(series.parts):
                        self._level(part)
                case Panel():
                    head = _head(part)
                    self.height[part.id] = self.y[head] + self.height[head] - self.y[part.id]

    def _level(self, fork: Fork) -> None:
        """Let short branches end where the longest does; those beside a main branch stand at half its height."""
        branches = [list(_steps(branch)) for branch in fork.branches]
        tops = [max(self.y[id] + self.height[id] for id in branch) for branch in branches]
        for branch, top in zip(branches, tops, strict=True):
            slack = (max(tops) - top) / (1 if fork.main is None else 2)
            for id in branch:
                self.y[id] += slack


def _head(panel: Panel) -> str:
    return f"{panel.id} head"


def _steps(series: Series) -> Iterator[str]:
    """All that has a height of its own in a series."""
    for part in series.parts:
        yield part.id
        for one in inner(part):
            yield from _steps(one)
        if isinstance(part, Panel):
            yield _head(part)
