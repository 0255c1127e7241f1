"""The gain of each weight, by what the network is: the signal is to be as large behind each layer as before it.

A product whose weights have the deviation g/√fan-in gives values of g times the root of the mean square of what it
reads. What follows it says which g keeps that: √2 for a RELU, which loses half of it (He 2015); for others the g for
which the activation of a normal value g·z has a mean square of 1; and 1 where nothing is lost.

Branches that join by ADD would each add to it. One that stands beside a shorter one is a residual branch: its last
normalisation starts at 0, so that the network begins as its shortcuts (Goyal 2017, section 5.1), or, where it has
none, its last product is divided by the root of the number of such branches (De and Smith 2020), which leaves their sum
bounded. What the program scales, or normalises at its start as a Transformer does, is left so.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from math import sqrt

from netdsl.graph.node import ShapedGraph
from netdsl.layers import activation, guard
from netdsl.layers.base import Layer
from netdsl.layers.conv import Convolving
from netdsl.layers.deconv import Deconv
from netdsl.layers.dense import FullyConnected
from netdsl.layers.merge import Add, Mean, Multiply, Subtract
from netdsl.layers.norm import BatchNorm, Normalizing, Scale, Times

_FIXED: Mapping[type[Layer], float] = {
    activation.Relu: sqrt(2),
    activation.Relu6: sqrt(2),
    activation.Elu: 1.278,
    activation.Gelu: 1.468,
    activation.Silu: 1.559,
    activation.Mish: 1.451,
    activation.HardSwish: 1.567,
    activation.Softplus: 1.083,
}
"""Where the mean square of an activation of g·z is 1."""
_GATES = (activation.Sigmoid, activation.HardSigmoid, activation.Softmax)
_LETS_THROUGH: Mapping[type[Layer], float] = {activation.Sigmoid: 0.541, activation.HardSigmoid: 0.527}
"""The root of the mean square of gates of normal values."""
_WEIGHED = frozenset({"convolution", "dense", "attention", "recurrent"})
_MOST = 5_000
"""How many layers are looked at for what two branches have in common."""


def product(layer: Layer) -> bool:
    """Whether a layer is one of netdsl's own products."""
    return isinstance(layer, Convolving | Deconv | FullyConnected) and not guard.brought(layer)


def activated(layer: Layer) -> float:
    """The gain of a product before an activation."""
    match layer:
        case activation.LeakyRelu(slope) | activation.ParametricRelu(slope):
            return sqrt(2 / (1 + float(slope) ** 2))
        case activation.Tanh(scale, slope):
            steep = abs(float(scale * slope))
            return 1.0 if 1 <= steep <= 1.2 or not steep else 1 / steep  # LeCun's, of 1.14, has his own 1/√fan-in
        case _:
            return _FIXED.get(type(layer), 1.0)


def of(shaped: ShapedGraph) -> Mapping[int, float]:
    """The gain of each product, and of each normalisation that does not start at 1, by the node with the weights."""
    return _Network(shaped).gains()


@dataclass(frozen=True)
class _Join:
    """What enters a sum: which of its inputs are residual branches, with what is in each, and how many are not."""

    branches: Mapping[int, Set[int]]
    plain: int


