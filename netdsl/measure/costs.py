"""What a network costs: per layer and in total, computed from the layers' own definitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netdsl.graph.node import ShapedGraph
from netdsl.layers.base import Layer
from netdsl.layers.shape import Shape

PRECISIONS = {"fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "int8": 1}
"""The bytes of a number. TF32 is a way of multiplying, whose numbers are stored in 32 bits."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of one node.

    `params` are those that training changes, and `constants` the numbers stored beside them that it does not, counted
    where they belong; `activation_bytes` are those of its output, none where it works in place.
    """

    params: int
    constants: int
    macs: int
    flops: int
    connections: int
    activation_bytes: int


@dataclass(frozen=True, slots=True)
class Totals(Costs):
    """The costs of a network, or of a part of it, in inference. `weight_bytes` are those of `params`."""

    weight_bytes: int
    depth: int


def costs(shaped: ShapedGraph, batch: int = 1, precision: str = "fp32") -> list[Costs]:
    """The costs of every node, for a batch of examples and numbers of a precision.

    Parameters, constants and connections are of the network, whatever the batch.
    """
    owners = _owners(shaped)
    known: dict[tuple[object, ...], Costs] = {}  # of copies, which have one layer and shapes that are one object
    found: list[Costs] = []
    for index, node in enumerate(shaped.nodes):
        inputs = shaped.input_shapes(index)
        key = (id(node.layer), owners[node.owner] == index, *map(id, inputs))
        one = known.get(key)
        if one is None:
            shape = shaped.shapes[index]
            one = known[key] = _costs(node.layer, inputs, shape, batch, precision, owned=owners[node.owner] == index)
        found.append(one)
    return found


def _costs(layer: Layer, inputs: Sequence[Shape], shape: Shape, batch: int, precision: str, *, owned: bool) -> Costs:
    """The costs of a node, which has weights of its own or uses those of another."""
    params = constants = 0
    if owned:
        weights = layer.weights(*inputs)
        params = sum(weight.count for weight in weights)
        constants = sum(one.count for one in layer.constants(*inputs)) + sum(one.fixed for one in weights)
    memory = 0 if layer.inplace else batch * shape.elements * PRECISIONS[precision]
    work = batch * layer.macs(*inputs), batch * layer.flops(*inputs)
    return Costs(params, constants, *work, layer.connections(*inputs), memory)


def _owners(shaped: ShapedGraph) -> dict[str, int]:
    """The node where the weights of each path count: the first that uses them, in inference if any does there."""
    found: dict[str, int] = {}
    for index in sorted(range(len(shaped.nodes)), key=lambda one: shaped.nodes[one].training):
        found.setdefault(shaped.nodes[index].owner, index)
    return found


def totals(
    shaped: ShapedGraph, each: Sequence[Costs], nodes: Iterable[int] | None = None, precision: str = "fp32"
) -> Totals:
    """Sums over some nodes, or over all that inference needs."""
    indices = [i for i, node in enumerate(shaped.nodes) if not node.training] if nodes is None else list(nodes)
    chosen = [each[index] for index in indices]
    params = sum(one.params for one in chosen)
    return Totals(
        params,
        sum(one.constants for one in chosen),
        sum(one.macs for one in chosen),
        sum(one.flops for one in chosen),
        sum(one.connections for one in chosen),
        sum(one.activation_bytes for one in chosen),
        params * PRECISIONS[precision],
        depth(shaped, indices),
    )


def depth(shaped: ShapedGraph, nodes: Sequence[int]) -> int:
    """Layers such as CONV and FC on the longest path through some nodes, given in topological order."""
    longest: dict[int, int] = {}
    for index in nodes:
        node = shaped.nodes[index]
        before = max((longest.get(source, 0) for source in node.inputs), default=0)
        longest[index] = before + node.layer.counts_depth
    return max(longest.values(), default=0)
