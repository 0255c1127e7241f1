"""What an output means, which follows from the layers that it comes from, and not from its numbers."""

from __future__ import annotations

from netdsl.graph.node import ShapedGraph
from netdsl.layers.activation import HardSigmoid, LogSoftmax, Sigmoid, Softmax
from netdsl.layers.base import Layer
from netdsl.layers.dense import RadialBasis
from netdsl.layers.dropout import Dropout, DropPath
from netdsl.layers.pool import AveragePool
from netdsl.layers.reshape import Crop, Flatten, Reshape, Upsample
from netdsl.layers.source import Skip

_GIVES: dict[type[Layer], str] = {
    Softmax: "probabilities",
    LogSoftmax: "log-probabilities",
    Sigmoid: "independent",
    HardSigmoid: "independent",
    RadialBasis: "distances",
}
_KEEPS = (Flatten, Reshape, Dropout, DropPath, Skip, Crop, Upsample, AveragePool)
"""Layers whose outputs are what their inputs are: the same values, or averages of them."""


def of(shaped: ShapedGraph, index: int) -> str:
    """What an output gives for each of its channels, its classes.

    `scores` are the more the likelier, `distances` the less; `independent` are probabilities that do not exclude one
    another. A `map` has them for places of the input, and not for the input as a whole: a network that enlarges what it
    gives, as one that segments does, or that keeps the input's size.
    """
    if _maps(shaped, index):
        return "map"
    node = shaped.nodes[index]
    while isinstance(node.layer, _KEEPS):
        node = shaped.nodes[node.inputs[0]]
    return _GIVES.get(type(node.layer), "scores")


def _maps(shaped: ShapedGraph, index: int) -> bool:
    """Whether an output has several places, and something on the way to it enlarges, or is an INPUT of its size."""
    shape = shaped.shapes[index]
    if shape.positions == 1:
        return False
    before, left = {index}, [index]
    while left:
        inputs = shaped.nodes[left.pop()].inputs
        left += [one for one in inputs if one not in before]
        before.update(inputs)
    for one in before:
        inputs = shaped.input_shapes(one)
        if not inputs and shaped.shapes[one].spatial == shape.spatial:
            return True
        most = max((each.positions for each in inputs if each.rank), default=0)
        if most and shaped.shapes[one].positions >= 2 * most:
            return True
    return False
