"""From a shaped graph to its program, which is held against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from netdsl.graph.build import build
from netdsl.graph.labels import before
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
from netdsl.text.diagnostic import Diagnostic, NetError, Report
from netdsl.text.source import Source
from netdsl.text.tokens import quoted

_NAME = "network.net"
"""What the file of a program is called, where nothing else is said."""


@dataclass(frozen=True)
class Recovered:
    """A program that was recovered, the network that it makes, and the path there for each path of the one before."""

    text: str
    shaped: ShapedGraph
    paths: Mapping[str, str]
    warnings: tuple[Diagnostic, ...] = ()


def text(
    shaped: ShapedGraph,
    *,
    scopes: Mapping[str, Scope] | None = None,
    comment: str = "",
    claims: bool = True,
) -> str:
    """The program of a network as an author would have written it, formatted; as `recovered` has it."""
    found = recovered(shaped, scopes=scopes, comment=comment, claims=claims)
    return formatter.format(Source(listing(shaped.graph), _NAME)) if found is None else found.text


def recovered(
    shaped: ShapedGraph,
    *,
    scopes: Mapping[str, Scope] | None = None,
    comment: str = "",
    claims: bool = True,
    name: str = _NAME,
) -> Recovered | None:
    """The program of a network as an author would have written it, formatted, and held against the network.

    `scopes` are names and classes around its nodes, by path. A comment of its source comes first, and claims last:
    those that the graph brings of the whole, or else its figures. None where no program is found that makes the
    network; its listing does. `name` is what its file is called.
    """
    claimed = list(_claims(shaped)) if claims else []
    for known, plain in ((scopes, False), (dict[str, Scope](), True)):
        meant: set[int] = set()
        found: Recovered | None = None
        for _ in range(2):
            try:
                lines = program(shaped, known, meant, plain=plain)
            except RecursionError:  # of forks within forks, deeper than anyone reads
                return found
            written = "\n".join([*_heading(shaped, comment), *lines, *claimed, ""])
            found = held(shaped, written, name) or found
            if found is None or not (meant := _meant(shaped, found)):
                break
        if found is not None:
            return found
    return None


def listed(shaped: ShapedGraph, *, comment: str = "", name: str = _NAME) -> Recovered | None:
    """The program of a network in its flat form, a line for each layer, held and claimed as `recovered` has it."""
    claimed = () if shaped.graph.expectations else _claims(shaped)
    return held(shaped, "\n".join([*_comment(comment), listing(shaped.graph), *claimed, ""]), name)


def _meant(shaped: ShapedGraph, found: Recovered) -> set[int]:
    """The activations that the labels before them seem to mean, where the program is warned of it."""
    if all(one.code != "suspicious-label" for one in found.warnings):
        return set()
    back, nodes = {path: one for one, path in found.paths.items()}, found.shaped.nodes
    paths = {back[node.path] for index, node in enumerate(nodes) if before(nodes, index) in node.inputs}
    return {index for index, node in enumerate(shaped.nodes) if node.path in paths}


def held(shaped: ShapedGraph, written: str, name: str = _NAME) -> Recovered | None:
    """A program, formatted, with what it makes; None where that is another network."""
    report = Report()
    try:
        source = Source(formatter.format(Source(written, name)), name)
    except NetError:
        return None
    made = build(source, None, report)
    if made is None or report.failed or (paths := same(shaped, made)) is None:
        return None
    return Recovered(source.text, made, paths, tuple(report.diagnostics()))


def program(
    shaped: ShapedGraph, known: Mapping[str, Scope] | None, meant: Set[int] = frozenset(), *, plain: bool = False
) -> Sequence[str]:
    """The lines of its blocks, chains and outputs; a plain one has no blocks, and no copies that differ.

    Some nodes are `meant` to have labels of their own.
    """
    graph, forms = shaped.graph, Forms()
    flow = Flow(shaped)
    strands = flow.statements()
    order = sorted(flow.emitted, key=flow.emitted.__getitem__)
    read = {source for node in shaped.nodes for source in node.inputs}
    ends = [index for index in order if index not in read and index not in graph.training_outputs]
    explicit = tuple(ends) != graph.outputs
    named = {*(graph.outputs if explicit else ()), *graph.training_outputs, *labels.called(shaped), *meant}
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
    writer = Writer(shaped, blocks, block_names, named_as)
    written = list(writer.text())
    if explicit or writer.around.intersection(labels.called(shaped)):
        written.append(f"output {', '.join(named_as[index] for index in graph.outputs)}")
    if graph.training_outputs:
        written.append(f"output training {', '.join(named_as[index] for index in graph.training_outputs)}")
    return written


def _comment(comment: str) -> Iterator[str]:
    yield from (f"# {safe.line(line)}" for line in comment.splitlines())


def _heading(shaped: ShapedGraph, comment: str) -> Iterator[str]:
    yield from _comment(comment)
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
