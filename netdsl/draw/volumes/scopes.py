"""From units to items: which blocks and repeats are opened, and which stand as one volume."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace

from netdsl.draw import words
from netdsl.draw.volumes.units import Unit
from netdsl.graph.node import Scope, ShapedGraph

FEW = 15
"""Up to so many columns every volume is drawn, and repeats are written out."""
MOST = 24
"""Up to so many columns blocks are opened."""
_MODULE = 24
"""The most volumes that a block may hold to be drawn as one because it forks."""


@dataclass(frozen=True, slots=True)
class Item:
    """What is drawn as one volume: a unit, a run of equal ones, or a closed block."""

    units: tuple[int, ...]
    inputs: tuple[int, ...]
    """Indices of earlier items, in the order in which they are read."""
    block: Block | None = None
    """The closed block that it stands for."""
    around: tuple[Block, ...] = ()
    """The opened blocks around it, from outside in."""
    label: str = ""
    """The label of a block that holds nothing else."""
    run: int = 1
    """How many equal units in a row it stands for."""


@dataclass
class Block:
    """A scope in the tree of scopes: a call, a labelled group, all copies of a repeat, or one of them."""

    path: str
    scope: Scope | None
    copies: int = 1
    label: str = ""
    """Its label, where the program gives it one."""
    children: list[Block | int] = field(default_factory=list["Block | int"])
    """Blocks, and indices of units."""
    units: list[int] = field(default_factory=list[int])
    forks: bool = False
    """Whether it is drawn as one: data forks in it and not merely within a child, or it exists in training alone."""

    @property
    def noun(self) -> str:
        """The name of the block that it calls, or of the group."""
        return "" if self.scope is None else self.scope.title.split("(")[0]

    @property
    def height(self) -> int:
        """How many blocks deep it is: 0 where it holds no others but copies."""
        inner = [child for child in self.children if isinstance(child, Block)]
        return max((child.height + (self.copies == 1) for child in inner), default=0)

    @property
    def copy_units(self) -> Sequence[int]:
        """The units of one copy: the last."""
        last = self.children[-1]
        return _units(last) if self.copies > 1 else self.units


def items(shaped: ShapedGraph, units: Sequence[Unit], seams: Set[int], most: int = MOST) -> list[Item]:
    """The items of a network, in topological order: as much detail as a sheet holds, seams taking no room.

    A small network is drawn volume by volume. In a larger one runs of equal volumes are one, and blocks are opened from
    the outermost inward while there is room: all calls of a block, or none.
    """
    root = _tree(shaped, units)
    blocks = list(_blocks(root))
    opened = {block.path for block in blocks if not block.forks}
    whole = _cut(root, units, opened)
    if columns(whole, seams) <= FEW:
        return whole
    alike = _alike(shaped, units)
    merged = _merged(whole, units, alike)
    if columns(merged, seams) <= FEW:
        return merged
    opened = {""}
    fits = _merged(_cut(root, units, opened), units, alike)
    refused: set[str] = set()
    while True:
        closed = [item.block for item in fits if item.block and not item.block.forks]
        repeated = {block.noun for block in closed if block.copies > 1}
        kinds = [block.noun for block in closed if block.noun not in refused]
        if not kinds:
            return fits
        heights = {block.noun: block.height for block in reversed(closed)}
        kind = min(kinds, key=lambda noun: (noun in repeated, -heights[noun]))
        more = [block for block in closed if block.noun == kind]
        found = _merged(_cut(root, units, opened | {block.path for block in more}), units, alike)
        if columns(found, seams) <= (min(FEW, most) if kind in repeated else most):
            opened, fits = opened | {block.path for block in more}, found
        else:
            refused.add(kind)


def columns(items: Sequence[Item], seams: Set[int] = frozenset()) -> int:
    """The number of items on the longest path, seams not counted."""
    depth: list[int] = []
    for item in items:
        wide = not (len(item.units) == 1 and item.units[0] in seams)
        depth.append(wide + max((depth[source] for source in item.inputs), default=0))
    return max(depth, default=0)


# The tree of scopes


def _tree(shaped: ShapedGraph, units: Sequence[Unit]) -> Block:
    root = Block("", None)
    known = {"": root}
    for index, unit in enumerate(units):
        inner = root
        node = shaped.nodes[unit.head]
        for path, scope, copies in _places(shaped, node.path):
            if path not in known:
                copied = copies == 1 and (scope.copies or 1) > 1
                known[path] = Block(path, scope, copies, "" if copied else words.label(scope, node))
                inner.children.append(known[path])
            inner = known[path]
            inner.units.append(index)
        inner.children.append(index)
    root.units = list(range(len(units)))
    for block in _blocks(root):
        block.forks = block is not root and (_forks(block, shaped, units) or _aside(block, shaped, units))
    return root


def _places(shaped: ShapedGraph, path: str) -> Iterator[tuple[str, Scope, int]]:
    """The scopes around a node, from outside in; a repeat as the scope of all its copies, then that of one."""
    scopes = shaped.graph.scopes
    parts = path.split(".")
    at = 0
    while at < len(parts):
        at += 1
        scope = scopes.get(".".join(parts[:at]))
        if scope is None:
            continue
        if scope.copies is None:
            yield ".".join(parts[:at]), scope, 1
            continue
        if scope.copies > 1:
            yield ".".join(parts[:at]), scope, scope.copies
        at += 1
        if at < len(parts) or scope.copies == 1:
            yield ".".join(parts[:at]), scope, 1


def _blocks(block: Block) -> Iterator[Block]:
    yield block
    for child in block.children:
        if isinstance(child, Block):
            yield from _blocks(child)


def _forks(block: Block, shaped: ShapedGraph, units: Sequence[Unit]) -> bool:
    """Whether two of a block's children read the same. Not where it is large, or on several devices."""
    if len(block.units) > _MODULE or len({shaped.nodes[units[index].head].device for index in block.units}) > 1:
        return False
    child_of = {unit: at for at, child in enumerate(block.children) for unit in _units(child)}
    readers: dict[int, set[int]] = {}
    for unit, at in child_of.items():
        for source in units[unit].inputs:
            if child_of.get(source) != at:
                readers.setdefault(source, set()).add(at)
    return any(len(found) > 1 for found in readers.values())


