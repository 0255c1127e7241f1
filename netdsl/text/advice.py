"""Words of help that name one edit, and the edit: what people read, and what a program applies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from netdsl.text.source import Span


class Edit(NamedTuple):
    """Another text for a stretch of a source; for an empty one, a text that is put in."""

    span: Span
    text: str

    @property
    def applied(self) -> str:
        """The whole source with it."""
        return edited(self.span.source.text, [self])


def edited(text: str, edits: Iterable[Edit]) -> str:
    """A text after some edits, which do not overlap."""
    last = len(text)
    for edit in sorted(edits, key=lambda one: (one.span.start, one.span.end), reverse=True):
        assert edit.span.end <= last, "edits overlap"
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        last = edit.span.start
    return text


class Fix(NamedTuple):
    """What mends a mistake. One that is not certain is one of several, or changes what the network is."""

    title: str
    edits: tuple[Edit, ...]
    certain: bool = True


class Advice(str):
    """Help that names `text` as what stands in place of all from `start` up to `end`, or of what is marked.

    It is a string to whoever shows it.
    """

    text: str
    start: int
    end: int
    certain: bool

    def __new__(cls, words: str, text: str = "", start: int = -1, end: int = -1, certain: bool = True) -> Advice:
        made = super().__new__(cls, words)
        made.text, made.start, made.end, made.certain = text, start, end, certain
        return made

    def among(self, lead: str, more: str) -> Advice:
        """The same between some words."""
        return Advice(f"{lead}{self}{more}", self.text, self.start, self.end, self.certain)

    def format_map(self, mapping: Any, /) -> Advice:
        """The same as a template, whose edit is one too."""
        return Advice(super().format_map(mapping), self.text.format_map(mapping), self.start, self.end, self.certain)

    def fix(self, marked: Span) -> Fix:
        """The fix of what is marked."""
        span = marked if self.start < 0 else Span(marked.source, self.start, self.end)
        return Fix(str(self), (Edit(span, self.text),), self.certain)


def write(text: str, span: Span | None = None, rule: str = "write ") -> Advice:
    """To write a text in place of a span, or of what is marked; the words are a rule and the text."""
    return Advice(f"{rule}{text}", text) if span is None else Advice(f"{rule}{text}", text, span.start, span.end)


def perhaps(words: str, text: str, span: Span | None = None) -> Advice:
    """The same where it is a guess."""
    start, end = (-1, -1) if span is None else (span.start, span.end)
    return Advice(words, text, start, end, certain=False)
