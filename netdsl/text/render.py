"""Diagnostics as people read them, and as programs do."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from netdsl.text import safe
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.source import Source, Span

_WIDEST = 110
_MOST_CALLS = 6
_COLOURS = {"error": "1;31", "warning": "1;33", "note": "1;34", "help": "1;36", "bold": "1"}


@dataclass(frozen=True)
class _Mark:
    """A stretch of one line to underline, in columns counted from 0, and what to say beside it."""

    start: int
    end: int
    sign: str
    text: str

    @property
    def width(self) -> int:
        return self.end - self.start + (len(self.text) + 1 if self.text else 0)


def text(found: Diagnostic, *, colour: bool = False) -> str:
    """A diagnostic with its source lines, marks and hints; several lines that end with a newline."""

    def paint(words: str, kind: str) -> str:
        return f"\x1b[{_COLOURS[kind]}m{words}\x1b[0m" if colour and words else words

    severity = found.severity
    lines = [f"{paint(f'{severity}[{found.code}]', severity)}{paint(f': {safe.line(found.message)}', 'bold')}"]
    places = [(found.span, "^", found.label), *((one.span, "-", one.text) for one in found.related)]
    margin = len(str(max(span.line for span, _, _ in places)))
    pad = " " * (margin + 1)
    for number, (source, rows) in enumerate(_by_source(places)):
        at = found.span if not number else rows[0][1][0][0]
        lines.append(f"{' ' * margin}{paint(' --> ' if not number else ' ::: ', 'note')}{safe.line(str(at))}")
        lines.append(paint(f"{pad} |", "note"))
        before = 0
        for line, marks in rows:
            if before and line > before + 1:
                lines.append(paint(f"{pad} …", "note"))
            before = line
            shown, placed = _clip(source.line(line), [_mark(*mark) for mark in marks])
            lines.append(f"{paint(f' {line:>{margin}} |', 'note')} {shown}".rstrip())
            for row in _rows(placed):
                lines.append(f"{paint(f'{pad} |', 'note')} {_underline(row, severity, paint)}")
    if found.path or found.calls:
        lines.append(f"{pad} {paint('=', 'note')} {safe.line(_where(found))}")
    if found.help:
        lines.append(f"{pad} {paint('=', 'note')} {paint('help', 'help')}: {safe.line(found.help)}")
    return "\n".join(lines) + "\n"


def _where(found: Diagnostic) -> str:
    calls = [f"at {span}" for span in found.calls]
    if len(calls) > _MOST_CALLS:
        calls[_MOST_CALLS - 1 : -1] = [f"… {len(calls) - _MOST_CALLS} more …"]
    called = f"called {', '.join(calls)}" if calls else ""
    return ", ".join(part for part in (f"in {found.path}" if found.path else "", called) if part)


_Place = tuple[Span, str, str]


def _by_source(places: Sequence[_Place]) -> list[tuple[Source, list[tuple[int, list[_Place]]]]]:
    """Places by file, the diagnostic's own first, and by line within it."""
    files: dict[int, tuple[Source, dict[int, list[_Place]]]] = {}
    for place in places:
        source = place[0].source
        _, lines = files.setdefault(id(source), (source, {}))
        marks = lines.setdefault(place[0].line, [])
        if not any(mark[0] == place[0] and mark[1] != "^" for mark in marks):
            marks.append(place)
    return [(source, sorted(lines.items())) for source, lines in files.values()]


def _mark(span: Span, sign: str, words: str) -> _Mark:
    start = span.column - 1
    length = len(span.source.line(span.line))
    end = max(start + 1, min(start + span.end - span.start, length))
    return _Mark(start, end, sign, safe.line(words))


def _clip(line: str, marks: Sequence[_Mark]) -> tuple[str, list[_Mark]]:
    """A line fit to be shown, cut around the first mark where it is very long, and the marks moved along."""
    first = min(mark.start for mark in marks)
    cut = max(0, first - _WIDEST // 2) if len(line) > _WIDEST else 0
    part = line[cut : cut + _WIDEST]
    columns = [0]
    shown: list[str] = []
    for character in part:
        printable = character if character.isprintable() else " " if character == "\t" else "\N{REPLACEMENT CHARACTER}"
        shown.append(printable)
        wide = unicodedata.east_asian_width(character) in "WF"
        columns.append(columns[-1] + (0 if unicodedata.combining(character) else 2 if wide else 1))

    def column(at: int) -> int:
        at -= cut
        return columns[max(at, 0)] if at < len(columns) else columns[-1] + min(at - len(columns) + 1, 1)

    moved = [_Mark(column(m.start), column(m.end), m.sign, m.text) for m in marks if m.start - cut <= len(part)]
    return "".join(shown), moved


def _rows(marks: Sequence[_Mark]) -> list[list[_Mark]]:
    """Marks in as few rows as hold them side by side."""
    rows: list[list[_Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark.start):
        for row in rows:
            if row[-1].start + row[-1].width < mark.start:
                row.append(mark)
                break
        else:
            rows.append([mark])
    return rows


def _underline(row: Sequence[_Mark], severity: str, paint: Callable[[str, str], str]) -> str:
    line = ""
    at = 0
    for mark in row:
        line += " " * (mark.start - at)
        words = mark.sign * max(1, mark.end - mark.start) + (f" {mark.text}" if mark.text else "")
        line += paint(words, severity if mark.sign == "^" else "note")
        at = mark.start + len(words)
    return line


def _range(span: Span) -> dict[str, object]:
    line, column = span.stop
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": line,
        "end_column": column,
    }


def data(found: Diagnostic) -> dict[str, object]:
    """A diagnostic as plain data, for JSON."""
    related = [{"message": one.text, **_range(one.span)} for one in found.related]
    head: dict[str, object] = {"code": found.code, "severity": found.severity, "message": found.message}
    calls = [_range(call) for call in found.calls]
    return {**head, **_range(found.span), "related": related, "calls": calls, "help": found.help}


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Diagnostics as a JSON list."""
    return safe.json_text([data(one) for one in diagnostics])
