"""From a shaped graph to its program, which is held against it."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.graph.node import ShapedGraph
from netdsl.recover import naming
from netdsl.recover.blocks import Blocks
from netdsl.recover.flow import Flow
from netdsl.recover.forms import Forms
from netdsl.recover.parts import Parts
from netdsl.recover.write import Writer
from netdsl.text import format as formatter
from netdsl.text.source import Source
from netdsl.text.tokens import quoted


def text(shaped: ShapedGraph, *, comment: str = "") -> str:
    """The program of a network."""
    return formatter.format(Source(program(shaped, comment), "network.net"))


def program(shaped: ShapedGraph, comment: str = "") -> str:
    """The program, before it is formatted."""
    graph, forms = shaped.graph, Forms()
    flow = Flow(shaped)
    strands = flow.statements()
    order = sorted(flow.emitted, key=flow.emitted.__getitem__)
    read = {source for node in shaped.nodes for source in node.inputs}
    ends = [index for index in order if index not in read and index not in graph.training_outputs]
    explicit = tuple(ends) != graph.outputs
    named = {*(graph.outputs if explicit else ()), *graph.training_outputs, *_called(shaped)}
    parts = Parts(shaped, forms, strands, named)
    chains = [parts.chain(strand) for strand in strands]
    blocks = Blocks(forms, chains)
    blocks.find()
    names = naming.block_names(blocks)
    labels = naming.labels(shaped, parts.labelled, set(names.values()))
    lines = [f"# {line}" for line in comment.splitlines()]
    lines.append(f"network {quoted(graph.title)}")
    lines.append("")
    lines += Writer(blocks, names, labels).text()
    if explicit:
        lines.append(f"output {', '.join(labels[index] for index in graph.outputs)}")
    if graph.training_outputs:
        lines.append(f"output training {', '.join(labels[index] for index in graph.training_outputs)}")
    return "\n".join([*lines, ""])


def _called(shaped: ShapedGraph) -> Sequence[int]:
    """The outputs that have a name which no automatic name is."""
    names = {index: shaped.graph.output_name(index) for index in shaped.graph.outputs}
    return [index for index, name in names.items() if name.isalpha() and name != shaped.nodes[index].layer.keyword.lower()]
