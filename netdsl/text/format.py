"""The formatter behind `netdsl fmt`: one way to write a file, with the author's comments, lines and columns in it.

It never changes what a file says, and formats what it has written to the same text. It knows no layer by name.
"""

from __future__ import annotations

import difflib
import re

from netdsl.text import columns, parse, printer
from netdsl.text.columns import Piece
from netdsl.text.diagnostic import Enough, NetError, Report
from netdsl.text.layout import Gap, Layout, Word
from netdsl.text.printer import Token
from netdsl.text.source import Source
from netdsl.text.tokens import COMMENT, SPACE

_SPACE = re.compile(f"[{SPACE}]*")
_COMMENT = re.compile(COMMENT)
_BEFORE_COMMENT = 2


def format(source: Source) -> str:
    """The source as it is best written, its lines ended by "\\n". Raises NetError where it has errors of syntax."""
    report = Report()
    try:
        file = parse.parse(source, report)
    except Enough:
        raise NetError(report.diagnostics()) from None
    if report.failed:
        raise NetError(report.diagnostics())
    reader, layout = _Reader(source.text), Layout()
    for statement in file.statements:
        layout.statement([reader.word(token) for token in printer.tokens(statement)])
    layout.gap(reader.gap())
    lines = layout.lines
    return columns.text(lines[:-1] if lines and not lines[-1] else lines)


def diff(source: Source) -> str:
    """What `format` would change, as a unified diff; "" if nothing. Raises NetError as it does."""
    before, after = _lines(source.text), _lines(format(source))
    found = difflib.unified_diff(before, after, source.name, source.name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in found)


def _lines(text: str) -> list[str]:
    """The lines of a text with their ends; of the many signs that Python takes for such, \\n alone is one."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


class _Reader:
    """Finds the tokens of the tree again in the source, one after another, and what stands between them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 0
        self.line_start = 0

    def word(self, token: Token) -> Word:
        """The next token."""
        behind = self.at
        self._skip_space()
        gap = None
        if not self.text.startswith(token.text, self.at):
            self.at = behind
            gap = self.gap()
            behind = self.line_start
            assert self.text.startswith(token.text, self.at), f"{token.text!r} is not what stands at {self.at}"
        start = self.at
        self.at += len(token.text)
        return Word(token, self.line, start - self.line_start, start - behind, gap)

    def gap(self) -> Gap:
        """What stands before the next token, which begins a line, or before the end."""
        gap = Gap()
        ends = 0 if self.at else 1  # of lines, since the last comment
        while True:
            self._skip_space()
            if self.text.startswith("\n", self.at):
                self.at += 1
                self.line += 1
                self.line_start = self.at
                ends += 1
            elif comment := _COMMENT.match(self.text, self.at):
                if ends > 1:
                    gap.own.append("")
                said = comment.group().rstrip()
                if ends:
                    gap.own.append(said)
                else:
                    column = self.at - self.line_start
                    gap.trailing = Piece(said, _BEFORE_COMMENT, None, self.line, column, True)
                self.at = comment.end()
                ends = 0
            else:
                break
        if ends > 1:
            gap.own.append("")
        return gap

    def _skip_space(self) -> None:
        space = _SPACE.match(self.text, self.at)
        assert space
        self.at = space.end()
