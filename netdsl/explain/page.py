"""An explanation, and how it is shown: 80 columns of text, Markdown, JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netdsl.layers.answer import Answer, Equation, Line, Table
from netdsl.layers.arguments import Number
from netdsl.text import safe
from netdsl.text.shown import Page

WIDTH = 80
_INDENT = "  "
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


@dataclass(frozen=True, repr=False)
class Explanation(Page):
    """What there is to say of a layer, a block or a network: lines about it, then questions with their answers."""

    path: str
    """Of the layer or the block; "" for the network."""
    title: str
    place: str
    """The file and line where it was written."""
    lines: tuple[Line, ...]
    answers: tuple[Answer, ...]

    def __str__(self) -> str:
        return self.text()

    def text(self, *, colour: bool = False) -> str:
        """80 columns of text; on a terminal with colours the questions are bold."""
        bold, dim, plain = (_BOLD, _DIM, _PLAIN) if colour else ("", "", "")
        found = [f"{bold}{line}{plain}" for line in _wrapped(self.title, "", "")]
        if self.place:
            found.append(f"{dim}{safe.line(self.place)}{plain}")
        found += _lines(self.lines, "")
        for answer in self.answers:
            found += ["", f"{bold}{answer.question}{plain}", *_lines(answer.lines, _INDENT)]
        return "\n".join(found)

    def markdown(self) -> str:
        """A heading, and one for each question."""
        place = [safe.code(self.place)] if self.place else []
        found = [f"## {safe.markdown(self.title)}", *place, *_marked(self.lines)]
        for answer in self.answers:
            found += [f"### {safe.markdown(answer.question)}", *_marked(answer.lines)]
        return "\n\n".join(found)

    @property
    def data(self) -> dict[str, object]:
        """All of it as plain data."""
        return {
            "path": self.path,
            "title": self.title,
            "place": self.place,
            "lines": [_plain(line) for line in self.lines],
            "answers": [
                {"question": one.question, "lines": [_plain(line) for line in one.lines]} for one in self.answers
            ],
        }

    def json(self) -> str:
        """The data as JSON."""
        return safe.json_text(self.data)


def _plain(line: Line) -> dict[str, object]:
    match line:
        case str():
            return {"text": line}
        case Equation(label, formula, unit, remark):
            figures = {"formula": formula.text, "value": _number(formula.value)}
            return {"label": label, **figures, "unit": unit, "remark": remark}
        case Table(headings, rows):
            return {"rows": [dict(zip(headings, row, strict=True)) for row in rows]}


def _number(value: Number) -> int | float:
    return value if isinstance(value, int) else float(value)


def _lines(lines: Sequence[Line], indent: str) -> Iterator[str]:
    """Lines of text; the formulas that stand together begin in one column."""
    labels = [len(line.label) for line in lines if isinstance(line, Equation)]
    wide = min(max(labels, default=0), 32)
    for line in lines:
        match line:
            case str():
                yield from _wrapped(line, indent, indent)
            case Equation():
                lead = indent + (line.label.ljust(wide) + "  " if wide else "")
                hang = indent + " " * (wide + 4 if wide else 2)
                yield from _wrapped(str(line), lead, hang)
            case Table():
                yield from _rows(line, indent)


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )


def _rows(table: Table, indent: str) -> Iterator[str]:
    """A table's lines; columns that are empty are left out, and the widest one of words wraps where it has to."""
    columns = [
        (column, number in table.right)
        for number, column in enumerate(zip(table.headings, *table.rows, strict=True))
        if any(column)
    ]
    widths = [max(map(len, column)) for column, _ in columns]
    over = len(indent) + sum(widths) + 2 * len(widths) - 2 - WIDTH
    words = [at for at, (_, right) in enumerate(columns) if not right]
    if over > 0 and words:
        widest = max(words, key=lambda at: widths[at])
        widths[widest] = max(widths[widest] - over, 12)
    for number in range(len(table.rows) + 1):
        cells = [textwrap.wrap(column[number], wide) for (column, _), wide in zip(columns, widths, strict=True)]
        for line in range(max(map(len, cells))):
            parts = [cell[line] if line < len(cell) else "" for cell in cells]
            sides = [
                part.rjust(wide) if right else part.ljust(wide)
                for part, wide, (_, right) in zip(parts, widths, columns, strict=True)
            ]
            yield indent + "  ".join(sides).rstrip()
        if not number:
            yield indent + "─" * (sum(widths) + 2 * len(widths) - 2)


def _marked(lines: Sequence[Line]) -> Iterator[str]:
    """Lines as Markdown; equations that stand together are one list."""
    items: list[str] = []
    for line in lines:
        if isinstance(line, Equation):
            lead = f"{line.label}: " if line.label else ""
            items.append(f"- {safe.markdown(f'{lead}{line}')}")
            continue
        if items:
            yield "\n".join(items)
            items = []
        if isinstance(line, Table):
            rules = ["---:" if at in line.right else "---" for at in range(len(line.headings))]
            cells = [[safe.markdown(cell) for cell in row] for row in (line.headings, *line.rows)]
            yield "\n".join("| " + " | ".join(row) + " |" for row in (cells[0], rules, *cells[1:]))
        else:
            yield safe.markdown(line)
    if items:
        yield "\n".join(items)
