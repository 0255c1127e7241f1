"""A difference as one picture of both networks: what was added is green, removed red, changed yellow, the rest grey.

What is unchanged is drawn in full only beside a change: a block of which nothing changed is one box, and so is a run of
layers. Copies of a repeat that fare alike are drawn once, with their number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

from netdsl.diff import words as wording
from netdsl.diff.change import Change, Compared
from netdsl.diff.rows import heading, numbered
from netdsl.diff.union import Union, union
from netdsl.draw import flow, page, words
from netdsl.draw.drawing import Box, Cluster, Drawing, Edge, Item, Row
from netdsl.draw.flow import coarse, digraph
from netdsl.draw.flow.digraph import Direction
from netdsl.draw.palette import THEMES
from netdsl.draw.picture import Picture
from netdsl.draw.places import named
from netdsl.draw.render import RenderError, painted
from netdsl.graph.node import around
from netdsl.graph.outline import Placed
from netdsl.layers.base import FOLLOWERS

_WHOLE = 8
"""The most layers of a block that was added or removed as a whole, for it to be drawn in full."""
_RUN = 3
"""The most boxes in a row that are drawn though they are unchanged."""


def draw(
    difference: Compared, format: str, *, direction: Direction = "TB", theme: str = "light", dpi: int = 144
) -> Picture:
    """The picture of a difference: svg, png, pdf, dot or html, as the bytes of a file. Raises RenderError."""
    shown = drawing(difference)
    if not any(shown.boxes):
        raise RenderError("there is nothing to draw: neither is a network")
    if format == "dot":
        return Picture(digraph.dot(shown, direction, THEMES[theme]).encode())
    picture = flow.svg(coarse.compared(shown), direction, THEMES[theme])
    whole = page.page(shown.title, picture, THEMES[theme]) if format == "html" else painted(picture, format, dpi=dpi)
    return Picture(whole)


def drawing(difference: Compared) -> Drawing:
    """What the picture shows, before it is laid out."""
    return _Painter(union(difference)).drawing()


@dataclass
class _Part:
    """A scope of the union, or a layer: its path, what is in it in order, and all layers under it."""

    path: str
    items: list[_Part] = field(default_factory=list["_Part"])
    layers: list[int] = field(default_factory=list[int])


@dataclass
class _Painter:
    """One run of drawing(). Layers are places in the union."""

    union: Union
    contents: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """The layers in each box."""
    taken: set[str] = field(default_factory=set[str])
    """The ids that boxes and clusters have."""
    stands: dict[int, int] = field(default_factory=dict[int, int])
    """For the layers of copies that are not drawn, those of the copy that is."""

    def drawing(self) -> Drawing:
        """The whole picture."""
        difference = self.union.difference
        items = self._items(self._tree())
        box_of = {at: box for box, layers in self.contents.items() for at in layers}
        outputs = list(self._outputs(box_of))
        return Drawing(
            heading(difference),
            (
                wording.counted(difference),
                *[f"{one.values(words.magnitude)} {one.name}{one.grown}" for one in wording.totals(difference)[:2]],
            ),
            "",
            (*items, *(box for box, _ in outputs)),
            (*self._edges(box_of), *(edge for _, edge in outputs)),
            (0,),
        )

    def _tree(self) -> list[_Part]:
        """The layers, in the scopes that they stand in."""
        root = _Part("")
        known: dict[str, _Part] = {}
        for at, path in enumerate(self.union.paths):
            inner = root
            for scope in around(path):
                if scope not in known:
                    known[scope] = _Part(scope)
                    inner.items.append(known[scope])
                inner = known[scope]
                inner.layers.append(at)
            inner.items.append(_Part(path, layers=[at]))
        return root.items

    # Scopes, copies and runs

    def _items(self, parts: Sequence[_Part]) -> list[Item]:
        """What is drawn of a scope's layers and inner scopes."""
        found: list[Item] = []
        for scopes, some in groupby(parts, key=lambda part: bool(part.items)):
            if scopes:
                found += [item for part in some for item in self._scope(part)]
            else:
                found += [self._box(stack) for stack in self._stacks([part.layers[0] for part in some])]
        return self._collapsed(found)

    def _scope(self, scope: _Part) -> list[Item]:
        """A scope as a box or a cluster, a repeat as several if its copies fare differently."""
        written = self._written(scope)
        if self._summed(scope.layers):
            return [self._summary(scope.path, scope.layers, _own(scope.path), written)]
        if written is None or written.copies is None:
            return [self._cluster(scope, written, 1)]
        found: list[Item] = []
        for _, run in groupby(scope.items, key=self._fate):
            first, *others = copies = list(run)
            if first.items and self._summed(layers := [at for copy in copies for at in copy.layers]):
                name = numbered([copy.path for copy in copies]).removeprefix(scope.path.rpartition(".")[0] + ".")
                found.append(self._summary(first.path, layers, name, written))
                continue
            for copy in others:
                self.stands.update(zip(copy.layers, first.layers, strict=True))
            if first.items:
                found.append(self._cluster(first, written, len(copies)))
            else:
                found.append(replace(self._box(first.layers), copies=len(copies)))
        return found

    def _free(self, id: str) -> str:
        """An id that nothing has: what is a scope in one network may be a layer in the other."""
        while id in self.taken:
            id += "′"
        self.taken.add(id)
        return id

    def _summed(self, layers: Sequence[int]) -> bool:
        """Whether layers fare alike, and are drawn as one box."""
        tints = {self.union.tint(at) for at in layers}
        return tints == {"unchanged"} or (len(tints) == 1 and "changed" not in tints and len(layers) > _WHOLE)

    def _written(self, scope: _Part) -> Placed | None:
        """What a scope is in the network that has its first layer, if it has the scope."""
        found = self.union.shaped(scope.layers[0]).graph.outline.at(scope.path)
        return found if found and found.scope else None

    def _fate(self, copy: _Part) -> object:
        """What becomes of the layers of a copy, told in a way that copies have in common."""
        tints = [self.union.tint(at) for at in copy.layers]
        if self._summed(copy.layers):
            return tints[0]
        paths = [self.union.paths[at][len(copy.path) :] for at in copy.layers]
        said = [tuple(side.layer for side in self.union.layers[at].sides) for at in copy.layers]
        return list(zip(tints, paths, said, strict=True))

    def _cluster(self, scope: _Part, written: Placed | None, copies: int) -> Cluster:
        call = words.call(written) if written else ""
        return Cluster(self._free(scope.path), _own(scope.path), call, tuple(self._items(scope.items)), None, copies)

    def _summary(self, id: str, layers: list[int], name: str, written: Placed | None = None) -> Box:
        """One box for many layers that fare alike, perhaps those of a scope."""
        tint = self.union.tint(layers[0])
        id = self._free(id)
        self.contents[id] = layers
        count = Row(f"{len(layers):,}", f"layer{'s' * (len(layers) > 1)}", tint)
        row = Row(name, words.call(written) if written else "", tint)
        return Box(id, "layer", (row, count), tooltip=f"{id}: {len(layers):,} layers, {tint}")

    def _collapsed(self, items: list[Item]) -> list[Item]:
        """Items with chains of unchanged boxes as one box, but for those beside something else."""
        runs: list[list[Item]] = []
        for item in items:
            if runs and self._feeds(runs[-1][-1], item):
                runs[-1].append(item)
            else:
                runs.append([item])
        for at, run in enumerate(runs):
            first, last = int(at > 0), len(run) - (at < len(runs) - 1)
            inner = run[first:last]
            if len(run) > _RUN and len(inner) > 1:
                layers = [at for box in inner for at in self.contents.pop(box.id)]
                name = f"{_own(inner[0].id)} … {_own(inner[-1].id)}"
                run[first:last] = [self._summary(f"{inner[0].id} …", layers, name)]
        return [item for run in runs for item in run]

    def _feeds(self, box: Item, other: Item) -> bool:
        """Whether two are unchanged boxes, and all that leaves the one enters the other, which nothing else does."""
        if not (self._plain(box) and self._plain(other)):
            return False
        ours, theirs = set(self.contents[box.id]), set(self.contents[other.id])
        leaving = {at for layer in ours for at in self._readers[layer]} - ours
        entering = {at for layer in theirs for at in self._sources[layer]} - theirs
        return leaving <= theirs and entering <= ours

    def _plain(self, item: Item) -> bool:
        """Whether something is a box in which nothing changed."""
        if not isinstance(item, Box) or item.kind != "layer":
            return False
        return item.copies == 1 and not item.note and all(row.role == "unchanged" for row in item.rows)

    # Boxes

    @cached_property
    def _readers(self) -> dict[int, set[int]]:
        """What reads each layer, in either network; an output counts as a reader of its own."""
        readers: dict[int, set[int]] = defaultdict(set)
        for link in self.union.links:
            readers[link.source].add(link.target)
        for at in self.union.outputs:
            readers[at].add(-1)
        return readers

    @cached_property
    def _sources(self) -> dict[int, set[int]]:
        """What each layer reads, in either network."""
        sources: dict[int, set[int]] = defaultdict(set)
        for link in self.union.links:
            sources[link.target].add(link.source)
        return sources

    def _stacks(self, layers: Sequence[int]) -> Iterator[list[int]]:
        """The layers in boxes: what follows a layer, and nothing else reads, is in its box.

        A follower that was removed or moved shares it too, since nothing leaves the box between its rows.
        """
        start = 0
        while start < len(layers):
            end = start + 1
            while end < len(layers) and self._follows(layers[end], layers[start:end]):
                end += 1
            inside = set(layers[start:end])
            exits = (at for at in range(start, end) if not self._readers[layers[at]] <= inside)
            end = min(next(exits, end) + 1, end)
            yield list(layers[start:end])
            start = end

    def _follows(self, at: int, stack: Sequence[int]) -> bool:
        """Whether a layer reads what is in a box alone, and is of the sort that shares it."""
        headed = bool(self._sources[stack[0]])
        return headed and self.union.node(at).layer.role in FOLLOWERS and self._sources[at] <= set(stack)

    def _box(self, stack: list[int]) -> Box:
        first = stack[0]
        id = self.union.paths[first] + " removed" * (self.union.layers[first].after is None)
        id = self._free(id)
        self.contents[id] = stack
        kind = "layer" if self.union.node(first).inputs else "input"
        notes = "; ".join(note for at in stack for note in self.union.layers[at].notes)
        tooltip = "\n".join(_tooltip(self.union.layers[at]) for at in stack)
        return Box(id, kind, tuple(self._row(at) for at in stack), note=notes, tooltip=tooltip)

    def _row(self, at: int) -> Row:
        change, node = self.union.layers[at], self.union.node(at)
        name = node.name if named(self.union.shaped(at).graph.outline.way(node.path)) else ""
        keyword, arguments = change.side.keyword, change.side.arguments
        if change.before and change.after and change.before.layer != change.after.layer:
            if change.before.keyword == keyword:
                arguments = f"{change.before.arguments} → {arguments}"
            else:
                keyword, arguments = change.before.keyword, f"{change.before.arguments} → {change.after.layer}"
        return Row(keyword, words.dims(arguments).strip(), self.union.tint(at), name)

    # Edges

    def _edges(self, box_of: dict[int, str]) -> Iterator[Edge]:
        """What flows between boxes, once for each pair, shape and fate."""
        edges: dict[Edge, None] = {}
        for link in self.union.links:
            if link.target not in self.stands:
                source, target = box_of[self._drawn(link.source)], box_of[link.target]
                if source != target:
                    edges[Edge(source, target, link.shape, tint=link.tint)] = None
        yield from edges

    def _drawn(self, at: int) -> int:
        while at in self.stands:
            at = self.stands[at]
        return at

    def _outputs(self, box_of: dict[int, str]) -> Iterator[tuple[Box, Edge]]:
        """The boxes of the outputs, and the edges into them."""
        for number, (at, name) in enumerate(self.union.outputs.items(), 1):
            row = Row("OUTPUT", "", "unchanged", name)
            box = Box(f"output {number}", "output", (row,))
            yield box, Edge(box_of[self._drawn(at)], box.id, self.union.layers[at].side.shape)


def _own(path: str) -> str:
    """The last component of a path; with what it is a copy of, if it is a number."""
    parent, _, own = path.rpartition(".")
    return f"{parent.rpartition('.')[2]}.{own}" if own.isdigit() and parent else own


def _tooltip(change: Change) -> str:
    sides = [f"{one.path}: {one.layer}, gives {one.shape}" for one in change.sides]
    return f"{change.kind}: {' → '.join(dict.fromkeys(sides))}"
