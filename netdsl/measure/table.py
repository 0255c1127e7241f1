"""The summary as a table for the terminal, 80 columns wide, as CSV and as Markdown.

On the terminal, rows are indented by scope. The first copy of a repeat stands for all of them; what a scope costs, with
all of its copies, stands on its own row.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from csv import writer
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from netdsl.graph.node import around
from netdsl.measure.columns import COLUMNS, Cell, Column
from netdsl.measure.units import size
from netdsl.text import safe
from netdsl.text.fit import clipped

if TYPE_CHECKING:
    from netdsl.measure.summary import Summary

WIDTH = 80
USUAL = tuple(column for column in COLUMNS if column.name in ("output", "params", "macs"))
"""The columns that fit on a terminal."""
_LEAST = 36
"""The width that the layers themselves have in a table of many columns, which is wider than the terminal."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row: its depth in the tree of scopes, what it is, and its cells."""

    depth: int
    name: str
    what: str
    cells: tuple[str, ...]


def _sums(summary: Summary, columns: Sequence[Column]) -> Mapping[str, Mapping[str, int]]:
    """By scope and column, the sums over all that stands under it."""
    sums: dict[str, Counter[str]] = {}
    adding = [column for column in columns if column.adds]
    for index, node in enumerate(summary.shaped.nodes):
        cells = {column.name: cell for column in adding if isinstance(cell := column.cell(summary, index), int)}
        for scope in around(node.path):
            sums.setdefault(scope, Counter()).update(cells)
    return sums


def _rows(summary: Summary, columns: Sequence[Column]) -> Iterator[_Row]:
    """The rows, scope by scope; copies that a first one stands for are left out."""
    shaped = summary.shaped
    scopes = shaped.graph.scopes
    sums = _sums(summary, columns)
    opened: list[str] = []
    skipped = ""
    for index, node in enumerate(shaped.nodes):
        parents = node.path.split(".")[:-1]
        if skipped and node.path.startswith(skipped):
            copy = node.path[len(skipped) :].partition(".")[0]
            if copy != "1":
                continue
        here = list(around(node.path))
        common = 0
        while common < min(len(here), len(opened)) and here[common] == opened[common]:
            common += 1
        for depth in range(common, len(here)):
            path = here[depth]
            scope = scopes.get(path)
            if scope is None:  # a copy, which stands for all of them
                continue
            times = f" ×{scope.copies}" if scope.copies is not None else ""
            if scope.copies is not None and scope.copies > 1:
                skipped = f"{path}."
            title = scope.title if scope.title != parents[depth] else ""
            level = sum(one in scopes for one in here[:depth])
            cells = tuple([_shown(sums[path].get(column.name, "")) for column in columns])
            yield _Row(level, parents[depth], f"{title}{times}".strip(), cells)
        opened = here
        level = sum(one in scopes for one in here)
        what = node.layer.written + (" (training)" if node.training else "")
        yield _Row(level, node.name, what, tuple([_shown(column.cell(summary, index)) for column in columns]))


def _shown(cell: Cell) -> str:
    return cell if isinstance(cell, str) else f"{cell:,}" if cell else ""


def text(summary: Summary, columns: Sequence[Column] = USUAL) -> str:
    """The table, and the totals under it."""
    rows = list(_rows(summary, columns))
    heads = ("layer", "", *[column.name for column in columns])
    cells = [("  " * row.depth + row.name, row.what, *row.cells) for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    free = max(WIDTH - sum(widths[2:]) - len(widths) + 1, min(_LEAST, sum(widths[:2])))
    widths[0] = min(widths[0], max(free - min(widths[1], free // 2), 8))
    widths[1] = max(min(widths[1], free - widths[0]), 4)
    lefts = [True, True, *[column.left for column in columns]]
    line = "─" * (sum(widths) + len(widths) - 1)
    table = [_line(row, widths, lefts) for row in (heads, *cells)]
    return "\n".join([*_title(summary), "", table[0], line, *table[1:], line, *_totals(summary)])


def _line(cells: Sequence[str], widths: Sequence[int], lefts: Sequence[bool]) -> str:
    fitted = [
        clipped(cell, width).ljust(width) if left else cell.rjust(width)
        for cell, width, left in zip(cells, widths, lefts, strict=True)
    ]
    return " ".join(fitted).rstrip()


def _title(summary: Summary) -> list[str]:
    title = summary.shaped.graph.title
    if summary.batch == 1 and summary.precision == "fp32":
        return [title]
    examples = f"{summary.batch:,} example{'s' * (summary.batch > 1)}"
    return [title, f"for a batch of {examples}, in {summary.precision}"]


def _totals(summary: Summary) -> list[str]:
    """The totals of inference, each with its unit and, where it is bytes, in short."""
    sums, peak = summary.totals, summary.liveness
    where = summary.shaped.nodes[peak.node].path
    rows = [
        ("parameters", sums.params, "", "trained"),
        *[("constants", sums.constants, "", "stored, not trained")] * bool(sums.constants),
        ("MACs", sums.macs, "", ""),
        ("FLOPs", sums.flops, "", ""),
        ("connections", sums.connections, "", ""),
        ("activations", sums.activation_bytes, "B", _short(sums.activation_bytes)),
        ("peak", peak.peak, "B", ", ".join(filter(None, (_short(peak.peak), f"while {where} runs")))),
        ("weights", sums.weight_bytes, "B", _short(sums.weight_bytes)),
        ("depth", sums.depth, "", "CONV, DWCONV, DECONV and FC on the longest path"),
    ]
    wide = max(len(f"{value:,}") for _, value, _, _ in rows)
    lines = [f"{name:<12} {value:>{wide},} {unit:<1} {note}".rstrip() for name, value, unit, note in rows]
    best = summary.schedule
    if best.peak < peak.peak:
        lines.insert(-2, f"{'':<12} {best.peak:>{wide},} B in another order, which `--format json` has")
    return [clipped(line, WIDTH) for line in lines]


def _short(count: int) -> str:
    """A number of bytes to three digits, where it has more."""
    return size(count) if count >= 1000 else ""


def csv(summary: Summary, columns: Sequence[Column] = COLUMNS) -> str:
    """A line a layer under a heading."""
    sheet = io.StringIO()
    lines = writer(sheet, lineterminator="\n")
    lines.writerow(["path", "layer", *[column.name for column in columns]])
    for index, node in enumerate(summary.shaped.nodes):
        lines.writerow(
            [node.path, safe.csv_cell(node.layer.written), *[column.cell(summary, index) for column in columns]]
        )
    return sheet.getvalue()


def markdown(summary: Summary, columns: Sequence[Column] = COLUMNS) -> str:
    """Every layer as a row of a Markdown table, and the totals as the last."""
    lines = [
        f"| path | layer | {' | '.join(column.name for column in columns)} |",
        f"|---|---|{'|'.join('---' if column.left else '---:' for column in columns)}|",
    ]
    for index, node in enumerate(summary.shaped.nodes):
        cells = [column.cell(summary, index) for column in columns]
        shown = [cell if isinstance(cell, str) else f"{cell:,}" for cell in cells]
        lines.append(f"| {safe.code(node.path)} | {safe.code(node.layer.written)} | {' | '.join(shown)} |")
    sums = {**asdict(summary.totals), "alive_bytes": summary.liveness.peak}
    totals = [f"**{sums[column.name]:,}**" if column.name in sums else "" for column in columns]
    lines.append(f"| **total** | | {' | '.join(totals)} |")
    return "\n".join(lines)
