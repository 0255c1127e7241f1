"""The style `volumes`: feature maps as solids to scale, with the kernels that read them."""

from __future__ import annotations

from netdsl.draw.palette import Theme
from netdsl.draw.volumes import paint
from netdsl.draw.volumes.arrange import arrange
from netdsl.draw.volumes.cell import Cell, cells
from netdsl.draw.volumes.items import FEW, MOST, end, items
from netdsl.draw.volumes.scale import Scale, scale
from netdsl.draw.volumes.sheet import rows
from netdsl.draw.volumes.solid import solid
from netdsl.draw.volumes.units import seams, units
from netdsl.draw.volumes.valley import descend
from netdsl.draw.volumes.volume import volumes
from netdsl.graph.node import ShapedGraph


def svg(shaped: ShapedGraph, theme: Theme) -> bytes:
    """The picture of a network, as an SVG."""
    placed, measure = _placed(shaped, MOST)
    if descend(placed) and max(cell.column for cell in placed) >= FEW:
        placed, measure = _placed(shaped, FEW)  # since a U goes into one row
        descend(placed)
    banded = len({cell.volume.device for cell in placed}) > 1
    return paint.sheet(shaped, placed, rows(placed, banded=banded), measure, theme, banded=banded)


def _placed(shaped: ShapedGraph, most: int) -> tuple[list[Cell], Scale]:
    """The volumes of a network in their columns and lanes, about as many columns as given, and their scale."""
    found = units(shaped)
    joints = seams(shaped, found)
    shown = items(shaped, found, joints, most)
    drawn = volumes(shaped, found, shown)
    measure = scale(drawn)
    places = arrange([volume.inputs for volume in drawn], end(shaped, found, shown))
    hidden = {at for at, item in enumerate(shown) if item.units[0] in joints and not item.block}
    solids = [solid(volume, measure) for volume in drawn]
    return cells(drawn, solids, places, hidden, named=not measure.stacked), measure
