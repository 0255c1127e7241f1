"""Letting max pooling go before activations."""

from __future__ import annotations

from dataclasses import replace

from netdsl.graph.node import ShapedGraph
from netdsl.layers.pool import MaxPool
from netdsl.optimize.draft import Draft


def swap(shaped: ShapedGraph) -> ShapedGraph:
    """An activation that never falls and the MAXPOOL behind it change places where fewer values are left to activate.

    The largest of f(x) is f of the largest x. Where the activation is part of a convolution, it costs nothing there.
    """
    draft = Draft(shaped)
    for number in draft.order:
        at = number
        while isinstance((pool := draft.nodes[at]).layer, MaxPool):
            (source,) = pool.inputs
            node = draft.nodes[source]
            fewer = draft.shapes[at].elements < draft.shapes[source].elements
            rises = node.layer.algebra(*draft.input_shapes(source)).monotone
            if not (rises and fewer and draft.alone(source, at)):
                break
            draft.put(source, replace(pool, inputs=node.inputs))
            draft.put(at, replace(node, inputs=(source,)))
            at = source
    return draft.graph()
