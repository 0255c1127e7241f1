"""A comparison as a table for the terminal, 80 columns wide, and for Markdown: a row a network."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from netdsl.compare.comparison import Comparison
from netdsl.compare.entry import Entry
from netdsl.measure import units
from netdsl.text import safe
from netdsl.text.fit import clipped

WIDTH = 80
_GAP = 2
_NAME = 20  # columns that a name needs at least, if it has as many
_LONGEST = 60  # characters of a name


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: what it shows, and how, in short and exactly."""

    heading: str
    key: str
    short: Callable[[Any], str]
    exact: Callable[[Any], str]
    ratio: bool = True
    """Whether it may show ratios."""
    cost: bool = True
    """Whether the least is the best."""


_COLUMNS = (
    _Column("year", "year", str, str, ratio=False, cost=False),
    _Column("top-5 error", "top5_error", "{:.3g}%".format, "{:.12g}%".format),
    _Column("depth", "depth", str, str, cost=False),
    _Column("params", "params", units.short, "{:,}".format),
    _Column("MACs", "macs", units.short, "{:,}".format),
    _Column("activations", "activation_bytes", units.size, "{:,} B".format),
    _Column("weights", "weight_bytes", units.size, "{:,} B".format),
)


def text(comparison: Comparison, *, exact: bool = False, relative: bool = False, colour: bool = False) -> str:
    """The table, or several below each other where its columns do not fit side by side.

    With `relative` all rows but the reference's show ratios to it. In colour, the least of each cost is bold.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    file = io.StringIO()
    console = Console(file=file, width=WIDTH, highlight=False, no_color=not colour, force_terminal=colour)
    names = [clipped(safe.line(one.name), _LONGEST) for one in comparison.entries]
    for number, columns in enumerate(_groups(comparison, names, exact, relative)):
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        headings = [column.heading.split() for column in columns]
        lines = max(map(len, headings))
        table.add_column("\n" * (lines - 1) + "network")
        for words in headings:
            table.add_column("\n" * (lines - len(words)) + "\n".join(words), justify="right", no_wrap=True)
        for name, one in zip(names, comparison.entries, strict=True):
            styles = ["bold" if _best(column, one, comparison) else "" for column in columns]
            cells = [_cell(column, one, comparison, exact, relative) for column in columns]
            table.add_row(Text(name), *map(Text, cells, styles))
        if number:
            console.print()
        console.print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def markdown(comparison: Comparison, *, exact: bool = False, relative: bool = False) -> str:
    """The table in Markdown."""
    columns = [column for column in _COLUMNS if _shown(column, comparison)]
    lines = [f"| network | {' | '.join(column.heading for column in columns)} |"]
    lines.append(f"|---|{'---:|' * len(columns)}")
    for one in comparison.entries:
        cells = [_cell(column, one, comparison, exact, relative) for column in columns]
        lines.append(f"| {safe.markdown(one.name)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(column: _Column, comparison: Comparison) -> bool:
    """Whether any network has a value for a column."""
    return any(getattr(one, column.key) is not None for one in comparison.entries)


def _cell(column: _Column, one: Entry, comparison: Comparison, exact: bool, relative: bool) -> str:
    value = getattr(one, column.key)
    if relative and column.ratio and one is not comparison.reference:
        ratio = comparison.ratios(one)[column.key]
        return "–" if ratio is None else _times(ratio)
    return "–" if value is None else (column.exact if exact else column.short)(value)


def _times(ratio: float) -> str:
    """A ratio to three digits: `×2.22`, `×47.5K`, or below a hundredth `÷1.04K`."""
    if ratio >= 999.5:
        return f"×{units.short(round(ratio))}"
    if 0 < ratio < 0.01:
        return f"÷{units.short(round(1 / ratio))}"
    return f"×{ratio:.3g}"


def _best(column: _Column, one: Entry, comparison: Comparison) -> bool:
    """Whether it costs the least, among networks that do not all cost the same."""
    values = {getattr(other, column.key) for other in comparison.entries} - {None}
    return column.cost and len(values) > 1 and getattr(one, column.key) == min(values)


def _groups(comparison: Comparison, names: Sequence[str], exact: bool, relative: bool) -> list[list[_Column]]:
    """The columns of each table: as many as fit beside the names, and no column alone."""
    room = WIDTH - min(_NAME, max(len(name) for name in (*names, "network")))
    groups: list[list[_Column]] = [[]]
    left = room
    for column in _COLUMNS:
        if not _shown(column, comparison):
            continue
        cells = [_cell(column, one, comparison, exact, relative) for one in comparison.entries]
        wide = _GAP + max(map(len, (*column.heading.split(), *cells)))
        if wide > left:
            groups.append([])
            left = room
        groups[-1].append(column)
        left -= wide
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-1].insert(0, groups[-2].pop())
    return groups
