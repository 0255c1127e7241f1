"""Where statements begin and end, and what is space: the one place that knows the rule of lines.

A statement ends with its line, unless a bracket is open, the line ends with `->`, `|`, `=`, `,` or `:`,
or the next line that holds code starts with `->`, `|`, `]` or `)`. A line ends with LF or CR LF. Other characters that
look like space, or like nothing, are errors outside strings and comments, so that nothing hides in a program.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from netdsl.text.advice import Advice
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.mistake import Told
from netdsl.text.source import Source, Span
from netdsl.text.tree import Comment

KEYWORDS = frozenset({"network", "meta", "param", "use", "block", "output", "expect"})
MAX_NESTING = 100
MAX_BROKEN = 200
SPACE = " \t\f\r"
"""What may stand between two tokens of a line; a carriage return only at its end."""

_LINE_ENDS = frozenset("\r\x85\u2028\u2029")  # elsewhere, and to the eye; here they are none
_BLANK = (
    r"\0-\x08\v\x0e-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000"
    r"\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_TOKEN = re.compile(
    r"""(?P<string>"[^"\\\r\n]*(?:\\[^\r\n][^"\\\r\n]*)*"?)
      | (?P<comment>\#[^\r\n]*)
      | (?P<newline>\n)
      | (?P<open>[\[({]+)
      | (?P<close>[\])}]+)
      | (?P<joint>->|[|=,:])
      | (?P<signs>[-+]+(?!>))
      | (?P<word>[^\W\d]\w*)
      | (?P<blank>\r(?![\r\n]|\Z)|(?P<one>[BLANK])(?P=one)*)
      | (?P<other>\d\w*|[^\s\wBLANK"\#\[({\])}|=,:+-]+|\S)
    """.replace("BLANK", _BLANK),
    re.VERBOSE,
)
_SUSPECT = re.compile(rf"(?<!\r)\r++(?!\n|\Z)|[{_BLANK}]")
_CONTINUES = frozenset("|])")


@dataclass(frozen=True, slots=True)
class Lines:
    """The result: the span of each statement, and the comments.

    `broken` holds the indices of statements that need no parsing, since an error in them was reported. `text` is the
    source's, with plain space where other characters were taken for it. `arrows` has those of each chain, outside
    brackets, and None for other statements: where the element before an arrow ends, where it stands, and where the
    element behind it begins, one arrow after another.
    """

    text: str
    statements: tuple[Span, ...]
    arrows: tuple[tuple[int, ...] | None, ...]
    comments: tuple[Comment, ...]
    broken: frozenset[int]


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
    found = (match for match in _TOKEN.finditer(text) if match.lastgroup == "blank")
    for count, match in enumerate(found):
        start, end = match.span()
        sign = text[start]
        if count <= MAX_BROKEN:
            report.add(_no_space(sign, Span(source, start, end)) if count < MAX_BROKEN else _too_many(source, start))
        parts += (text[at:start], ("\n" if sign in _LINE_ENDS else " ") * (end - start))
        at = end
        if not sign.isspace() and not text[max(start - 1, 0) : start].isspace() and not text[end : end + 1].isspace():
            within.append(start)
    return "".join((*parts, text[at:])), within


def _no_space(sign: str, span: Span) -> Diagnostic:
    number = f"U+{ord(sign):04X}"
    if sign in _LINE_ENDS:
        help = Advice(f"replace {number} by a line end", "\n")
    elif sign.isspace() or sign == "\u2800":
        help = Advice(f"replace {number} by a space", " ")
    else:
        help = Advice(f"take {number} away")
    name = unicodedata.name(sign, "").lower()
    message = f"unexpected character {number}{f' ({name})' if name else ''}"
    return Diagnostic(Told("syntax-error", message, help), span)


def _too_many(source: Source, at: int) -> Diagnostic:
    message = f"more than {MAX_BROKEN} characters are neither space nor part of a word"
    return Diagnostic(Told("limit-exceeded", message), Span(source, at, at + 1))


def split(source: Source, report: Report) -> Lines:
    """Find the statements of a source. Brackets unclosed or too deep, and what is no plain space, are reported here."""
    text, within = _plain(source, report)
    statements: list[Span] = []
    arrows: list[tuple[int, ...] | None] = []
    comments: list[Comment] = []
    broken: set[int] = set()
    joined: list[int] = []  # what `arrows` will have of the statement at hand
    is_chain = False
    opened: list[int] = []
    start = end = -1  # of the statement at hand
    last = ""  # its last joint, if that is what it ended with so far
    signs = 0  # that stand one behind another
    fresh_line = True  # nothing but space since the last end of a line

    def finish() -> None:
        nonlocal start, last
        if start < 0:
            return
        if opened:
            bracket = source.text[opened[-1]]
            report.error(
                Told(
                    "syntax-error",
                    f"this `{bracket}` is never closed",
                    f"close it with `{ {'[': ']', '(': ')', '{': '}'}[bracket] }`",
                ),
                Span(source, opened[-1], opened[-1] + 1),
            )
            broken.add(len(statements))
            opened.clear()
        if within and bisect_left(within, start) < bisect_left(within, end):
            broken.add(len(statements))
        statements.append(Span(source, start, end))
        missing = (end,) if len(joined) % 3 else ()  # behind the last arrow
        arrows.append((*joined, *missing) if is_chain else None)
        joined.clear()
        start, last = -1, ""

    for match in _TOKEN.finditer(text):
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
        fresh_line = False
        if start < 0:
            start, is_chain = match.start(), said not in KEYWORDS
        if last == "->" and not opened:
            joined.append(match.start())
        if said == "->" and not opened:
            joined += (end, match.start())
        end = match.end()
        last = said if kind == "joint" else ""
        signs = signs + len(said) if kind == "signs" else 0
        if kind == "open":
            opened.extend(range(match.start(), min(end, match.start() + MAX_NESTING + 1)))
        elif kind == "close":
            del opened[max(0, len(opened) - len(said)) :]
        if max(len(opened), signs) > MAX_NESTING:
            what = "brackets are" if signs <= MAX_NESTING else "signs are"
            report.error(
                Told(
                    "limit-exceeded",
                    f"{what} nested more than {MAX_NESTING} deep",
                    "name the inner parts as blocks or params",
                ),
                Span(source, match.start(), match.start() + 1),
            )
            opened.clear()
            broken.add(len(statements))
            statements.append(Span(source, start, end))
            arrows.append(None)
            break
    else:
        finish()
    return Lines(text, tuple(statements), tuple(arrows), tuple(comments), frozenset(broken))


def chain_lines(text: str, statement: Span) -> Iterator[Span]:
    """What stands behind each `->` that begins a line of a statement, up to the next, outside brackets: a chain too."""
    start = end = -1
    depth = 0
    fresh_line = behind = False
    for match in _TOKEN.finditer(text, statement.start, statement.end):
        kind = match.lastgroup
        if kind in ("newline", "comment"):
            fresh_line = fresh_line or kind == "newline"
            continue
        if fresh_line and not depth and match.group() == "->":
            if start >= 0:
                yield Span(statement.source, start, end)
            start, behind = -1, True
        elif behind:
            start, behind = match.start(), False
        fresh_line = False
        end = match.end()
        if kind == "open":
            depth += len(match.group())
        elif kind == "close":
            depth = max(0, depth - len(match.group()))
    if start >= 0:
        yield Span(statement.source, start, end)
