"""How high everything stands in a row: lanes as near to each other as they can be, labels, ways over volumes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from netdsl.draw.volumes.cell import LINE, Cell, Row

ARC = 9.0
"""From one arc to the next above it."""
BAND = 12.0
"""Above volumes, for the name of their device."""
BASE = 6.0
"""Below volumes, to the edge of their device's band."""
_RAGGED = 40.0
"""Labels of maps and of vectors stand on one line, unless one of these would be farther away than this."""


def settle(row: Row, *, banded: bool) -> None:
    """Give cells their heights about y = 0, labels theirs, and the row its extent."""
    row.shared = _shared(row)
    levels = _arcs(row)
    heights = _heights(row, levels, banded=banded)
    for cell in row.cells:
        cell.y = heights[cell.lane]
    for cell in row.cells:
        same = [other for other in row.cells if (row.shared or other.lane == cell.lane)]
        feet = {flat: _foot(other for other in same if _flat(other) == flat) for flat in (False, True)}
        own = feet[_flat(cell)]
        apart = not banded and max(feet.values()) - own > _RAGGED and not _reached(cell, own)
        cell.foot = own if apart else max(feet.values())
        cell.foot += BASE if banded else 0
    for start, end, level in levels:
        under = [cell for cell in row.cells if cell.lane == start.lane and start.column <= cell.column <= end.column]
        row.arcs.append((start, end, min(cell.y - cell.solid.above for cell in under) - 2 - ARC * level))
    row.above = max(cell.solid.above + (BAND if banded else 0) - cell.y for cell in row.cells)
    row.above = max(row.above, *(-y for _, _, y in row.arcs), 0.0)
    row.below = max(cell.foot + _deep(cell) + _bracket(cell) for cell in row.cells)


def _reached(cell: Cell, foot: float) -> bool:
    """Whether what it reads all of stands so low that lines from there would run through its label at a foot."""
    dense = cell.volume.reads != "flow" and cell.label
    before = (source for source in cell.sources if source.lane == cell.lane and source.column == cell.column - 1)
    lower = cell.solid.entry[1][0]  # where the lower line ends, from the middle of the cell
    return bool(dense) and any(
        source.y + source.solid.exit[1][1] > foot and lower > -cell.spread
        for source in before
        if cell.volume.reads == "all" or source.volume.shape.positions == 1
    )


def _foot(cells: Iterable[Cell]) -> float:
    return max((cell.y + cell.solid.below for cell in cells), default=float("-inf")) + 3


def _flat(cell: Cell) -> bool:
    """Whether it is a vector: these are high where maps are low, and have their labels on a line of their own."""
    return not cell.volume.shape.spatial


def _shared(row: Row) -> bool:
    """Whether volumes above each other have the same label and brackets, which are then written once, the lowest."""
    if _deepened(row) or any(_said(cell) != _said(column[0]) for column in row.columns for cell in column):
        return False
    for column in row.columns:
        for cell in column[:-1]:
            cell.labelled = False
    return True


def _said(cell: Cell) -> list[str]:
    """What is written below a volume, in its label and on the bracket around it."""
    return [*(text.words for text in cell.label), *(label for _, label in cell.volume.groups[:1])]


def _deepened(row: Row) -> bool:
    """Whether volumes stand at several heights, and none above another."""
    return len({cell.lane for cell in row.cells}) > 1 and all(len(column) == 1 for column in row.columns)


def _heights(row: Row, arcs: Sequence[tuple[Cell, Cell, int]], *, banded: bool) -> dict[float, float]:
    """The height of each lane: as near to the lane above it as what stands or runs in the same columns lets it.

    A lane that has its columns for itself lies between its neighbours, as the axis does between two towers.
    """
    above: dict[float, float] = {}
    below: dict[float, float] = {}
    for lane in {cell.lane for cell in row.cells}:
        same = [cell for cell in row.cells if cell.lane == lane]
        above[lane] = max(cell.solid.above for cell in same) + (BAND if banded else 0.0)
        below[lane] = max(cell.solid.below for cell in same) + (BASE if banded else 0.0)
        below[lane] += 0.0 if row.shared else max(3 + _deep(cell) + _bracket(cell) for cell in same)
    for start, _, level in arcs:
        most = max(cell.solid.above for cell in row.cells if cell.lane == start.lane)
        above[start.lane] = max(above[start.lane], most + 4 + ARC * level)
    together: dict[float, set[float]] = {}
    for lanes in _present(row):
        for lane in lanes:
            together.setdefault(lane, set()).update(lanes - {lane})
    found: dict[float, float] = {}
    for lane in sorted(lane for lane, others in together.items() if others):
        needs = [found[other] + below[other] + above[lane] + 10 for other in together[lane] if other < lane]
        found[lane] = max((*needs, *found.values()), default=0.0)
    alone = {lane: _between(lane, found) for lane, others in together.items() if not others}
    axis = (found | alone).get(0.0, 0.0)
    return {lane: height - axis for lane, height in (found | alone).items()}


def _between(lane: float, heights: Mapping[float, float]) -> float:
    before = max((other for other in heights if other < lane), default=None)
    after = min((other for other in heights if other > lane), default=None)
    if before is None or after is None:
        return heights[after] if after is not None else heights[before] if before is not None else 0.0
    share = (lane - before) / (after - before)
    return heights[before] + share * (heights[after] - heights[before])


def _present(row: Row) -> list[set[float]]:
    """The lanes in use in each column, those of long ways included."""
    lanes = [{cell.lane for cell in column} for column in row.columns]
    first = row.columns[0][0].column
    for cell in row.cells:
        for source in cell.sources:
            outer = max((source.lane, cell.lane), key=abs)
            for column in range(max(source.column, first) + 1, cell.column):
                lanes[column - first].add(outer)
    return lanes


def _deep(cell: Cell) -> float:
    return LINE * len(cell.label) + 2


def _bracket(cell: Cell) -> float:
    return 16.0 if cell.volume.groups else 0.0


def _arcs(row: Row) -> list[tuple[Cell, Cell, int]]:
    """What skips other volumes in its lane, and how many arcs are below each, itself included."""
    inside = {id(cell) for cell in row.cells}
    spans = [
        (source, cell)
        for cell in row.cells
        for source in cell.sources
        if id(source) in inside and source.lane == cell.lane and _skips(row, source, cell)
    ]
    spans.sort(key=lambda span: (span[1].column - span[0].column, span[0].column))
    levels: list[tuple[Cell, Cell, int]] = []
    for start, end in spans:
        under = [
            level
            for one, two, level in levels
            if one.lane == start.lane and one.column < end.column and start.column < two.column
        ]
        levels.append((start, end, 1 + max(under, default=0)))
    return levels


def _skips(row: Row, source: Cell, cell: Cell) -> bool:
    first = row.columns[0][0].column
    between = row.columns[source.column + 1 - first : cell.column - first]
    return any(other.lane == cell.lane for column in between for other in column)
