"""Tables: in columns for a terminal, as Markdown and as CSV. Cells are made safe by whoever has them."""

from __future__ import annotations

import csv as sheets
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Literal

from netdsl.text.fit import clipped, columns, wrapped

WIDTH = 80
"""The columns of a page, where nothing says how wide it is."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, its side, and what becomes of cells that are too wide for the page.

    They stay whole, are folded between words, or are cut off.
    """

    head: str = ""
    right: bool = False
    fit: Literal["whole", "fold", "cut"] = "fold"
    least: int = 0
    """Its width at least."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a page is made for: its width in columns, and whether it shows weight and colour."""

    width: int = WIDTH
    colour: bool = False


PLAIN = Look()


class Strong(str):
    """A cell that stands out where there is colour."""

    __slots__ = ()


def text(
    shown: Sequence[Column],
    rows: Iterable[Sequence[str]],
    look: Look = PLAIN,
    *,
    gap: int = 2,
    indent: int = 0,
    least: int = 0,
    rule: bool = True,
) -> Iterator[str]:
    """The lines of a table: its headings, a rule unless there shall be none, and its rows.

    Where it is wider than the page, its widest columns become narrower, but not below `least` together.
    """
    heads = [column.head for column in shown]
    table = [heads, *rows]
    widths = _widths(shown, table, look.width - 2 * indent - gap * (len(shown) - 1), least)
    around, between = " " * indent, " " * gap

    def lines(row: Sequence[str], *, head: bool = False) -> Iterator[str]:
        cells = [_fitted(cell, width, one.fit) for cell, width, one in zip(row, widths, shown, strict=True)]
        high = max(map(len, cells))
        if head:  # stands on the rule
            cells = [[""] * (high - len(cell)) + cell for cell in cells]
        strong = [look.colour and (head or isinstance(cell, Strong)) for cell in row]
        for line in zip_longest(*cells, fillvalue=""):
            parts = map(_padded, line, widths, shown, strong)
            yield (around + between.join(parts)).rstrip()

    yield from lines(heads, head=True)
    if rule:
        line = "─" * (sum(widths) + gap * (len(widths) - 1))
        yield around + (f"\x1b[2m{line}\x1b[0m" if look.colour else line)
    for row in table[1:]:
        yield from lines(row)


def framed(shown: Sequence[Column], rows: Iterable[Sequence[str]], look: Look = PLAIN) -> str:
    """A table that stands by itself, with space around it."""
    return "\n".join(["", *text(shown, rows, look, indent=1), ""])


def _widths(shown: Sequence[Column], table: Sequence[Sequence[str]], room: int, least: int) -> list[int]:
    """How wide each column is, so that all fit into a room if they can."""
    widths = [
        max(one.least, *[columns(line) for cell in {*cells} for line in cell.split("\n")])
        for one, cells in zip(shown, zip(*table, strict=True), strict=True)
    ]
    loose = [index for index, one in enumerate(shown) if one.fit != "whole"]
    last = len(widths) - 1
    for index in loose:
        widths[index] = min(widths[index], max(room, least, 1))
    while sum(widths) > room and sum(widths[index] for index in loose) > max(least, len(loose)):
        widths[max(loose, key=lambda index: (widths[index] + (index < last), index))] -= 1
    return widths


def _fitted(cell: str, width: int, fit: str) -> list[str]:
    """A cell in lines that are no wider than its column."""
    if cell.isascii() and len(cell) <= width and "\n" not in cell:
        return [cell]
    if fit == "cut":
        return [clipped(cell, width)]
    return [part for line in cell.split("\n") for part in wrapped(_broken(line, width), width)]


def _broken(line: str, width: int) -> str:
    """A line whose words are no longer than a column."""
    return " ".join(word[at : at + width] for word in line.split(" ") for at in range(0, max(len(word), 1), width))


def _padded(cell: str, width: int, column: Column, strong: bool) -> str:
    space = " " * (width - columns(cell))
    styled = f"\x1b[1m{cell}\x1b[0m" if strong and cell else cell
    return space + styled if column.right else styled + space


def markdown(shown: Sequence[Column], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table in Markdown."""
    yield "".join(f"| {column.head} " if column.head else "| " for column in shown) + "|"
    yield "".join("|---:" if column.right else "|---" for column in shown) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a table in CSV."""
    sheet = io.StringIO()
    writer = sheets.writer(sheet, lineterminator="")
    for row in chain([heads], rows):
        writer.writerow(row)
        yield sheet.getvalue()
        sheet.seek(0)
        sheet.truncate()
