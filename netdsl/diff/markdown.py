"""A difference as Markdown, for a pull request: a summary, a table that folds away where it is long, the totals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netdsl.diff import words
from netdsl.diff.change import Compared
from netdsl.diff.report import SIGNS
from netdsl.diff.rows import Row, heading, renames, rows
from netdsl.text import safe, tabulate
from netdsl.text.tabulate import Column

_HEADS = ("", "layer", "before", "after", "output", "params", "MACs")
_LONG = 20
"""How many lines of a table are shown at once."""


def markdown(difference: Compared, *, all: bool = False) -> str:
    """The report. With `all`, each layer that follows and each rename has a line of its own."""
    parts = [f"**{safe.markdown(heading(difference))}**: {words.counted(difference)}"]
    if not difference:
        return parts[0]
    for one in words.totals(difference)[:2]:
        parts[0] += f"; {one.name} {one.values()}{one.grown}" + " as before" * (one.before == one.after)
    if told := rows(difference, all=all):
        parts.append(_folded(f"{len(told)} changes", _table(_HEADS, 5, map(_cells, told)), _LONG + 2))
    if found := renames(difference):
        lines = _table(("renamed", "", "layers"), 2, [(safe.code(a), safe.code(b), f"{n:,}") for a, b, n in found])
        parts.append(_folded(f"{len(difference.renames):,} renamed", lines, _LONG + 2 if all else 2))
    if difference.facts:
        facts = [[safe.markdown(part) for part in (one.name, one.before, one.after)] for one in difference.facts]
        parts.append("\n".join(_table(("", "before", "after"), 3, facts)))
    totals = [
        (name, f"{before:,}", f"{after:,}", words.exact(after - before), words.percent(before, after))
        for _, name, before, after in words.totals(difference)
    ]
    parts.append("\n".join(_table(("total", "before", "after", "change", ""), 1, totals)))
    if tensors := words.tensors(difference):
        parts.append(f"A checkpoint's weights: {tensors}.")
    return "\n\n".join(parts)


def _table(heads: Sequence[str], left: int, rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table, whose columns but the first so many hold numbers."""
    return list(tabulate.markdown([Column(head, right=at >= left) for at, head in enumerate(heads)], rows))


def _cells(row: Row) -> Sequence[str]:
    name = safe.code(row.name) + (f" ({len(row.changes):,} layers)" if len(row.changes) > 1 else "")
    notes = "".join(f"<br>{safe.markdown(note)}" for note in row.notes)
    params, macs = (words.exact(number) if number else "" for number in (row.params, row.macs))
    return SIGNS[row.kind], name, safe.code(row.before), f"{safe.code(row.after)}{notes}", row.shape, params, macs


def _folded(title: str, lines: list[str], most: int) -> str:
    """A table, behind its title where it has more than so many lines."""
    table = "\n".join(lines)
    return table if len(lines) <= most else f"<details>\n<summary>{title}</summary>\n\n{table}\n\n</details>"
