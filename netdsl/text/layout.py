"""Where the lines of a formatted file begin and end.

The author's line breaks in chains stay, in front of `->`, `|`, `]` and `)`. A fork or group that holds one is opened
out, and so is one that does not fit; a line that is too long is broken in front of its arrows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from netdsl.text import columns
from netdsl.text.columns import Line, Piece
from netdsl.text.printer import Role, Token
from netdsl.text.tokens import KEYWORDS

WIDTH = 100
INDENT = 4

_BEGINNINGS = (Role.OPEN, Role.BODY)  # what a chain follows


@dataclass(slots=True)
class Gap:
    """The end of a line between two tokens: a comment behind the first, and comments on lines of their own.

    "" among those is a blank line.
    """

    trailing: Piece | None = None
    own: list[str] = field(default_factory=list[str])

    @property
    def comments(self) -> bool:
        """Whether there are any."""
        return self.trailing is not None or any(self.own)


class Word(NamedTuple):
    """A token in the source: its place, the spaces before it, and the gap, if it is the first on its line."""

    token: Token
    line: int
    column: int
    spaces: int
    gap: Gap | None


@dataclass(slots=True)
class _Context:
    """An open bracket, or the statement itself: the columns where its lines begin."""

    edge: int  # of `|`, `]` and `)`
    chain: int  # of `->`
    hang: int  # of all else
    open: bool = False  # whether its branches, and its end, stand on lines of their own
    end: int = 0  # of its element at hand: the index of the token behind
    depth: int = 0  # of brackets within arguments


class _Plan:
    """What is known of a statement before it is written: what belongs together, how wide it is, and where it breaks."""

    def __init__(self, words: list[Word]) -> None:
        self.words = words
        self.tokens = [word.token for word in words]
        self.gaps = _moved(words)
        self.ends = self._flat_ends()
        self.breaks = [0, *accumulate(gap is not None for gap in self.gaps)]
        self.stops = [len(words)] * len(words)  # for what precedes an element or item: the token behind that
        self.first = len(words)  # the same for an element that begins the statement
        self.closes = [0] * len(words)
        self._match()

    def _flat_ends(self) -> list[int]:
        """The column behind each token if the statement stood on one line."""
        ends: list[int] = []
        at, after = 0, False
        for token in self.tokens:
            at += len(token.text) + (after and token.before)
            after = token.after
            ends.append(at)
        return ends

    def _match(self) -> None:
        ends = [len(self.words)]
        brackets: list[int] = []
        for index in range(len(self.words) - 1, -1, -1):
            match self.tokens[index].role:
                case Role.WORD:
                    pass
                case Role.CLOSE | Role.UNNEST:
                    ends.append(index)
                    brackets.append(index)
                case Role.OPEN | Role.NEST:
                    self.stops[index] = ends.pop()
                    self.closes[index] = brackets.pop()
                case Role.ARROW | Role.BAR | Role.COMMA | Role.BODY:
                    self.stops[index], ends[-1] = ends[-1], index
                case _:
                    pass
        self.first = ends[0]

    def broken(self, start: int, end: int) -> bool:
        """Whether a line ends before one of the tokens from `start` up to `end`."""
        return self.breaks[end] > self.breaks[start]

    def together(self, start: int, end: int) -> int:
        """The end of the element from `start` to `end`; a fork takes the merge along that follows on its line."""
        if (
            self.tokens[start].text == "["
            and end < len(self.words)
            and self.tokens[end].role is Role.ARROW
            and not self.broken(end, self.stops[end])
        ):
            return self.stops[end]
        return end


def _moved(words: list[Word]) -> list[Gap | None]:
    """The gap before each token of a statement, where it counts: one behind `->` or `|` is moved before that.

    Blank lines stay before `->` and `|` alone.
    """
    gaps: list[Gap | None] = [None] * len(words)
    for index in range(1, len(words)):
        gap = words[index].gap
        if gap is None:
            continue
        role, before = words[index].token.role, words[index - 1].token.role
        if before is Role.ARROW or before is Role.BAR:
            gaps[index - 1] = _joined(gaps[index - 1], gap)
        elif role is Role.ARROW or role is Role.BAR:
            gaps[index] = gap
        elif gap.comments or role is Role.CLOSE or before in _BEGINNINGS:
            gaps[index] = Gap(gap.trailing, [comment for comment in gap.own if comment])
    return gaps


def _joined(first: Gap | None, second: Gap) -> Gap:
    """Two gaps as one. A comment that trailed the arrow between them stands on its own line now, if the arrow did."""
    if first is None:
        return second
    trailing = [second.trailing.text] if second.trailing else []
    return Gap(first.trailing, [*first.own, *trailing, *second.own])


class Layout:
    """Lays out one statement after another: `lines` is the file so far, but for the line at hand."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._line: Line = []
        self._column = 0  # where the line at hand ends so far
        self._contexts: list[_Context] = []

    def statement(self, words: list[Word]) -> None:
        """Write a statement, with the comments and at most one blank line before it."""
        self.gap(words[0].gap)
        plan = _Plan(words)
        self._contexts = [_outermost(plan)]
        begun = len(self.lines)
        ended = False  # whether the arrow before had to end its line
        for index, token in enumerate(plan.tokens):
            if ended:
                self._end_line(plan.gaps[index - 1], self._contexts[-1].chain)
                ended = False
            elif index and self._breaks(plan, index):
                if token.role is Role.ARROW and self._completes_block(plan, begun):
                    # Here `->` may not begin a line, nor may a word that would begin a statement.
                    ended = plan.tokens[index + 1].text not in KEYWORDS
                else:
                    self._end_line(plan.gaps[index], self._indent(plan, index))
            self._put(plan, index)
            self._enter_or_leave(plan, index)

    def gap(self, gap: Gap | None) -> None:
        """Write what stands between two statements, or behind the last."""
        self._end_line(gap, 0)

    def _completes_block(self, plan: _Plan, begun: int) -> bool:
        """Whether a block would be complete on its own line, if that ended here."""
        return plan.tokens[0].text == "block" and len(self.lines) == begun and len(self._contexts) == 1

    def _breaks(self, plan: _Plan, index: int) -> bool:
        """Whether a token begins a line."""
        token, gap = plan.tokens[index], plan.gaps[index]
        if gap and gap.comments:
            return True
        if token.role is Role.ARROW:
            stop = plan.stops[index]
            return bool(gap) or plan.broken(index + 1, stop) or self._wide(plan, index, plan.together(index + 1, stop))
        if token.role is Role.BAR or token.role is Role.CLOSE:
            return self._contexts[-1].open
        before = plan.tokens[index - 1].role
        if token.text in KEYWORDS:  # it would begin a statement there
            return False
        if before is Role.BODY:
            return plan.broken(1, len(plan.words)) or plan.ends[-1] > WIDTH
        if before is not Role.COMMA or self._contexts[-1].depth > 1:
            return False
        return self._wide(plan, index, min(plan.stops[index - 1] + 1, len(plan.words)))

    def _wide(self, plan: _Plan, start: int, end: int) -> bool:
        """Whether the tokens from `start` up to `end` are too wide for the line at hand."""
        return self._column + plan.ends[end - 1] - plan.ends[start - 1] > WIDTH

    def _indent(self, plan: _Plan, index: int) -> int:
        """The column of a token that begins a line."""
        context, role = self._contexts[-1], plan.tokens[index].role
        if role is Role.BAR or role is Role.CLOSE:
            return context.edge
        if role is Role.ARROW or plan.tokens[index - 1].role in _BEGINNINGS:
            return context.chain
        return context.hang

    def _put(self, plan: _Plan, index: int) -> None:
        word = plan.words[index]
        length = len(word.token.text)
        spaces = plan.ends[index] - plan.ends[index - 1] - length if self._line else self._column
        piece = Piece(word.token.text, spaces, word.token.role, word.line, word.column, word.spaces > spaces)
        self._column += length + spaces if self._line else length
        self._line.append(piece)

    def _enter_or_leave(self, plan: _Plan, index: int) -> None:
        """Keep the contexts, behind a token."""
        context, column = self._contexts[-1], self._column
        match plan.tokens[index].role:
            case Role.WORD:
                pass
            case Role.ARROW | Role.BAR | Role.BODY:
                context.end = plan.together(index + 1, plan.stops[index])
            case Role.OPEN:
                edge = column - 1
                wide = column + plan.ends[context.end - 1] - plan.ends[index] > WIDTH
                opened = wide or plan.broken(index + 1, plan.closes[index] + 1)
                end = plan.together(index + 1, plan.stops[index])
                self._contexts.append(_Context(edge, edge + 2, edge + 5, opened, end))
            case Role.NEST:
                self._contexts.append(_Context(column, column, column, depth=context.depth + 1))
            case Role.CLOSE | Role.UNNEST:
                self._contexts.pop()
            case _:
                pass

    def _end_line(self, gap: Gap | None, indent: int) -> None:
        """End the line at hand, write the comments of a gap, and begin a line at a column."""
        if gap and gap.trailing:
            self._line.append(gap.trailing)
        if self._line:
            self.lines.append(self._line)
        for comment in gap.own if gap else ():
            if comment:
                self.lines.append(columns.comment(comment, indent))
            elif self.lines and self.lines[-1]:
                self.lines.append([])
        self._line, self._column = [], indent


def _outermost(plan: _Plan) -> _Context:
    """The context of a whole statement."""
    first = plan.tokens[0].text
    if first in KEYWORDS:
        return _Context(INDENT, INDENT, INDENT + 3 if first == "block" else INDENT)
    return _Context(0, 0, 3, end=plan.together(0, plan.first))
