"""What tells layers from one another: what they do, are called and weigh; and what pairing them costs."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from netdsl.diff.align import GAP
from netdsl.graph.node import Node, Scope, ShapedGraph
from netdsl.layers.arguments import arguments_of
from netdsl.layers.base import Layer, Weight
from netdsl.layers.shape import Shape

Act: TypeAlias = tuple[object, ...]
"""What a layer does: its keyword and arguments, however they are written."""

CHANGED = GAP * 11 // 10
"""What it costs, at least, that a layer is another: more than adding one, less than removing and adding."""
REARGUED = GAP // 2
"""How much dearer it is where all of its arguments differ."""
REPLACED = GAP * 6 // 10
"""How much dearer it is where it is another layer of the same role."""
RELABELLED = GAP // 5
"""What another label costs."""
LABELLED = GAP // 20
"""What it costs that only one of the two has a label."""

# Which of several pairings, when all these are equal:
_WEIGHTS, _PATH, _COPY, _SHAPE = 8, 4, 2, 1

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"_?\d+_*")
"""What stands behind the kind in an automatic name: `2`, `_2` behind a digit, `2_` where a label is called so."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a layer is known by."""

    act: Act
    layer: Layer
    path: str
    labels: tuple[str, ...]
    """The names around it and its own that the program gives, without those that are counted."""
    copies: tuple[str, ...]
    """Which copy it is of each repeat around it."""
    weights: tuple[Weight, ...]
    shape: Shape


def traits(shaped: ShapedGraph) -> list[Traits]:
    """The traits of every node."""
    scopes = shaped.graph.scopes
    labels: dict[str, tuple[str, ...]] = {"": ()}
    acts: dict[int, Act] = {}
    found: list[Traits] = []
    for index, (node, shape) in enumerate(zip(shaped.nodes, shaped.shapes, strict=True)):
        if id(node.layer) not in acts:
            acts[id(node.layer)] = act(node.layer)
        weights = node.layer.weights(*shaped.input_shapes(index))
        named = _labels(node, scopes, labels)
        copies = tuple([part for part in node.path.split(".") if part.isdigit()])
        found.append(Traits(acts[id(node.layer)], node.layer, node.path, named, copies, weights, shape))
    return found


def act(layer: Layer) -> Act:
    """What a layer does. Names of nodes count only as being there: what they name is among its inputs."""
    plain = layer.canonical
    values: list[object] = [plain.keyword]
    for argument in arguments_of(type(plain)):
        value = getattr(plain, argument.attribute)
        if argument.kind.node:
            value = value is not None
        values.append(value if isinstance(value, Hashable) else repr(value))
    return tuple(values)


def _labels(node: Node, scopes: Mapping[str, Scope], known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The labels in a node's path, outermost first. `known` has those of scopes that were asked for before."""
    parent, _, own = node.path.rpartition(".")
    within = _within(parent, scopes, known)
    return within if own.isdigit() or _counted(own, node.layer.keyword) else (*within, own)


def _within(path: str, scopes: Mapping[str, Scope], known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    if path not in known:
        parent, _, own = path.rpartition(".")
        within = _within(parent, scopes, known)
        word = _WORD.match(scopes[path].title) if path in scopes else None
        counted = path not in scopes or _counted(own, "group") or (word is not None and _counted(own, word[0]))
        known[path] = within if counted else (*within, own)
    return known[path]


def _counted(name: str, kind: str) -> bool:
    """Whether a name is the kind's, in lower case, and a number: one that the program does not give."""
    kind = kind.lower()
    return name.startswith(kind) and _NUMBER.fullmatch(name, len(kind)) is not None


def pricing(first: list[Traits], second: list[Traits]) -> Callable[[int, int], int | None]:
    """What it costs to pair nodes of two networks, by their indices: 0 if nothing differs, None if nothing fits."""
    numbers: dict[object, int] = {}

    def number(value: object) -> int:
        return numbers.setdefault(value, len(numbers))

    def numbered(all: list[Traits]) -> list[tuple[int, int, int, int, int, int]]:
        return [
            (
                number(("act", one.act)),
                number(("labels", one.labels)),
                number(("path", one.path)),
                number(("copies", one.copies)),
                number(("weights", one.weights)),
                number(one.shape),
            )
            for one in all
        ]

    ours, theirs = numbered(first), numbered(second)
    acts: dict[tuple[int, int], int | None] = {}

    def price(a: int, b: int) -> int | None:
        act, labels, path, copies, weights, shape = one = ours[a]
        other = theirs[b]
        if one == other:
            return 0
        total = 0
        if path != other[2]:
            total = _PATH
            if labels != other[1]:
                total += RELABELLED if first[a].labels and second[b].labels else LABELLED
            if copies != other[3]:
                total += _COPY
        if act != other[0]:
            pair = act, other[0]
            if pair not in acts:
                acts[pair] = _difference(first[a].layer, second[b].layer, first[a].act, second[b].act)
            dearer = acts[pair]
            if dearer is None:
                if labels != other[1] or not first[a].labels or first[a].path.rpartition(".")[2] != first[a].labels[-1]:
                    return None
                dearer = 2 * GAP - 1 - total
            total += dearer
        if weights != other[4]:
            total += _WEIGHTS
        if shape != other[5]:
            total += _SHAPE
        return total

    return price


def _difference(one: Layer, other: Layer, act: Act, other_act: Act) -> int | None:
    """What it costs that a layer is another; None for layers of different roles, which are no change of one another."""
    if one.keyword == other.keyword:
        differing = sum(a != b for a, b in zip(act, other_act, strict=True))
        return CHANGED + REARGUED * differing // len(act)
    kin = one.role == other.role or (one.counts_depth and other.counts_depth)
    return CHANGED + REPLACED if kin else None
