"""A difference as Markdown, for a pull request: a summary, a table that folds away where it is long, the totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netdsl.diff import words
from netdsl.diff.change import Compared
from netdsl.diff.report import SIGNS
from netdsl.diff.rows import Row, heading, renames, rows
from netdsl.text import safe

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
        parts.append(_folded(f"{len(told)} changes", list(_table(told)), _LONG + 2))
    if found := renames(difference):
        lines = ["| renamed | | layers |", "|---|---|---:|"]
        lines += [f"| {safe.code(old)} | {safe.code(new)} | {count:,} |" for old, new, count in found]
        parts.append(_folded(f"{len(difference.renames):,} renamed", lines, _LONG + 2 if all else 2))
    if difference.facts:
        lines = ["| | before | after |", "|---|---|---|"]
        lines += [
            f"| {' | '.join(safe.markdown(part) for part in (fact.name, fact.before, fact.after))} |"
            for fact in difference.facts
        ]
        parts.append("\n".join(lines))
    parts.append("\n".join(_totals(difference)))
    if tensors := words.tensors(difference):
        parts.append(f"A checkpoint's weights: {tensors}.")
    return "\n\n".join(parts)


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield "| | layer | before | after | output | params | MACs |"
    yield "|---|---|---|---|---|---:|---:|"
    for row in rows:
        name = safe.code(row.name) + (f" ({len(row.changes):,} layers)" if len(row.changes) > 1 else "")
        notes = "".join(f"<br>{safe.markdown(note)}" for note in row.notes)
        params, macs = (words.exact(number) if number else "" for number in (row.params, row.macs))
        texts = f"{safe.code(row.before)} | {safe.code(row.after)}{notes}"
        yield f"| {SIGNS[row.kind]} | {name} | {texts} | {row.shape} | {params} | {macs} |"


def _totals(difference: Compared) -> Iterator[str]:
    yield "| total | before | after | change | |"
    yield "|---|---:|---:|---:|---:|"
    for _, name, before, after in words.totals(difference):
        yield f"| {name} | {before:,} | {after:,} | {words.exact(after - before)} | {words.percent(before, after)} |"


def _folded(title: str, lines: list[str], most: int) -> str:
    """A table, behind its title where it has more than so many lines."""
    table = "\n".join(lines)
    return table if len(lines) <= most else f"<details>\n<summary>{title}</summary>\n\n{table}\n\n</details>"
