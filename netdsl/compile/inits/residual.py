"""Branches of a network that join by a sum: which are residual, and where they end."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from netdsl.graph.node import ShapedGraph
from netdsl.layers import activation, guard
from netdsl.layers.base import Layer
from netdsl.layers.conv import Convolving
from netdsl.layers.deconv import Deconv
from netdsl.layers.dense import FullyConnected
from netdsl.layers.merge import Add, Mean, Multiply, Subtract
from netdsl.layers.norm import BatchNorm, Normalizing, Scale, Times

GATES = (activation.Sigmoid, activation.HardSigmoid, activation.Softmax)
WEIGHED = frozenset({"convolution", "dense", "attention", "recurrent"})
_MOST = 1_000
"""How many layers are looked at for what two branches have in common."""


def product(layer: Layer) -> bool:
    """Whether a layer is one of netdsl's own products."""
    return isinstance(layer, Convolving | Deconv | FullyConnected) and not guard.brought(layer)


@dataclass(frozen=True)
class Join:
    """What enters a sum: which of its inputs are residual branches, with what is in each, and how many are not."""

    branches: Mapping[int, Set[int]]
    plain: int


@dataclass(frozen=True)
class End:
    """A normalisation or a product that ends a residual branch of a sum."""

    index: int
    join: int
    zero: bool
    """Whether it can begin at 0: a normalisation, with nothing behind it that would then pass no gradient."""


def joins(shaped: ShapedGraph) -> Mapping[int, Join]:
    """The sums of a network."""
    found: dict[int, Join] = {}
    for index, node in enumerate(shaped.nodes):
        if len(node.inputs) > 1 and isinstance(node.layer, Add | Subtract):
            found[index] = _join(shaped, node.inputs)
        elif len(node.inputs) > 1 and isinstance(node.layer, Mean):
            found[index] = Join({}, len(node.inputs))
    return found


def ends(shaped: ShapedGraph, index: int, join: Join) -> Iterator[End]:
    """What ends the residual branches of a sum."""
    graph = shaped.graph
    settled = {type(graph.nodes[reader].layer) for reader in graph.readers[index]}
    after = bool(settled) and all(issubclass(one, Normalizing) and one is not BatchNorm for one in settled)
    for source, body in join.branches.items():
        keeps = after or _normalised(shaped, body)
        left, seen = [(source, False)], set[int]()
        while left:
            at, active = left.pop()
            if at not in body or at in seen:
                continue
            seen.add(at)
            node = graph.nodes[at]
            match node.layer:
                case Normalizing(noaffine=False):
                    yield End(at, index, zero=not active)
                case Normalizing() | Scale() | Times():
                    pass
                case Multiply():
                    main = [one for one in node.inputs if not isinstance(graph.nodes[one].layer, GATES)]
                    left += [(one, active) for one in main[:1]]
                case layer if layer.role in WEIGHED:
                    if product(layer) and not keeps:
                        yield End(at, index, zero=False)
                case layer:
                    left += [(one, active or layer.role == "activation") for one in node.inputs]


def _join(shaped: ShapedGraph, inputs: Sequence[int]) -> Join:
    """What enters a sum. A branch is residual where another one is at most one layer long, and it is longer."""
    nodes, sources = shaped.nodes, list(dict.fromkeys(inputs))
    depths: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for source in sources:
        depths[source][source] = 0
    left, waiting, lengths = [-source for source in sources], set(sources), dict.fromkeys(sources, 0)
    bodies: dict[int, set[int]] = {source: set() for source in sources}
    heapq.heapify(left)
    for _ in range(_MOST):
        if not left:
            break
        index = -heapq.heappop(left)
        waiting.discard(index)
        node, found = nodes[index], depths.pop(index)
        if len(found) == len(sources) or not node.inputs:
            if len(found) < len(sources):
                return Join({}, len(inputs))
            for source, depth in found.items():
                lengths[source] = max(lengths[source], depth)
            continue
        for source, depth in found.items():
            bodies[source].add(index)
            for one in node.inputs:
                known = depths[one]
                known[source] = max(known.get(source, 0), depth + (node.layer.role in WEIGHED))
        for one in set(node.inputs) - waiting:
            waiting.add(one)
            heapq.heappush(left, -one)
    least = min(lengths.values())
    longer = [source for source in sources if lengths[source] > least and not _enlarges(shaped, bodies[source])]
    if left or least > 1 or len(longer) == len(sources):
        return Join({}, len(inputs))
    return Join({source: bodies[source] for source in longer}, len(inputs) - len(longer))


def _enlarges(shaped: ShapedGraph, body: Set[int]) -> bool:
    """Whether something within a branch enlarges a map, as the lower part of a U-Net does."""
    return any(shaped.nodes[index].layer.enlargement(*shaped.input_shapes(index)) for index in body)


def _normalised(shaped: ShapedGraph, body: Set[int]) -> bool:
    """Whether a branch normalises each example by itself, so that it adds as much as it did before."""
    layers = [shaped.nodes[index].layer for index in body]
    return any(isinstance(layer, Normalizing) and not isinstance(layer, BatchNorm) for layer in layers)
