"""Where everything stands on the sheet: columns in rows, like words in lines, lanes below each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from netdsl.draw.volumes import lanes
from netdsl.draw.volumes.cell import Cell, Row

WIDEST = 1080.0
"""Points; what is wider goes into several rows."""
_GAP = 20.0
_APART = 8.0
_TURN = 14.0
"""Between volumes of which one stands deeper: room for a way up or down."""
_SPLIT = 80.0
"""By how much rows may be uneven rather than part a labelled block."""


def rows(cells: Sequence[Cell], *, banded: bool) -> list[Row]:
    """The rows of a sheet, each with its cells placed about y = 0."""
    columns: list[list[Cell]] = [[] for _ in range(1 + max(cell.column for cell in cells))]
    for cell in sorted(cells, key=lambda cell: cell.lane):
        columns[cell.column].append(cell)
    found = [Row(columns[start:end]) for start, end in _breaks(columns)]
    for number, row in enumerate(found):
        for cell in row.cells:
            cell.row = number
        _across(row)
        lanes.settle(row, banded=banded)
    return found


# From left to right


def _steps(columns: Sequence[Sequence[Cell]]) -> list[float]:
    """The middle of each column, from the first's on."""
    at = [0.0]
    for before, after in pairwise(columns):
        right, left = max(cell.solid.right for cell in before), max(cell.solid.left for cell in after)
        one, two = max(cell.spread for cell in before), max(cell.spread for cell in after)
        if len(before) == len(after) == 1 and before[0].lane < after[0].lane:  # past the label, and down
            at.append(at[-1] + max(right, one) + _TURN + left)
        elif len(before) == len(after) == 1 and before[0].lane > after[0].lane:
            at.append(at[-1] + right + _TURN + max(left, two))
        else:
            at.append(at[-1] + max(right + _GAP + left, one + _APART + two))
    return at


def _ends(column: Sequence[Cell]) -> tuple[float, float]:
    left = max(max(cell.solid.left, cell.spread) for cell in column)
    return left, max(max(cell.solid.right, cell.spread) for cell in column)


def _across(row: Row) -> None:
    at = _steps(row.columns)
    row.left, _ = _ends(row.columns[0])
    for x, column in zip(at, row.columns, strict=True):
        for cell in column:
            cell.x = x + row.left
    row.right = at[-1] + row.left + _ends(row.columns[-1])[1]


def _breaks(columns: Sequence[Sequence[Cell]]) -> list[tuple[int, int]]:
    """First and last of the columns of each row: as even as may be, broken only where one volume leads to one."""
    at = _steps(columns)
    ends = [_ends(column) for column in columns]
    total = at[-1] + ends[0][0] + ends[-1][1]
    if total <= WIDEST:
        return [(0, len(columns))]
    even = total / -(-total // WIDEST)
    open = _open(columns)
    cost: list[float] = [0.0] + [float("inf")] * len(columns)
    back = [0] * (len(columns) + 1)
    for end in range(1, len(columns) + 1):
        if end < len(columns) and not open[end]:
            continue
        for start in range(end - 1, -1, -1):
            wide = at[end - 1] - at[start] + ends[start][0] + ends[end - 1][1]
            if cost[start] < float("inf"):
                split = (
                    end < len(columns)
                    and columns[end - 1][0].volume.groups[:1] == columns[end][0].volume.groups[:1] != ()
                )
                found = cost[start] + (wide - even) ** 2 * (4 if wide > WIDEST else 1) + (_SPLIT**2 if split else 0)
                if found < cost[end]:
                    cost[end], back[end] = found, start
                if wide > 2 * WIDEST:
                    break
    spans: list[tuple[int, int]] = []
    end = len(columns)
    while end:
        spans.append((back[end], end))
        end = back[end]
    widest = max(at[end - 1] - at[start] for start, end in spans)
    return spans[::-1] if total > 1.3 * widest else [(0, len(columns))]


def _open(columns: Sequence[Sequence[Cell]]) -> list[bool]:
    """Whether a row may end before each column."""
    crossing = [0] * (len(columns) + 1)
    for column in columns:
        for cell in column:
            for source in cell.sources:
                for boundary in range(source.column + 1, cell.column + 1):
                    crossing[boundary] += 1
    return [
        at > 0 and crossing[at] <= 1 and len(columns[at - 1]) == len(columns[at]) == 1 for at in range(len(columns))
    ]
