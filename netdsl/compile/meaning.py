"""What an output means, which follows from the layers that it comes from, and not from its numbers."""

from __future__ import annotations

from collections.abc import Set

from netdsl.graph.node import ShapedGraph
from netdsl.layers.activation import HardSigmoid, LogSoftmax, Sigmoid, Softmax
from netdsl.layers.base import Layer
from netdsl.layers.dense import RadialBasis
from netdsl.layers.merge import Add, Concat, Maximum, Mean, Multiply
from netdsl.layers.norm import Scale
from netdsl.layers.pool import AveragePool
from netdsl.layers.reshape import Pad

_GIVES: dict[type[Layer], str] = {
    Softmax: "probabilities",
    LogSoftmax: "log-probabilities",
    Sigmoid: "independent",
    HardSigmoid: "independent",
    RadialBasis: "distances",
}


def of(shaped: ShapedGraph, index: int) -> str:
    """What an output gives for each of its channels, its classes.

    `scores` are the more the likelier, `distances` the less; `independent` are probabilities that do not exclude one
    another. A `map` has them for places of the input, and not for the input as a whole: a network that enlarges what it
    gives, as one that segments does, or that keeps the input's size.
    """
    return "map" if _maps(shaped, index) else gives(shaped, index)


def gives(shaped: ShapedGraph, index: int) -> str:
    """What an output gives for each of its channels at each of its places, whether these are the input's or not."""
    found: list[str] = []
    for at, node in enumerate(shaped.nodes[: index + 1]):
        falls = node.layer.algebra(*shaped.input_shapes(at)).monotone or isinstance(node.layer, Add | Scale)
        found.append(_made(node.layer, {found[source] for source in node.inputs}, falls=falls))
    return found[index]


def _made(layer: Layer, inputs: Set[str], *, falls: bool) -> str:
    """What a layer makes of inputs with some meanings; `falls` where it falls as they do."""
    before = next(iter(inputs)) if len(inputs) == 1 else "scores"
    match layer:
        case Softmax() | LogSoftmax() | Sigmoid() | HardSigmoid() | RadialBasis():
            return _GIVES[type(layer)]
        case Concat():
            return before
        case Mean():  # of logarithms, it is none of a probability
            return "scores" if before == "log-probabilities" else before
        case Multiply() | Maximum():
            return "independent" if inputs <= {"probabilities", "independent"} else before
        case Pad():  # what it adds has no meaning
            return "scores"
        case AveragePool() | Layer(role="reshape" | "dropout"):  # the same values, some of them, or means
            return before
        case _:
            return "distances" if before == "distances" and falls else "scores"


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
