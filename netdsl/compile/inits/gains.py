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

from collections.abc import Mapping, Sequence
from math import sqrt

from netdsl.compile.inits import residual
from netdsl.compile.inits.residual import WEIGHED, Join, product
from netdsl.graph.node import ShapedGraph
from netdsl.layers import activation, guard
from netdsl.layers.base import Layer
from netdsl.layers.merge import Mean, Multiply
from netdsl.layers.norm import BatchNorm
from netdsl.layers.rules import rule

_MEASURED: Mapping[type[Layer], float] = {
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
_LETS_THROUGH: Mapping[type[Layer], float] = {activation.Sigmoid: 0.541, activation.HardSigmoid: 0.527}
"""The root of the mean square of gates of normal values."""
_SIGMOID = 4.0
"""That of a product before a SIGMOID which the next product reads: one over its slope (Glorot 2010's tutorials)."""
_STRAIGHT = (activation.Relu, activation.LeakyRelu, activation.ParametricRelu, activation.Absolute)
"""What is as many times larger as its input."""


def _positive(value: object) -> bool:
    """A number that may be a gain."""
    return isinstance(value, int | float) and 0 < value < 1e6


@rule(_positive)
def gain(layer: Layer) -> float:
    """The gain of a product before an activation: for a package's that of a RELU, for all others 1."""
    return sqrt(2) if guard.brought(layer) else 1.0


@gain.of(*_MEASURED)
def _measured(layer: Layer) -> float:
    return _MEASURED[type(layer)]


@gain.of(activation.LeakyRelu, activation.ParametricRelu)
def _leaky(layer: activation.LeakyRelu | activation.ParametricRelu) -> float:
    return sqrt(2 / (1 + float(layer.slope) ** 2))


@gain.of(activation.Tanh)
def _tanh(layer: activation.Tanh) -> float:
    """One over its slope at 0; LeCun's own, of 1.14, has his 1/√fan-in."""
    steep = abs(float(layer.scale * layer.slope))
    return 1.0 if 1 <= steep <= 1.2 or not steep else 1 / steep


def of(shaped: ShapedGraph) -> Mapping[str, float]:
    """The gain of each product, and of each normalisation that does not start at 1, by the path of its weights."""
    nodes, joins, before = shaped.nodes, residual.joins(shaped), _before(shaped)
    found: dict[str, float] = {}
    for node, wanted in zip(nodes, _wanted(shaped, joins), strict=True):
        if product(node.layer):
            own = wanted / before[node.inputs[0]]
            found[node.owner] = min(found.get(node.owner, own), own)
    ends = [end for index, join in joins.items() for end in residual.ends(shaped, index, join)]
    count = len({end.join for end in ends if not end.zero})
    for owner, zero in {nodes[end.index].owner: end.zero for end in ends}.items():
        found[owner] = found.get(owner, 1.0) * (0.0 if zero else 1 / sqrt(count))
    return found


def _wanted(shaped: ShapedGraph, joins: Mapping[int, Join]) -> Sequence[float]:
    """For each node, the gain that keeps the size of what it gives through what follows, up to the next product."""
    graph, nodes = shaped.graph, shaped.nodes
    found, sums, read = [1.0] * len(nodes), [1.0] * len(nodes), [False] * len(nodes)
    for index in reversed(range(len(nodes))):
        gains: list[float] = []
        for reader in graph.readers[index]:
            layer = nodes[reader].layer
            own, after, reads = found[reader], sums[reader], read[reader]
            if layer.role in WEIGHED:
                own, after, reads = 1.0, 1.0, True
            elif layer.role == "activation":
                own = _SIGMOID if isinstance(layer, activation.Sigmoid) and reads else gain(layer)
                after, reads = after if isinstance(layer, _STRAIGHT) else 1.0, False
            elif isinstance(layer, Multiply):
                reads = False
            elif reader in joins and index not in joins[reader].branches:
                after *= sqrt(joins[reader].plain) ** (1 if isinstance(layer, Mean) else -1)
            if not gains or own * after > max(gains):
                found[index], sums[index] = own, after
            gains.append(own * after)
            read[index] = read[index] or reads
    return [own * after for own, after in zip(found, sums, strict=True)]


def _before(shaped: ShapedGraph) -> Sequence[float]:
    """By what gates have multiplied the size of what each node gives, with normal values in them."""
    nodes = shaped.nodes
    found = [1.0] * len(nodes)
    for index, node in enumerate(nodes):
        layer = node.layer
        if isinstance(layer, Multiply):
            for one in node.inputs:
                found[index] *= _LETS_THROUGH.get(type(nodes[one].layer), found[one])
        elif layer.role in {"pooling", "reshape", "dropout", "activation"} or isinstance(layer, BatchNorm):
            found[index] = found[node.inputs[0]]
    return found
