"""`netdsl emit`."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import click

from netdsl import optimize
from netdsl.cli import common, stream
from netdsl.graph import collector
from netdsl.graph.node import Node, ShapedGraph
from netdsl.optimize.fused import Fused
from netdsl.text import format as formatter
from netdsl.text import tabulate
from netdsl.text.tabulate import Column

_MOST = 2000
"""How many nodes are laid out on a page's width, which takes its time."""
_WIDEST = 60
_PATH = 28
"""How wide the column of paths is, where it can be broken."""


def _graph(shaped: ShapedGraph, *, shapes: bool = True) -> str:
    """The nodes in the order in which they run, by number, with the numbers of those they read."""
    if len(shaped.nodes) > _MOST:
        return "\n".join(_long(shaped, shapes=shapes))
    columns = [Column(right=True), Column("node"), Column("layer"), Column("reads")]
    rows: list[list[str]] = []
    for index, node in enumerate(shaped.nodes):
        cells = [str(index), _broken(node.path), _written(node), " ".join(map(str, node.inputs))]
        rows.append(cells + [str(shaped.shapes[index])] * shapes)
    return tabulate.framed(columns + [Column("gives", right=True, fit="whole")] * shapes, rows)


def _long(shaped: ShapedGraph, *, shapes: bool) -> Iterator[str]:
    """The same where there are too many nodes to look at each: as wide as they are, and nothing broken."""
    written = {id(node.layer): _written(node) for node in shaped.nodes}
    number = len(str(len(shaped.nodes)))
    path = min(max(len(node.path) for node in shaped.nodes), _WIDEST)
    layer = min(max(map(len, written.values())), _WIDEST)
    yield f"{'':{number}}  {'node':{path}}  {'layer':{layer}}  {'gives, and reads' if shapes else 'reads'}"
    for index, node in enumerate(shaped.nodes):
        reads = " ".join(map(str, node.inputs))
        last = f"{shaped.shapes[index]!s:>12}  {reads}" if shapes else reads
        yield f"{index:{number}}  {node.path:{path}}  {written[id(node.layer)]:{layer}}  {last}".rstrip()


def _written(node: Node) -> str:
    return node.layer.label if isinstance(node.layer, Fused) else node.layer.written


def _broken(path: str) -> str:
    """A path in lines that end at its dots, as long as a column."""
    lines = textwrap.wrap(path.replace(".", ". "), _PATH, break_long_words=False, break_on_hyphens=False)
    return "\n".join([line.replace(". ", ".") for line in lines])


def _after(name: str, shaped: ShapedGraph) -> str:
    return _graph(optimize.optimized(shaped, upto=name))


def _code(shaped: ShapedGraph, *, scripted: bool) -> str:
    from netdsl import compile
    from netdsl.compile.errors import CompileError

    try:
        with common.holding(shaped):
            return compile.code(shaped, scripted=scripted).strip()
    except CompileError as error:
        raise common.UsageError(str(error)) from None


_PRINTED: Mapping[str, Callable[[ShapedGraph], str]] = {
    "tree": lambda shaped: formatter.format(shaped.graph.source).rstrip("\n"),
    "graph": lambda shaped: _graph(shaped, shapes=False),
    "shaped": lambda shaped: _graph(shaped),
    **{name: partial(_after, name) for name in optimize.PASSES},
    "optimized": lambda shaped: _graph(optimize.optimized(shaped)),
    "fx": lambda shaped: _code(shaped, scripted=False),
    "torchscript": lambda shaped: _code(shaped, scripted=True),
}
"""What each stage prints, in the order of the stages."""

_WORDS = {
    "tree": "The program as it was parsed, formatted",
    "graph": "What its blocks and repeats come to, a line for each node",
    "shaped": "The same, with the shape that each node gives",
    **{name: " ".join((change.__doc__ or "").partition(".")[0].split()) for name, change in optimize.PASSES.items()},
    "optimized": "After all passes, which run until none finds anything to do",
    "fx": "The data flow as Python, which torch.fx runs",
    "torchscript": "The data flow in TorchScript",
}


@click.command("emit")
@click.argument("file")
@click.option(
    "--stage",
    type=click.Choice(list(_PRINTED)),
    metavar="STAGE",
    help="What to print; without it the list of stages.",
)
@common.overriding
@collector.paused()
def command(file: str, stage: str | None, asked: common.Options) -> None:
    """Print a network as any stage of the compiler has it, or how many nodes it has after each.

    The passes of the optimizer are stages by their names; each is printed as it leaves the graph when it first runs.
    """
    shaped = common.network(file, asked)
    stream.out(_stages(shaped) if stage is None else printed(stage, shaped))


def printed(stage: str, shaped: ShapedGraph) -> str:
    """What a stage prints of a network."""
    return _PRINTED[stage](shaped)


def _stages(shaped: ShapedGraph) -> str:
    """Every stage, and how many nodes its graph has; a pass once more where it finds something in a later round."""
    rows = [("tree", ""), *[(name, str(len(shaped.nodes))) for name in ("graph", "shaped")]]
    graph, seen = shaped, set[str]()
    for name, after in optimize.stages(shaped):
        if name not in seen or after is not graph:
            rows.append((name, str(len(after.nodes))))
        graph = after
        seen.add(name)
    rows += [("optimized", str(len(graph.nodes))), ("fx", ""), ("torchscript", "")]
    told = [
        (name, count, "Once more" if name in [other for other, _ in rows[:position]] else _WORDS[name])
        for position, (name, count) in enumerate(rows)
    ]
    return tabulate.framed((Column("stage"), Column("nodes", right=True), Column()), told)
