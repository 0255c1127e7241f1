"""What an expansion has made so far, and how much of it there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from netdsl.graph.copies import Mark, Marks, Piece, Run, Stamp, nodes
from netdsl.graph.node import Calls, Node
from netdsl.graph.scope import BROKEN, Entry
from netdsl.graph.size import Size

Start: TypeAlias = tuple[int, int, int, int, int]
"""How many nodes, marks, characters of paths, inputs and nodes read by name there were."""


@dataclass
class Made:
    """Nodes, in topological order, and marks. `read` are the nodes that were read by name.

    What makes them larger than the limit of `size` raises TooLarge.
    """

    read: list[int]
    size: Size
    nodes: list[Node] = field(default_factory=list[Node])
    marks: Marks = field(default_factory=Marks)

    def node(self, node: Node) -> int:
        """Add a node."""
        self.size.grows(nodes=1, characters=len(node.path), inputs=len(node.inputs))
        self.nodes.append(node)
        return len(self.nodes) - 1

    def mark(self, mark: Mark) -> Mark:
        """Add a mark, whose output may be set later."""
        self.size.grows(marks=1, characters=len(mark.path))
        return self.marks.add(mark)

    def start(self) -> Start:
        """How much there is before something is expanded."""
        return len(self.nodes), self.marks.count, self.size.characters, self.size.inputs, len(self.read)

    def piece(self, start: Start, entry: Entry, path: str, calls: Calls | None, flow: int, output: int) -> Piece:
        """What was expanded since some start."""
        first, marks, characters, inputs, read = start
        last, marked = len(self.nodes), self.marks.count
        if first == last and output == BROKEN:  # whose marks stand for nothing
            marked, characters = marks, self.size.characters
        length = self.size.characters - characters - (last - first + marked - marks) * len(path)
        outside = frozenset(index for index in self.read[read:] if 0 <= index < first)
        return Piece(
            entry, path, calls, flow, output, first, last, marks, marked, length, self.size.inputs - inputs, outside
        )

    def stamp(self, stamp: Stamp, entry: Entry) -> int:
        """Make a copy of a piece, whose names go below an entry."""
        piece = stamp.piece
        made, marks = piece.last - piece.first, piece.marked - piece.marks
        self.size.grows(made, marks, piece.length + (made + marks) * len(stamp.path), piece.inputs)
        self.nodes += nodes(stamp, self.nodes)
        self.marks.stamp(stamp)
        self.read += piece.outside
        entry.like = stamp
        return stamp.output

    def repeat(self, later: Run, entry: Entry) -> int:
        """Make the copies of a repeat that are as the one before them, whose names go below an entry."""
        piece, count = later.piece, later.stop - later.start
        made, marks = piece.last - piece.first, piece.marked - piece.marks
        entry.like = later
        if not count or (not made and piece.output == BROKEN):
            return piece.output
        marks += later.marked
        length = piece.length + (made + marks) * len(f"{later.path}.{later.stop}")
        self.size.grows(count * made, count * marks, count * length, count * piece.inputs)
        if made:
            for copy in range(later.start, later.stop):
                self.nodes += nodes(later.stamp(copy), self.nodes)
        self.marks.run(later)
        return later.stamp(later.stop - 1).output

    def share(self, first: int, original: Entry) -> None:
        """Let the nodes from some on use the weights of an element's, which come in the same order."""
        if len(self.nodes) - first == original.last - original.first:
            for index in range(first, len(self.nodes)):
                owner, one = self.nodes[original.first + index - first].owner, self.nodes[index]
                self.nodes[index] = Node(one.path, one.layer, one.inputs, one.site, one.calls, one.device, owner)
