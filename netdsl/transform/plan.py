"""Which layers become windows that slide: decided on the graph, before any text is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netdsl.graph import unused
from netdsl.graph.node import ShapedGraph
from netdsl.layers.arguments import LayerError
from netdsl.layers.base import Algebra, Layer
from netdsl.layers.shape import Shape
from netdsl.text.source import Span


class TransformError(Exception):
    """Why a network cannot be rewritten: a place, where there is one, and what to do about it."""

    def __init__(self, message: str, span: Span | None = None, help: str = "") -> None:
        super().__init__(message)
        self.span, self.help = span, help


@dataclass(frozen=True)
class Plan:
    """What becomes of each node, by its index: another layer, or nothing; and the shapes that all of them then give."""

    layers: Mapping[int, Layer]
    dropped: frozenset[int]
    shapes: Sequence[Shape]


def plan(shaped: ShapedGraph) -> Plan:
    """Windows for all layers that read the whole of a map, and no flattening before them.

    A pooling over the whole map becomes a window only where nothing merges its result with a map again: as a gate
    (squeeze and excitation) it has to stay what it is. What is merged with vectors stays a vector. Raises
    TransformError where shapes no longer fit.
    """
    planning = _Planning(shaped, _merged(shaped))
    while (found := planning.tried()) is None:
        pass
    return found


@dataclass
class _Planning:
    """Tries, each of which learns which layers have to stay as they are."""

    shaped: ShapedGraph
    merged: Sequence[bool]
    kept: set[int] = field(default_factory=set[int])

    def tried(self) -> Plan | None:
        """The plan; None where further layers had to be kept."""
        layers: dict[int, Layer] = {}
        dropped: set[int] = set()
        shapes: list[Shape] = []
        for index, node in enumerate(self.shaped.nodes):
            inputs = [shapes[source] for source in node.inputs]
            layer = node.layer
            if self._algebra(index).flattens and inputs[0].spatial and self._free(index, inputs[0]):
                dropped.add(index)
                shapes.append(inputs[0])
                continue
            try:
                if index not in self.kept and len(inputs) == 1 and (layer.role == "dense" or not self.merged[index]):
                    window = layer.algebra(*inputs).windowed if inputs[0].spatial else None
                    if window is not None:
                        layers[index] = layer = window
                shapes.append(layer.shape(*inputs))
            except LayerError as error:
                before = unused.needed(self.shaped.nodes, node.inputs) & layers.keys()
                if not before:
                    raise TransformError(f"{node.path}: {error}", node.site.span, error.mistake.help()) from None
                self.kept |= before
                return None
        return Plan(layers, frozenset(dropped), shapes)

    def _free(self, index: int, x: Shape) -> bool:
        """Whether what reads a flattened map does the same with the map itself."""
        graph = self.shaped.graph
        pending = [index]
        while pending:
            at = pending.pop()
            if x.positions > 1 and at in (*graph.outputs, *graph.training_outputs):
                return False
            for reader in graph.readers[at]:
                layer, algebra = self.shaped.nodes[reader].layer, self._algebra(reader)
                dense = layer.role == "dense"
                if layer.merge or reader in self.kept:
                    return False
                if algebra.elementwise:
                    pending.append(reader)
                elif x.positions > 1 and not algebra.flattens and not (dense and layer.algebra(x).windowed):
                    return False
        return True

    def _algebra(self, index: int) -> Algebra:
        return self.shaped.nodes[index].layer.algebra(*self.shaped.input_shapes(index))


def _merged(shaped: ShapedGraph) -> list[bool]:
    """For each node, whether a merge reads what follows from it."""
    found = [False] * len(shaped.nodes)
    for index, readers in reversed(list(enumerate(shaped.graph.readers))):
        found[index] = any(shaped.nodes[reader].layer.merge or found[reader] for reader in readers)
    return found
