"""The outline of a network: its elements as the program has them, with blocks opened and repeats counted.

    INPUT 32x32x3 -> stage1: stage(16, 3) -> [ CONV 16 1 | SKIP ] -> ADD

is a chain of a layer, a call with its body, a fork of two chains, and a layer. Equal copies are one value, so that what
is in it knows no path and no number of a node: both follow from where it stands, which a `Placed` says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice
from operator import is_
from typing import ClassVar, NamedTuple, TypeAlias

from netdsl.graph.evaluate import Environment
from netdsl.graph.program import BlockOf
from netdsl.text import tree
from netdsl.text.flat import Flat, Inside, flat, whole
from netdsl.text.shown import Line

_NUMBER = re.compile(r"[1-9][0-9]{0,7}")  # of a copy


@dataclass(frozen=True, repr=False)
class Chain(Line):
    """`a -> b -> c`: its parts, which make `size` nodes, and have `ends` names that are no layer's."""

    parts: tuple[Part, ...] = ()
    size: int = 0
    ends: int = 0

    @property
    def about(self) -> str:
        """Its line."""
        return f"of {self.size:,} layers"

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Chain:
        """The chain of some parts."""
        return cls(tuple(parts), *_counts(parts))

    @cached_property
    def index(self) -> Mapping[str, Placed]:
        """The parts with a name in this scope, placed as if it began with the first node."""
        return {one.path: one for one in reversed([*_named(placed([self], "", 0, 0))])}  # the first of one name


class _Written(Line):
    """What an element has become."""

    __slots__ = ()
    element: tree.Element

    @property
    def about(self) -> str:
        """Its line."""
        return self.element.span.text


@dataclass(frozen=True, slots=True, repr=False)
class Layer(_Written):
    """One layer, which is one node."""

    element: tree.Element
    name: str
    size: ClassVar = 1
    ends: ClassVar = 0


@dataclass(frozen=True, slots=True, repr=False)
class Hole(_Written):
    """An element that cannot be understood, or that no output needs, which was reported.

    It may have made some nodes before that was found.
    """

    element: tree.Element
    name: str = ""
    size: int = 0
    ends: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Alias(_Written):
    """SKIP, or the name of something earlier: no node of its own, and with a label another name for one."""

    element: tree.Element
    name: str = ""
    size: int = 0
    ends: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Fork(_Written):
    """`[ a | b ]`: chains that all read what flows in."""

    element: tree.Element
    branches: tuple[Chain, ...]
    name: str = ""
    size: int = 0
    ends: int = 0

    @classmethod
    def of(cls, element: tree.Element, branches: Sequence[Chain]) -> Fork:
        """One with its counts."""
        return cls(element, tuple(branches), "", *_counts(branches))


@dataclass(frozen=True, slots=True, repr=False)
class Group(_Written):
    """`( a -> b )`; without a name it opens no scope."""

    element: tree.Element
    name: str
    body: Chain
    size: int = 0
    ends: int = 0

    @classmethod
    def of(cls, element: tree.Element, name: str, body: Chain) -> Group:
        """One with its counts."""
        return cls(element, name, body, body.size, body.ends + bool(name))


@dataclass(frozen=True, slots=True, repr=False)
class Call(_Written):
    """`stage(64, 1, 3)`: a block's body, and the values that its parameters have there."""

    element: tree.Element
    name: str
    title: str
    """The call with the values of its arguments."""
    block: BlockOf
    environment: Environment
    body: Chain
    size: int = 0
    ends: int = 0

    @classmethod
    def of(
        cls, element: tree.Element, name: str, title: str, block: BlockOf, environment: Environment, body: Chain
    ) -> Call:
        """One with its counts."""
        return cls(element, name, title, block, environment, body, body.size, body.ends + 1)


