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
        found: list[int] = []
        heights: list[int] = []
        for index, read in enumerate(self.reads):
            if not self.shaped.nodes[index].layer.merge:
                found.append(read[0] if read else ROOT)
                heights.append(0)
                continue
            root = self.dominators[index]
            spans = [_span(source, root, found, heights) for source in read]
            height = 1 + max(tall for _, tall in spans)
            crossing = any(references(self.shaped.nodes[source].layer) for source in read)
            longest = max(range(len(spans)), key=lambda at: spans[at][0])
            if height > DEEP or crossing or self._returns(index, read[longest], found):
                found.append(read[longest])
                heights.append(0)
            else:
                found.append(root)
                heights.append(height)
        return found

    def _returns(self, index: int, end: int, before: Sequence[int]) -> bool:
        """Whether the longer of two branches goes down to a smaller map and comes back, as in a U-Net."""
        root = self.dominators[index]
        if root == ROOT or len(self.reads[index]) != 2:
            return False
        size = self._positions(root)
        if size != self._positions(end):
            return False
        while end not in (root, ROOT):
            if self._positions(end) < size:
                return True
            end = before[end]
        return False

    def _positions(self, index: int) -> int:
        return prod(self.shaped.shapes[index].spatial)


def _span(end: int, root: int, before: Sequence[int], heights: Sequence[int]) -> tuple[int, int]:
    """How long the chain from a dominator to a node is, and how deep its forks nest."""
    length = tall = 0
    while end not in (root, ROOT):
        length += 1
        tall = max(tall, heights[end])
        end = before[end]
    return length, tall
