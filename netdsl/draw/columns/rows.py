"""Which layers stand at one height: rows by spatial size, shared by all columns.

A column is a sequence of runs, stretches of layers that work at about one size. Columns side by side share rows: runs
of equal or similar size are matched in order, so that as much as can be stands level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from math import exp, log

from netdsl.draw.columns.parts import ALIKE, Fork, Leaf, Panel, Series, alike, exits, leaves

_DIP = 4
"""So many layers or fewer that look at all of a map, as squeeze and excitation does, make no row of their own."""


@dataclass(frozen=True)
class Runs:
    """The runs of a column: for each leaf the number of its run, and a size for each run."""

    of: Mapping[str, int]
    sizes: tuple[float, ...]


def runs(series: Series) -> Runs:
    """The runs of a column. Branches of a fork that are not its longest take the rows that this one gives."""
    spine = list(_spine(series))
    found: list[list[int]] = []
    of: dict[str, int] = {}
    for size, group in groupby(_level(spine), key=lambda one: one[1]):
        if not found or not alike(found[-1][0], size):
            found.append([])
        found[-1].append(size)
        of |= {leaf.id: len(found) - 1 for leaf, _ in group}
    _fill(series, of, found)
    return Runs(of, tuple([_mean(sizes) for sizes in found]))


def align(columns: Sequence[Sequence[float]]) -> tuple[list[float], list[list[int]]]:
    """The rows that columns share, each with a size, and the row of each of their runs.

    Columns are taken in turn; each is matched with the rows so far for the best sum of likenesses, in order.
    """
    shared: list[list[float]] = []
    placed: list[list[int]] = []
    for sizes in columns:
        pairs = _matched([_mean(row) for row in shared], sizes)
        merged, old, new = _merged(shared, sizes, pairs)
        placed = [[old[row] for row in column] for column in placed] + [new]
        shared = merged
    return [_mean(row) for row in shared], placed


def _mean(sizes: Sequence[float]) -> float:
    """The geometric mean."""
    return exp(sum(map(log, sizes)) / len(sizes))


def _spine(series: Series) -> Iterator[tuple[Leaf, int]]:
    """The leaves of the longest way through a column, each with the size that places it."""
    for part in series.parts:
        match part:
            case Leaf():
                yield part, part.extent
            case Fork(_, branches):
                yield from _spine(max(branches, key=lambda one: sum(1 for _ in leaves(one))))
            case Panel():
                yield from _within(part)


def _within(panel: Panel) -> Iterator[tuple[Leaf, int]]:
    """The leaves of a block, all with the size that it gives: a block is in one row."""
    size = max(leaf.extent for leaf in exits(panel))
    for leaf in leaves(panel):
        yield leaf, size


def _level(spine: Sequence[tuple[Leaf, int]]) -> list[tuple[Leaf, int]]:
    """The same, with what squeezes a map to 1 and gives it back at the size of the map."""
    runs = [(size, list(group)) for size, group in groupby(spine, key=lambda one: one[1])]
    found: list[tuple[Leaf, int]] = []
    for number, (size, group) in enumerate(runs):
        inner = 0 < number < len(runs) - 1
        if inner and size == 1 and len(group) <= _DIP and runs[number - 1][0] == runs[number + 1][0]:
            size = runs[number - 1][0]
        found += [(leaf, size) for leaf, _ in group]
    return found


def _fill(
    series: Series, of: dict[str, int], found: Sequence[Sequence[int]], start: int = 0, end: int | None = None
) -> None:
    """Rows for the leaves of the other branches: of their size, from where they fork off to where they come in."""
    end = len(found) - 1 if end is None else end
    for place, part in enumerate(series.parts):
        if isinstance(part, Fork):
            after = [of[leaf.id] for later in series.parts[place + 1 :] for leaf in leaves(later) if leaf.id in of]
            for branch in part.branches:
                _assign(branch, of, found, start, min(after, default=end))
                _fill(branch, of, found, start, min(after, default=end))
        start = max([start, *(of[leaf.id] for leaf in leaves(part))])


def _assign(branch: Series, of: dict[str, int], found: Sequence[Sequence[int]], start: int, end: int) -> None:
    row = start
    for leaf, size in _spine(branch):
        if leaf.id in of:
            row = of[leaf.id]
            continue
        fits = (at for at in range(row, end + 1) if any(alike(size, one) for one in found[at]))
        row = of[leaf.id] = next(fits, row)


def _matched(rows: Sequence[float], sizes: Sequence[float]) -> list[tuple[int, int]]:
    """Pairs of a row and a run of like size, both in order, for the largest sum of likenesses."""
    best = [[0.0] * (len(sizes) + 1) for _ in range(len(rows) + 1)]
    for i in reversed(range(len(rows))):
        for j in reversed(range(len(sizes))):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + _likeness(rows[i], sizes[j]))
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(rows) and j < len(sizes):
        likeness = _likeness(rows[i], sizes[j])
        if likeness and best[i][j] == best[i + 1][j + 1] + likeness:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _likeness(one: float, other: float) -> float:
    """How well two runs go into one row: 2 for equal sizes, 3 for what works on vectors, 0 for what may not."""
    if not alike(one, other):
        return 0
    return 3 if one == other == 1 else 2 - abs(log(one / other)) / log(ALIKE)


def _merged(
    rows: Sequence[list[float]], sizes: Sequence[float], pairs: Sequence[tuple[int, int]]
) -> tuple[list[list[float]], dict[int, int], list[int]]:
    """Rows with a column's runs among them, and where each row and each run has gone. Between pairs, large is first."""
    steps: list[tuple[int, int]] = []  # a row and a run, or -1 where there is none
    i = j = 0
    for row, run in [*pairs, (len(rows), len(sizes))]:
        old, new = [(at, -1) for at in range(i, row)], [(-1, at) for at in range(j, run)]
        steps += merge(old, new, key=lambda one: -_mean(rows[one[0]]) if one[0] >= 0 else -sizes[one[1]])
        steps.append((row, run))
        i, j = row + 1, run + 1
    steps.pop()
    merged = [[*(rows[row] if row >= 0 else ()), *sizes[run : run + 1 if run >= 0 else 0]] for row, run in steps]
    return (
        merged,
        {row: at for at, (row, _) in enumerate(steps)},
        [at for at, (_, run) in enumerate(steps) if run >= 0],
    )
