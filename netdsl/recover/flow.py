"""From nodes to chains: what follows one after the other, what forks and meets again, and what needs a name.

A merge is a fork of what its inputs have in common, their immediate dominator. Where forks would nest too deep, as in a
U-Net, the longest branch goes on as the chain, and the others start from names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import cast

from netdsl.graph.node import ShapedGraph
from netdsl.layers.arguments import references

DEEP = 2
"""How many forks nest, before the longest branch becomes the chain."""
ROOT = -1
"""What is before the first of a chain that nothing flows into."""
FLOW = -2
"""The start of a chain that takes what flows in."""


@dataclass
class Step:
    """A node in a chain, with the branches that it merges.

    Or the last node of a group of steps that is applied again, or of those that apply the one that ends in another.
    """

    index: int
    branches: list[Strand] | None = None
    group: list[Step] = field(default_factory=list["Step"])
    applied: int = -1


@dataclass
class Strand:
    """A chain: where it starts, FLOW, ROOT or a node by its name, and its steps."""

    start: int
    steps: list[Step] = field(default_factory=list[Step])


class Flow:
    """The chains of a network, in the order of its file."""

    def __init__(self, shaped: ShapedGraph) -> None:
        self.shaped = shaped
        self.reads = [node.inputs[: len(node.inputs) - len(references(node.layer))] for node in shaped.nodes]
        self.dominators = self._dominators()
        self.before = self._before()
        self.emitted: dict[int, int] = {}

    def statements(self) -> list[Strand]:
        """The chains. What is named before it is there begins a chain of its own before that."""
        graph = self.shaped.graph
        first = graph.inputs if len(graph.inputs) > 1 else ()
        hoisted: set[int] = set()
        while True:
            self.emitted = {}
            found: list[Strand] = []
            for end in (*first, *sorted(hoisted), *graph.outputs, *graph.training_outputs):
                self._add(found, end)
            late = self._late() - hoisted
            if not late:
                return found
            hoisted |= late

    def _add(self, found: list[Strand], end: int) -> None:
        if end in self.emitted:
            return
        last = found[-1].steps[-1].index if found else ROOT
        strand = self.strand(end, last)
        if strand.start == FLOW:
            found[-1].steps += strand.steps
        else:
            found.append(strand)

    @property
    def referred(self) -> set[int]:
        """What layers name that read it (`like=`)."""
        return {
            source for index, node in enumerate(self.shaped.nodes) for source in node.inputs[len(self.reads[index]) :]
        }

    def _late(self) -> set[int]:
        """What is named by a layer that stands before it, or by nothing but such layers, and so stands nowhere yet."""
        emitted = self.emitted
        return {
            source
            for index, node in enumerate(self.shaped.nodes)
            for source in node.inputs[len(self.reads[index]) :]
            if index in emitted and emitted.get(source, len(emitted)) > emitted[index]
        }

    def strand(self, end: int, inflow: int) -> Strand:
        """The chain that gives a node, of what flows in or from a name."""
        spine: list[int] = []
        at = end
        while at != ROOT and at not in self.emitted:
            spine.append(at)
            at = self.before[at]
        found = Strand(FLOW if at == inflow and at != ROOT else at)
        for index in reversed(spine):
            found.steps.append(self._step(index, at))
            if len(found.steps) == 1 and found.steps[0].branches is not None:
                self._begin(found, at)
            at = index
            self.emitted[index] = len(self.emitted)
        return found

    def _step(self, index: int, inflow: int) -> Step:
        if not self.shaped.nodes[index].layer.merge:
            return Step(index)
        return Step(index, [self.strand(source, inflow) for source in self.reads[index]])

    def _begin(self, strand: Strand, at: int) -> None:
        """How a chain starts that begins with a fork: a name that one branch alone takes stands in that branch."""
        takers = [branch for branch in strand.steps[0].branches or () if branch.start == FLOW]
        if not takers:
            strand.start = ROOT
        elif len(takers) == 1 and strand.start >= 0:
            takers[0].start = at
            strand.start = ROOT

    def _dominators(self) -> Sequence[int]:
        """The immediate dominator of each node, in the flow of what is read in place."""
        import networkx

        graph: networkx.DiGraph[int] = networkx.DiGraph()
        for index, read in enumerate(self.reads):
            graph.add_edges_from((source, index) for source in read or (ROOT,))
        found = cast("dict[int, int]", networkx.immediate_dominators(graph, ROOT))  # pyright: ignore[reportUnknownMemberType]
        return [found[index] for index in range(len(self.reads))]

    def _before(self) -> Sequence[int]:
        """What precedes each node in its chain."""
        paths = _Paths([prod(shape.spatial) for shape in self.shaped.shapes])
        for index, read in enumerate(self.reads):
            if not self.shaped.nodes[index].layer.merge:
                paths.add(read[0] if read else ROOT, 0)
                continue
            root = self.dominators[index]
            height = 1 + max(paths.height(source, root) for source in read)
            crossing = any(references(self.shaped.nodes[source].layer) for source in read)
            longest = max(read, key=paths.depth)
            if height > DEEP or crossing or self._returns(index, longest, paths):
                paths.add(longest, 0)
            else:
                paths.add(root, height)
        return paths.before

    def _returns(self, index: int, end: int, paths: _Paths) -> bool:
        """Whether the longer of two branches goes down to a smaller map and comes back, as in a U-Net."""
        root, sizes = self.dominators[index], paths.sizes
        if root == ROOT or len(self.reads[index]) != 2 or sizes[root] != sizes[end]:
            return False
        return paths.depth(paths.smaller[end]) > paths.depth(root)


class _Paths:
    """What precedes each node, up to the first, and what is known of the way there: a node has its dominator on it.

    It is known without going that way, which many nodes have in common.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes
        """How many positions each node's map has."""
        self.before: list[int] = []
        self.smaller: list[int] = []
        """The nearest node on the way whose map is smaller."""
        self._depths: list[int] = []
        self._nested: list[tuple[int, ...]] = []
        """The nearest fork on the way, the nearest with a fork in it, and so on; a node is on its own way."""

    def add(self, before: int, height: int) -> None:
        """The next node, behind another; as a fork it has a height."""
        index, smaller = len(self.before), before
        while smaller != ROOT and self.sizes[smaller] >= self.sizes[index]:
            smaller = self.smaller[smaller]
        nearest = (ROOT,) * DEEP if before == ROOT else self._nested[before]
        self._nested.append((index,) * height + nearest[height:])
        self._depths.append(self.depth(before) + 1)
        self.before.append(before)
        self.smaller.append(smaller)

    def depth(self, index: int) -> int:
        """How many nodes there are up to one."""
        return 0 if index == ROOT else self._depths[index]

    def height(self, end: int, root: int) -> int:
        """How deep forks nest on the way from a dominator to a node."""
        nearest = () if end == ROOT else self._nested[end]
        return sum(self.depth(fork) > self.depth(root) for fork in nearest)
