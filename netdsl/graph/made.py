"""What an expansion has made so far: nodes with their shapes, names of no layer's own, and how much of it there is."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from netdsl.graph.copies import Piece, Stamp
from netdsl.graph.evaluate import UNKNOWN, Local, entered
from netdsl.graph.infer import Shapes
from netdsl.graph.node import BROKEN, NOTHING, Calls, Node
from netdsl.graph.outline import Call, Hole, Placed
from netdsl.graph.size import LIMIT, Size
from netdsl.layers.base import Layer
from netdsl.layers.shape import Shape
from netdsl.text import tree
from netdsl.text.diagnostic import Report

Start: TypeAlias = tuple[int, int, int, int, int, int]
"""How many nodes, names, characters of paths, inputs, nodes read by name and blocks that read `in` there were."""


@dataclass
class Made:
    """Nodes, in topological order, and shapes of their outputs. What makes them more than the limit raises TooLarge."""

    report: Report
    limit: int = LIMIT
    inputs: Mapping[str, Layer] = field(default_factory=dict[str, Layer])
    """The layers of inputs that a caller asks for in place of those written, by path; by "" for all."""
    nodes: list[Node] = field(default_factory=list[Node])
    ends: list[int] = field(default_factory=list[int])
    """What the names of calls, groups, repeats and their copies stand for, and labels of SKIP, in their order."""
    read: list[int] = field(default_factory=list[int])
    """The nodes that were read by name."""
    entered: int = 0
    """How many blocks read `in`, those that were copied among them."""
    nothing: dict[str, Local] = field(default_factory=dict[str, Local])
    """What enters the blocks of each element of the file that nothing flows into: one cause, however many read it."""
    size: Size = field(init=False)
    shapes: Shapes = field(init=False)
    shared: list[tuple[int, str, Placed]] = field(default_factory=list["tuple[int, str, Placed]"])
    """For each element that is being applied again: where its nodes begin, its path, and what it was the first time."""

    def __post_init__(self) -> None:
        self.size, self.shapes = Size(self.limit), Shapes(self.nodes, self.report, self.limit)

    def node(self, node: Node) -> int:
        """Add a node."""
        self.size.grows(nodes=1, characters=len(node.path), inputs=len(node.inputs))
        self._add([node])
        return len(self.nodes) - 1

    def _add(self, nodes: list[Node]) -> None:
        """Add nodes, with the weights of others where an element is being applied again."""
        if self.shared:
            start, _, source = self.shared[0]
            first = source.nodes
            for at, node in enumerate(nodes):
                nth = len(self.nodes) - start + at
                if nth < len(first):
                    owner = self.nodes[first[nth]].owner
                    nodes[at] = Node(node.path, node.layer, node.inputs, node.site, node.calls, node.device, owner)
        self.nodes += nodes
        self.shapes.infer()

    def end(self, path: str, output: int = BROKEN) -> int:
        """Add the name of something that is no layer; what it stands for may be set later, by the number given."""
        self.size.grows(ends=1, characters=len(path))
        self.ends.append(output)
        return len(self.ends) - 1

    @contextmanager
    def sharing(self, first: Placed, path: str) -> Generator[None]:
        """Give the nodes that are made within the weights of earlier ones, which they come in the order of."""
        self.shared.append((len(self.nodes), path, first))
        try:
            yield
        finally:
            self.shared.pop()

    def hole(self, element: tree.Element, nodes: int, ends: int) -> Hole:
        """What is left of an element, given how much there was before it."""
        return Hole(element, "", len(self.nodes) - nodes, len(self.ends) - ends)

    def start(self) -> Start:
        """How much there is before something is expanded."""
        return len(self.nodes), len(self.ends), self.size.characters, self.size.inputs, len(self.read), self.entered

    def piece(
        self, start: Start, path: str, calls: Calls | None, flow: int, output: int, named: Sequence[int] = ()
    ) -> Piece:
        """What was expanded since some start, which also reads the nodes in `named`."""
        first, end, characters, inputs, read, entered = start
        last, ended = len(self.nodes), len(self.ends)
        length = self.size.characters - characters - (last - first + ended - end) * len(path)
        outside = frozenset(index for index in (*named, *self.read[read:]) if 0 <= index < first)
        read_in, inputs = self.entered > entered, self.size.inputs - inputs
        return Piece(path, calls, flow, output, first, last, end, ended, length, inputs, outside, read_in)

    def shape(self, flow: int) -> Shape | None:
        """The shape of what flows, where that is known."""
        return self.shapes.found[flow] if flow >= 0 else None

    def entering(self, flow: int, path: str) -> Local:
        """The channels of what enters a block; of one that is applied again, of what did the first time."""
        if self.shared and (first := self._first(path)) is not None:
            return entered(first.environment)
        if flow == NOTHING:
            return self.nothing.setdefault(path.partition(".")[0], Local(None))
        shape = self.shape(flow)
        return Local(UNKNOWN if shape is None else shape.channels)

    def _first(self, path: str) -> Call | None:
        """The call that is being applied again at a path."""
        _, at, found = self.shared[-1]
        for name in path[len(at) + 1 :].split(".") if path != at else ():
            if (found := found.child(name)) is None:
                return None
        return found.own if isinstance(found.own, Call) else None

    def fits(self, piece: Piece, flow: int) -> bool:
        """Whether a piece can be copied for what flows in, of the same shape where it depends on that.

        What is applied again keeps what entered its blocks then, which is not always what the copy before has.
        """
        if piece.entered and (self.shared or self.shape(piece.flow) != self.shape(flow)):
            return False
        return piece.fits(flow)

    def stamp(self, piece: Piece, path: str, calls: Calls | None, flow: int) -> int:
        """Make a copy of a piece, and give what it gives."""
        nodes, ends = piece.last - piece.first, piece.ended - piece.end
        self.size.grows(nodes, ends, piece.length + (nodes + ends) * len(path), piece.inputs)
        stamp = Stamp(piece, path, calls, flow, len(self.nodes) - piece.first)
        self._copy(stamp)
        self.read += piece.outside
        self.entered += piece.entered
        return stamp.output

    def repeat(self, piece: Piece, path: str, flow: int, numbers: range) -> int:
        """Make the copies of a repeat that are as the one before them, and give what the last one gives."""
        count, nodes, ends = numbers.stop - numbers.start, piece.last - piece.first, piece.ended - piece.end
        length = piece.length + (nodes + ends) * len(f"{path}.{numbers.stop}")
        self.size.grows(count * nodes, count * ends, count * length, count * piece.inputs)
        for number in numbers:
            stamp = Stamp(piece, f"{path}.{number}", piece.calls, flow, len(self.nodes) - piece.first)
            self._copy(stamp)
            flow = stamp.output
        return flow

    def _copy(self, stamp: Stamp) -> None:
        if stamp.piece.first < stamp.piece.last:
            self._add(stamp.nodes(self.nodes))
        self.ends += [stamp.moved(output) for output in self.ends[stamp.piece.end : stamp.piece.ended]]