@dataclass(frozen=True, repr=False)
class Repeat(_Written):
    """`RELU x3`: so many copies, whose paths end in their numbers. One body where they are equal."""

    element: tree.Element
    name: str
    title: str
    """What is repeated, as it is shown."""
    copies: int
    bodies: tuple[Part, ...]
    size: int = 0
    ends: int = 0

    @classmethod
    def of(cls, element: tree.Element, name: str, title: str, parts: Sequence[Part]) -> Repeat:
        """That of some copies."""
        same = all(map(is_, parts, islice(parts, 1, None)))
        size, ends = _counts(parts)
        return cls(element, name, title, len(parts), tuple(parts[:1] if same else parts), size, ends + 1)

    @cached_property
    def starts(self) -> tuple[Sequence[int], Sequence[int]]:
        """Where the nodes and the names of each copy begin."""
        sizes, ends = [one.size for one in self.bodies], [one.ends for one in self.bodies]
        return list(accumulate(sizes, initial=0)), list(accumulate(ends, initial=0))


@dataclass(frozen=True, slots=True, repr=False)
class Again(_Written):
    """`enc()`: an element applied again, with the weights of the first time."""

    element: tree.Element
    name: str
    part: Part
    size: int = 0
    ends: int = 0

    @classmethod
    def of(cls, element: tree.Element, name: str, part: Part) -> Again:
        """One with its counts."""
        return cls(element, name, part, part.size, part.ends)


Part: TypeAlias = Layer | Hole | Alias | Fork | Group | Call | Repeat | Again


class Placed(NamedTuple):
    """A part where it stands: its path, the number of its first node, and that of the first name of no layer in it.

    The path of a fork, and of a group without a name, is that of the scope around it.
    """

    part: Part
    path: str
    node: int
    end: int
    number: int = 0
    """Which copy of a repeat it is, from 1; 0 where it is none."""

    @property
    def nodes(self) -> range:
        """The nodes that it makes."""
        return range(self.node, self.node + self.part.size)

    @property
    def name(self) -> str:
        """The last component of its path."""
        return str(self.number) if self.number else self.part.name

    @property
    def label(self) -> str:
        """Its name where the program gives it one; to a layer applied again, where that was written first."""
        own = self.own
        written = own if isinstance(own.element.primary, tree.Layer) else self.part
        return self.name if written.element.label and not self.number else ""

    @property
    def own(self) -> Part:
        """What it is: of what is applied again, the original."""
        part = self.part
        while isinstance(part, Again):
            part = part.part
        return part

    @property
    def copies(self) -> int | None:
        """How many copies stand in it, where a repeat is written."""
        repeat = self.repeat
        return repeat and repeat.copies

    @property
    def scope(self) -> bool:
        """Whether it is what a component of paths stands for: a call, a group or a repeat, and not a copy."""
        return not isinstance(self.part, Layer | Fork | Alias | Hole) and (not self.number or self.repeat is not None)

    @property
    def title(self) -> str:
        """The call with the values of its arguments, the layer that is repeated, or the name of a group."""
        part, repeat = self.part, self.repeat
        if repeat is not None and isinstance(repeat.element.primary, tree.Layer):
            return repeat.title
        if isinstance(part, Call | Repeat):
            return part.title
        return part.name if isinstance(part, Group) else part.element.primary.span.text

    def inside(self) -> Iterator[Placed]:
        """The parts directly in it, in order: those of its branches or its body, or its copies."""
        match self.own:
            case Fork(branches=branches):
                yield from placed(branches, self.path, self.node, self.end)
            case Group(body=body) | Call(body=body):
                yield from placed([body], self.path, self.node, self.end + bool(self.part.name))
            case Repeat(copies=copies):
                yield from map(self.copy, range(1, copies + 1))
            case _:
                pass

    def named(self) -> Iterator[Placed]:
        """The parts with names in the scope that it opens, in order; of a repeat its copies."""
        return _named(self.inside())

    def copy(self, number: int) -> Placed:
        """One copy of a repeat, from 1."""
        repeat = self.repeat
        assert repeat is not None
        body, before = repeat.bodies[0], number - 1
        node, end = before * body.size, before * body.ends
        if len(repeat.bodies) > 1:
            body, node, end = repeat.bodies[before], *(starts[before] for starts in repeat.starts)
        return Placed(body, f"{self.path}.{number}", self.node + node, self.end + 1 + end, number)

    def output(self, ends: Sequence[int]) -> int:
        """The node that it gives, by those of all names of no layer; below 0 where there is none."""
        return ends[self.end] if self.part.ends else self.node if self.part.size else -1

    @property
    def repeat(self) -> Repeat | None:
        """The repeat that it is, perhaps applied again."""
        return part if isinstance(part := self.own, Repeat) else None

    def child(self, name: str) -> Placed | None:
        """What a name in the scope that it opens stands for; of a repeat a copy, by its number."""
        match self.own:
            case Repeat(copies=copies):
                number = int(name) if _NUMBER.fullmatch(name) else 0
                return self.copy(number) if 0 < number <= copies else None
            case Call(body=body) | Group(body=body):
                found = body.index.get(name)
            case _:
                return None
        if found is None:
            return None
        return Placed(found.part, f"{self.path}.{name}", self.node + found.node, self.end + 1 + found.end)


