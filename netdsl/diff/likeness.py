"""What tells layers from one another: what they do, are called and weigh; and what pairing them costs."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypeVar

from netdsl.diff.align import GAP
from netdsl.diff.change import guest
from netdsl.graph import outline
from netdsl.graph.node import Graph, Node, ShapedGraph
from netdsl.graph.outline import Placed
from netdsl.layers.arguments import arguments_of
from netdsl.layers.base import Layer, Weight

T = TypeVar("T")

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


@dataclass(frozen=True, eq=False)
class Traits:
    """What the layers of a network are known by, in the order of its nodes."""

    shaped: ShapedGraph

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes."""
        return self.shaped.nodes

    @property
    def graph(self) -> Graph:
        """The graph that they are of."""
        return self.shaped.graph

    @cached_property
    def acts(self) -> list[Act]:
        """What each does."""
        return self.each(act)

    @cached_property
    def words(self) -> list[tuple[str, str]]:
        """The keyword and the arguments of each, as the language writes them."""
        return self.each(lambda layer: (layer.keyword, layer.written.partition(" ")[2]))

    def each(self, of: Callable[[Layer], T]) -> list[T]:
        """What there is to say of each layer. Of copies, which have one layer, it is asked once."""
        layers = {id(node.layer): node.layer for node in self.nodes}
        known = {key: of(layer) for key, layer in layers.items()}
        return [known[id(node.layer)] for node in self.nodes]

    @cached_property
    def weights(self) -> list[tuple[Weight, ...]]:
        """What each has to learn, or uses of another."""
        known: dict[tuple[int, ...], tuple[Weight, ...]] = {}  # of copies, whose shapes are one object too
        found: list[tuple[Weight, ...]] = []
        for index, node in enumerate(self.nodes):
            inputs = self.shaped.input_shapes(index)
            key = (id(node.layer), *map(id, inputs))
            if key not in known:
                known[key] = node.layer.weights(*inputs)
            found.append(known[key])
        return found

    @cached_property
    def places(self) -> tuple[list[tuple[str, ...]], list[tuple[int, ...]]]:
        """The names around each and its own that the program gives, and which copy it is of each repeat around it."""
        known: dict[int, str] = {}
        labels: list[tuple[str, ...]] = []
        copies: list[tuple[int, ...]] = []
        for around in self.graph.outline.around():
            for one in around:
                if id(one.part) not in known:
                    known[id(one.part)] = _label(one)
            labels.append(tuple([name for one in around if not one.number and (name := known[id(one.part)])]))
            copies.append(tuple([one.number for one in around if one.number]))
        return labels, copies


def _label(part: Placed) -> str:
    """The name that the program gives a part; none where it is counted: the kind's, in lower case, and a number."""
    leaf = isinstance(part.own, outline.Layer)
    found = _WORD.match(part.own.element.primary.span.text if leaf else part.title)
    kinds = {found[0].lower() if found else "group", "" if leaf else "group"} - {""}
    counted = (part.name.removeprefix(kind) for kind in kinds if part.name.startswith(kind))
    return "" if any(map(_NUMBER.fullmatch, counted)) else part.name


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


def pricing(first: Traits, second: Traits) -> Callable[[int, int], int | None]:
    """What it costs to pair nodes of two networks, by their indices: 0 if nothing differs, None if nothing fits.

    Labels of what came through a pipe decide only where all else is equal, as paths do: they are nobody's choice.
    """
    acts: dict[tuple[int, int], int | None] = {}
    numbers: list[list[tuple[int, ...]]] = []
    strange = guest(first.graph, second.graph) is not None

    def price(a: int, b: int) -> int | None:
        if not numbers:
            numbers.extend(_numbered(first, second))
        act, labels, path, copies, weights, shape = one = numbers[0][a]
        other = numbers[1][b]
        if one == other:
            return 0
        total = 0
        if path != other[2]:
            total = _PATH
            if labels != other[1] and not strange:
                total += RELABELLED if first.places[0][a] and second.places[0][b] else LABELLED
            if copies != other[3]:
                total += _COPY
        if act != other[0]:
            pair = act, other[0]
            if pair not in acts:
                acts[pair] = _difference(first, a, second, b)
            dearer = acts[pair]
            if dearer is None:
                if labels != other[1] or first.places[0][a][-1:] != (first.nodes[a].name,):
                    return None
                dearer = 2 * GAP - 1 - total
            total += dearer
        if weights != other[4]:
            total += _WEIGHTS
        if shape != other[5]:
            total += _SHAPE
        return total

    return price


def _numbered(first: Traits, second: Traits) -> Iterator[list[tuple[int, ...]]]:
    """The traits of two networks as numbers, which are the same where these are."""
    known: list[dict[object, int]] = [{} for _ in range(6)]
    for one in (first, second):
        paths = [node.path for node in one.nodes]
        columns = one.acts, one.places[0], paths, one.places[1], one.weights, one.shaped.shapes
        numbers = [
            [found.setdefault(value, len(found)) for value in column]
            for column, found in zip(columns, known, strict=True)
        ]
        yield list(zip(*numbers, strict=True))


def _difference(first: Traits, a: int, second: Traits, b: int) -> int | None:
    """What it costs that a layer is another; None for layers of different roles, which are no change of one another."""
    one, other = first.nodes[a].layer, second.nodes[b].layer
    if one.keyword == other.keyword:
        act, other_act = first.acts[a], second.acts[b]
        differing = sum(x != y for x, y in zip(act, other_act, strict=True))
        return CHANGED + REARGUED * differing // len(act)
    kin = one.role == other.role or (one.counts_depth and other.counts_depth)
    return CHANGED + REPLACED if kin else None
