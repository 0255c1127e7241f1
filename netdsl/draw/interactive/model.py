"""What an interactive picture knows: boxes in nested blocks, edges, and each layer's figures and place in the source.

A plain value for JSON. Every copy of a repeat is in it; the page folds and unfolds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TypeAlias

from netdsl.draw import words
from netdsl.draw.drawing import Box, Cluster, Drawing, Item
from netdsl.draw.fold import fold
from netdsl.draw.palette import LIGHT
from netdsl.graph.node import ShapedGraph
from netdsl.layers.arguments import Number, once, show
from netdsl.measure.summary import Summary
from netdsl.text import safe
from netdsl.text.fit import clipped

Data: TypeAlias = dict[str, object]

MOST = 60
"""Items that stand in a row in one block; more are parted, so that a page shows what can be read."""

PART = 30

AROUND, LONGEST = 60, 200
"""Characters of a line of the program around what makes a layer, and of that: a line may hold a whole network."""


def model(shaped: ShapedGraph) -> Data:
    """The whole of a network."""
    drawing = fold(shaped, expand=True)
    layers = _Layers(shaped)
    return {
        "title": drawing.title,
        "facts": list(drawing.facts),
        "paper": drawing.paper,
        "devices": list(drawing.devices),
        "items": [layers.item(item) for item in _parted(_repeats(drawing.items))],
        "edges": [[one.source, one.target, words.dims(str(one.shape)), one.training] for one in drawing.edges],
        "roles": _roles(drawing),
        "layers": layers.found,
    }


def _roles(drawing: Drawing) -> list[str]:
    """The roles of its layers, in the order of the legend."""
    used = {row.role for box in drawing.boxes for row in box.rows if box.kind == "layer"}
    return [role for role in LIGHT.roles if role in used]


class _Layers:
    """The layers of the boxes that were asked for, by path, as the page shows them."""

    def __init__(self, shaped: ShapedGraph) -> None:
        self.shaped, self.summary = shaped, Summary(shaped)
        self.found: dict[str, Data] = {}

    def item(self, item: Item) -> Data:
        """A box, or a block with what is in it."""
        if isinstance(item, Box):
            return {
                "id": item.id,
                "kind": item.kind,
                "device": item.device,
                "training": item.training,
                "note": item.note,
                "rows": [[row.keyword, row.arguments, row.role, row.name] for row in item.rows],
                "layers": self._layers(item),
            }
        return {
            "id": item.id,
            "kind": "block",
            "name": item.name,
            "call": item.call,
            "copies": item.copies,
            "copy": item.copy,
            "device": item.device,
            "training": item.training,
            "note": item.note,
            "items": [self.item(inner) for inner in _parted(item.items)],
        }

    def _layers(self, box: Box) -> list[str]:
        """The paths of a box's layers: the first, and what follows it."""
        found = {self.shaped.nodes[index].path: self._layer(index) for index in box.nodes}
        self.found |= found
        return list(found)

    def _layer(self, index: int) -> Data:
        """One layer's figures for one example, and the line of the program that it stands on."""
        node, cost = self.shaped.nodes[index], self.summary.figures[index]
        axes, span = self.summary.fields[index], node.site.span
        line = safe.line(span.source.line(span.line))
        start, end = span.column - 1, span.column - 1 + len(span.text)
        return {
            "layer": node.layer.written,
            "input": [words.dims(str(shape)) for shape in self.shaped.input_shapes(index)],
            "output": words.dims(str(self.shaped.shapes[index])),
            "params": cost.params,
            "macs": cost.macs,
            "flops": cost.flops,
            "bytes": cost.activation_bytes,
            "field": _sizes([axis.size for axis in axes]),
            "stride": _sizes([axis.stride for axis in axes]),
            "weights": node.owner if node.shared else "",
            "place": f"{safe.line(PurePath(span.source.name).name)}:{span.line}:{span.column}",
            "source": [
                ("…" if start > AROUND else "") + line[max(0, start - AROUND) : start],
                clipped(line[start:end], LONGEST),
                clipped(line[end : end + AROUND + 1], AROUND),
            ],
        }


def _sizes(sizes: Sequence[Number]) -> str:
    """Sizes along the axes: one, where they agree."""
    return words.dims(show(once(tuple(sizes))))


def _repeats(items: Iterable[Item], around: str = "") -> list[Item]:
    """The items, with the copies of each repeat in a block of their own, unless they fill one as it is."""
    found: list[Item] = []
    for item in items:
        if isinstance(item, Cluster):
            item = replace(item, items=tuple(_repeats(item.items, item.id)))
            last = found[-1] if found else None
            if item.copy and item.copy[1] > 1 and item.repeat != around:
                if not (isinstance(last, Cluster) and last.id == item.repeat):
                    last = replace(item, id=item.repeat, items=(), copies=item.copy[1], copy=None)
                    found.append(last)
                found[-1] = replace(last, items=(*last.items, item))
                continue
        found.append(item)
    return found


def _parted(items: Sequence[Item]) -> list[Item]:
    """The items, in parts where they are too many to be seen at once."""
    if len(items) <= MOST:
        return list(items)
    parts: list[Item] = []
    size = max(PART, -(-len(items) // MOST))
    for start in range(0, len(items), size):
        part = tuple(items[start : start + size])
        name = f"{start + 1} to {start + len(part)}"
        parts.append(Cluster(f"{part[0].id} to {part[-1].id}", name, "", part, None))
    return _parted(parts)
