"""Leaving out what inference does without."""

from __future__ import annotations

from dataclasses import replace

from netdsl.graph.node import ShapedGraph
from netdsl.layers.source import Skip
from netdsl.optimize.draft import Draft


def inference(shaped: ShapedGraph) -> ShapedGraph:
    """What training alone needs goes, and what gives its input as it is: dropout, a FLATTEN of a vector, a CROP of all.

    Where such a node is an output, and its input is another, a SKIP stays in its place.
    """
    draft = Draft(shaped)
    draft.leave_training()
    for number in draft.order:
        node = draft.nodes[number]
        if not node.inputs or not node.layer.algebra(*draft.input_shapes(number)).identity:
            continue
        source = node.inputs[0]
        if not draft.returned(number) or (draft.nodes[source].inputs and not draft.returned(source)):
            draft.bypass(number, source)
        elif not isinstance(node.layer, Skip):
            draft.put(number, replace(node, layer=Skip(), inputs=(source,)))
    return draft.graph()
