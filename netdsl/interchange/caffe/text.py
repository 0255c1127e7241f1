"""The text format of protobuf: messages of fields, as .prototxt files have them.

It is read by a loop over tokens with a stack of its own, so that no depth of nesting is too deep for Python, and all
that is wrong in a file is told at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from netdsl.interchange import mistakes
from netdsl.text.diagnostic import Report
from netdsl.text.fit import clipped
from netdsl.text.source import Source, Span

MOST_DEPTH = 32
_TOKEN = re.compile(
    r"""(?P<space>(?:\s+|\#[^\n]*)+)
    |(?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)[fF]?(?![\w.])
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


@dataclass(frozen=True, slots=True)
class _Open:
    """A message, or a list of messages, that is not closed yet."""

    message: Message
    closes: str
    span: Span
    name: str = ""
    """Of a list, the name that each of its messages has."""


def parse(source: Source, report: Report) -> Message:
    """The message that a text is; what is wrong goes to the report, once a line."""
    return _Parsing(source, report).all()


class _Parsing:
    def __init__(self, source: Source, report: Report) -> None:
        self.source, self.report = source, report
        self.tokens = [
            (str(one.lastgroup), one.start(), one.end())
            for one in _TOKEN.finditer(source.text)
            if one.lastgroup != "space"
        ]
        self.at = 0
        self.told = -1
        """The line of the last mistake."""
        self.top = Message()
        self.open = [_Open(self.top, "", Span(source, 0, 0))]

    def all(self) -> Message:
        """The whole text."""
        while self.at < len(self.tokens):
            self.step()
        for one in reversed(self.open[1:]):
            self.wrong(f"this is never closed: {one.closes} is missing", one.span)
        return self.top

    def step(self) -> None:
        """A field, or the end of a message."""
        kind, span = self.take()
        text, inner = span.text, self.open[-1]
        if kind == "sign" and text in ",;":
            return
        if kind == "sign" and text == inner.closes:
            self.open.pop()
        elif inner.name and text in _CLOSES:
            self.enter(inner.name, span, text)
        elif kind == "word" and not inner.name:
            self.field(text, span)
        elif kind == "sign" and text in ("}", ">", "]"):
            if len(self.open) == 1:
                self.wrong(f"`{text}` closes nothing", span)
            else:
                self.wrong(f"`{text}` where `{inner.closes}` closes what is open", span)
                self.open.pop()
        else:
            self.wrong(f"`{clipped(text, 40)}` where the name of a field may stand", span)

    def field(self, name: str, span: Span) -> None:
        """What stands behind a name."""
        colon = self.accept(":")
        kind, value = self.peek()
        text = value.text
        if kind == "sign" and text in _CLOSES:
            self.at += 1
            self.enter(name, span, text)
        elif kind == "sign" and text == "[" and colon:
            self.at += 1
            self.list(name, value)
        elif kind in ("word", "number", "string") and colon:
            self.scalar(name)
        else:
            self.wrong(
                f"behind {clipped(name, 40)} a value is missing"
                if colon
                else f"`:` is missing behind {clipped(name, 40)}",
                span,
            )

    def list(self, name: str, span: Span) -> None:
        """Values in brackets, or messages."""
        if self.peek()[1].text in _CLOSES:
            self.push(_Open(self.open[-1].message, "]", span, name))
            return
        while self.at < len(self.tokens) and not self.accept("]"):
            if self.accept(","):
                continue
            if self.peek()[0] not in ("word", "number", "string"):
                self.wrong("a list of values is not closed: `]` is missing", span)
                return
            self.scalar(name)

    def scalar(self, name: str) -> None:
        """A value; strings side by side are one."""
        kind, span = self.take()
        text = span.text
        if kind == "string":
            text = _ESCAPE.sub(r"\1", text[1:-1])
            while self.peek()[0] == "string":
                further = self.take()[1]
                text, span = text + _ESCAPE.sub(r"\1", further.text[1:-1]), span.to(further)
        self.open[-1].message.fields.append(Field(name, kind, text, None, span))  # pyright: ignore[reportArgumentType]

    def enter(self, name: str, span: Span, bracket: str) -> None:
        """The start of a message."""
        inner = Message()
        self.open[-1].message.fields.append(Field(name, "message", "", inner, span))
        self.push(_Open(inner, _CLOSES[bracket], span))

    def push(self, one: _Open) -> None:
        """Enter what is open. Only so deep as any format goes."""
        if len(self.open) > MOST_DEPTH:
            self.report.error(mistakes.TooMuch("messages within each other", len(self.open), MOST_DEPTH), one.span)
            self.at = len(self.tokens)
            self.open = self.open[:1]
            return
        self.open.append(one)

    def take(self) -> tuple[str, Span]:
        """The next token."""
        found = self.peek()
        self.at += 1
        return found

    def peek(self) -> tuple[str, Span]:
        """The next token, where it stays; at the end one of no kind."""
        if self.at >= len(self.tokens):
            end = len(self.source.text)
            return "", Span(self.source, end, end)
        kind, start, end = self.tokens[self.at]
        return kind, Span(self.source, start, end)

    def accept(self, sign: str) -> bool:
        """Whether a sign comes next, which is taken then."""
        kind, span = self.peek()
        found = kind == "sign" and span.text == sign
        self.at += found
        return found

    def wrong(self, why: str, span: Span) -> None:
        """Tell a mistake, the first of its line."""
        for one in self.open:
            one.message.broken = True
        if span.line != self.told:
            self.told = span.line
            self.report.error(mistakes.Broken(why), span)
