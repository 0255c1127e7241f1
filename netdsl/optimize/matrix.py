"""Convolutions with a single position as matrix products, and the reshaping that is then not needed."""

from __future__ import annotations

from dataclasses import replace

from netdsl.graph.node import ShapedGraph
from netdsl.layers.base import Layer
from netdsl.layers.conv import Conv
from netdsl.layers.dense import Dense, FullyConnected
from netdsl.layers.merge import Multiply
from netdsl.layers.reshape import Flatten, Reshape
from netdsl.layers.shape import Shape
from netdsl.optimize.draft import Draft
from netdsl.optimize.fused import Fused, product


def matrix(shaped: ShapedGraph) -> ShapedGraph:
    """A convolution whose one window covers the whole map becomes an FC, whose vector is reshaped to a map of 1x1.

    The weights are the same, in the same order (LeCun 2015); those that meet padding alone are left out.
    """
    draft = Draft(shaped)
    for number in draft.order:
        node = draft.nodes[number]
        if len(node.inputs) != 1 or draft.shared(number):
            continue
        x = draft.shapes[node.inputs[0]]
        made = product(node, x)
        if made is None or not _covers(made.base, x):
            continue
        units = draft.shapes[number]
        biased = any(weight.name == "bias" for weight in made.weights(x))
        dense = replace(made, base=FullyConnected(units.channels, nobias=not biased))
        at = draft.insert(number, replace(node, layer=dense))
        path = draft.free(f"{node.path}_reshape")
        draft.put(number, replace(node, path=path, owner=path, layer=Reshape(units.dims), inputs=(at,)))
    return draft.graph()


def _covers(layer: Layer, x: Shape) -> bool:
    """Whether a layer is a convolution with one window, which reads all of x."""
    if not isinstance(layer, Conv) or layer.groups > 1 or layer.shape(x).positions > 1:
        return False
    axes = zip(x.spatial, layer.windows(x), strict=True)
    return all(one.size == one.reach >= one.before + size for size, one in axes)


def views(shaped: ShapedGraph) -> ShapedGraph:
    """FLATTEN and RESHAPE go where what reads them gives the same without: FC, which flattens by itself, or MUL.

    Of two in a row the second alone matters: the order of the values stays the same, channel by channel.
    """
    draft = Draft(shaped)
    for number in draft.order:
        if not isinstance(draft.nodes[number].layer, Flatten | Reshape):
            continue
        for reader in set(draft.readers[number]):
            if _indifferent(draft, number, reader):
                _look_through(draft, number, reader)
        if not draft.readers[number] and not draft.returned(number):
            draft.drop(number)
    return draft.graph()


def _indifferent(draft: Draft, number: int, reader: int) -> bool:
    """Whether a node gives the same where it reads the input of a FLATTEN or RESHAPE in its place."""
    (source,) = draft.nodes[number].inputs
    node = draft.nodes[reader]
    match node.layer.base if isinstance(node.layer, Fused) else node.layer:
        case Flatten() | Reshape():
            return True
        case Dense():
            return number not in node.inputs[1:]  # a second input, which is added
        case Multiply() as layer:
            shapes = [draft.shapes[source if one == number else one] for one in node.inputs]
            fits = draft.shapes[source].rank in (0, draft.shapes[reader].rank)
            single = draft.shapes[source].channels == draft.shapes[number].channels == draft.shapes[number].elements
            return fits and single and layer.shape(*shapes) == draft.shapes[reader]
        case _:
            return False


def _look_through(draft: Draft, number: int, reader: int) -> None:
    """Let a node read what another one reads in place of it."""
    (source,) = draft.nodes[number].inputs
    node = draft.nodes[reader]
    draft.put(reader, replace(node, inputs=tuple([source if one == number else one for one in node.inputs])))
