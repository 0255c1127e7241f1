"""From a shaped graph to its program, which is held against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netdsl.graph.build import build
from netdsl.graph.listing import facts, listing
from netdsl.graph.node import ShapedGraph
from netdsl.measure.measured import Measured
from netdsl.recover import labels, naming, scopes, shared
from netdsl.recover.blocks import MOST, Blocks
from netdsl.recover.flow import Flow
from netdsl.recover.forms import Forms
from netdsl.recover.parts import Parts, names
from netdsl.recover.same import same
from netdsl.recover.scopes import Scope
from netdsl.recover.write import Writer
from netdsl.text import format as formatter
from netdsl.text import printer, safe, tree
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source
from netdsl.text.tokens import quoted


def text(
    shaped: ShapedGraph,
    *,
    scopes: Mapping[str, Scope] | None = None,
    comment: str = "",
    claims: bool = True,
) -> str:
    """The program of a network as an author would have written it, formatted.

    `scopes` are names and classes around its nodes, by path. A comment of its source comes first, and claims last:
    those that the graph brings of the whole, or else its figures. The program makes the network that is given; where
    none is found that does, it is a line for each layer.
    """
    claimed = list(_claims(shaped)) if claims else []
    for known, plain in ((scopes, False), (dict[str, Scope](), True)):
        try:
            lines = program(shaped, known, plain=plain)
        except RecursionError:  # of forks within forks, deeper than anyone reads
            break
        written = "\n".join([*_heading(shaped, comment), *lines, *claimed, ""])
        if holds(shaped, written):
            return formatter.format(Source(written, "network.net"))
    return formatter.format(Source(listing(shaped.graph), "network.net"))


def holds(shaped: ShapedGraph, written: str) -> bool:
    """Whether a program makes a network."""
    report = Report()
    made = build(Source(written, "network.net"), None, report)
    return made is not None and not report.failed and same(shaped, made) is not None


def program(shaped: ShapedGraph, known: Mapping[str, Scope] | None, *, plain: bool = False) -> Sequence[str]:
    """The lines of its blocks, chains and outputs; a plain one has no blocks, and no copies that differ."""
    graph, forms = shaped.graph, Forms()
    flow = Flow(shaped)
    strands = flow.statements()
    order = sorted(flow.emitted, key=flow.emitted.__getitem__)
    read = {source for node in shaped.nodes for source in node.inputs}
    ends = [index for index in order if index not in read and index not in graph.training_outputs]
    explicit = tuple(ends) != graph.outputs
    named = {*(graph.outputs if explicit else ()), *graph.training_outputs, *labels.called(shaped)}
    if not plain:
        shared.group(shaped, strands, {*named, *flow.referred, *names(strands)})
    parts = Parts(shaped, forms, strands, named, growing=not plain)
    around = scopes.of(shaped, known)
    chains = [parts.chain(strand) for strand in strands]
    among = [node for chain in chains for part in chain for node in part.nodes]
    modules = scopes.Modules(around, among)
    blocks = Blocks(forms, chains, modules.fit)
    blocks.find(0 if plain else MOST)
    block_names = naming.block_names(blocks, scopes.classes(blocks, modules))
    called = scopes.labels(blocks.elements, around)
    named_as = labels.labels(
        shaped,
        [index for index in order if index in parts.labelled],
        block_names.values(),
        blocks.label(called, block_names),
    )
    lines = list(Writer(blocks, block_names, named_as).text())
    if explicit:
        lines.append(f"output {', '.join(named_as[index] for index in graph.outputs)}")
    if graph.training_outputs:
        lines.append(f"output training {', '.join(named_as[index] for index in graph.training_outputs)}")
    return lines


def _heading(shaped: ShapedGraph, comment: str) -> Iterator[str]:
    yield from (f"# {safe.line(line)}" for line in comment.splitlines())
    yield f"network {quoted(shaped.graph.title)}"
    yield from (f"meta {key} = {value}" for key, value in facts(shaped.graph.meta))
    yield ""


def _claims(shaped: ShapedGraph) -> Iterator[str]:
    """What is claimed of all of it, or else what is known of its first output and of all of it."""
    graph = shaped.graph
    given = [claim for claim in graph.expectations if claim.of is None and not any(tree.names([claim.value]))]
    yield ""
    if given and not graph.overridden:
        yield from map(printer.line, given)
        return
    totals = Measured(shaped, 1, "fp32").totals
    yield f"expect shape = {shaped.shapes[graph.outputs[0]]}"
    yield f"expect params = {totals.params}"
    yield f"expect macs = {totals.macs}"
