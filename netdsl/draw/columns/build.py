"""From a shaped graph to a column: the boxes of netdsl.draw.fold as leaves, and its blocks as panels or dissolved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from netdsl.draw import words
from netdsl.draw.captions import boxed, caption
from netdsl.draw.columns.parts import Column, Leaf, Link, Panel, Part, Series, alike, leaves
from netdsl.draw.columns.structure import structure
from netdsl.draw.drawing import Box, Drawing, Edge, Item, boxes
from netdsl.draw.fold import fold
from netdsl.graph.infer import ask
from netdsl.graph.node import Node, ShapedGraph
from netdsl.layers.shape import Shape
from netdsl.text.fit import clipped

_WRITTEN_OUT = 4
"""Up to so many copies of a single layer are boxes of their own; more are one box with their number."""

_WIDEST = 36
"""Characters of a box's words before they are cut."""


def column(shaped: ShapedGraph) -> Column:
    """The column of a network, without what training alone needs (unless that is all there is)."""
    return _Building(shaped, fold(shaped)).column()


@dataclass
class _Building:
    """One run of column()."""

    shaped: ShapedGraph
    drawing: Drawing
    ends: dict[str, Link] = field(default_factory=dict[str, Link])
    """The first and the last leaf of each box."""
    within: list[Link] = field(default_factory=list[Link])
    """What flows between the leaves of a box."""

    def column(self) -> Column:
        """The whole of it."""
        series = self._series(self.drawing.items, "")
        across = [(self.ends[edge.source][1], self.ends[edge.target][0]) for edge in self._edges]
        devices = self.drawing.devices if len(self.drawing.devices) > 1 else ()
        return Column(self.shaped, series, tuple(dict.fromkeys([*self.within, *across])), devices)

    @cached_property
    def _shown(self) -> set[str]:
        """The boxes that are drawn: outputs are no boxes here."""
        training = all(box.training for box in self.drawing.boxes)
        return {box.id for box in self.drawing.boxes if (training or not box.training) and box.kind != "output"}

    @cached_property
    def _edges(self) -> list[Edge]:
        return [one for one in self.drawing.edges if {one.source, one.target} <= self._shown]

    @cached_property
    def _shapes(self) -> Mapping[str, Shape]:
        """What each box gives: the last copy of it, where it is repeated."""
        return {edge.source: edge.shape for edge in self.drawing.edges}

    @cached_property
    def _outputs(self) -> Mapping[str, tuple[str, ...]]:
        """What is said of the boxes that give outputs, where there are several."""
        names = {box.id: box.rows[0].name for box in self.drawing.boxes if box.kind == "output"}
        given = [edge for edge in self.drawing.edges if edge.target in names and edge.source in self._shown]
        found: dict[str, tuple[str, ...]] = {}
        for edge in given if len(given) > 1 else ():
            found[edge.source] = (*found.get(edge.source, ()), f"output {names[edge.target]}".rstrip())
        return found

    # Blocks

    def _series(self, items: Iterable[Item], id: str) -> Series:
        """What is in a scope, with scopes that are worth no panel dissolved."""
        parts: list[tuple[Part, ...]] = []
        level: dict[str, int] = {}
        for number, item in enumerate(self._flat(items)):
            level |= dict.fromkeys([box.id for box in boxes((item,))], number)
            parts.append(self._parts(item))
        inputs: list[dict[int, None]] = [{} for _ in parts]
        for edge in self._edges:
            source, target = level.get(edge.source), level.get(edge.target)
            if source is not None and target is not None and source != target:
                inputs[target][source] = None
        return structure(id, [list(sources) for sources in inputs], parts)

    def _flat(self, items: Iterable[Item]) -> Iterator[Item]:
        """Items that are shown, with those of scopes without a name or copies in their place."""
        for item in items:
            if not any(box.id in self._shown for box in boxes((item,))):
                continue
            if isinstance(item, Box) or item.copies > 1 or item.name:
                yield item
            else:
                yield from self._flat(item.items)

    def _parts(self, item: Item) -> tuple[Part, ...]:
        if isinstance(item, Box):
            return self._leaves(item)
        inside = self._series(item.items, f"{item.id} inside")
        chain = all(isinstance(part, Leaf) for part in inside.parts)
        if item.copies == 1 and (chain or not _compact(inside)):
            return inside.parts
        return (Panel(f"{item.id} panel", inside, words.plain(item.name), item.copies),)

    # Boxes

    def _leaves(self, box: Box) -> tuple[Part, ...]:
        """A box as leaves: one for itself and one for each follower that figures give a box, in each of few copies."""
        nodes = box.nodes
        shape = self._shapes.get(box.id, self.shaped.shapes[nodes[-1]])
        few = box.copies <= _WRITTEN_OUT and self.shaped.shapes[nodes[-1]] == shape
        copies = range(box.copies if few else 1)
        found = [leaf for number in copies for leaf in self._copy(box, nodes, shape, number)]
        found[-1] = replace(found[-1], outputs=self._outputs.get(box.id, ()))
        self.ends[box.id] = found[0].id, found[-1].id
        self.within += [(one.id, other.id) for one, other in pairwise(found)]
        if few:
            return tuple(found)
        if len(found) == 1:
            return (replace(found[0], copies=box.copies),)
        return (Panel(f"{box.id} panel", Series(f"{box.id} inside", tuple(found)), "", box.copies),)

    def _copy(self, box: Box, nodes: Sequence[int], shape: Shape, number: int) -> Iterator[Leaf]:
        """The leaves of one copy of a box."""
        layers = [self.shaped.nodes[index] for index in nodes]
        starts = [at for at, index in enumerate(nodes) if not at or ask(boxed, self.shaped, index)]
        told = box.tooltip.split("\n")
        for start, end in zip(starts, [*starts[1:], len(nodes)], strict=True):
            borrowed = [node for node in layers[start:end] if node.shared and self._weighs(node)]
            yield Leaf(
                f"{layers[start].path} {number}",
                self._words(box, nodes[start], start),
                box.rows[start:end],
                shape if end == len(nodes) else self.shaped.shapes[nodes[end - 1]],
                box.device,
                shared=bool(borrowed),
                tooltip="\n".join([*told[start:end], *(f"weights of {node.owner}" for node in borrowed)]),
            )

    def _weighs(self, node: Node) -> bool:
        return bool(node.layer.weights(*self.shaped.input_shapes(self.shaped.graph.index[node.path])))

    def _words(self, box: Box, index: int, at: int) -> str:
        """What a leaf says: the layer as figures write it, and the name of an input that is one of several."""
        said = words.dims(ask(caption, self.shaped, index))
        own = words.dims(self.shaped.nodes[index].layer.written.partition(" ")[2])
        if box.rows[at].arguments != own:  # it stands for copies with other rates
            said = said.removesuffix(own).rstrip()
        if box.kind == "input" and len(self.shaped.graph.inputs) > 1:
            said = f"{said} {box.rows[at].name}"
        return clipped(words.plain(said), _WIDEST)


def _compact(series: Series) -> bool:
    """Whether a block works at one size, or comes from another first; dips to 1, to weigh channels, do not count."""
    found = [leaf.extent for leaf in leaves(series)]
    kinds: list[int] = []
    for size in found:
        if (size > 1 or found[-1] == 1) and not any(alike(size, one) for one in kinds):
            kinds.append(size)
    return len(kinds) <= 2
