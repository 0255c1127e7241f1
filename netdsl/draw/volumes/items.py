"""From units to items: which blocks and repeats are opened, and what stands as one volume."""

from __future__ import annotations

from collections.abc import Container, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise

from netdsl.draw.branches import branches, gates
from netdsl.draw.volumes.arrange import ancestors
from netdsl.draw.volumes.scopes import MODULE, Block, blocks, tree, units_of
from netdsl.draw.volumes.units import Unit
from netdsl.graph.node import ShapedGraph

FEW = 15
"""Up to so many columns every volume is drawn, and repeats are written out."""
MOST = 24
"""Up to so many columns blocks are opened."""
_LANES = 4
"""As many branches are drawn below each other; more are one volume."""
_SHORT = 4
"""The most volumes on a branch of a fork that is drawn as one, however many branches it has."""


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


def items(shaped: ShapedGraph, units: Sequence[Unit], seams: Set[int], most: int = MOST) -> list[Item]:
    """The items of a network, in topological order: as much detail as a sheet holds, seams taking no room.

    A small network is drawn volume by volume. In a larger one runs of equal volumes are one, and blocks are opened from
    the outermost inward while there is room: all calls of a block, or none. Where there is still too much, or there are
    too many branches, what lies between a fork and its merge is one volume too.
    """
    found = _folded(shaped, units, _opened(shaped, units, seams, most), _LANES)
    if columns(found, seams) > most:
        found = _merged(shaped, units, _folded(shaped, units, found, 1))
    return found


def _opened(shaped: ShapedGraph, units: Sequence[Unit], seams: Set[int], most: int) -> list[Item]:
    """The items with as many blocks opened as there is room for."""
    root = tree(shaped, units)
    whole = _cut(root, units, {block.path for block in blocks(root) if not block.forks})
    if columns(whole, seams) <= FEW:
        return whole
    merged = _merged(shaped, units, whole)
    if columns(merged, seams) <= FEW:
        return merged
    opened = {""}
    fits = _merged(shaped, units, _cut(root, units, opened))
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
        found = _merged(shaped, units, _cut(root, units, opened | {block.path for block in more}))
        if columns(found, seams) <= (min(FEW, most) if kind in repeated else most):
            opened, fits = opened | {block.path for block in more}, found
        else:
            refused.add(kind)


def columns(items: Sequence[Item], seams: Set[int] = frozenset()) -> int:
    """The number of items on the longest path, seams not counted."""
    return max(_depths(items, seams), default=0)


def _depths(items: Sequence[Item], seams: Set[int] = frozenset()) -> list[int]:
    depths: list[int] = []
    for item in items:
        wide = not (len(item.units) == 1 and item.units[0] in seams)
        depths.append(wide + max((depths[source] for source in item.inputs), default=0))
    return depths


def end(shaped: ShapedGraph, units: Sequence[Unit], items: Sequence[Item]) -> int:
    """The item that gives the output farthest from the inputs."""
    item_of = {units[unit].head: at for at, item in enumerate(items) for unit in item.units}
    ends = [item_of[_head(shaped, output, item_of)] for output in shaped.graph.outputs]
    return max(ends, key=_depths(items).__getitem__)


def _head(shaped: ShapedGraph, index: int, heads: Container[int]) -> int:
    """The node that made the volume which a node gives: itself, or what it follows."""
    while index not in heads:
        index = shaped.nodes[index].inputs[0]
    return index


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
    found.sort(key=lambda entry: units_of(entry[0])[-1])
    item_of = {unit: at for at, (child, _, _) in enumerate(found) for unit in units_of(child)}
    cut: list[Item] = []
    for at, (child, around, label) in enumerate(found):
        own = units_of(child)
        sources = dict.fromkeys(item_of[source] for unit in own for source in units[unit].inputs)
        inputs = tuple(source for source in sources if source != at)
        cut.append(Item(tuple(own), inputs, child if isinstance(child, Block) else None, around, label))
    return cut


