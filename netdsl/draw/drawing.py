"""What a picture shows, before anyone has placed it: boxes, clusters and edges, as frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from netdsl.layers.base import Role
from netdsl.layers.shape import Shape

Tint: TypeAlias = Role | Literal["added", "removed", "changed", "unchanged"]
"""What the colour of a layer tells: its role, or what became of it between two networks."""


@dataclass(frozen=True, slots=True)
class Row:
    """One layer within a box: `CONV` `64 3x3 p1`, and its name where the program gives it one."""

    keyword: str
    arguments: str
    role: Tint
    name: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A layer, with what directly follows it and nothing else reads: CONV, BN and RELU are one box of three rows.

    A folded block is a box too: its first row is its label and call, the others say what is in it.
    """

    id: str
    """The path of its first layer, or of the block."""
    kind: Literal["input", "layer", "block", "output"]
    rows: tuple[Row, ...]
    device: int = 0
    copies: int = 1
    training: bool = False
    note: str = ""
    """Whose weights it uses, where they are not its own."""
    tooltip: str = ""
    nodes: tuple[int, ...] = ()
    """The indices of those that are drawn in it: a layer and what follows it, or what is in a block."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A block's call or a labelled group, with what is in it; a folded repeat stands for `copies` of itself."""

    id: str
    name: str
    """Its label, where the program gives it one."""
    call: str
    """The call as written; empty for a group."""
    items: tuple[Item, ...]
    device: int | None
    """The device that all of it is on, if it is one."""
    copies: int = 1
    copy: tuple[int | str, int] | None = None
    """Which copy of how many it is, or which are alike it, `4–7`, where a repeat is drawn in full."""
    repeat: str = ""
    """The path of that repeat."""
    training: bool = False
    note: str = ""


Item: TypeAlias = Box | Cluster


@dataclass(frozen=True, slots=True)
class Edge:
    """What flows from a box to a box."""

    source: str
    target: str
    shape: Shape
    training: bool = False
    tint: Tint | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture: what stands at its top level in the order of the program, the edges between boxes, the caption."""

    title: str
    facts: tuple[str, ...]
    paper: str
    items: tuple[Item, ...]
    edges: tuple[Edge, ...]
    devices: tuple[int, ...]
    """The logical devices in use."""

    @property
    def boxes(self) -> Iterator[Box]:
        """Every box, at whatever depth."""
        return boxes(self.items)


def boxes(items: Iterable[Item]) -> Iterator[Box]:
    """The boxes among items and within them, in order."""
    return (item for item in _every(items) if isinstance(item, Box))


def clusters(items: Iterable[Item]) -> Iterator[Cluster]:
    """The clusters among items and within them, in order."""
    return (item for item in _every(items) if isinstance(item, Cluster))


def _every(items: Iterable[Item]) -> Iterator[Item]:
    pending = list(reversed(list(items)))
    while pending:
        item = pending.pop()
        yield item
        if isinstance(item, Cluster):
            pending.extend(reversed(item.items))
