"""Where a network runs: each node on its device, and a copy of every value that crosses to another."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netdsl.graph.node import Node, ShapedGraph
from netdsl.graph.outline import Outline
from netdsl.layers.base import Layer
from netdsl.layers.shape import Shape
from netdsl.measure.saves import nothing, saves


@dataclass(frozen=True)
class Copy(Layer):
    """What moves a value to another device. It stands in no program.

    FLOPs: none.
    """

    keyword = "COPY"
    role = "reshape"


saves.of(Copy)(nothing)


def placed(shaped: ShapedGraph) -> ShapedGraph:
    """The network with a copy where a value crosses, made once for each device that reads it, before its first reader.

    A node that shares its weights runs beside them, wherever it was written.
    """
    graph = shaped.graph
    homes: dict[str, int] = {}
    for node in graph.nodes:
        homes.setdefault(node.owner, node.device)
    device = [homes[node.owner] for node in graph.nodes]
    if len(set(device)) == 1:
        return shaped
    readers = [(index, source) for index, node in enumerate(graph.nodes) for source in node.inputs]
    inferred = {(source, device[index]) for index, source in readers if not graph.nodes[index].training}
    nodes: list[Node] = []
    shapes: list[Shape] = []
    at: dict[tuple[int, int], int] = {}
    """Where a value is, by its node and a device."""
    for index, node in enumerate(graph.nodes):
        here = device[index]
        for source in node.inputs:
            if (source, here) not in at:
                origin = at[source, device[source]]
                path = f"{nodes[origin].path}@{here}"
                training = (source, here) not in inferred
                at[source, here] = len(nodes)
                nodes.append(Node(path, Copy(), (origin,), node.site, node.calls, here, path, training))
                shapes.append(shaped.shapes[source])
        at[index, here] = len(nodes)
        nodes.append(replace(node, device=here, inputs=tuple([at[source, here] for source in node.inputs])))
        shapes.append(shaped.shapes[index])
    moved = [at[index, here] for index, here in enumerate(device)]
    new = replace(
        graph,
        nodes=tuple(nodes),
        outputs=tuple([moved[index] for index in graph.outputs]),
        training_outputs=tuple([moved[index] for index in graph.training_outputs]),
        outline=Outline(),
        further={},
        output_names={moved[index]: name for index, name in graph.output_names.items()},
    )
    return ShapedGraph(new, tuple(shapes))
