"""What a parser met and could not use, and what stands around it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from netdsl.text.advice import Advice
from netdsl.text.tokens import KEYWORDS, SHOWN, TOKEN

ELEMENT = r"(?:[a-z_]\w*)?\([^()]*\)|[A-Za-z][^|>()\[\]{}]*?(?=\s*(?:->|$|[|\])]))"
"""An element of a chain, such as a repeat repeats."""
LONGEST = 40
NEAR = 80
"""How far back and ahead a fix is sought."""


@dataclass(frozen=True)
class Met:
    """What the parser met, "" at the end of the statement, and what stands around it.

    `before` is the statement up to it, `rest` the line from it on, both without comments.
    """

    word: str
    kind: str
    expected: frozenset[str]
    before: str
    rest: str
    fresh_line: bool = False
    """Whether it is the first word of its line."""
    apart: bool = False
    """Whether space stands before it."""
    at: int = -1
    """Its offset; -1 where its word is not as it is written."""
    gap: int = 0
    """How much space stands before it; -1 where that is more than space."""

    @cached_property
    def near(self) -> str:
        """The end of what stands before it."""
        return self.before if len(self.before) <= NEAR else "…" + self.before[-NEAR:]

    def instead(self, words: str, text: str, behind: str | None = None, before: str = "", certain: bool = True) -> str:
        """The words, and to write a text in place of what is met, or of what begins with it and what ends before it.

        "" behind leaves what is met as it is.
        """
        if self.at < 0 or (before and self.gap < 0):
            return words
        start = self.at - (len(before) + self.gap if before else 0)
        return Advice(words, text, start, self.at + len(self.word if behind is None else behind), certain)

    def write(self, text: str, rule: str = "write ", before: str = "", behind: str | None = None) -> str:
        """The same, where the words are a rule and the text."""
        return self.instead(f"{rule}{text}", text, behind, before)

    def rewritten(self, words: str, before: str, behind: str, text: str = "", certain: bool = True) -> str:
        """The same for the text, or what the words end with behind a colon or `write`."""
        return self.instead(words, text or words.rpartition(": ")[2].removeprefix("write "), behind, before, certain)

    def restated(self, words: str) -> str:
        """The words, and to write the statement that they end with in place of this one, if that ends with the line."""
        opens = words.removeprefix("write ").partition(" ")[0]
        whole = words.startswith("write ") and opens in KEYWORDS and "…" not in words and len(self.rest) < NEAR
        return self.rewritten(words, self.before, self.rest, words.removeprefix("write ")) if whole else words

    @cached_property
    def opens(self) -> str:
        """The first word of the statement."""
        match = SHOWN.match(self.before or self.rest)
        return match.group() if match else ""

    @cached_property
    def bracket(self) -> str:
        """The innermost bracket that it stands in."""
        opened: list[str] = []
        for match in TOKEN.finditer(self.before):
            if match.lastgroup == "open":
                opened.append(match.group())
            elif match.lastgroup == "close" and opened:
                opened.pop()
        return opened[-1] if opened else ""

    @property
    def takes_argument(self) -> bool:
        """Whether it stands where a layer's arguments do."""
        return "TAG" in self.expected

    def wants(self, kind: str) -> bool:
        """Whether nothing but this kind of token may stand there."""
        return self.expected == frozenset({kind})

    @property
    def in_header(self) -> bool:
        """Whether it belongs to what a keyword opens, and not to the chain of a block."""
        return self.opens in KEYWORDS and not (self.opens == "block" and re.search(r"\)\s*=", self.before))


def nearby(word: str) -> str:
    """A word as fixes look at it: of a long one, its beginning and its last character."""
    return word if len(word) <= NEAR else f"{word[:NEAR]}…{word[-1]}"


def shown(word: str) -> str:
    """A word as a message shows it; what nobody can see, by its number."""
    if not word.isprintable() or word.isspace():
        return f"character U+{ord(word[0]):04X}"
    return f"`{word}`" if len(word) <= LONGEST else f"`{word[:LONGEST]}…`"


def repeat(count: str) -> str:
    """A repeat of so many copies, a number or a name."""
    return f"x{count}" if count.isdecimal() else f"x{{{count}}}"
