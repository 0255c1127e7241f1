"""Concatenations of all that was before, as others write a dense block, by those that hold the first of it already."""

from __future__ import annotations

from dataclasses import replace

from netdsl.graph.node import Node, ShapedGraph


def nested(shaped: ShapedGraph) -> ShapedGraph:
    """The same network where CONCAT of a, b and c is CONCAT of that of a and b, which there is, and c.

    So each layer of a dense block adds to the one before it: `[ SKIP | … ] -> CONCAT`. Paths, shapes and costs stay.
    """
    known: dict[tuple[object, ...], int] = {}
    nodes: list[Node] = []
    for index, node in enumerate(shaped.nodes):
        if node.layer.keyword == "CONCAT":
            inputs = node.inputs
            for end in range(len(inputs) - 1, 1, -1):
                first = known.get((inputs[:end], node.device))
                if first is not None and shaped.nodes[first].training <= node.training:
                    nodes.append(replace(node, inputs=(first, *inputs[end:])))
                    break
            else:
                nodes.append(node)
            known.setdefault((inputs, node.device), index)
        else:
            nodes.append(node)
    return replace(shaped, graph=replace(shaped.graph, nodes=tuple(nodes)))
