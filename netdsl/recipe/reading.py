"""Reads recipes: each statement by itself, so that all that is wrong is found in one run, and has its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from netdsl.graph import program
from netdsl.recipe import mistakes
from netdsl.recipe.recipe import KEYS, Recipe
from netdsl.recipe.slips import mended, other_key
from netdsl.text.diagnostic import Diagnostic, Enough, Report
from netdsl.text.finding import Related
from netdsl.text.mistake import Mistake, Wrong
from netdsl.text.source import Source, Span
from netdsl.text.suggest import bounded

VERSIONS = "versions"
"""The one table that a recipe may have, which says what it was run with."""
MOST_ERRORS = 100
MOST_BYTES = 100_000

_STRING = r'"""(?:[^\\]|\\.)*?(?:"""|\Z)|\'\'\'.*?(?:\'\'\'|\Z)|"(?:[^"\\\n]|\\[^\n])*"?|\'[^\'\n]*\'?'
_TOKEN = re.compile(rf"{_STRING}|#[^\n]*|[\[\]{{}}]|\n", re.DOTALL)
_COMMENT = re.compile(rf"({_STRING})|#[^\n]*", re.DOTALL)
_START = re.compile(r"[ \t]*[\w.-]+[ \t]*=(?!=)")
_KEY = re.compile(r"""[ \t]*((?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^="'\n])*?)[ \t]*=[ \t]*""")
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read(path: Path, report: Report, name: str = "") -> Recipe:
    """The recipe in a file, which messages call by a name. What is wrong is reported, and has its default.

    Raises UnreadableFile.
    """
    source = program.read(path, name or str(path), report)
    return Recipe() if source is None else reads(source, report)


def reads(source: Source, report: Report) -> Recipe:
    """The recipe in a text, as read gives it."""
    found: dict[str, Any] = {}
    with bounded(), suppress(Enough):
        for key, value in _Reader(source, report).values():
            found[key] = value
    return replace(Recipe(), **found)


class _Reader:
    """Reads one text."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source, self.report = source, report
        self.before: dict[str, Span] = {}
        self.broken = 0

    def values(self) -> Iterator[tuple[str, Any]]:
        """Each key with its value. Raises Enough."""
        kinds = {key.name: key.kind for key in KEYS}
        if len(self.source.text) > MOST_BYTES:
            self._error(mistakes.TooLong(MOST_BYTES), self._span(0, 0))
            return
        within = False  # whether a table is open, whose keys are none of the recipe's
        for start, end in statements(self.source.text):
            text = self.source.text[start:end]
            found = self._parsed(text, start)
            if text.lstrip()[:1] == "[":
                within = True
                self._heading(found, self._span(start, end))
            if within or not found:
                continue
            match = _KEY.match(text)
            assert match, "TOML has read a key and a value"
            at = self._span(start + match.start(1), start + match.end(1))
            (name, value), *_ = found.items()
            behind = len(_COMMENT.sub(lambda one: one[1] or " " * len(one[0]), text).rstrip())
            span = self._span(start + match.end(), start + behind)
            if name not in kinds or "." in at.text:
                self._error(other_key(at.text if "." in at.text else name), at)
            elif name in self.before:
                first = (Related(self.before[name], "it is here too"),)
                self._count(Diagnostic(mistakes.KeyTwice(name), at, first))
            else:
                self.before[name] = at
                try:
                    yield name, kinds[name].read(value)
                except Wrong as wrong:
                    self._error(wrong.mistake, span)

    def _heading(self, found: dict[str, Any], span: Span) -> None:
        """Hold the heading of a table against the one that there may be."""
        if found and set(found) != {VERSIONS}:
            self._error(mistakes.Heading(span.text.strip()), span)

    def _parsed(self, text: str, start: int) -> dict[str, Any]:
        """What TOML understands of a statement; where it is broken, that is reported, and gives nothing."""
        try:
            return tomllib.loads(text)
        except RecursionError:
            why, place = "brackets are nested too deep", None
        except ValueError as error:
            place = _PLACE.search(str(error))
            why = _PLACE.sub("", str(error))
        mistake = mistakes.Broken(f"{why[:1].lower()}{why[1:]}", mended(text, start))
        at = _offset(text, int(place[1]), int(place[2])) if place and place[1] else len(text)
        met = re.match(r"[\w.+-]+|\S", text[at:])
        if met is None:  # the end, before which something is missing or still open
            at = _opened(text)
        self._error(mistake, self._span(start + at, start + at + len(met[0]) if met else start + len(text)))
        return {}

    def _span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def _error(self, mistake: Mistake, span: Span) -> None:
        self._count(Diagnostic(mistake, span))

    def _count(self, found: Diagnostic) -> None:
        self.report.add(found)
        self.broken += 1
        if self.broken == MOST_ERRORS:
            raise Enough


def _offset(text: str, line: int, column: int) -> int:
    """Where a line and a column are, both from 1."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    return starts[line - 1] + column - 1 if line <= len(starts) else len(text)


def _opened(text: str) -> int:
    """Where the last string or bracket begins that is never closed; where there is none, where the text begins."""
    opened: list[int] = []
    for token in _TOKEN.finditer(text):
        if token[0] in "[{" or (token[0][0] in "\"'" and (len(token[0]) == 1 or token[0][-1] != token[0][0])):
            opened.append(token.start())
        elif token[0] in "]}" and opened:
            opened.pop()
    return opened[-1] if opened else len(text) - len(text.lstrip())


def statements(text: str) -> Iterator[tuple[int, int]]:
    """Where each statement of TOML begins and ends: at a line end outside strings and brackets.

    A bracket that is never closed ends where a line begins as `key =` does.
    """
    start = depth = 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if depth <= 0 or _START.match(text, token.end()):
                if text[start : token.start()].strip():
                    yield start, start + len(text[start : token.start()].rstrip("\r"))
                start, depth = token.end(), 0
            case _:
                pass
    if text[start:].strip():
        yield start, len(text)
