"""Where statements begin and end: the one place that knows the rule of lines.

A statement ends with its line, unless a bracket is open, the line ends with `->`, `|`, `=`, `,` or `:`,
or the next line that holds code starts with `->`, `|`, `]` or `)`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from netdsl.text.diagnostic import Report
from netdsl.text.source import Source, Span
from netdsl.text.tree import Comment

KEYWORDS = frozenset({"network", "meta", "param", "use", "block", "output", "expect"})
MAX_NESTING = 100

_TOKEN = re.compile(
    r"""(?P<string>"[^"\\\n]*(?:\\.[^"\\\n]*)*"?)
      | (?P<comment>\#[^\n]*)
      | (?P<newline>\n)
      | (?P<open>[\[({]+)
      | (?P<close>[\])}]+)
      | (?P<joint>->|[|=,:])
      | (?P<signs>[-+]+(?!>))
      | (?P<word>[^\W\d]\w*)
      | (?P<other>\d\w*|[^\s\w"\#\[({\])}|=,:+-]+|\S)
    """,
    re.VERBOSE,
)
_CONTINUES = frozenset("|])")


@dataclass(frozen=True, slots=True)
class Lines:
    """The result: the span of each statement, and the comments.

    `broken` holds the indices of statements that need no parsing, since an error in them was reported.
    """

    statements: tuple[Span, ...]
    comments: tuple[Comment, ...]
    broken: frozenset[int]


def split(source: Source, report: Report) -> Lines:
    """Find the statements of a source. Unclosed and too deep brackets are reported here."""
    statements: list[Span] = []
    comments: list[Comment] = []
    broken: set[int] = set()
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
                "syntax-error",
                f"this `{bracket}` is never closed",
                Span(source, opened[-1], opened[-1] + 1),
                help=f"close it with `{ {'[': ']', '(': ')', '{': '}'}[bracket] }`",
            )
            broken.add(len(statements))
            opened.clear()
        statements.append(Span(source, start, end))
        start, last = -1, ""

    for match in _TOKEN.finditer(source.text):
        kind = match.lastgroup
        if kind == "newline":
            fresh_line = True
            continue
        if kind == "comment":
            comments.append(Comment(match.group().rstrip(), Span(source, match.start(), match.end())))
            continue
        text = match.group()
        goes_on = text not in KEYWORDS and (opened or last or text[0] in _CONTINUES or text == "->")
        if fresh_line and start >= 0 and not goes_on:
            finish()
        fresh_line = False
        if start < 0:
            start = match.start()
        end = match.end()
        last = text if kind == "joint" else ""
        signs = signs + len(text) if kind == "signs" else 0
        if kind == "open":
            opened.extend(range(match.start(), min(end, match.start() + MAX_NESTING + 1)))
        elif kind == "close":
            del opened[max(0, len(opened) - len(text)) :]
        if max(len(opened), signs) > MAX_NESTING:
            what = "brackets are" if signs <= MAX_NESTING else "signs are"
            report.error(
                "limit-exceeded",
                f"{what} nested more than {MAX_NESTING} deep",
                Span(source, match.start(), match.start() + 1),
                help="name the inner parts as blocks or params",
            )
            opened.clear()
            broken.add(len(statements))
            statements.append(Span(source, start, end))
            break
    else:
        finish()
    return Lines(tuple(statements), tuple(comments), frozenset(broken))
