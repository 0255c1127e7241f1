"""Attaching sums and activations to the products whose results they take."""

from __future__ import annotations

from dataclasses import replace

from netdsl.graph.node import ShapedGraph
from netdsl.layers.base import Layer
from netdsl.layers.merge import Add
from netdsl.layers.shape import Shape
from netdsl.optimize.draft import Draft
from netdsl.optimize.fused import Fused, product


def attach(shaped: ShapedGraph) -> ShapedGraph:
    """An ADD of two, and an activation of single values, become part of the convolution or FC before them.

    A kernel that has a sum at hand adds and activates it before it writes it, where a layer of its own would read and
    write the whole map once more (oneDNN's post-ops; cuDNN's convolution with bias, addition and activation). A sum
    joins the deeper of its branches, a residual block's rather than its projection, whose node then reads the other one
    as its second input. What others read too, or what is an output, stays.
    """
    draft = Draft(shaped)
    depth: dict[int, tuple[int, int]] = {}
    for place, number in enumerate(draft.order):
        node = draft.nodes[number]
        depth[number] = (1 + max((depth[source][0] for source in node.inputs), default=0), place)
        if isinstance(node.layer, Add) and len(node.inputs) == 2:
            for source in sorted(node.inputs, key=depth.__getitem__, reverse=True):
                made = _open(draft, source, number)
                if made is not None and not made.adds:
                    before = draft.nodes[source]
                    inputs = (*before.inputs, *[one for one in node.inputs if one != source])
                    draft.absorb(source, number, replace(before, layer=replace(made, adds=True), inputs=inputs))
                    break
        elif attachable(node.layer, *draft.input_shapes(number)):
            (source,) = node.inputs
            made = _open(draft, source, number)
            if made is not None:
                fused = replace(made, activation=node.layer)
                draft.absorb(source, number, replace(draft.nodes[source], layer=fused))
    return draft.graph()


def attachable(layer: Layer, *inputs: Shape) -> bool:
    """Whether a layer is an activation of single values, without weights: RELU, not SOFTMAX, PRELU or DROPOUT."""
    stateless = not layer.weights(*inputs) and not layer.constants(*inputs)
    return layer.role == "activation" and layer.algebra(*inputs).elementwise and stateless


def _open(draft: Draft, source: int, reader: int) -> Fused | None:
    """The product of a node that one other alone reads, where no activation follows it yet."""
    if not draft.alone(source, reader) or draft.shared(source):
        return None
    made = product(draft.nodes[source], *draft.input_shapes(source))
    return made if made and made.activation is None else None
