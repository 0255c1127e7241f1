"""What is compared: a network by the figures that stand for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from netdsl.draw import words
from netdsl.graph.node import ShapedGraph
from netdsl.layers.activation import LogSoftmax, Softmax
from netdsl.layers.dense import RadialBasis
from netdsl.measure import units
from netdsl.measure.summary import Summary
from netdsl.text.fit import clipped
from netdsl.text.shown import Line
from netdsl.text.source import stem


@dataclass(frozen=True, slots=True, repr=False)
class Entry(Line):
    """A network in a comparison: what its `meta` lines say, and what it costs in inference, for one example."""

    name: str
    file: str
    year: str | int | float | None
    top5_error: float | None
    """In percent, as `meta top5_error` has it; None where it has no percentage."""
    depth: int
    params: int
    macs: int
    flops: int
    activation_bytes: int
    weight_bytes: int

    @property
    def about(self) -> str:
        """Its line."""
        return f'"{clipped(self.name, 60)}": {units.short(self.params)} parameters, {units.short(self.macs)} MACs'


def entries(networks: Iterable[ShapedGraph]) -> tuple[Entry, ...]:
    """Networks as entries, in their order; those of one title are told apart by their files, or are numbered."""
    found = [_entry(shaped) for shaped in networks]
    for title, count in Counter(one.name for one in found).items():
        same = [index for index, one in enumerate(found) if one.name == title]
        files = [found[index].file for index in same]
        marks = ([stem(file) for file in files], files, [str(number + 1) for number in range(count)])
        apart = next(each for each in marks if len(set(each)) == count)
        if count > 1:
            for index, mark in zip(same, apart, strict=True):
                found[index] = replace(found[index], name=f"{title} ({mark})")
    return tuple(found)


def classifies(shaped: ShapedGraph) -> bool:
    """Whether a network gives an image one class of several: SOFTMAX, or distances to codes, as a vector."""
    graph = shaped.graph
    images = [shaped.shapes[index].rank == 2 for index in graph.inputs]
    return images == [True] and all(_chooses(shaped, index) for index in graph.outputs)


def _chooses(shaped: ShapedGraph, index: int) -> bool:
    """Whether an output is a vector of classes of which one is right."""
    if shaped.shapes[index].rank:
        return False
    while shaped.nodes[index].layer.role in ("reshape", "dropout"):
        (index,) = shaped.nodes[index].inputs
    return isinstance(shaped.nodes[index].layer, Softmax | LogSoftmax | RadialBasis)


def _entry(shaped: ShapedGraph) -> Entry:
    graph, sums = shaped.graph, Summary(shaped).totals
    error = graph.meta.get("top5_error")
    return Entry(
        name=words.plain(graph.title) or graph.source.name,
        file=graph.source.name,
        year=graph.meta.get("year"),
        top5_error=float(error) if isinstance(error, int | float) and 0 <= error <= 100 else None,
        depth=sums.depth,
        params=sums.params,
        macs=sums.macs,
        flops=sums.flops,
        activation_bytes=sums.activation_bytes,
        weight_bytes=sums.weight_bytes,
    )
