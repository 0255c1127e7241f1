"""The summary as a table for the terminal, 80 columns wide, as CSV and as Markdown.

On the terminal, rows are indented by scope. The first copy of a repeat stands for all of them; what a scope costs, with
all of its copies, stands on its own row.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from csv import writer
from dataclasses import asdict, dataclass
from itertools import accumulate, takewhile
from operator import is_
from typing import TYPE_CHECKING

from netdsl.graph.outline import Placed
from netdsl.layers.base import Layer
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


def _sums(summary: Summary, column: Column) -> Sequence[int]:
    """What all the nodes before each cost, by a column that adds."""
    cells = (column.cell(summary, index) for index in range(len(summary.shaped.nodes)))
    return list(accumulate((cell if isinstance(cell, int) else 0 for cell in cells), initial=0))


def _rows(summary: Summary, columns: Sequence[Column]) -> Iterator[_Row]:
    """The rows, scope by scope; copies that a first one stands for are left out."""
    shaped = summary.shaped
    written = _Written()
    sums = {column.name: _sums(summary, column) for column in columns if column.adds}
    opened: tuple[Placed, ...] = ()
    for index, (node, around) in enumerate(zip(shaped.nodes, shaped.graph.outline.around(), strict=True)):
        if any(one.number > 1 for one in around):
            continue
        common = sum(1 for _ in takewhile(bool, map(is_, around, opened)))
        level = sum(one.scope for one in around[:common])
        for scope in around[common:-1]:
            if scope.scope:
                times = f" ×{scope.copies}" if scope.copies is not None else ""
                title = scope.title if scope.title != scope.name else ""
                start, stop = scope.node, scope.nodes.stop
                total = [sums[one.name][stop] - sums[one.name][start] if one.adds else "" for one in columns]
                yield _Row(level, scope.name, f"{title}{times}".strip(), tuple(map(_shown, total)))
                level += 1
        opened = around
        what = written.of(node.layer) + (" (training)" if node.training else "")
        yield _Row(level, around[-1].name, what, tuple([_shown(column.cell(summary, index)) for column in columns]))


class _Written(dict[int, str]):
    """Layers as the language writes them, each of which is written once: copies have one layer."""

    def __init__(self, safe: Callable[[str], str] = str) -> None:
        super().__init__()
        self._safe = safe

    def of(self, layer: Layer) -> str:
        """A layer, safe for what it is written into."""
        text = self.get(id(layer))
        if text is None:
            text = self[id(layer)] = self._safe(layer.written)
        return text


def _shown(cell: Cell) -> str:
    return cell if isinstance(cell, str) else f"{cell:,}" if cell else ""


def text(summary: Summary, columns: Sequence[Column] = USUAL) -> str:
    """The table, and the totals under it."""
    return "\n".join(text_lines(summary, columns))


def text_lines(summary: Summary, columns: Sequence[Column] = USUAL) -> Iterator[str]:
    """The same, line by line."""
    heads = ("layer", "", *[column.name for column in columns])
    rows = [("  " * row.depth + row.name, row.what, *row.cells) for row in _rows(summary, columns)]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    free = max(WIDTH - sum(widths[2:]) - len(widths) + 1, min(_LEAST, sum(widths[:2])))
    widths[0] = min(widths[0], max(free - min(widths[1], free // 2), 8))
    widths[1] = max(min(widths[1], free - widths[0]), 4)
    lefts = [True, True, *[column.left for column in columns]]
    line = "─" * (sum(widths) + len(widths) - 1)
    yield from (*_title(summary), "", _line(heads, widths, lefts), line)
    yield from (_line(row, widths, lefts) for row in rows)
    yield from (line, *_totals(summary))


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
    return "".join(f"{line}\n" for line in csv_lines(summary, columns))


def csv_lines(summary: Summary, columns: Sequence[Column] = COLUMNS) -> Iterator[str]:
    """The same, line by line."""
    sheet = io.StringIO()
    lines = writer(sheet, lineterminator="")
    written = _Written(safe.csv_cell)
    lines.writerow(["path", "layer", *[column.name for column in columns]])
    yield sheet.getvalue()
    for index, node in enumerate(summary.shaped.nodes):
        sheet.seek(0)
        sheet.truncate()
        lines.writerow([node.path, written.of(node.layer), *[column.cell(summary, index) for column in columns]])
        yield sheet.getvalue()


def markdown(summary: Summary, columns: Sequence[Column] = COLUMNS) -> str:
    """Every layer as a row of a Markdown table, and the totals as the last."""
    return "\n".join(markdown_lines(summary, columns))


def markdown_lines(summary: Summary, columns: Sequence[Column] = COLUMNS) -> Iterator[str]:
    """The same, line by line."""
    written = _Written(safe.code)
    yield f"| path | layer | {' | '.join(column.name for column in columns)} |"
    yield f"|---|---|{'|'.join('---' if column.left else '---:' for column in columns)}|"
    for index, node in enumerate(summary.shaped.nodes):
        cells = [column.cell(summary, index) for column in columns]
        shown = [cell if isinstance(cell, str) else f"{cell:,}" for cell in cells]
        yield f"| `{node.path}` | {written.of(node.layer)} | {' | '.join(shown)} |"
    sums = {**asdict(summary.totals), "alive_bytes": summary.liveness.peak}
    totals = [f"**{sums[column.name]:,}**" if column.name in sums else "" for column in columns]
    yield f"| **total** | | {' | '.join(totals)} |"