def _counts(parts: Iterable[Chain | Part]) -> tuple[int, int]:
    """How many nodes parts make, and how many names in them are those of no layer."""
    each = [(part.size, part.ends) for part in parts]
    return sum([size for size, _ in each]), sum([ends for _, ends in each])


def placed(chains: Iterable[Chain], scope: str, node: int, end: int) -> Iterator[Placed]:
    """The parts of chains that stand in a scope, one chain after the other from a node and a name on."""
    for chain in chains:
        for part in chain.parts:
            path = scope if not part.name else f"{scope}.{part.name}" if scope else part.name
            yield Placed(part, path, node, end)
            node += part.size
            end += part.ends


def _named(parts: Iterator[Placed]) -> Iterator[Placed]:
    """Those of the parts that have names in their scope, and those in forks and groups without a name."""
    pending = [parts]
    while pending:
        one = next(pending[-1], None)
        if one is None:
            pending.pop()
        elif one.part.name:
            yield one
        else:
            pending.append(one.inside())


@dataclass(frozen=True, repr=False)
class Outline(Line):
    """What a network's file makes, chain by chain, and for each name of no layer the node that it stands for."""

    chains: tuple[Chain, ...] = ()
    ends: Sequence[int] = ()
    """Numbers of nodes by the numbers of such names; below 0 where there is none."""

    @property
    def about(self) -> str:
        """Its line."""
        return f"{len(self.chains):,} chains of {sum(chain.size for chain in self.chains):,} layers"

    def named(self) -> Iterator[Placed]:
        """The parts with names of their own in the file's scope, in order."""
        return _named(placed(self.chains, "", 0, 0))

    def walk(self) -> Iterator[Placed]:
        """Every part with a name, each before what is in it."""
        return (one for _, one in self._walk())

    def around(self) -> Iterator[tuple[Placed, ...]]:
        """For each node, in order, the parts with names that it stands in, from outside in; the last is its own."""
        return ((*inside, one) for inside, one in self._walk() if isinstance(one.own, Layer))

    def _walk(self) -> Iterator[tuple[Sequence[Placed], Placed]]:
        """Every part with a name, and those that it stands in, which are other ones later."""
        pending = [self.named()]
        inside: list[Placed] = []
        while pending:
            if (one := next(pending[-1], None)) is None:
                pending.pop()
                del inside[-1:]
            else:
                yield inside, one
                inside.append(one)
                pending.append(one.named())

    def at(self, path: str) -> Placed | None:
        """The part at a path."""
        return next(iter(self.way(path)[-1:]), None)

    def way(self, path: str) -> list[Placed]:
        """The parts from outside in to the one at a path; none where there is none."""
        first, *rest = path.split(".")
        way = [self._index.get(first)]
        for name in rest:
            way.append(way[-1] and way[-1].child(name))
        return [] if way[-1] is None else [one for one in way if one is not None]

    @cached_property
    def _index(self) -> Mapping[str, Placed]:
        return {one.path: one for one in reversed([*self.named()])}  # of two with one name, a mistake, the first

    def __reduce__(self) -> tuple[Callable[[Flat], object], tuple[Flat]]:
        return _outline, (flat(self, _INSIDE),)


_SEVERAL: Inside = {Outline: "chains", Chain: "parts", Fork: "branches", Repeat: "bodies"}
_INSIDE: Inside = {**_SEVERAL, Group: "body", Call: "body", Again: "part"}


def _outline(items: Flat) -> object:
    """An outline that was pickled."""
    return whole(items, _INSIDE)
