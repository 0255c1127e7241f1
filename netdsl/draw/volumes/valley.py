"""Networks that narrow and widen again, with ways from each size to its like: drawn as a U."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from netdsl.draw.volumes.cell import Cell


def descend(cells: Sequence[Cell]) -> bool:
    """Put what lies between the ends of ways over volumes a lane deeper for each, where these nest in one another.

    What enlarges a map already stands in the lane that it leads to. False where that is not so, and nothing is done.
    """
    if any(cell.lane for cell in cells):
        return False
    spans = sorted(
        {(source.column, cell.column) for cell in cells for source in cell.sources if cell.column - source.column > 1}
    )
    if len(spans) < 2 or any(one[0] == two[0] or one[1] <= two[1] for one, two in pairwise(spans)):
        return False
    line = sorted(cells, key=lambda cell: cell.column)
    for cell in line:
        cell.lane = sum(start < cell.column < end for start, end in spans)
    ends = {end for _, end in spans}
    for before, cell, after in zip(line, line[1:], line[2:], strict=False):
        larger = cell.volume.shape.positions > before.volume.shape.positions
        if after.lane < cell.lane and larger and cell.column not in ends:
            cell.lane = after.lane
    return True
