"""The outline of nodes that no program made: their paths say the groups that they are in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from netdsl.graph.node import Node
from netdsl.graph.outline import Chain, Group, Layer, Outline, Part
from netdsl.text import tree
from netdsl.text.source import Span


@dataclass
class _Open:
    """A group while nodes come into it, and the number of its name."""

    name: str
    element: tree.Element
    end: int
    parts: list[Part] = field(default_factory=list[Part])


def nested(nodes: Sequence[Node]) -> Outline:
    """A group for each stretch of nodes whose paths share a scope: `b1` of `b1.conv1` and `b1.relu1`."""
    ends: list[int] = []
    opened: list[_Open] = []
    parts: list[Part] = []

    def close(depth: int, last: int) -> None:
        while len(opened) > depth:
            one = opened.pop()
            ends[one.end] = last
            around = opened[-1].parts if opened else parts
            around.append(Group.of(one.element, one.name, Chain.of(one.parts)))

    for index, node in enumerate(nodes):
        *scopes, name = node.path.split(".")
        depth = 0
        while depth < min(len(scopes), len(opened)) and scopes[depth] == opened[depth].name:
            depth += 1
        close(depth, index - 1)
        span = node.site.span
        for scope in scopes[depth:]:
            group = tree.Group(tree.Chain(()), span)
            opened.append(_Open(scope, tree.Element(_label(scope, "group", span), group, span=span), len(ends)))
            ends.append(-1)
        keyword = node.layer.keyword
        layer = tree.Layer(keyword, (), span, span)
        element = tree.Element(_label(name, keyword.lower(), span), layer, span=span)
        (opened[-1].parts if opened else parts).append(Layer(element, name))
    close(0, len(nodes) - 1)
    return Outline((Chain.of(parts),), ends)


def _label(name: str, kind: str, span: Span) -> tree.Name | None:
    """The label of a part; none where the language would call it so."""
    return None if re.fullmatch(rf"{kind}_?[0-9]+_*", name) else tree.Name(name, span)
