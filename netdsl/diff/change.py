"""What changed between two networks, as data: layer by layer, in total, and beside the layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Literal, TypeAlias

from netdsl.graph.node import Graph, ShapedGraph, around
from netdsl.layers.shape import Shape
from netdsl.measure.costs import Totals
from netdsl.text.fit import clipped
from netdsl.text.shown import Line

ChangeKind: TypeAlias = Literal["added", "removed", "changed", "follows", "same"]
"""`changed` is what was written differently; what `follows` is the same layer with other shapes or costs."""


@dataclass(frozen=True, slots=True, repr=False)
class Side(Line):
    """A layer in one of the networks. Its costs are those of inference: none, where training alone needs it."""

    index: int
    path: str
    keyword: str
    arguments: str
    shape: Shape
    params: int
    macs: int

    @property
    def about(self) -> str:
        """Its line."""
        return f"{clipped(self.path, 60)}: {self.layer}"

    @property
    def layer(self) -> str:
        """The layer as the language writes it."""
        return f"{self.keyword} {self.arguments}".rstrip()


@dataclass(frozen=True, slots=True, repr=False)
class Change(Line):
    """A layer before and after; one that was added has no before, one that was removed no after."""

    kind: ChangeKind
    before: Side | None
    after: Side | None
    notes: tuple[str, ...] = ()
    """What else is different: what it reads, its device, whose weights it uses."""

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.kind}: {self.side.about}"

    @property
    def each(self) -> tuple[Side | None, Side | None]:
        """The layer before and after the change, None where it is not."""
        return self.before, self.after

    @property
    def sides(self) -> Sequence[Side]:
        """The layer before and after the change, or where it is in one of them alone."""
        return [side for side in (self.before, self.after) if side]

    @property
    def side(self) -> Side:
        """The layer after the change, or before it where there is none."""
        return self.sides[-1]

    @property
    def params(self) -> int:
        """How many parameters came."""
        return (self.after.params if self.after else 0) - (self.before.params if self.before else 0)

    @property
    def macs(self) -> int:
        """How many multiply-adds came."""
        return (self.after.macs if self.after else 0) - (self.before.macs if self.before else 0)

    @property
    def renamed(self) -> bool:
        """Whether the layer has another path."""
        return self.sides[0].path != self.sides[-1].path


@dataclass(frozen=True, slots=True, repr=False)
class Fact(Line):
    """Something beside the layers that differs, as words: the title, a param, the outputs; "" where there is none."""

    name: str
    before: str
    after: str

    @property
    def about(self) -> str:
        """Its line."""
        return f"{clipped(self.name, 30)}: {clipped(self.before, 40)} → {self.after}"


@dataclass(frozen=True, slots=True, repr=False)
class Tensors(Line):
    """What becomes of the weights of a checkpoint, by the names and sizes of its tensors."""

    kept: int
    """Those of one layer in both networks, under one name and of one size."""
    renamed: Mapping[str, str]
    """Those of one size, and their names before and after."""
    resized: int
    added: int
    removed: int
    taken: tuple[str, ...]
    """Names that another layer's tensor of the same size has now, so that loading by name would mix them up."""

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.kept:,} kept, {len(self.renamed):,} renamed, {self.added:,} added, {self.removed:,} removed"


def guest(first: Graph, second: Graph) -> int | None:
    """Which of two networks came through a pipe, as an import does: 0 or 1; None where neither or both did.

    Nobody can look up what such a one calls its layers, so that those of both are called as the other has them.
    """
    passing = [graph.source.passing for graph in (first, second)]
    return None if passing[0] == passing[1] else passing.index(True)


@dataclass(frozen=True, repr=False)
class Compared:
    """Two networks, and what changed from the first to the second."""

    first: ShapedGraph
    second: ShapedGraph
    layers: tuple[Change, ...]
    """Every layer of either network, what was removed beside what it stood behind."""
    facts: tuple[Fact, ...]
    before: Totals
    after: Totals
    tensors: Tensors

    @property
    def graphs(self) -> tuple[Graph, Graph]:
        """The two networks."""
        return self.first.graph, self.second.graph

    @property
    def guest(self) -> int | None:
        """Which of the two is a guest: 0 or 1."""
        return guest(*self.graphs)

    @property
    def host(self) -> int:
        """By whose names layers are told: 1, the second's, unless that is a guest."""
        return 0 if self.guest == 1 else 1

    def told(self, change: Change) -> Side:
        """The side of a layer by whose name it is told, where it is in both networks."""
        return change.sides[0 if self.host == 0 else -1]

    @cached_property
    def partners(self) -> dict[int, Side]:
        """For layers of the network whose names are not told, those that they are in the other."""
        both = (one.sides for one in self.layers if one.before and one.after)
        return {sides[1 - self.host].index: sides[self.host] for sides in both}

    @cached_property
    def scopes(self) -> dict[str, tuple[str, ...]]:
        """For its scopes, what all of its layers in the other stand in."""
        found: dict[str, tuple[str, ...]] = {}
        nodes = self.graphs[1 - self.host].nodes
        for index, side in self.partners.items():
            there = tuple(side.path.split(".")[:-1])
            for scope in around(nodes[index].path):
                known = found.setdefault(scope, there)
                alike = takewhile(lambda pair: pair[0] == pair[1], zip(known, there, strict=False))
                found[scope] = tuple([own for own, _ in alike])
        return found

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """The layers that are not the same in both."""
        return tuple(one for one in self.layers if one.kind != "same")

    @cached_property
    def renames(self) -> dict[str, str]:
        """The layers that have other paths, which are keys of the state dict: before and after."""
        return {before.path: after.path for before, after in (one.sides for one in self.layers if one.renamed)}

    def count(self, *kinds: ChangeKind) -> int:
        """How many layers changed in some way."""
        return sum(one.kind in kinds for one in self.layers)

    def __bool__(self) -> bool:
        """Whether anything differs; what a guest calls its layers is no difference."""
        return bool(self.changes or (self.renames and self.guest is None) or self.facts)
