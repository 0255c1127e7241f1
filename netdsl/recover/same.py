"""Whether two networks are one: their nodes are numbered from the outputs back, each by the inputs in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from netdsl.graph.node import Node, ShapedGraph
from netdsl.layers.arguments import references
from netdsl.layers.base import Layer


@dataclass(frozen=True)
class Difference:
    """Where two networks part: a node of each, or "" for the whole, and what differs."""

    one: str
    other: str
    what: str


def same(one: ShapedGraph, other: ShapedGraph) -> Mapping[str, str] | None:
    """The path in another network for each path of one, where they are equal; None where they are not.

    Equal are layers, the order of inputs, which layers share weights, devices, and the outputs in their order.
    """
    found = compared(one, other)
    return None if isinstance(found, Difference) else found


def compared(one: ShapedGraph, other: ShapedGraph) -> Mapping[str, str] | Difference:
    """As `same`, with the first difference where there is one. It takes time in proportion to the number of edges."""
    ends = [(graph.graph.outputs, graph.graph.training_outputs) for graph in (one, other)]
    for what, firsts, seconds in zip(("outputs", "training outputs"), *ends, strict=True):
        if len(firsts) != len(seconds):
            return Difference("", "", f"{len(firsts)} {what} and {len(seconds)}")
    pairs = list(zip(sum(ends[0], ()), sum(ends[1], ()), strict=True))
    pending = list(reversed(pairs))
    there: dict[int, int] = {}
    back: dict[int, int] = {}
    while pending:
        first, second = pending.pop()
        if there.get(first, second) != second or back.get(second, first) != first:
            return _told(one, other, first, second, "one of them is read elsewhere in the other's place")
        if first in there:
            continue
        there[first], back[second] = second, first
        node, twin = one.nodes[first], other.nodes[second]
        if what := _unequal(node, twin):
            return _told(one, other, first, second, what)
        pending.extend(reversed(list(zip(node.inputs, twin.inputs, strict=True))))
    if (len(there), len(there)) != (len(one.nodes), len(other.nodes)):
        return Difference("", "", f"{len(one.nodes)} nodes and {len(other.nodes)}")
    if [there[index] for index in one.graph.inputs] != list(other.graph.inputs):
        return Difference("", "", "the order of inputs")
    owners: dict[str, str] = {}
    owned: dict[str, str] = {}
    for first, second in there.items():
        if not weighty(one, first):
            continue
        mine, its = one.nodes[first].owner, other.nodes[second].owner
        if owners.setdefault(mine, its) != its or owned.setdefault(its, mine) != mine:
            return _told(one, other, first, second, "whose weights it uses")
    return {one.nodes[first].path: other.nodes[second].path for first, second in there.items()}


def weighty(shaped: ShapedGraph, index: int) -> bool:
    """Whether a node has weights or statistics, so that it matters whose it uses."""
    layer, shapes = shaped.nodes[index].layer, shaped.input_shapes(index)
    return bool(layer.weights(*shapes) or layer.constants(*shapes))


def plain(layer: Layer) -> Layer:
    """A layer without the names that it knows others by, in one way of writing."""
    names, canonical = references(layer), layer.canonical
    return replace(canonical, **dict.fromkeys(names, "_")) if names else canonical


def _unequal(node: Node, twin: Node) -> str:
    if node.layer is not twin.layer and plain(node.layer) != plain(twin.layer):
        return f"{node.layer.written} and {twin.layer.written}"
    if len(node.inputs) != len(twin.inputs):
        return f"{len(node.inputs)} inputs and {len(twin.inputs)}"
    if node.device != twin.device:
        return f"device {node.device} and {twin.device}"
    return "" if node.training == twin.training else "one of them is in training alone"


def _told(one: ShapedGraph, other: ShapedGraph, first: int, second: int, what: str) -> Difference:
    return Difference(one.nodes[first].path, other.nodes[second].path, what)
