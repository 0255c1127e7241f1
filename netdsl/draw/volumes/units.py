"""From nodes to units: a layer that makes a volume, with what works on that volume in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netdsl.draw.places import named
from netdsl.graph.node import Node, ShapedGraph
from netdsl.graph.outline import Placed
from netdsl.layers.base import FOLLOWERS
from netdsl.layers.shape import Shape


@dataclass(frozen=True, slots=True)
class Unit:
    """A layer whose output is a volume. `inputs` are indices of earlier units."""

    head: int
    """The index of its node."""
    followers: tuple[int, ...]
    """The nodes that change the volume's values and not its size, or only rearrange or cut it."""
    inputs: tuple[int, ...]
    around: tuple[Placed, ...]
    """The parts of the program that its layer stands in."""

    @property
    def label(self) -> str:
        """The name that the program gives its layer."""
        return named(self.around)

    @property
    def nodes(self) -> tuple[int, ...]:
        """All of its nodes."""
        return self.head, *self.followers


def units(shaped: ShapedGraph) -> list[Unit]:
    """The units of a network, in topological order. A follower shares a volume where nothing else reads that."""
    nodes = shaped.nodes
    returned = {*shaped.graph.outputs, *shaped.graph.training_outputs}
    readers = shaped.graph.readers
    unit_of: list[int] = []
    whole: list[bool] = []  # whether what a node gives is all that its unit does
    found: list[tuple[int, list[int], tuple[int, ...]]] = []
    for index, node in enumerate(nodes):
        data = node.inputs[:1] if node.layer.role == "reshape" else node.inputs  # `like=` lends a size alone
        alone = len(data) == 1 and whole[data[0]] and len(readers[data[0]]) == 1 and data[0] not in returned
        alone = alone and (nodes[data[0]].device, nodes[data[0]].training) == (node.device, node.training)
        follows = node.layer.role in FOLLOWERS
        joins = data and _joins(node, shaped.input_shapes(index), shaped.shapes[index], returned=index in returned)
        if joins and (alone or not follows):
            unit = unit_of[data[0]]
            if follows:
                found[unit][1].append(index)
            unit_of.append(unit)
            whole.append(alone)
        else:
            unit_of.append(len(found))
            whole.append(True)
            found.append((index, [], tuple(dict.fromkeys(unit_of[source] for source in data))))
    around = list(shaped.graph.outline.around())
    return [Unit(head, tuple(followers), inputs, around[head]) for head, followers, inputs in found]


def _joins(node: Node, inputs: tuple[Shape, ...], shape: Shape, *, returned: bool) -> bool:
    """Whether a layer makes no volume of its own: it works in place, or reads, cuts and orders what is there.

    What enlarges a map, or makes a map of a vector, is a volume, and so is what is cut and then returned.
    """
    layer = node.layer
    if layer.role != "reshape":
        return layer.role in FOLLOWERS and len(node.inputs) == 1
    before = inputs[0]
    rearranged = shape.elements == before.elements and shape.spatial != before.spatial
    made = bool(layer.enlargement(*inputs)) or rearranged or (returned and shape.dims != before.dims)
    return not (shape.spatial and made)


def seams(shaped: ShapedGraph, units: Sequence[Unit]) -> frozenset[int]:
    """The units that join what several devices gave, for others to read: places where towers meet, and no volumes."""
    read = {source for unit in units for source in unit.inputs}
    returned = {*shaped.graph.outputs, *shaped.graph.training_outputs}
    return frozenset(
        index
        for index, unit in enumerate(units)
        if index in read and unit.head not in returned and not unit.followers and _joint(shaped, unit)
    )


def _joint(shaped: ShapedGraph, unit: Unit) -> bool:
    node = shaped.nodes[unit.head]
    devices = {shaped.nodes[source].device for source in node.inputs}
    channels = sum(x.channels for x in shaped.input_shapes(unit.head))
    return node.layer.merge and len(devices) > 1 and channels == shaped.shapes[unit.head].channels
