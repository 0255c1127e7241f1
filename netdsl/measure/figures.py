"""What a network costs: per layer and in total, computed from the layers' own definitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netdsl.graph.node import ShapedGraph

BYTES = 4
"""Of a float32."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The costs of one node, for one example.

    `params` are those that training changes, counted where they belong; `activation_bytes` are those of its output
    in float32, none where it works in place.
    """

    params: int
    macs: int
    flops: int
    activation_bytes: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The costs of a network, or of a part of it, in inference."""

    params: int
    macs: int
    flops: int
    activation_bytes: int
    depth: int

    @property
    def weight_bytes(self) -> int:
        """Bytes of the parameters in float32."""
        return self.params * BYTES


def figures(shaped: ShapedGraph) -> list[Figures]:
    """The costs of every node."""
    found: list[Figures] = []
    for index, (node, shape) in enumerate(zip(shaped.nodes, shaped.shapes, strict=True)):
        inputs = shaped.input_shapes(index)
        layer = node.layer
        params = 0 if node.shared else sum(weight.count for weight in layer.weights(*inputs))
        memory = 0 if layer.inplace else shape.elements * BYTES
        found.append(Figures(params, layer.macs(*inputs), layer.flops(*inputs), memory))
    return found


def totals(shaped: ShapedGraph, each: Sequence[Figures], nodes: Iterable[int] | None = None) -> Totals:
    """Sums over some nodes, or over all that inference needs."""
    indices = [i for i, node in enumerate(shaped.nodes) if not node.training] if nodes is None else list(nodes)
    chosen = [each[index] for index in indices]
    return Totals(
        sum(one.params for one in chosen),
        sum(one.macs for one in chosen),
        sum(one.flops for one in chosen),
        sum(one.activation_bytes for one in chosen),
        depth(shaped, indices),
    )


def depth(shaped: ShapedGraph, nodes: Sequence[int]) -> int:
    """CONV, DWCONV, DECONV and FC on the longest path through some nodes, given in topological order."""
    longest: dict[int, int] = {}
    for index in nodes:
        node = shaped.nodes[index]
        before = max((longest.get(source, 0) for source in node.inputs), default=0)
        longest[index] = before + node.layer.counts_depth
    return max(longest.values(), default=0)
