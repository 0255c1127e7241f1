"""What explanations read of a network: its graph in both directions, its figures, its convolutions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from netdsl.graph import unused
from netdsl.graph.node import Node, ShapedGraph
from netdsl.graph.outline import Placed
from netdsl.layers.answer import Table
from netdsl.layers.arguments import once, show
from netdsl.layers.base import Layer, per_axis
from netdsl.layers.conv import Convolving
from netdsl.layers.shape import Shape
from netdsl.measure.costs import PRECISIONS, Costs, Totals, costs, totals
from netdsl.measure.field import Axis, fields

BYTES = PRECISIONS["fp32"]
"""Of a number."""
AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""What spatial axes are called, by their number."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A convolution as its graph has it: which channels it turns into which, and by what window."""

    index: int
    channels: int
    filters: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int

    @property
    def pointwise(self) -> bool:
        """Whether it is 1x1."""
        return max(self.sizes) == 1

    @property
    def plain(self) -> bool:
        """Whether it slides by one, without dilation and groups."""
        return max(*self.strides, *self.dilations, self.groups) == 1

    @property
    def shown(self) -> str:
        """Its size: `3x3`."""
        return show(self.sizes)


@dataclass(frozen=True, eq=False)
class View:
    """A network, and what follows from it, computed once; a view equals itself alone, so that it keys caches."""

    shaped: ShapedGraph

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Its nodes, in topological order."""
        return self.shaped.nodes

    @cached_property
    def costs(self) -> list[Costs]:
        """What each node costs."""
        return costs(self.shaped)

    @cached_property
    def totals(self) -> Totals:
        """What inference costs."""
        return totals(self.shaped, self.costs)

    @cached_property
    def fields(self) -> list[tuple[Axis, ...]]:
        """What each node sees."""
        return fields(self.shaped)

    @property
    def readers(self) -> Sequence[Sequence[int]]:
        """The nodes that read each node, in order."""
        return self.shaped.graph.readers

    @cached_property
    def inference(self) -> list[int]:
        """The nodes that inference needs."""
        return [index for index, node in enumerate(self.nodes) if not node.training]

    @cached_property
    def returned(self) -> frozenset[int]:
        """The nodes that the network returns."""
        graph = self.shaped.graph
        return frozenset((*graph.outputs, *graph.training_outputs))

    @cached_property
    def kernels(self) -> dict[int, Kernel]:
        """The convolutions by node, without those that a table of connections thins out."""
        found: dict[int, Kernel] = {}
        for index, node in enumerate(self.nodes):
            layer = node.layer
            if not isinstance(layer, Convolving):
                continue
            (x,) = self.shaped.input_shapes(index)
            if layer.fixed(x):
                continue
            sizes = per_axis(layer.kernel, x, "kernel")
            strides = per_axis(layer.stride, x, "stride")
            dilations = per_axis(layer.dilation, x, "dilation")
            groups = layer.groups_of(x)
            found[index] = Kernel(index, x.channels, layer.filters_of(x), sizes, strides, dilations, groups)
        return found

    def layer(self, index: int) -> Layer:
        """The layer of a node."""
        return self.nodes[index].layer

    def path(self, index: int) -> str:
        """The path of a node."""
        return self.nodes[index].path

    def shape(self, index: int) -> Shape:
        """The shape that a node gives."""
        return self.shaped.shapes[index]

    def bytes(self, index: int) -> int:
        """The size of what a node gives, in float32."""
        return self.shape(index).elements * BYTES

    def taken(self, index: int) -> Shape:
        """The shape that a node takes first."""
        return self.shaped.shapes[self.nodes[index].inputs[0]]

    def passes(self, index: int) -> bool:
        """Whether a node works on each position by itself and keeps the shape, as ReLU, BN and dropout do."""
        node = self.nodes[index]
        return (
            len(node.inputs) == 1
            and not self.layer(index).merge
            and node.layer.windows(*self.shaped.input_shapes(index)) == ()
            and self.shape(index) == self.taken(index)
            and not self.costs[index].macs
        )

    def follows(self, index: int) -> int | None:
        """The node that alone reads a node, behind all that passes values on; None where there are several, or none."""
        while len(readers := self.readers[index]) == 1 and index not in self.returned:
            (index,) = readers
            if not self.passes(index):
                return index
        return None

    def reads(self, index: int) -> Iterator[int]:
        """The nodes that read a node, behind all that passes values on."""
        pending = [*reversed(self.readers[index])]
        while pending:
            reader = pending.pop()
            if self.passes(reader):
                pending += reversed(self.readers[reader])
            else:
                yield reader

    def precedes(self, index: int) -> int:
        """The node whose values a node takes, before all that passes them on."""
        index = self.nodes[index].inputs[0]
        while self.nodes[index].inputs and self.passes(index):
            index = self.nodes[index].inputs[0]
        return index

    def ancestors(self, index: int) -> set[int]:
        """All nodes that a node depends on."""
        return {*unused.needed(self.nodes, self.nodes[index].inputs)}

    def image(self, index: int) -> Shape | None:
        """The shape of the only input that a node sees; None where it sees several."""
        sources = {*self.ancestors(index), index}.intersection(self.shaped.graph.inputs)
        return self.shape(sources.pop()) if len(sources) == 1 else None

    def parts(self, path: str) -> list[Placed]:
        """What stands at a path: several stretches, where a network was built with other nodes between them."""
        first, *rest = path.split(".")
        found = [one for one in self.shaped.graph.outline.named() if one.name == first]
        for name in rest:
            found = [inner for one in found for inner in one.named() if inner.name == name]
        return found

    def under(self, path: str) -> list[int]:
        """The nodes that stand under a path; training's own only where there are no others."""
        found = [index for part in self.parts(path) for index in part.nodes]
        return [index for index in found if not self.nodes[index].training] or found

    def sums(self, indices: Iterable[int]) -> Totals:
        """What some nodes cost together."""
        return totals(self.shaped, self.costs, sorted(indices))


