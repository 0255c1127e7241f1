"""The style `volumes`: feature maps as solids to scale, with the kernels that read them."""

from __future__ import annotations

from collections.abc import Container, Sequence

from netdsl.draw.palette import Theme
from netdsl.draw.volumes import paint
from netdsl.draw.volumes.arrange import arrange
from netdsl.draw.volumes.cell import Cell, cells
from netdsl.draw.volumes.scale import Scale, scale
from netdsl.draw.volumes.scopes import FEW, MOST, Item, items
from netdsl.draw.volumes.sheet import rows
from netdsl.draw.volumes.solid import solid
from netdsl.draw.volumes.units import Unit, seams, units
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
    places = arrange([volume.inputs for volume in drawn], _end(shaped, found, shown))
    hidden = {at for at, item in enumerate(shown) if item.units[0] in joints and not item.block}
    solids = [solid(volume, measure) for volume in drawn]
    return cells(drawn, solids, places, hidden, named=not measure.stacked), measure


def _end(shaped: ShapedGraph, units: Sequence[Unit], items: Sequence[Item]) -> int:
    """The item that gives the output farthest from the inputs."""
    item_of = {units[unit].head: at for at, item in enumerate(items) for unit in item.units}
    depth: list[int] = []
    for item in items:
        depth.append(1 + max((depth[source] for source in item.inputs), default=0))
    ends = [item_of[_head(shaped, output, item_of)] for output in shaped.graph.outputs]
    return max(ends, key=lambda end: depth[end])


def _head(shaped: ShapedGraph, index: int, heads: Container[int]) -> int:
    """The node that made the volume which a node gives: itself, or what it follows."""
    while index not in heads:
        index = shaped.nodes[index].inputs[0]
    return index
