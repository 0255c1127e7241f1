"""Where statements begin and end, and what is space: the one place that knows the rule of lines.

A statement ends with its line, unless a bracket is open, the line ends with `->`, `|`, `=`, `,` or `:`,
or the next line that holds code starts with `->`, `|`, `]` or `)`. A line ends with LF or CR LF. Other characters that
look like space, or like nothing, are errors outside strings and comments, so that nothing hides in a program.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

from netdsl.text import mistakes
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source, Span
from netdsl.text.tokens import BLANK, KEYWORDS, TOKEN
from netdsl.text.tree import Comment

MAX_NESTING = 100
MAX_BROKEN = 200

_LINE_ENDS = frozenset("\r\x85\u2028\u2029")  # elsewhere, and to the eye; here they are none
_SUSPECT = re.compile(rf"(?<!\r)\r++(?!\n|\Z)|[{BLANK}]")
_CONTINUES = frozenset("|])")


class Arrow(NamedTuple):
    """Where the element before an arrow ends, where it stands, and where the element after it starts."""

    behind: int
    at: int
    start: int
    begins_line: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """Where a statement stands, and the arrows in it, outside brackets.

    `is_chain` tells that no keyword opens it, `broken` that an error in it was reported, so that it needs no parsing.
    """

    span: Span
    arrows: tuple[Arrow, ...]
    is_chain: bool
    broken: bool

    @property
    def lines(self) -> list[tuple[int, Span]]:
        """Each arrow that begins a line, and what stands behind it, up to the next such: a chain too."""
        fresh = [one for one in self.arrows if one.begins_line]
        ends = [*(one.behind for one in fresh[1:]), self.span.end]
        found = [(one.at, Span(self.span.source, one.start, end)) for one, end in zip(fresh, ends, strict=False)]
        return [(at, line) for at, line in found if line.start < line.end]


@dataclass(frozen=True, slots=True)
class Lines:
    """The result: the statements, and the comments.

    `text` is the source's, with plain space where other characters were taken for it.
    """

    text: str
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...]


def _plain(source: Source, report: Report) -> tuple[str, list[int]]:
    """The text with plain space in place of what looks like it, or like nothing, outside strings and comments.

    Each is reported; also given is where one parted a word.
    """
    text = source.text
    if not _SUSPECT.search(text):
        return text, []
    parts: list[str] = []
    within: list[int] = []
    at = 0
    found = (match for match in TOKEN.finditer(text) if match.lastgroup == "blank")
    for count, match in enumerate(found):
        start, end = match.span()
        sign = text[start]
        if count <= MAX_BROKEN:
            mistake = _no_space(sign) if count < MAX_BROKEN else mistakes.ManySigns(MAX_BROKEN)
            report.error(mistake, Span(source, start, end if count < MAX_BROKEN else start + 1))
        parts += (text[at:start], ("\n" if sign in _LINE_ENDS else " ") * (end - start))
        at = end
        if not sign.isspace() and not text[max(start - 1, 0) : start].isspace() and not text[end : end + 1].isspace():
            within.append(start)
    return "".join((*parts, text[at:])), within


def split(source: Source, report: Report) -> Lines:
    """Find the statements of a source. Brackets unclosed or too deep, and what is no plain space, are reported here."""
    text, within = _plain(source, report)
    statements: list[Statement] = []
    comments: list[Comment] = []
    arrows: list[Arrow] = []  # of the statement at hand
    opened: list[int] = []
    start = end = -1  # of the statement at hand
    is_chain = False
    arrow: tuple[int, int, bool] | None = None  # that nothing stands behind so far
    last = ""  # its last joint, if that is what it ended with so far
    signs = 0  # that stand one behind another
    fresh_line = True  # nothing but space since the last end of a line

    def finish(broken: bool = False) -> None:
        nonlocal start, last, arrow
        if start < 0:
            return
        if opened:
            report.error(mistakes.NeverClosed(source.text[opened[-1]]), Span(source, opened[-1], opened[-1] + 1))
            broken = True
            opened.clear()
        if arrow:
            arrows.append(Arrow(arrow[0], arrow[1], end, arrow[2]))
        broken = broken or bisect_left(within, start) < bisect_left(within, end)
        statements.append(Statement(Span(source, start, end), tuple(arrows), is_chain, broken))
        arrows.clear()
        start, arrow, last = -1, None, ""

    for match in TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "newline":
            fresh_line = True
            continue
        if kind == "comment":
            comments.append(Comment(match.group().rstrip(), Span(source, match.start(), match.end())))
            continue
        said = match.group()
        goes_on = said not in KEYWORDS and (opened or last or said[0] in _CONTINUES or said == "->")
        if fresh_line and start >= 0 and not goes_on:
            finish()
        begins, fresh_line = fresh_line and start >= 0, False
        if start < 0:
            start, is_chain = match.start(), said not in KEYWORDS
        if arrow:
            arrows.append(Arrow(arrow[0], arrow[1], match.start(), arrow[2]))
            arrow = None
        if said == "->" and not opened:
            arrow = end, match.start(), begins
        end = match.end()
        last = said if kind == "joint" else ""
        signs = signs + 1 if kind == "sign" else 0
        if kind == "open":
            opened.append(match.start())
        elif kind == "close" and opened:
            opened.pop()
        if max(len(opened), signs) > MAX_NESTING:
            what, run = ("signs", "+-") if signs > MAX_NESTING else ("brackets", "[({")
            at = len(text[:end].rstrip(run))
            report.error(mistakes.NestedDeeply(what, MAX_NESTING), Span(source, at, at + 1))
            opened.clear()
            finish(broken=True)
            break
    else:
        finish()
    return Lines(text, tuple(statements), tuple(comments))


def _no_space(sign: str) -> mistakes.NoSpace:
    """What a sign is that stands where space should, or nothing."""
    text = "\n" if sign in _LINE_ENDS else " " if sign.isspace() or sign == "\u2800" else ""
    return mistakes.NoSpace(f"U+{ord(sign):04X}", unicodedata.name(sign, "").lower(), text)
