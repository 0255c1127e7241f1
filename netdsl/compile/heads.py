"""The last function of an output: the SOFTMAX, LOGSOFTMAX or SIGMOID whose input is its logits."""

from __future__ import annotations

from dataclasses import dataclass

from netdsl.graph.node import ShapedGraph
from netdsl.layers.activation import LogSoftmax, Sigmoid, Softmax
from netdsl.layers.base import Layer
from netdsl.layers.reshape import Crop, Flatten, Reshape


@dataclass(frozen=True)
class Head:
    """Where the logits of an output are, and the function that it makes of them.

    `moves` are the nodes between the two that the output itself is made by, in order: they only move values.
    """

    source: int
    layer: Layer
    moves: tuple[int, ...] = ()


def of(shaped: ShapedGraph, index: int) -> Head | None:
    """The head of an output; None where that comes from no such function, or from several of them.

    Behind it may stand what leaves the channels of each position together, as FLATTEN of 1x1x10, and dropout, which
    means nothing for logits and is left out.
    """
    moves: list[int] = []
    while True:
        node, inputs = shaped.nodes[index], shaped.input_shapes(index)
        match node.layer:
            case Softmax() | LogSoftmax() | Sigmoid() as layer:
                return Head(node.inputs[0], layer, tuple(reversed(moves)))
            case Layer(role="dropout"):
                pass
            case layer if inputs and layer.algebra(*inputs).identity:
                pass
            case Flatten() | Reshape() | Crop() if inputs[0].channels == shaped.shapes[index].channels:
                moves.append(index)
            case _:
                return None
        index = node.inputs[0]