def _merged(shaped: ShapedGraph, units: Sequence[Unit], cut: Sequence[Item]) -> list[Item]:
    """Items with runs of equal ones as one: each read by nothing but the next, or within it."""
    readers = [0] * len(cut)
    for item in cut:
        for source in item.inputs:
            readers[source] += 1
    place: list[int] = []
    merged: list[Item] = []
    for item in cut:
        inputs = tuple(dict.fromkeys(place[source] for source in item.inputs))
        if len(inputs) == 1 and readers[item.inputs[0]] == 1:
            before = merged[inputs[0]]
            if _told(shaped, units, before, before.run) == _told(shaped, units, item, 1) != ():
                around = tuple(one for one, two in zip(before.around, item.around, strict=False) if one is two)
                run = (*before.units, *item.units)
                merged[inputs[0]] = replace(before, units=run, around=around, run=before.run + 1)
                place.append(inputs[0])
                continue
        place.append(len(merged))
        merged.append(replace(item, inputs=inputs))
    return merged


def _told(shaped: ShapedGraph, units: Sequence[Unit], item: Item, run: int) -> tuple[str, ...]:
    """How the first of a run is written, and what it gives; nothing for what is no convolution and no fork."""
    own = item.units[: len(item.units) // run]
    last = units[own[-1]].head
    named = item.block is not None and item.block.scope is not None
    if named or (item.block is None and shaped.nodes[last].layer.role != "convolution"):
        return ()
    nodes = [shaped.nodes[node] for unit in own for node in units[unit].nodes]
    written = (f"{node.layer.written} @{node.device} {node.training} {node.owner * node.shared}" for node in nodes)
    return (f"{shaped.shapes[last]}", *written)


def _folded(shaped: ShapedGraph, units: Sequence[Unit], cut: Sequence[Item], lanes: int) -> list[Item]:
    """Items with each fork of more than `lanes` branches as one with its merge, if it has no label and little in it."""
    inputs = [item.inputs for item in cut]
    last = end(shaped, units, cut)
    main = sorted(ancestors(inputs, last))
    passed = gates(main, inputs)
    readers: dict[int, set[int]] = {}
    for at, item in enumerate(cut):
        for source in item.inputs:
            readers.setdefault(source, set()).add(at)
    whole: dict[int, list[int]] = {}
    at = {one: position for position, one in enumerate(main)}
    for before, after in pairwise(passed):
        inner = main[at[before] + 1 : at[after]]
        direct = before in cut[after].inputs
        region = [*inner, after]
        if (
            inner
            and len(branches(inner, inputs)) + direct > lanes
            and _foldable(shaped, units, [cut[one] for one in region])
            and all(readers[one] <= set(region) for one in inner)
        ):
            whole[after] = inner
    return _joined(shaped, units, cut, whole)


def _foldable(shaped: ShapedGraph, units: Sequence[Unit], region: Sequence[Item]) -> bool:
    """Whether a merge and what flows into it may be one volume: few units or short branches, on one device."""
    own = [unit for item in region for unit in item.units]
    depth = dict.fromkeys(own, 0)
    for unit in own:
        depth[unit] = 1 + max((depth.get(source, 0) for source in units[unit].inputs), default=0)
    merge = shaped.nodes[units[own[-1]].head].layer.merge and region[-1].block is None
    little = len(own) <= MODULE or max(depth.values()) <= _SHORT
    return merge and little and len({shaped.nodes[units[unit].head].device for unit in own}) == 1


def _joined(shaped: ShapedGraph, units: Sequence[Unit], cut: Sequence[Item], whole: dict[int, list[int]]) -> list[Item]:
    """Items with each merge of `whole` taking in the items given with it."""
    inner = {one for region in whole.values() for one in region}
    place: dict[int, int] = {}
    found: list[Item] = []
    for at, item in enumerate(cut):
        if at in inner:
            continue
        region = [*whole.get(at, ()), at]
        place.update(dict.fromkeys(region, len(found)))
        sources = dict.fromkeys(place[source] for one in region for source in cut[one].inputs)
        inputs = tuple(source for source in sources if source != len(found))
        if len(region) > 1:
            own = [unit for one in region for unit in cut[one].units]
            merge = units[own[-1]]
            path, label = shaped.nodes[merge.head].path, merge.label or item.label
            block = Block(path, None, 1, label, children=list(own), units=own, forks=True)
            item = Item(tuple(own), inputs, block, item.around)
        found.append(replace(item, inputs=inputs))
    return found
