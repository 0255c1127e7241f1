"""The tree of scopes: blocks, groups and repeats, with the units in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from netdsl.draw.places import places
from netdsl.draw.volumes.units import Unit
from netdsl.graph.node import ShapedGraph
from netdsl.graph.outline import Layer, Placed

MODULE = 24
"""The most volumes that are drawn as one because data forks among them."""


@dataclass
class Block:
    """A scope in the tree of scopes: a call, a labelled group, all copies of a repeat, or one of them."""

    path: str
    scope: Placed | None
    copies: int = 1
    label: str = ""
    """Its label, where the program gives it one."""
    nodes: range = range(0)
    """Those that the scope or its copy makes."""
    children: list[Block | int] = field(default_factory=list["Block | int"])
    """Blocks, and indices of units."""
    units: list[int] = field(default_factory=list[int])
    forks: bool = False
    """Whether it is drawn as one: data forks in it and not merely within a child, or it exists in training alone."""

    @property
    def noun(self) -> str:
        """The name of the block that it calls, or of the group, or the layer that it repeats."""
        title = "" if self.scope is None else self.scope.title
        return title.split("(")[0] if title.endswith(")") else title

    @property
    def height(self) -> int:
        """How many blocks deep it is: 0 where it holds no others but copies."""
        inner = [child for child in self.children if isinstance(child, Block)]
        return max((child.height + (self.copies == 1) for child in inner), default=0)

    @property
    def copy_units(self) -> Sequence[int]:
        """The units of one copy: the last."""
        last = self.children[-1]
        return units_of(last) if self.copies > 1 else self.units


def tree(shaped: ShapedGraph, units: Sequence[Unit]) -> Block:
    """The scopes of a network, under one without a name."""
    root = Block("", None)
    known: dict[str, Block] = {}
    for index, unit in enumerate(units):
        inner = root
        for block in _around(unit.around):
            if block.path not in known:
                known[block.path] = block
                inner.children.append(block)
            inner = known[block.path]
            inner.units.append(index)
        inner.children.append(index)
    root.units = list(range(len(units)))
    for block in blocks(root):
        aside = all(shaped.nodes[units[index].head].training for index in block.units)
        block.forks = block is not root and (aside or _forks(block, shaped, units))
    return root


def _around(around: Sequence[Placed]) -> Iterator[Block]:
    """The blocks that a node stands in, from outside in: a repeat as all its copies, and then as the one."""
    for scope, part in places(around):
        copies, single = scope.copies or 1, isinstance(part.own, Layer)
        label = "" if single else scope.label
        if copies > 1:
            yield Block(scope.path, scope, copies, label, scope.nodes)
        if not part.repeat and not single:
            yield Block(part.path, scope, 1, label if copies == 1 else "", part.nodes)


def blocks(block: Block) -> Iterator[Block]:
    """A block and those within it."""
    yield block
    for child in block.children:
        if isinstance(child, Block):
            yield from blocks(child)


def _forks(block: Block, shaped: ShapedGraph, units: Sequence[Unit]) -> bool:
    """Whether two of a block's children read the same. Not where it is large, or on several devices."""
    if len(block.units) > MODULE or len({shaped.nodes[units[index].head].device for index in block.units}) > 1:
        return False
    child_of = {unit: at for at, child in enumerate(block.children) for unit in units_of(child)}
    readers: dict[int, set[int]] = {}
    for unit, at in child_of.items():
        for source in units[unit].inputs:
            if child_of.get(source) != at:
                readers.setdefault(source, set()).add(at)
    return any(len(found) > 1 for found in readers.values())


def units_of(child: Block | int) -> Sequence[int]:
    """The units of a block, or the one that it is."""
    return child.units if isinstance(child, Block) else (child,)