def _aside(block: Block, shaped: ShapedGraph, units: Sequence[Unit]) -> bool:
    """Whether a block exists in training alone."""
    return all(shaped.nodes[units[index].head].training for index in block.units)


def _units(child: Block | int) -> Sequence[int]:
    return child.units if isinstance(child, Block) else (child,)


# From the tree to items


def _cut(root: Block, units: Sequence[Unit], opened: set[str]) -> list[Item]:
    """An item for each unit and closed block, in order."""
    found: list[tuple[Block | int, tuple[Block, ...], str]] = []

    def walk(block: Block, around: tuple[Block, ...], label: str) -> None:
        for child in block.children:
            if isinstance(child, int):
                found.append((child, around, label))
            elif len(child.units) == 1:
                walk(child, around, label or child.label)
            elif child.path in opened:
                walk(child, (*around, child), "")
            else:
                found.append((child, around, ""))

    walk(root, (), "")
    found.sort(key=lambda entry: _units(entry[0])[-1])
    item_of = {unit: at for at, (child, _, _) in enumerate(found) for unit in _units(child)}
    cut: list[Item] = []
    for at, (child, around, label) in enumerate(found):
        own = _units(child)
        sources = dict.fromkeys(item_of[source] for unit in own for source in units[unit].inputs)
        inputs = tuple(source for source in sources if source != at)
        cut.append(Item(tuple(own), inputs, child if isinstance(child, Block) else None, around, label))
    return cut


def _alike(shaped: ShapedGraph, units: Sequence[Unit]) -> Callable[[int, int], bool]:
    """Whether two units are written alike and give volumes of one shape."""

    def told(index: int) -> list[str]:
        nodes = (units[index].head, *units[index].followers)
        return [f"{shaped.nodes[node].layer.keyword} {shaped.nodes[node].layer.label}" for node in nodes]

    def alike(one: int, two: int) -> bool:
        first, second = units[one].head, units[two].head
        return (
            shaped.shapes[first] == shaped.shapes[second]
            and bool(shaped.shapes[first].spatial)
            and shaped.nodes[first].layer.role == "convolution"
            and told(one) == told(two)
        )

    return alike


def _merged(cut: Sequence[Item], units: Sequence[Unit], alike: Callable[[int, int], bool]) -> list[Item]:
    """Items with runs of equal units as one: each read by nothing but the next."""
    readers = [0] * len(cut)
    for item in cut:
        for source in item.inputs:
            readers[source] += 1
    place: list[int] = []
    merged: list[Item] = []
    for item in cut:
        inputs = tuple(dict.fromkeys(place[source] for source in item.inputs))
        if not item.block and len(inputs) == 1 and readers[item.inputs[0]] == 1:
            before = merged[inputs[0]]
            if not before.block and alike(before.units[-1], item.units[0]):
                around = tuple(one for one, two in zip(before.around, item.around, strict=False) if one is two)
                run = (*before.units, *item.units)
                merged[inputs[0]] = replace(before, units=run, around=around, run=before.run + 1)
                place.append(inputs[0])
                continue
        place.append(len(merged))
        merged.append(replace(item, inputs=inputs))
    return merged
