"""The summary as a table for the terminal, 80 columns wide, and for Markdown.

Rows are indented by scope. The first copy of a repeat stands for all of them; what a scope costs, with all of its
copies, stands on its own row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netdsl.measure.summary import Summary

WIDTH = 80
_HEADINGS = ("layer", "", "output", "params", "MACs")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row: its depth in the tree of scopes, and its cells."""

    depth: int
    name: str
    what: str
    output: str
    params: str
    macs: str


def _sums(summary: Summary) -> Mapping[str, tuple[int, int]]:
    """Parameters and MACs of all that stands under each scope."""
    params: Counter[str] = Counter()
    macs: Counter[str] = Counter()
    for node, cost in zip(summary.shaped.nodes, summary.figures, strict=True):
        at = node.path.rfind(".")
        while at > 0:
            params[node.path[:at]] += cost.params
            macs[node.path[:at]] += cost.macs
            at = node.path.rfind(".", 0, at)
    return {path: (params[path], macs[path]) for path in params}


def _rows(summary: Summary) -> Iterator[_Row]:
    """The rows, scope by scope; copies that a first one stands for are left out."""
    shaped = summary.shaped
    scopes = shaped.graph.scopes
    sums = _sums(summary)
    opened: list[str] = []
    skipped = ""
    for index, node in enumerate(shaped.nodes):
        parents = node.path.split(".")[:-1]
        if skipped and node.path.startswith(skipped):
            copy = node.path[len(skipped) :].partition(".")[0]
            if copy != "1":
                continue
        here = [".".join(parents[: depth + 1]) for depth in range(len(parents))]
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
            yield _Row(level, parents[depth], f"{title}{times}".strip(), "", *map(_number, sums[path]))
        opened = here
        cost = summary.figures[index]
        level = sum(one in scopes for one in here)
        what = f"{node.layer.keyword} {node.layer.label}".strip() + (" (training)" if node.training else "")
        yield _Row(level, node.name, what, str(shaped.shapes[index]), _number(cost.params), _number(cost.macs))


def _number(count: int) -> str:
    return f"{count:,}" if count else ""


def text(summary: Summary) -> str:
    """The table, and the totals under it."""
    rows = list(_rows(summary))
    cells = [("  " * row.depth + row.name, row.what, row.output, row.params, row.macs) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(_HEADINGS, *cells, strict=True)]
    free = WIDTH - sum(widths[2:]) - 4
    widths[0] = min(widths[0], max(free - min(widths[1], free // 2), 8))
    widths[1] = max(min(widths[1], free - widths[0]), 4)
    lines = [summary.shaped.graph.title, "", _line(_HEADINGS, widths), "─" * min(WIDTH, sum(widths) + 4)]
    lines += [_line(cell, widths) for cell in cells]
    lines.append(lines[3])
    return "\n".join([*lines, *_totals(summary)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    left = [_fit(cell, width).ljust(width) for cell, width in zip(cells[:3], widths[:3], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return " ".join([*left, *right]).rstrip()


def _fit(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"


def _totals(summary: Summary) -> list[str]:
    sums = summary.totals
    pairs = (
        ("parameters", f"{sums.params:,}"),
        ("MACs", f"{sums.macs:,}"),
        ("FLOPs", f"{sums.flops:,}"),
        ("activations", f"{sums.activation_bytes:,} B"),
        ("weights", f"{sums.weight_bytes:,} B"),
        ("depth", f"{sums.depth}"),
    )
    wide = max(len(value) for _, value in pairs)
    return [f"{name:<12} {value.rjust(wide)}" for name, value in pairs]


def markdown(summary: Summary) -> str:
    """Every layer as a row of a Markdown table, and the totals as the last."""
    lines = ["| path | layer | output | params | MACs |", "|---|---|---|---:|---:|"]
    for path, layer, output, params, macs, *_ in summary.rows():
        lines.append(f"| `{path}` | `{layer}` | {output} | {params:,} | {macs:,} |")
    sums = summary.totals
    lines.append(f"| **total** | | | **{sums.params:,}** | **{sums.macs:,}** |")
    return "\n".join(lines)
