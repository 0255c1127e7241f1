"""Diagnostics as people read them, and as programs do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from netdsl.text import safe
from netdsl.text.excerpt import Mark, excerpt
from netdsl.text.finding import Finding
from netdsl.text.fit import columns, wrapped
from netdsl.text.source import Source, Span

_WIDEST = 110
"""The columns of a line of source, where nothing says how wide the page is."""
_NARROWEST = 20
_MOST_CALLS = 6
_MOST_PLACES = 30
_COLOURS = {"error": "1;31", "warning": "1;33", "note": "1;34", "help": "1;36", "bold": "1"}


def text(
    found: Finding, *, colour: bool = False, width: int | None = None, spell: Callable[[str], str] | None = None
) -> str:
    """A diagnostic with its source lines, marks and hints; several lines that end with a newline.

    With a width, in columns, sentences are wrapped between words, and lines of source are shown around their marks.
    `spell` shows a character beyond ASCII of the program, which a message quotes in backticks.
    """

    def paint(words: str, kind: str) -> str:
        return f"\x1b[{_COLOURS[kind]}m{words}\x1b[0m" if colour and words else words

    severity = found.severity
    head = f"{severity}[{found.code}]"
    message = found.message
    if spell is not None:
        message = re.sub("`[^`]*`", lambda quoted: _spelled(quoted[0], (), spell)[0], message)
    first, *rest = wrapped(safe.line(f"{head}: {message}"), width, "  ")
    lines = [paint(head, severity) + paint(first[len(head) :], "bold"), *(paint(line, "bold") for line in rest)]
    places = [(found.span, "^", ""), *((one.span, "-", one.text) for one in found.related[:_MOST_PLACES])]
    margin = len(str(max(span.line for span, _, _ in places)))
    pad = " " * (margin + 1)
    room = _WIDEST if width is None else max(width - margin - 4, _NARROWEST)
    for number, (source, rows) in enumerate(_by_source(places)):
        at = found.span if not number else rows[0][1][0][0]
        lines.append(f"{' ' * margin}{paint(' --> ' if not number else ' ::: ', 'note')}{safe.line(str(at))}")
        lines.append(paint(f"{pad} |", "note"))
        before = 0
        for line, marks in rows:
            if before and line > before + 1:
                lines.append(paint(f"{pad} …", "note"))
            before = line
            whole, stretches = source.line(line), [_mark(*mark) for mark in marks]
            if spell is not None:
                whole, stretches = _spelled(whole, stretches, spell)
            shown, placed = excerpt(whole, stretches, room)
            lines.append(f"{paint(f' {line:>{margin}} |', 'note')} {shown}".rstrip())
            for row in _rows(placed):
                lines.append(f"{paint(f'{pad} |', 'note')} {_underline(row, severity, paint)}")
    more = len(found.related) - _MOST_PLACES
    hints = [("", f"and {more:,} more places")] if more > 0 else []
    hints += [("", _where(found))] if found.path or found.calls else []
    hints += [("help: ", found.help)] if found.help else []
    for name, words in hints:
        told = wrapped(f"{pad} = {name}{safe.line(words)}", width, f"{pad}   ")
        lead = f"{pad} = {name}"
        lines.append(f"{pad} {paint('=', 'note')} {paint(name[:-2], 'help')}{name[-2:]}{told[0][len(lead) :]}")
        lines += told[1:]
    return "\n".join(lines) + "\n"


def _where(found: Finding) -> str:
    calls = [f"at {span}" for span in found.calls]
    if len(calls) > _MOST_CALLS:
        calls[_MOST_CALLS - 1 : -1] = [f"… {len(calls) - _MOST_CALLS} more …"]
    called = f"called {', '.join(calls)}" if calls else ""
    return ", ".join(part for part in (f"in {found.path}" if found.path else "", called) if part)


_Place = tuple[Span, str, str]


def _by_source(places: Sequence[_Place]) -> list[tuple[Source, list[tuple[int, list[_Place]]]]]:
    """Places by file, the diagnostic's own first, and by line within it."""
    files: dict[int, tuple[Source, dict[int, list[_Place]]]] = {}
    seen: set[Span] = set()
    for place in places:
        if place[0] in seen:
            continue
        if place[1] != "^":
            seen.add(place[0])
        source = place[0].source
        _, lines = files.setdefault(id(source), (source, {}))
        lines.setdefault(place[0].line, []).append(place)
    return [(source, sorted(lines.items())) for source, lines in files.values()]


def _mark(span: Span, sign: str, words: str) -> Mark:
    start = span.column - 1
    length = len(span.source.line(span.line))
    end = max(start + 1, min(start + span.end - span.start, length))
    return Mark(start, end, sign, safe.line(words))


def _spelled(line: str, marks: Sequence[Mark], spell: Callable[[str], str]) -> tuple[str, list[Mark]]:
    """A line with its characters beyond ASCII as they are spelled, and its marks where these stand then."""
    parts = [character if character.isascii() else spell(character) for character in line]
    starts = list(accumulate(map(len, parts), initial=0))

    def at(character: int) -> int:
        return starts[min(character, len(line))] + max(0, character - len(line))

    return "".join(parts), [replace(one, start=at(one.start), end=at(one.end)) for one in marks]


def _rows(marks: Sequence[Mark]) -> list[list[Mark]]:
    """Marks in as few rows as hold them side by side."""
    rows: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark.first):
        for row in rows:
            if row[-1].last < mark.first:
                row.append(mark)
                break
        else:
            rows.append([mark])
    return rows


def _underline(row: Sequence[Mark], severity: str, paint: Callable[[str, str], str]) -> str:
    line = ""
    at = 0
    for mark in row:
        signs = mark.sign * (mark.end - mark.start)
        words = " ".join(filter(None, (mark.text, signs) if mark.before else (signs, mark.text)))
        line += " " * (mark.first - at) + paint(words, severity if mark.sign == "^" else "note")
        at = mark.first + columns(words)
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


def data(found: Finding) -> dict[str, object]:
    """A diagnostic as plain data, for JSON."""
    related = [{"message": one.text, **_range(one.span)} for one in found.related]
    head: dict[str, object] = {"code": found.code, "severity": found.severity, "message": found.message}
    calls = [_range(call) for call in found.calls]
    fixes = [
        {
            "title": fix.title,
            "certain": fix.certain,
            "edits": [{**_range(edit.span), "text": edit.text} for edit in fix.edits],
        }
        for fix in found.fixes
    ]
    return {**head, **_range(found.span), "related": related, "calls": calls, "help": found.help, "fixes": fixes}


def as_json(diagnostics: Iterable[Finding]) -> str:
    """Diagnostics as a JSON list."""
    return safe.json_text([data(one) for one in diagnostics])
