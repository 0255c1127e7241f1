"""The network graph: what expansion makes of a program, and every later phase reads."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

from netdsl.graph.outline import Outline, Placed, Repeat
from netdsl.layers.base import Layer
from netdsl.layers.shape import Shape
from netdsl.text import tree
from netdsl.text.shown import Line
from netdsl.text.source import Source, Span

Flow: TypeAlias = int | tuple[int, ...]
"""What flows along a chain: the index of a node, NOTHING, BROKEN, or what the branches of a fork gave."""

NOTHING = -1
"""The start of a chain."""
BROKEN = -2
"""The output of something with an error, which was reported, or of a block that is read without being called."""


@dataclass(frozen=True, slots=True, repr=False)
class Site(Line):
    """Where a node was written: the layer, each argument by the field that holds it, and the branches it merges."""

    span: Span
    arguments: Mapping[str, Span]
    branches: tuple[Span, ...] = ()

    @property
    def about(self) -> str:
        """Its line."""
        return str(self.span)


@dataclass(frozen=True, slots=True, repr=False)
class Calls(Line):
    """The place of a call, and the calls around it: a chain from the innermost outward."""

    span: Span
    outer: Calls | None

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.span}, {sum(1 for _ in self) - 1} around it"

    def __iter__(self) -> Iterator[Span]:
        at: Calls | None = self
        while at:
            yield at.span
            at = at.outer


@dataclass(frozen=True, slots=True, repr=False)
class Node(Line):
    """One layer of the network. `inputs` are indices of earlier nodes, in the order that the layer takes them."""

    path: str
    layer: Layer
    inputs: tuple[int, ...]
    site: Site
    calls: Calls | None = None
    device: int = 0
    owner: str = ""
    """The path of the node whose weights it uses: its own, unless an element is applied again."""
    training: bool = False
    """Whether training outputs alone need it."""

    @property
    def about(self) -> str:
        """Its line."""
        return f"{self.path}: {self.layer.written}, of {list(self.inputs)}"

    @property
    def name(self) -> str:
        """The last component of its path."""
        return self.path.rpartition(".")[2]

    @property
    def shared(self) -> bool:
        """Whether its weights belong to another node."""
        return self.owner != self.path


def around(path: str) -> Iterator[str]:
    """The scopes around what has a path, from outside in: `a` and `a.b` around `a.b.conv1`."""
    at = path.find(".")
    while at >= 0:
        yield path[:at]
        at = path.find(".", at + 1)


@dataclass(frozen=True, repr=False)
class Graph(Line):
    """A network: nodes in topological order, and what it returns.

    `outputs` and `training_outputs` are indices of nodes, in order; the same for `inputs`.
    """

    title: str
    source: Source
    meta: Mapping[str, str | int | float]
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    training_outputs: tuple[int, ...]
    outline: Outline = field(default=Outline(), compare=False)
    """What its file makes, or what the paths of its nodes say. A graph whose nodes were placed on devices has none."""
    expectations: tuple[tree.Expect, ...] = ()
    output_names: Mapping[int, str] = field(default_factory=dict[int, str])
    """What `output` statements call a node, where that is not its path: the label of a call, group or SKIP."""
    overridden: bool = False
    """Whether a param or an input differs from what the file says, so that its expectations do not apply."""
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    further: Mapping[str, int] = field(default_factory=dict[str, int])
    """Names of nodes beyond those in the outline, where a graph that others built gave some."""

    @property
    def about(self) -> str:
        """Its line."""
        return f'"{self.title}": {len(self.nodes):,} layers'

    def output_name(self, index: int) -> str:
        """What an output is called: as an `output` statement names it, else by its path."""
        return self.output_names.get(index, self.nodes[index].path)

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """The INPUT nodes, in file order."""
        return tuple(index for index, node in enumerate(self.nodes) if node.layer.keyword == "INPUT")

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The node of each path."""
        return {node.path: index for index, node in enumerate(self.nodes)}

    def find(self, path: str) -> int | None:
        """The node that a path stands for: its own, or what a call, a group, a repeat or a label gives."""
        found = None if path in self.further else self.outline.at(path)
        output = -1 if found is None else found.output(self.outline.ends)
        return output if output >= 0 else self.further.get(path, self.index.get(path))

    @cached_property
    def aliases(self) -> Mapping[str, int]:
        """Every name that stands for a node without being its path: calls, groups, repeats, labels of SKIP."""
        ends = ((one.path, one.output(self.outline.ends)) for one in self.outline.walk() if one.part.ends)
        return {path: end for path, end in ends if end >= 0} | dict(self.further)

    @cached_property
    def names(self) -> Sequence[str]:
        """All paths that stand for nodes."""
        return list(dict.fromkeys([*self.index, *self.aliases]))

    def runs(self, scope: Placed) -> Sequence[range]:
        """The numbers of a repeat's copies, in runs of those that are alike: on the same devices, of the same layers.

        Dropouts are alike at any rate, which changes no figure.
        """
        return self._kinds(scope)[0]

    def run(self, scope: Placed, copy: Placed) -> range:
        """The copies of a repeat that are alike one of it."""
        runs = self.runs(scope)
        return runs[bisect_right(runs, copy.number, key=lambda run: run.start) - 1]

    def alike(self, around: Sequence[Placed]) -> bool:
        """Whether a part stands in a copy that is alike one before it, given what it stands in."""
        for at, copy in enumerate(around):
            if copy.number > 1:
                part = around[at - 1].part
                whole = isinstance(part, Repeat) and len(part.bodies) == 1
                if whole or copy.number > self.run(around[at - 1], copy).start:
                    return True
        return False

    def varied(self, index: int, around: Sequence[Placed]) -> str:
        """A layer as the program writes it, given what it stands in, if copies that are alike differ in it; or ""."""
        for scope, copy in pairwise(around):
            if copy.number and index in self._kinds(scope)[1]:
                return " ".join(self.nodes[index].site.span.text.split())
        return ""

    def _kinds(self, scope: Placed) -> tuple[Sequence[range], Set[int]]:
        """Runs of copies, and the layers of their first copies that are others in a copy that is alike."""
        if scope.repeat is None or len(scope.repeat.bodies) < 2:
            return [range(1, (scope.copies or 0) + 1)], frozenset()
        found = self._known.get(scope.path)
        if found is None:
            first, *others = scope.inside()
            starts, differ = [1], set[int]()
            for copy in others:
                if (some := self._differing(first, copy)) is None:
                    first = copy
                    starts.append(copy.number)
                else:
                    differ.update(some)
            found = self._known[scope.path] = [range(*run) for run in pairwise([*starts, len(others) + 2])], differ
        return found

    @cached_property
    def _known(self) -> dict[str, tuple[Sequence[range], Set[int]]]:
        return {}

    def _differing(self, one: Placed, other: Placed) -> list[int] | None:
        """The dropouts of a copy that have other rates in another; None where these are not alike."""
        if one.part.size != other.part.size:
            return None
        found: list[int] = []
        for index, further in zip(one.nodes, other.nodes, strict=True):
            first, second = self.nodes[index], self.nodes[further]
            if first.device != second.device:
                return None
            if first.layer is not second.layer and first.layer != second.layer:
                if first.layer.role != "dropout" or type(first.layer) is not type(second.layer):
                    return None
                found.append(index)
        return found

    @cached_property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """For each node those that read it, in order, each once."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for index, node in enumerate(self.nodes):
            for source in dict.fromkeys(node.inputs):
                found[source].append(index)
        return tuple([tuple(readers) for readers in found])


@dataclass(frozen=True, repr=False)
class ShapedGraph(Line):
    """A graph with the shape of every node's output."""

    graph: Graph
    shapes: tuple[Shape, ...]

    @property
    def about(self) -> str:
        """Its line."""
        graph = self.graph
        dims = (", ".join(str(self.shapes[one]) for one in some[:4]) for some in (graph.inputs, graph.outputs))
        return f"{graph.about}, {' -> '.join(dims)}"

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The graph's nodes."""
        return self.graph.nodes

    def input_shapes(self, index: int) -> tuple[Shape, ...]:
        """The shapes that a node takes."""
        shapes = self.shapes
        return tuple([shapes[source] for source in self.graph.nodes[index].inputs])