def percent(part: int, whole: int) -> str:
    """A share as people say it: `74%`, `7.4%`, `0.06%`."""
    if not whole or not part:
        return "0%"
    share = 100 * part / whole
    if part == whole:
        return "100%"
    if share < 0.01:
        return "under 0.01%"
    digits = 0 if share >= 9.95 else 1 if share >= 0.995 else 2
    return f"{min(share, 99.9):.{digits}f}%" if share < 99.5 else f"{min(share, 99.99):.2f}%"


def count(number: int) -> str:
    """A number in a sentence: a word up to ten."""
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[number] if number < len(words) else f"{number:,}"


def every(number: int) -> str:
    """`Both`, `All 3`."""
    return "Both" if number == 2 else f"All {number:,}"


def several(words: Sequence[str], most: int = 4) -> str:
    """Words as a list in a sentence: `a, b and c`; of many, some and the number of the rest."""
    if len(words) > most + 1:
        return f"{', '.join(words[:most])} and {len(words) - most:,} more"
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def folded(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]], right: frozenset[int], most: int = 16) -> Table:
    """A table of some rows; of many the first ones, and how many more there are."""
    if len(rows) > most:
        more = ("…", f"{len(rows) - most + 1:,} more", *[""] * (len(headings) - 2))
        rows = [*rows[: most - 1], more]
    return Table(headings, tuple(rows), right)


def sized(axes: Sequence[Axis]) -> str:
    """A receptive field: `212x212`."""
    return show(tuple(axis.size for axis in axes))


def stepped(axes: Sequence[Axis]) -> str:
    """An effective stride, once where the axes agree: `32`."""
    return show(once(tuple(axis.stride for axis in axes)))


def named(axes: Sequence[str], rank: int) -> Iterator[tuple[str, str]]:
    """Texts of axes with the names of the axes that share them: ("height, width", text)."""
    names = AXES.get(rank) or tuple(f"axis {number + 1}" for number in range(rank))
    for text in dict.fromkeys(axes):
        yield ", ".join(name for name, one in zip(names, axes, strict=True) if one == text), text
