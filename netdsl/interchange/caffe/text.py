"""The text format of protobuf: messages of fields, as .prototxt files have them.

It is read by a loop over tokens with a stack of its own, so that no depth of nesting is too deep for Python, and all
that is wrong in a file is told at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from netdsl.interchange import mistakes
from netdsl.text.diagnostic import Enough, Report
from netdsl.text.fit import clipped
from netdsl.text.source import Source, Span

MOST_DEPTH = 32
MOST_WRONG = 200
"""Mistakes of syntax after which a text is no such file."""
_TOKEN = re.compile(
    r"""(?P<space>(?:\s+|\#[^\n]*)+)
    |(?P<number>[-+]?(?:0[xX][0-9a-fA-F]++|(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?)[fF]?(?![\w.])
        |-\s*(?:inf(?:inity)?|nan)\b)
    |(?P<word>[A-Za-z_][\w.]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<sign>[{}<>\[\]:,;])
    |(?P<other>[^\s{}<>\[\]:,;]+|.)""",
    re.VERBOSE | re.ASCII,
)
_CLOSES = {"{": "}", "<": ">"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

Kind = Literal["word", "number", "string", "message"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field with a scalar, or with a message."""

    name: str
    kind: Kind
    text: str
    """What a scalar says; a string without its quotes."""
    message: Message | None
    span: Span
    """Its value, or of a message its name."""


@dataclass(slots=True)
class Message:
    """Fields in order; those that are repeated stand several times."""

    fields: list[Field] = field(default_factory=list[Field])
    broken: bool = False
    """Whether a mistake is within it, which has been told."""

    def named(self, name: str) -> list[Field]:
        """All fields of a name."""
        return [one for one in self.fields if one.name == name]


class _Token(NamedTuple):
    kind: str
    """That of its pattern; "" at the end."""
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class _Open:
    """A message, or a list of messages, that is not closed yet."""

    message: Message
    closes: str
    at: _Token
    name: str = ""
    """Of a list, the name that each of its messages has."""


def parse(source: Source, report: Report) -> Message:
    """The message that a text is; what is wrong goes to the report, once a line. Raises Enough."""
    return _Parsing(source, report).all()


class _Parsing:
    def __init__(self, source: Source, report: Report) -> None:
        self.source, self.report = source, report
        self.rest = (one for one in _TOKEN.finditer(source.text) if one.lastgroup != "space")
        self.token = self.next()
        self.told = -1
        """The line of the last mistake."""
        self.wrongs = 0
        self.top = Message()
        self.open = [_Open(self.top, "", _Token("", "", 0))]

    def all(self) -> Message:
        """The whole text."""
        while self.token.kind:
            self.step()
        for one in reversed(self.open[1:]):
            self.wrong(f"this is never closed: {one.closes} is missing", one.at)
        return self.top

    def step(self) -> None:
        """A field, or the end of a message."""
        token, inner = self.take(), self.open[-1]
        kind, text, _ = token
        if kind == "sign" and text in ",;":
            return
        if kind == "sign" and text == inner.closes:
            self.open.pop()
        elif inner.name and text in _CLOSES:
            self.enter(inner.name, token, text)
        elif kind == "word" and not inner.name:
            self.field(text, token)
        elif kind == "sign" and text in ("}", ">", "]"):
            if len(self.open) == 1:
                self.wrong(f"`{text}` closes nothing", token)
            else:
                self.wrong(f"`{text}` where `{inner.closes}` closes what is open", token)
                self.open.pop()
        else:
            self.wrong(f"`{clipped(text, 40)}` where the name of a field may stand", token)

    def field(self, name: str, at: _Token) -> None:
        """What stands behind a name."""
        colon = self.accept(":")
        token = self.token
        kind, text, _ = token
        if kind == "sign" and text in _CLOSES:
            self.take()
            self.enter(name, at, text)
        elif kind == "sign" and text == "[" and colon:
            self.take()
            self.list(name, token)
        elif kind in ("word", "number", "string") and colon:
            self.scalar(name)
        else:
            short = clipped(name, 40)
            self.wrong(f"behind {short} a value is missing" if colon else f"`:` is missing behind {short}", at)

    def list(self, name: str, at: _Token) -> None:
        """Values in brackets, or messages."""
        if self.token.text in _CLOSES:
            self.push(_Open(self.open[-1].message, "]", at, name))
            return
        while not self.accept("]"):
            if self.accept(","):
                continue
            if self.token.kind not in ("word", "number", "string"):
                self.wrong("a list of values is not closed: `]` is missing", at)
                return
            self.scalar(name)

    def scalar(self, name: str) -> None:
        """A value; strings side by side are one."""
        first = last = self.take()
        kind, text, _ = first
        if kind == "string":
            parts = [text]
            while self.token.kind == "string":
                last = self.take()
                parts.append(last.text)
            text = "".join([_ESCAPE.sub(r"\1", part[1:-1]) for part in parts])
        span = self.span(first).to(self.span(last))
        self.open[-1].message.fields.append(Field(name, kind, text, None, span))  # pyright: ignore[reportArgumentType]

    def enter(self, name: str, at: _Token, bracket: str) -> None:
        """The start of a message."""
        inner = Message()
        self.open[-1].message.fields.append(Field(name, "message", "", inner, self.span(at)))
        self.push(_Open(inner, _CLOSES[bracket], at))

    def push(self, one: _Open) -> None:
        """Enter what is open. Only so deep as any format goes."""
        self.open.append(one)
        if len(self.open) > MOST_DEPTH:
            mistake = mistakes.TooMuch("messages within each other", len(self.open), MOST_DEPTH)
            self.report.error(mistake, self.span(one.at))
            raise Enough

    def take(self) -> _Token:
        """The next token."""
        taken, self.token = self.token, self.next()
        return taken

    def next(self) -> _Token:
        """The token behind; at the end one of no kind."""
        one = next(self.rest, None)
        if one is None:
            return _Token("", "", len(self.source.text))
        return _Token(str(one.lastgroup), one.group(), one.start())

    def accept(self, sign: str) -> bool:
        """Whether a sign comes next, which is taken then."""
        kind, text, _ = self.token
        found = kind == "sign" and text == sign
        if found:
            self.take()
        return found

    def span(self, token: _Token) -> Span:
        """Where a token stands."""
        return Span(self.source, token.start, token.start + len(token.text))

    def wrong(self, why: str, at: _Token) -> None:
        """Tell a mistake, the first of its line."""
        for one in self.open:
            one.message.broken = True
        span = self.span(at)
        self.wrongs += 1
        if self.wrongs > MOST_WRONG:
            self.report.error(mistakes.TooMuch("mistakes of syntax", self.wrongs, MOST_WRONG), span)
            raise Enough
        if span.line != self.told:
            self.told = span.line
            self.report.error(mistakes.Broken(why), span)
