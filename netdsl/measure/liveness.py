"""How much memory activations take while a network runs, for any order of execution.

A layer that runs needs a buffer for its output. While it runs, its inputs and its output are alive, and every value
that is still to be read. Network inputs are alive from the start until their last reader has run, network outputs until
the end. What a kernel needs besides, while it runs, depends on the backend and is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netdsl.graph.node import ShapedGraph
from netdsl.text.shown import Line

FLOAT32 = 4


@dataclass(frozen=True, slots=True, repr=False)
class Liveness(Line):
    """The memory of one order of execution: for each node of `order`, the bytes alive while it runs."""

    order: tuple[int, ...]
    usage: tuple[int, ...]
    alive: tuple[int, ...]
    """The nodes that made the buffers alive at the peak, in order of execution: their bytes add up to the peak."""
    exact: bool = True
    """Whether it is sure that no order needs less, where `schedule` found this one."""

    @property
    def about(self) -> str:
        """Its line."""
        return f"{len(self.order):,} layers, {self.peak:,} B at most"

    @property
    def peak(self) -> int:
        """The most bytes that are alive at once."""
        return max(self.usage)

    @property
    def node(self) -> int:
        """The first node that runs at the peak."""
        return self.order[self.usage.index(self.peak)]


def liveness(
    shaped: ShapedGraph,
    order: Sequence[int] | None = None,
    *,
    inplace: bool = True,
    bytes_of: Callable[[int], int] | None = None,
) -> Liveness:
    """The memory that inference takes in some topological order of its nodes, by default the graph's own.

    Views share the buffer of their input. With `inplace`, layers that may work in place take over that of theirs where
    nothing else still needs it; without, each makes a buffer of its own, as compiled modules do on torch.
    `bytes_of` a node, by its index, are those of its output: by default in float32 at batch 1.
    """
    buffers = Buffers(shaped, inplace=inplace, bytes_of=bytes_of)
    return run(buffers, buffers.nodes if order is None else tuple(order))


class Buffers:
    """Which buffers the nodes of inference make and read, whatever the order.

    Views of a value share its buffer, which the node at their root made.
    """

    def __init__(self, shaped: ShapedGraph, *, inplace: bool, bytes_of: Callable[[int], int] | None = None) -> None:
        graph = shaped.graph
        self.nodes = tuple(index for index, node in enumerate(graph.nodes) if not node.training)
        self.inputs = tuple(index for index in graph.inputs if not graph.nodes[index].training)
        elements = [shape.elements for shape in shaped.shapes]
        self.sizes = {index: bytes_of(index) if bytes_of else elements[index] * FLOAT32 for index in self.nodes}
        self.sources = {index: graph.nodes[index].inputs for index in self.nodes}
        self.root: dict[int, int] = {}
        self.reads: dict[int, tuple[int, ...]] = {}
        """The buffers that a node reads, by their roots."""
        self.takes: dict[int, int] = {}
        """The buffer that a node may take over for its output."""
        self.readers: dict[int, list[int]] = {}
        """The nodes that read a buffer, by its root."""
        for index in self.nodes:
            sources = [self.root[source] for source in self.sources[index]]
            layer = graph.nodes[index].layer
            shares = bool(sources) and layer.view
            self.root[index] = sources[0] if shares else index
            self.reads[index] = read = tuple(sources if len(sources) < 2 else dict.fromkeys(sources))
            for source in read:
                self.readers[source].append(index)
            if not shares:
                self.readers[index] = []
                if inplace and layer.inplace and sources and self.sizes[sources[0]] == self.sizes[index]:
                    self.takes[index] = sources[0]
        self.kept = frozenset(self.root[index] for index in graph.outputs)
        """The buffers of network outputs, by their roots."""
        for index in [index for index, source in self.takes.items() if source in self.kept]:
            del self.takes[index]

    def made_by(self, index: int) -> int:
        """The bytes of the buffer that a node makes, unless it takes one over."""
        return self.sizes[index] if self.root[index] == index else 0


class State:
    """What is alive while nodes run, one after the other. It begins with the network's inputs."""

    def __init__(self, buffers: Buffers) -> None:
        self.buffers = buffers
        self.alive = sum(buffers.sizes[index] for index in buffers.inputs)
        self.left = {root: len(readers) for root, readers in buffers.readers.items()}

    def cost(self, index: int) -> tuple[int, int]:
        """The bytes alive while a node runs next, and after it."""
        return self._cost(index, self._free(index))

    def _cost(self, index: int, free: list[int]) -> tuple[int, int]:
        """The same, given what it frees."""
        buffers = self.buffers
        if not buffers.reads[index]:  # an input, which is there already
            return self.alive, self.alive
        after = before = self.alive
        if buffers.root[index] == index:
            after += buffers.sizes[index]
        running = before if buffers.takes.get(index) in free else after
        for root in free:
            after -= buffers.sizes[root]
        return running, after

    def _free(self, index: int) -> list[int]:
        """The buffers that nothing needs any more once a node has run."""
        left, kept = self.left, self.buffers.kept
        return [root for root in self.buffers.reads[index] if left[root] == 1 and root not in kept]

    def run(self, index: int) -> tuple[int, list[int]]:
        """Run a node: the bytes alive meanwhile, and the buffers that nothing needs any more."""
        free = self._free(index)
        running, self.alive = self._cost(index, free)
        for root in self.buffers.reads[index]:
            self.left[root] -= 1
        return running, free


def run(buffers: Buffers, order: tuple[int, ...], *, exact: bool = True) -> Liveness:
    """The memory of an order."""
    state = State(buffers)
    usage: list[int] = []
    born: dict[int, int] = dict.fromkeys(buffers.inputs, 0)
    died: dict[int, int] = {}
    for step, index in enumerate(order):
        takes = buffers.takes.get(index)
        running, free = state.run(index)
        usage.append(running)
        if buffers.root[index] == index:
            born.setdefault(index, step)
        for root in free:
            died[root] = step - 1 if root == takes else step
    peak = usage.index(max(usage))
    alive = [root for root, step in born.items() if step <= peak <= died.get(root, peak)]
    return Liveness(order, tuple(usage), tuple(alive), exact)
