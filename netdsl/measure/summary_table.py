"""The summary as a table for the terminal, as CSV and as Markdown, line by line.

On the terminal, rows are indented by scope. The first copy of a repeat stands for those that have the same layers; what
a scope costs, with all of its copies, stands on its own row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, takewhile
from operator import is_

from netdsl.graph.node import Graph, ShapedGraph
from netdsl.graph.outline import Placed
from netdsl.layers.arguments import Number, show
from netdsl.measure.measured import Measured
from netdsl.measure.units import size
from netdsl.text import safe, tabulate
from netdsl.text.fit import clipped
from netdsl.text.tabulate import PLAIN, Column, Look, Strong

Cell = int | str

_LEAST = 36
"""The width that the layers themselves have in a table of many columns, which is wider than the terminal."""


@dataclass(frozen=True, slots=True)
class LayerColumn:
    """A column: its name, on the command line as in every table, and a node's cell in it.

    What `adds` up stands for a scope too, as the sum over all that is in it.
    """

    name: str
    cell: Callable[[Measured, int], Cell]
    adds: bool = False
    left: bool = False


def _axes(values: Iterable[Number]) -> str:
    return show(tuple(values))


def _inputs(measured: Measured, index: int) -> str:
    nodes = measured.shaped.nodes
    return ", ".join([nodes[source].path for source in nodes[index].inputs])


COLUMNS = (
    LayerColumn("output", lambda measured, index: str(measured.shaped.shapes[index]), left=True),
    LayerColumn("params", lambda measured, index: measured.figures[index].params, adds=True),
    LayerColumn("constants", lambda measured, index: measured.figures[index].constants, adds=True),
    LayerColumn("macs", lambda measured, index: measured.figures[index].macs, adds=True),
    LayerColumn("flops", lambda measured, index: measured.figures[index].flops, adds=True),
    LayerColumn("connections", lambda measured, index: measured.figures[index].connections, adds=True),
    LayerColumn("activation_bytes", lambda measured, index: measured.figures[index].activation_bytes, adds=True),
    LayerColumn("alive_bytes", lambda measured, index: measured.alive.get(index, "")),
    LayerColumn("field", lambda measured, index: _axes(axis.size for axis in measured.fields[index])),
    LayerColumn("stride", lambda measured, index: _axes(axis.stride for axis in measured.fields[index])),
    LayerColumn("offset", lambda measured, index: _axes(axis.offset for axis in measured.fields[index])),
    LayerColumn("centre", lambda measured, index: _axes(axis.centre for axis in measured.fields[index])),
    LayerColumn("device", lambda measured, index: str(measured.shaped.nodes[index].device)),
    LayerColumn("inputs", _inputs, left=True),
)
"""All of them but the first two of every table: the path and the layer."""

USUAL = tuple(column for column in COLUMNS if column.name in ("output", "params", "macs"))
"""The columns that fit on a terminal."""


def _columns(first: Sequence[Column], columns: Sequence[LayerColumn]) -> list[Column]:
    return [*first, *(Column(one.name, right=not one.left, fit="whole") for one in columns)]


def _rows(measured: Measured, columns: Sequence[LayerColumn]) -> Iterator[list[str]]:
    """The rows, each with the cells of the columns; a scope has the sums of what is in it."""
    sums = {column.name: _sums(measured, column) for column in columns if column.adds}

    def total(nodes: range) -> list[str]:
        return [_shown(sums[one.name][nodes.stop] - sums[one.name][nodes.start]) if one.adds else "" for one in columns]

    return folded(measured.shaped, lambda index: [_shown(one.cell(measured, index)) for one in columns], total)


def folded(
    shaped: ShapedGraph, cells: Callable[[int], Sequence[str]], total: Callable[[range], Sequence[str]]
) -> Iterator[list[str]]:
    """The rows of a table of layers, scope by scope; copies that one before them stands for are left out.

    Each has a name and what it is, and behind them the cells of a node, or those of all the nodes of a scope.
    """
    graph, written = shaped.graph, _written(shaped)
    opened: tuple[Placed, ...] = ()
    for index, (node, around) in enumerate(zip(shaped.nodes, graph.outline.around(), strict=True)):
        if any(one.number > 1 for one in around) and graph.alike(around):
            continue
        common = sum(1 for _ in takewhile(bool, map(is_, around, opened)))
        level = sum([one.scope or _apart(graph, around, at) for at, one in enumerate(around[:common])])
        for at, scope in enumerate(around[common:-1], common):
            if scope.scope or _apart(graph, around, at):
                copies, stop = _extent(graph, around, at)
                times = f" ×{copies}" if copies is not None else ""
                title = scope.title if scope.title not in {scope.name, scope.part.name} else ""
                yield [Strong("  " * level + scope.name), f"{title}{times}".strip(), *total(range(scope.node, stop))]
                level += 1
        opened = around
        what = (graph.varied(index, around) or written[id(node.layer)]) + (" (training)" if node.training else "")
        yield ["  " * level + around[-1].name, what, *cells(index)]


def _apart(graph: Graph, around: Sequence[Placed], at: int) -> bool:
    """Whether a part is a copy of a repeat whose copies are not all alike."""
    return around[at].number > 0 and len(graph.runs(around[at - 1])) > 1


def _extent(graph: Graph, around: Sequence[Placed], at: int) -> tuple[int | None, int]:
    """Of a part with a row of its own, how many copies it stands for, and where their layers end."""
    one = around[at]
    if one.scope:
        return one.copies, one.nodes.stop
    run = graph.run(around[at - 1], one)
    return len(run) if len(run) > 1 else None, around[at - 1].copy(run[-1]).nodes.stop


def _sums(measured: Measured, column: LayerColumn) -> Sequence[int]:
    """What all the nodes before each cost, by a column that adds."""
    cells = (column.cell(measured, index) for index in range(len(measured.shaped.nodes)))
    return list(accumulate((cell if isinstance(cell, int) else 0 for cell in cells), initial=0))


def _written(shaped: ShapedGraph, safely: Callable[[str], str] = str) -> Mapping[int, str]:
    """Layers as the language writes them, by identity; each is written once, since copies have one layer."""
    layers = {id(node.layer): node.layer for node in shaped.nodes}
    return {key: safely(layer.written) for key, layer in layers.items()}


def _shown(cell: Cell) -> str:
    return cell if isinstance(cell, str) else f"{cell:,}" if cell else ""


def text(measured: Measured, columns: Sequence[LayerColumn] = USUAL, look: Look = PLAIN) -> Iterator[str]:
    """The table, and the totals under it."""
    shown = _columns([Column("layer", fit="cut"), Column(fit="cut")], columns)
    lines = list(tabulate.text(shown, _rows(measured, columns), look, gap=1, least=_LEAST))
    yield from (*_title(measured), "", *lines, lines[1], *_totals(measured))


def _title(measured: Measured) -> list[str]:
    title = measured.shaped.graph.title
    if measured.batch == 1 and measured.precision == "fp32":
        return [title]
    examples = f"{measured.batch:,} example{'s' * (measured.batch > 1)}"
    return [title, f"for a batch of {examples}, in {measured.precision}"]


def _totals(measured: Measured) -> list[str]:
    """The totals of inference, each with its unit and, where it is bytes, in short."""
    sums, peak = measured.totals, measured.liveness
    where = measured.shaped.nodes[peak.node].path
    rows = [
        ("parameters", sums.params, "", "trained"),
        *[("constants", sums.constants, "", "stored, not trained")] * bool(sums.constants),
        ("MACs", sums.macs, "", ""),
        ("FLOPs", sums.flops, "", ""),
        ("connections", sums.connections, "", ""),
        ("activations", sums.activation_bytes, "B", _short(sums.activation_bytes)),
        ("peak", peak.peak, "B", ", ".join(filter(None, (_short(peak.peak), f"while {where} runs")))),
        ("weights", sums.weight_bytes, "B", _short(sums.weight_bytes)),
        ("depth", sums.depth, "", "layers such as CONV and FC on the longest path"),
    ]
    wide = max(len(f"{value:,}") for _, value, _, _ in rows)
    lines = [f"{name:<12} {value:>{wide},} {unit:<1} {note}".rstrip() for name, value, unit, note in rows]
    best = measured.schedule
    if best.peak < peak.peak:
        lines.insert(-2, f"{'':<12} {best.peak:>{wide},} B in another order, which `--format json` has")
    return [clipped(line, tabulate.WIDTH) for line in lines]


def _short(count: int) -> str:
    """A number of bytes to three digits, where it has more."""
    return size(count) if count >= 1000 else ""


def csv(measured: Measured, columns: Sequence[LayerColumn] = COLUMNS) -> Iterator[str]:
    """A line a layer under a heading."""
    written = _written(measured.shaped, safe.csv_cell)
    rows = (
        [node.path, written[id(node.layer)], *[column.cell(measured, index) for column in columns]]
        for index, node in enumerate(measured.shaped.nodes)
    )
    return tabulate.csv(("path", "layer", *[column.name for column in columns]), rows)


def markdown(measured: Measured, columns: Sequence[LayerColumn] = COLUMNS) -> Iterator[str]:
    """Every layer as a row of a Markdown table, and the totals as the last."""
    written = _written(measured.shaped, safe.code)
    rows = (
        [f"`{node.path}`", written[id(node.layer)]]
        + [cell if isinstance(cell, str) else f"{cell:,}" for cell in [one.cell(measured, index) for one in columns]]
        for index, node in enumerate(measured.shaped.nodes)
    )
    yield from tabulate.markdown(_columns([Column("path"), Column("layer")], columns), rows)
    sums = {**asdict(measured.totals), "alive_bytes": measured.liveness.peak}
    totals = [f"**{sums[column.name]:,}**" if column.name in sums else "" for column in columns]
    yield f"| **total** | | {' | '.join(totals)} |"
