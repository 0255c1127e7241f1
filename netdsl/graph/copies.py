"""Copies of what was expanded before: a block called again with equal arguments, the later copies of a repeat.

What a call or a copy makes is the same as before but for its path, its place among the nodes, what flows in and the
calls around it. So it is expanded once, as a `Piece`, and its nodes are made at once for each further one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netdsl.graph.node import BROKEN, Calls, Node


@dataclass(frozen=True, slots=True)
class Piece:
    """What a call or a copy made, at `path`, of what flowed in.

    Its nodes are from `first` up to `last`, its names that are no layer's from `end` up to `ended`; `length` is that of
    all their paths, without what they begin with, `path`, and `inputs` what its nodes read.
    """

    path: str
    calls: Calls | None
    flow: int
    output: int
    first: int
    last: int
    end: int = 0
    ended: int = 0
    length: int = 0
    inputs: int = 0
    outside: frozenset[int] = frozenset()
    """The nodes before it that it reads by name."""
    entered: bool = False
    """Whether a block in it reads `in`, so that it depends on the shape of what flows in."""

    @property
    def empty(self) -> bool:
        """Whether nothing came of it, so that its names stand for nothing."""
        return self.first == self.last and self.output == BROKEN

    def fits(self, flow: int) -> bool:
        """Whether it can be copied for what flows in: a node as before, nothing, or something broken.

        Where it reads by name what also flowed in, it cannot be told which of the two its inputs are.
        """
        return self.flow == flow if min(self.flow, flow) < 0 else self.flow not in self.outside


@dataclass(slots=True)
class Stamp:
    """A copy of a piece, at another path: `shift` is how much later its nodes are."""

    piece: Piece
    path: str
    calls: Calls | None
    flow: int
    shift: int
    _calls: dict[int, Calls] = field(default_factory=dict[int, Calls])

    def moved(self, index: int) -> int:
        """The node of the copy that is what one of the piece is there."""
        piece = self.piece
        if index == piece.flow:
            return self.flow
        return index + self.shift if piece.first <= index < piece.last else index

    @property
    def output(self) -> int:
        """What the copy gives."""
        return self.moved(self.piece.output)

    def called(self, calls: Calls | None) -> Calls | None:
        """The calls around something in the copy."""
        if calls is None or calls is self.piece.calls:
            return self.calls
        found = self._calls.get(id(calls))
        if found is None:
            found = self._calls[id(calls)] = Calls(calls.span, self.called(calls.outer))
        return found

    def nodes(self, made: Sequence[Node]) -> list[Node]:
        """The nodes of the copy, given those made before."""
        piece, shift, flow, path = self.piece, self.shift, self.flow, self.path
        first, before, cut, inside = piece.first, piece.flow, len(piece.path), f"{piece.path}."
        moved = self.calls is not piece.calls
        copied: list[Node] = []
        for node in made[first : piece.last]:
            inputs, owner = node.inputs, node.owner
            if len(inputs) == 1:
                source = inputs[0]
                inputs = (flow if source == before else source + shift if source >= first else source,)
            elif inputs:
                inputs = tuple([flow if one == before else one + shift if one >= first else one for one in inputs])
            own = path + node.path[cut:]
            if owner == node.path:
                owner = own
            elif owner.startswith(inside):
                owner = path + owner[cut:]
            calls = self.called(node.calls) if moved else node.calls
            copied.append(Node(own, node.layer, inputs, node.site, calls, node.device, owner))
        return copied
