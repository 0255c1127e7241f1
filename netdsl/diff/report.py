"""A difference as text, 80 columns wide, for a terminal or plain."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TypeAlias

from netdsl.diff import words
from netdsl.diff.change import ChangeKind, Compared, Fact
from netdsl.diff.rows import Row, arrow, heading, renames, rows, shortened
from netdsl.text import tabulate
from netdsl.text.tabulate import WIDTH, Column

SIGNS: dict[ChangeKind, str] = {"added": "+", "removed": "−", "changed": "~", "follows": "·", "same": " "}

_COLOURS: dict[ChangeKind, str] = {"added": "32", "removed": "31", "changed": "33", "follows": "2", "same": "0"}

_RENAMES = 8
"""How many renamed paths are told one by one."""


def text(difference: Compared, *, all: bool = False, colour: bool = False) -> str:
    """The report. With `all`, each layer that follows and each rename has a line of its own."""
    title = heading(difference)
    names = [title] if len(title) <= WIDTH else title.replace(" → ", "\n→ ").splitlines()
    lines = [*(_styled(name, "1", colour) for name in names), *_wrapped(words.counted(difference))]
    if not difference:
        return "\n".join(lines)
    if told := rows(difference, all=all):
        lines += ["", *_table([shortened(row) for row in told], colour)]
    if difference.renames and (all or difference.guest is None):
        lines += ["", *_renamed(difference, all)]
    if difference.facts:
        lines += ["", *(line for fact in difference.facts for line in _fact(fact, colour))]
    lines += ["", *_totals(difference)]
    if tensors := words.tensors(difference):
        lines += ["", *_wrapped(f"a checkpoint's weights: {tensors}")]
    return "\n".join(lines)


def _styled(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def _wrapped(text: str, mark: str = "", indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=mark, subsequent_indent=indent or " " * len(mark))


_Cells: TypeAlias = tuple[str, str, str, str, str]
"""Of a row: its name, the layer, the shape, parameters and MACs."""


def _table(rows: Sequence[Row], colour: bool) -> Iterator[str]:
    """The rows in columns; where they are too wide for a line, each path has a line of its own above the rest."""
    cells = [_cells(row) for row in rows]
    headings = ("layer", "", "output", "params", "MACs")
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    *_, params, macs = widths
    wide = sum(widths) + 10 > WIDTH
    room = WIDTH - 6 - params - macs if wide else sum(widths[:3]) + 4
    for row, cell in zip((None, *rows), (headings, *cells), strict=True):
        sign, code = (SIGNS[row.kind], _COLOURS[row.kind]) if row else (" ", "2")
        numbers = f"{cell[3]:>{params}}  {cell[4]:>{macs}}"
        first, *below = _fitted(cell, room) if wide else [f"{_columns(cell, widths)}"]
        end = min(len(cell[0]), len(first))
        yield _styled(f"{sign} {first[:end]}", code, colour) + f"{first[end:]:<{room - end}}  {numbers}".rstrip()
        yield from below
        if row:
            yield from (line for note in row.notes for line in _wrapped(note, "    "))


def _cells(row: Row) -> _Cells:
    what, layers = arrow(row.before, row.after), len(row.changes)
    name = row.name + (f" ({layers:,} layers{'' if what else ' follow'})" if layers > 1 else "")
    return name, what, row.shape, words.signed(row.params), words.signed(row.macs)


def _columns(cell: _Cells, widths: Sequence[int]) -> str:
    return "  ".join(f"{text:<{width}}" for text, width in zip(cell[:3], widths[:3], strict=True))


def _fitted(cell: _Cells, room: int) -> list[str]:
    """A row's name, layer and shape in one line that leaves room for numbers, or in more."""
    name, what, shape, *_ = cell
    if len(name) + len(what) + len(shape) + 4 <= room:
        between = room - len(name) - len(shape) - 2
        return [f"{name}  {what:<{between}}{shape}"]
    if not what and len(name) <= room:
        return [name]
    names = textwrap.wrap(name, room) or [""]
    lines = [names[0], *(f"  {part}" for part in names[1:])]
    free = WIDTH - 4 - len(shape)
    if len(what) + 2 <= free:
        return [*lines, f"    {what:<{free}}{shape}".rstrip()]
    return [*lines, *_wrapped(what, "    "), f"{shape:>{WIDTH}}".rstrip()]


def _fact(fact: Fact, colour: bool) -> Iterator[str]:
    """What differs beside the layers, in a line or, where that is too long, in several."""
    kind: ChangeKind = "changed" if fact.before and fact.after else "added" if fact.after else "removed"
    sign = _styled(SIGNS[kind], _COLOURS[kind], colour)
    said = " → ".join(filter(None, (fact.before, fact.after)))
    if len(fact.name) + len(said) + 4 <= WIDTH:
        yield f"{sign} {fact.name}: {said}"
        return
    yield f"{sign} {fact.name}:"
    yield from _wrapped(fact.before, "      ")
    yield from _wrapped(fact.after, "    → ", "      ")


def _renamed(difference: Compared, all: bool) -> Iterator[str]:
    """What is called differently; the first few of many."""
    found = renames(difference)
    shown = found if all or len(found) <= _RENAMES else found[: _RENAMES - 1]
    for old, new, count in shown:
        layers = f" ({count:,} layers)" if count > 1 else ""
        yield from _wrapped(f"{old} → {new}{layers}", "> ", "    ")
    if len(shown) < len(found):
        yield f"> … and {sum(count for _, _, count in found[len(shown) :]):,} more layers renamed"


def _totals(difference: Compared) -> Iterator[str]:
    columns = [Column(fit="whole"), *[Column(head, True, "whole") for head in ("before", "after", "change", "")]]
    rows = [
        (name, f"{was:,}", f"{now:,}", words.exact(now - was) if was != now else "=", words.percent(was, now))
        for _, name, was, now in words.totals(difference)
    ]
    return tabulate.text(columns, rows, rule=False)


def data(difference: Compared) -> dict[str, object]:
    """The difference as plain data; sizes are lists, spatial sizes first and channels last."""
    return {
        "before": difference.graphs[0].source.name,
        "after": difference.graphs[1].source.name,
        "different": bool(difference),
        "totals": {
            key: {"before": before, "after": after, "change": after - before}
            for key, _, before, after in words.totals(difference)
        },
        "layers": [
            {
                "change": change.kind,
                "path": [side and side.path for side in (change.before, change.after)],
                "layer": [side and side.layer for side in (change.before, change.after)],
                "output": [side and list(side.shape.dims) for side in (change.before, change.after)],
                "params": change.params,
                "macs": change.macs,
                "notes": list(change.notes),
            }
            for change in difference.layers
            if change.kind != "same" or change.renamed
        ],
        "renamed": difference.renames,
        "facts": {fact.name: [fact.before, fact.after] for fact in difference.facts},
        "tensors": asdict(difference.tensors) | {"taken": list(difference.tensors.taken)},
    }
