"""Copies of what was expanded before: a block called again with equal arguments, the later copies of a repeat.

What a call or a copy makes is the same as before but for its path, its place among the nodes, what flows in and the
calls around it. So it is expanded once, as a `Piece`, and each further one is a `Stamp` of that: nodes are made at
once, and the names in it when something asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from netdsl.graph.node import Calls, Node
from netdsl.graph.node import Scope as ScopeInfo
from netdsl.graph.scope import Entry, Scope


@dataclass(slots=True)
class Mark:
    """A name that is no node's own: a call, a group, a repeat and its copies, a label of SKIP."""

    path: str
    output: int
    title: str = ""
    copies: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """What a call or a copy made, at `path`, of what flowed in.

    Its nodes are from `first` up to `last`, its marks from `marks` up to `marked`; `length` is that of all their paths,
    without what they begin with, `path`, and `inputs` what its nodes read.
    """

    entry: Entry
    path: str
    calls: Calls | None
    flow: int
    output: int
    first: int
    last: int
    marks: int = 0
    marked: int = 0
    length: int = 0
    inputs: int = 0
    outside: frozenset[int] = frozenset()
    """The nodes before it that it reads by name."""

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
    _scopes: dict[int, Scope] | None = None
    _calls: dict[int, Calls] | None = None

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
        known = self._calls = self._calls or {}
        found = known.get(id(calls))
        if found is None:
            found = known[id(calls)] = Calls(calls.span, self.called(calls.outer))
        return found

    def marks(self, marks: list[Mark]) -> Iterator[Mark]:
        """The marks in the copy, given those of all that was made before."""
        cut = len(self.piece.path)
        for mark in marks[self.piece.marks : self.piece.marked]:
            yield Mark(self.path + mark.path[cut:], self.moved(mark.output), mark.title, mark.copies)

    def child(self, name: str) -> Entry | None:
        """The entry in the copy that is what one of the piece is there."""
        found = self.piece.entry.child(name)
        return None if found is None else self.entry(found)

    def names(self) -> Iterator[str]:
        """The names of the entries in it."""
        return self.piece.entry.names()

    def entry(self, of: Entry) -> Entry:
        """An entry of the copy."""
        at = self.shift if of.first >= self.piece.first else 0
        scope, output = self._scope(of.scope), self.moved(of.output)
        copy = Entry(of.element, scope, output, {}, of.first + at, of.last + at, of.copy, of.copies)
        copy.like = _Within(self, of)
        return copy

    def _scope(self, scope: Scope) -> Scope:
        """Where an element of the copy stands."""
        path = self.piece.path
        if not scope.path.startswith(f"{path}."):
            return scope
        known = self._scopes = self._scopes or {}
        found = known.get(id(scope))
        if found is None:
            entries: dict[str, Entry] = {}
            outer = scope.outer and self._scope(scope.outer)
            found = Scope(
                self.path + scope.path[len(path) :],
                entries,
                scope.labels,
                scope.environment,
                scope.module,
                outer,
                self.called(scope.calls),
                scope.read,
            )
            known[id(scope)] = found
            entries.update((name, self.entry(entry)) for name, entry in scope.entries.items())
        return found


def nodes(stamp: Stamp, made: list[Node]) -> list[Node]:
    """The nodes of a copy, given those made before."""
    piece, shift, flow, path = stamp.piece, stamp.shift, stamp.flow, stamp.path
    first, before, cut, inside = piece.first, piece.flow, len(piece.path), f"{piece.path}."
    moved = stamp.calls is not piece.calls
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
        calls = stamp.called(node.calls) if moved else node.calls
        copied.append(Node(own, node.layer, inputs, node.site, calls, node.device, owner))
    return copied


@dataclass(frozen=True, slots=True)
class _Within:
    """What stands below an entry of a copy: copies of what stands below that of the piece."""

    stamp: Stamp
    of: Entry

    def child(self, name: str) -> Entry | None:
        found = self.of.child(name)
        return None if found is None else self.stamp.entry(found)

    def names(self) -> Iterator[str]:
        return self.of.names()


@dataclass(frozen=True, slots=True)
class Run:
    """The copies of a repeat from number `start` up to `stop`, which are as the one before them, a piece."""

    piece: Piece
    path: str
    flow: int
    shift: int
    start: int
    stop: int
    marked: bool = True
    """Whether each copy has a mark, since it is no node."""

    def stamp(self, copy: int) -> Stamp:
        """One of them."""
        piece, before = self.piece, copy - self.start
        size = piece.last - piece.first
        flow = self.flow
        if before and piece.output != piece.flow:
            inside = piece.first <= piece.output < piece.last
            flow = piece.output + (self.shift + (before - 1) * size if inside else 0)
        return Stamp(piece, f"{self.path}.{copy}", piece.calls, flow, self.shift + before * size)

    def child(self, name: str) -> Entry | None:
        """The entry of the copy of some number."""
        if not (name.isdecimal() and self.start <= int(name) < self.stop):
            return None
        stamp = self.stamp(int(name))
        entry = self.piece.entry
        shift = stamp.shift
        copy = Entry(entry.element, entry.scope, stamp.output, {}, entry.first + shift, entry.last + shift, copy=True)
        copy.like = _Within(stamp, entry)
        return copy

    def names(self) -> Iterator[str]:
        """The numbers of the copies."""
        return map(str, range(self.start, self.stop))


@dataclass
class Marks:
    """The marks of an expansion. Those of copies are worked out when all are asked for."""

    log: list[Mark | Stamp | Run] = field(default_factory=list[Mark | Stamp | Run])
    count: int = 0
    """How many there are, those of copies included."""

    def add(self, mark: Mark) -> Mark:
        """Keep a mark, whose output may be set later."""
        self.log.append(mark)
        self.count += 1
        return mark

    def stamp(self, stamp: Stamp) -> None:
        """Keep those of a copy."""
        self.log.append(stamp)
        self.count += stamp.piece.marked - stamp.piece.marks

    def run(self, run: Run) -> None:
        """Keep those of the copies of a repeat, and one for each of them."""
        self.log.append(run)
        self.count += (run.piece.marked - run.piece.marks + run.marked) * (run.stop - run.start)

    def all(self) -> list[Mark]:
        """Every mark, scopes before what is in them."""
        found: list[Mark] = []
        for one in self.log:
            match one:
                case Mark():
                    found.append(one)
                case Stamp():
                    found.extend(one.marks(found))
                case Run():
                    for copy in range(one.start, one.stop):
                        stamp = one.stamp(copy)
                        if one.marked:
                            found.append(Mark(stamp.path, stamp.output))
                        found.extend(stamp.marks(found))
        return found

    def scopes(self) -> dict[str, ScopeInfo]:
        """What the components of paths stand for."""
        return {mark.path: ScopeInfo(mark.path, mark.title, mark.copies) for mark in self.all() if mark.title}