@dataclass
class _Network:
    shaped: ShapedGraph
    joins: dict[int, _Join] = field(default_factory=dict[int, _Join])
    factors: dict[int, float] = field(default_factory=dict[int, float])
    """By what a residual branch's last product or normalisation is multiplied."""

    def gains(self) -> Mapping[int, float]:
        nodes = self.shaped.nodes
        for index, node in enumerate(nodes):
            if isinstance(node.layer, Add | Subtract | Mean) and len(node.inputs) > 1:
                self.joins[index] = self._join(node.inputs)
        ends = [end for index, join in self.joins.items() for end in self._ends(index, join)]
        count = len({end.join for end in ends if not end.zero})
        for end in ends:
            self.factors[end.index] = 0.0 if end.zero else 1 / sqrt(count)
        owners = {node.path: index for index, node in enumerate(nodes)}
        found: dict[int, float] = {}
        shares = self._shares()
        for index, gain in enumerate(self._wanted()):
            node = nodes[index]
            owner = owners.get(node.owner, index)
            if product(node.layer):
                gain /= shares[node.inputs[0]]
                found[owner] = min(found.get(owner, gain), gain)
        for index, factor in self.factors.items():
            owner = owners.get(nodes[index].owner, index)
            found[owner] = found.get(owner, 1.0) * factor
        return found

    # What follows

    def _wanted(self) -> Sequence[float]:
        """For each node, the gain that keeps the size of what it gives through what follows."""
        nodes = self.shaped.nodes
        found = [1.0] * len(nodes)
        for index in reversed(range(len(nodes))):
            wanted = [self._through(reader, index, found) for reader in self.shaped.graph.readers[index]]
            found[index] = max(wanted, default=1.0)
        return found

    def _through(self, reader: int, index: int, found: Sequence[float]) -> float:
        """What a node that reads another wants of it, given what is wanted of that node itself."""
        layer = self.shaped.nodes[reader].layer
        if layer.role in _WEIGHED:
            return 1.0
        if layer.role == "activation":
            return activated(layer)
        join = self.joins.get(reader)
        if join is None or index in join.branches:
            return found[reader]
        share = sqrt(join.plain)
        return found[reader] * (share if isinstance(layer, Mean) else 1 / share)

    # What goes before

    def _shares(self) -> Sequence[float]:
        """By what gates have multiplied the size of what each node gives, with normal values in them."""
        nodes = self.shaped.nodes
        found = [1.0] * len(nodes)
        for index, node in enumerate(nodes):
            layer = node.layer
            if isinstance(layer, Multiply):
                for one in node.inputs:
                    found[index] *= _LETS_THROUGH.get(type(nodes[one].layer), found[one])
            elif layer.role in {"pooling", "reshape", "dropout", "activation"} or isinstance(layer, BatchNorm):
                found[index] = found[node.inputs[0]]
        return found

    # Residual branches

    def _join(self, inputs: Sequence[int]) -> _Join:
        """What enters a sum. A branch is residual where another one is at most one layer long, and it is longer."""
        nodes, sources = self.shaped.nodes, list(dict.fromkeys(inputs))
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
                    return _Join({}, len(inputs))
                for source, depth in found.items():
                    lengths[source] = max(lengths[source], depth)
                continue
            for source, depth in found.items():
                bodies[source].add(index)
                for one in node.inputs:
                    known = depths[one]
                    known[source] = max(known.get(source, 0), depth + (node.layer.role in _WEIGHED))
            for one in set(node.inputs) - waiting:
                waiting.add(one)
                heapq.heappush(left, -one)
        least = min(lengths.values())
        longer = [source for source in sources if lengths[source] > least and not self._enlarges(bodies[source])]
        if left or least > 1 or len(longer) == len(sources):
            return _Join({}, len(inputs))
        return _Join({source: bodies[source] for source in longer}, len(inputs) - len(longer))

    def _enlarges(self, body: Set[int]) -> bool:
        """Whether something within a branch enlarges a map, as the lower part of a U-Net does."""
        shaped = self.shaped
        return any(shaped.nodes[index].layer.enlargement(*shaped.input_shapes(index)) for index in body)

    def _ends(self, index: int, join: _Join) -> Iterator[_End]:
        """What ends the residual branches of a sum."""
        graph = self.shaped.graph
        settled = {type(graph.nodes[reader].layer) for reader in graph.readers[index]}
        after = bool(settled) and all(issubclass(one, Normalizing) and one is not BatchNorm for one in settled)
        for source, body in join.branches.items():
            keeps = after or self._normalised(body)
            left, seen = [(source, False)], set[int]()
            while left:
                at, active = left.pop()
                if at not in body or at in seen:
                    continue
                seen.add(at)
                node = graph.nodes[at]
                match node.layer:
                    case Normalizing(noaffine=False):
                        yield _End(at, index, zero=not active)
                    case Normalizing() | Scale() | Times():
                        pass
                    case Multiply():
                        main = [one for one in node.inputs if not isinstance(graph.nodes[one].layer, _GATES)]
                        left += [(one, active) for one in main[:1]]
                    case layer if layer.role in _WEIGHED:
                        if product(layer) and not keeps:
                            yield _End(at, index, zero=False)
                    case layer:
                        left += [(one, active or layer.role == "activation") for one in node.inputs]

    def _normalised(self, body: Set[int]) -> bool:
        """Whether a branch normalises each example by itself, so that it adds as much as it did before."""
        layers = [self.shaped.nodes[index].layer for index in body]
        return any(isinstance(layer, Normalizing) and not isinstance(layer, BatchNorm) for layer in layers)


@dataclass(frozen=True)
class _End:
    """A normalisation or a product that ends a residual branch of a sum."""

    index: int
    join: int
    zero: bool
