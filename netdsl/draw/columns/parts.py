"""A network as a column: layers one after another, forks with their branches side by side, repeats folded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from netdsl.draw.drawing import Row
from netdsl.draw.routing import Link
from netdsl.graph.node import ShapedGraph
from netdsl.layers.shape import Shape

ALIKE = 1.5
"""Sizes of a smaller ratio share a row."""


@dataclass(frozen=True)
class Leaf:
    """One box of a column: a layer, and the followers that share its box."""

    id: str
    words: str
    rows: tuple[Row, ...]
    shape: Shape
    """Of what it gives."""
    device: int
    shared: bool = False
    """Whether it uses the weights of another layer."""
    copies: int = 1
    outputs: tuple[str, ...] = ()
    """What is said of it where it is one of several outputs."""
    tooltip: str = ""

    @property
    def extent(self) -> int:
        """The largest spatial size of what it gives; 1 for a vector."""
        return max(self.shape.spatial, default=1)

    @property
    def merges(self) -> bool:
        """Whether it joins branches."""
        return self.rows[0].role == "merge"


@dataclass(frozen=True)
class Series:
    """Parts that data flows through one after another."""

    id: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Fork:
    """Branches side by side."""

    id: str
    branches: tuple[Series, ...]

    @cached_property
    def main(self) -> int | None:
        """The branch that goes straight on, with the others at its right: the longer of two, or one longer by far."""
        counts = [sum(1 for _ in leaves(branch)) for branch in self.branches]
        *others, longest = sorted(counts)
        if others[-1] < longest and (len(counts) == 2 or 6 * others[-1] <= longest):
            return counts.index(longest)
        return None


@dataclass(frozen=True)
class Panel:
    """A block that is drawn once for all its copies, or has a name and is more than a chain of layers."""

    id: str
    inside: Series
    name: str
    copies: int


Part: TypeAlias = Leaf | Fork | Panel
Way: TypeAlias = tuple[tuple[Series, int], ...]
"""The series around a leaf, from outside in, each with the place of the part that the leaf is in."""


@dataclass(frozen=True)
class Column:
    """A network: the series of its parts, and all that flows between leaves, in order."""

    shaped: ShapedGraph
    series: Series
    links: tuple[Link, ...]
    devices: tuple[int, ...]
    """The logical devices in use, where they are several."""

    def tower(self, branch: Series) -> int | None:
        """The device of a branch all of which is on one, of several."""
        found = {leaf.device for leaf in leaves(branch)} if self.devices else set[int]()
        return found.pop() if len(found) == 1 else None


def alike(one: float, other: float) -> bool:
    """Whether two sizes may stand at one height: 56 and 55, and 32 and 28, but never a map and its half."""
    return max(one, other) < ALIKE * min(one, other)


def leaves(part: Part | Series) -> Iterator[Leaf]:
    """The leaves of a part, in the order of the data's flow."""
    if isinstance(part, Leaf):
        yield part
    else:
        for one in part.parts if isinstance(part, Series) else inner(part):
            yield from leaves(one)


def inner(part: Part) -> tuple[Series, ...]:
    """The series that a part consists of."""
    match part:
        case Leaf():
            return ()
        case Fork(_, branches):
            return branches
        case Panel():
            return (part.inside,)


def entries(part: Part | Series) -> tuple[Leaf, ...]:
    """The leaves that what flows into a part reaches first."""
    return _ends(part, 0)


def exits(part: Part | Series) -> tuple[Leaf, ...]:
    """The leaves that what flows on from a part comes from."""
    return _ends(part, -1)


def _ends(part: Part | Series, at: int) -> tuple[Leaf, ...]:
    if isinstance(part, Leaf):
        return (part,)
    if isinstance(part, Series):
        return _ends(part.parts[at], at)
    return tuple(leaf for series in inner(part) for leaf in _ends(series, at))


def ways(series: Series) -> Mapping[str, Way]:
    """The way to each leaf, by its id."""
    found: dict[str, Way] = {}

    def walk(one: Series, above: Way) -> None:
        for place, part in enumerate(one.parts):
            here = (*above, (one, place))
            if isinstance(part, Leaf):
                found[part.id] = here
            for within in inner(part):
                walk(within, here)

    walk(series, ())
    return found
