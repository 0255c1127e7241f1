"""Where the chains of a file break: a line is what works on maps of one size, or one larger part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from netdsl.graph.node import ShapedGraph
from netdsl.layers.base import FOLLOWERS, Layer
from netdsl.layers.shape import Shape
from netdsl.recover.blocks import PRODUCTS
from netdsl.text.tokens import NAMES

_WIDTH = 96
_LONG = 60
"""From what length on a fork or a group is a line of its own, which the formatter may break."""

_MANY = 3
"""Of more products than so many a block is a line of its own behind one like it, unless it adds to what flows in."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element as it is written, and its nodes, of a repeat those of the first copy."""

    text: str
    nodes: Sequence[int]


def lines(shaped: ShapedGraph, elements: Sequence[Element]) -> list[str]:
    """A chain over lines."""
    found = [elements[0].text]
    large = pooled = False  # whether the line has an element of several layers, and whether its map was pooled
    for before, element in pairwise(elements):
        role = _last(shaped, before).role if before.nodes else ""
        pools = role == "pooling" and not before.text.endswith(" global") and _halves(shaped, before)
        pooled = pools or (pooled and role in FOLLOWERS)
        follows = element.nodes and len(element.nodes) == 1 and _last(shaped, element).role in FOLLOWERS
        large = large or len(before.nodes) > 1
        begins = (
            _long(before)
            or _begins(shaped, before, element)
            or (pooled and not follows)
            or (large and element.text.endswith(" global"))
            or (role == "input" and len(element.nodes) > 1)
        )
        if (begins and not NAMES.fullmatch(found[-1])) or len(found[-1]) + len(element.text) > _WIDTH:
            found.append(f"-> {element.text}")
            large = pooled = False
        else:
            found[-1] += f" -> {element.text}"
    return found


def _begins(shaped: ShapedGraph, before: Element, element: Element) -> bool:
    """Whether an element begins a line: what has a name, what is long, and what has several layers and changes maps."""
    if ":" in element.text.split("(")[0].split("[")[0] or _long(element):
        return True
    if len(element.nodes) < 2 or not before.nodes:
        return False
    changes = _shape(shaped, before) != _shape(shaped, element)
    words = [shaped.nodes[node].layer.keyword for node in element.nodes]
    products = sum(word in PRODUCTS for word in words)
    again = products > _MANY and _name(before) == _name(element) and "ADD" not in words
    pools = _last(shaped, element).role == "pooling"
    return (products > 1 and changes) or again or (_halves(shaped, element, before) and not pools)


def _long(element: Element) -> bool:
    """Whether it is a fork or a group that the formatter may break."""
    return element.text.startswith(("[", "(")) and len(element.text) > _LONG


def _name(element: Element) -> str:
    """The block that it calls, if it does."""
    return element.text.partition("(")[0].rpartition(" ")[2]


def _last(shaped: ShapedGraph, element: Element) -> Layer:
    return shaped.nodes[element.nodes[-1]].layer


def _shape(shaped: ShapedGraph, element: Element) -> Shape:
    return shaped.shapes[element.nodes[-1]]


def _halves(shaped: ShapedGraph, element: Element, before: Element | None = None) -> bool:
    """Whether a map is about half as large behind an element, or less, or else larger."""
    first = shaped.nodes[element.nodes[0]].inputs
    enters = _shape(shaped, before) if before else shaped.shapes[first[0]] if first else _shape(shaped, element)
    one, other = max(enters.spatial, default=1), max(_shape(shaped, element).spatial, default=1)
    return 3 * other <= 2 * one or 3 * one <= 2 * other
