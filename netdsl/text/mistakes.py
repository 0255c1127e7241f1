"""Mistakes in how statements stand, beside those that `wording` tells of what is in one."""

from __future__ import annotations

from netdsl.text.advice import Advice
from netdsl.text.mistake import Mistake


class LongNumber(Mistake, code="limit-exceeded", example="param a = " + 41 * "9"):
    most: int
    words = "a number has at most {most} digits"


class BlockGoesOn(Mistake, code="syntax-error", example="block b() = RELU\n  -> BN\nINPUT 8 -> b()"):
    block: str
    words = "this `->` would continue block {block}, which was complete on its line"
    advice = "end the block's line with `->`, or start the new chain with INPUT or a name"


class ManyBroken(Mistake, code="limit-exceeded", example=201 * "INPUT 8 -> ?\n"):
    most: int
    words = "more than {most} statements are broken; the rest is not read"


class ArrowRunsOn(Mistake, code="syntax-error", example="block b() = RELU ->\nINPUT 8 -> b()"):
    block: str
    words = "the line ends with `->`, so that the chain below becomes part of block {block}"
    advice = "take it away, or write the next layer behind it"


class EqualRunsOn(Mistake, code="syntax-error", example="block b() =\nINPUT 8 -> RELU"):
    block: str
    words = "the line ends with `=`, so that the chain below becomes that of block {block}"
    advice = "write the chain of block {block} behind it, or take it away"


class NoSpace(Mistake, code="syntax-error", example="INPUT\u00a08 -> RELU"):
    """What looks like space, or like nothing; `text` is what should stand there."""

    number: str
    name: str
    text: str

    def message(self) -> str:
        return f"unexpected character {self.number}{f' ({self.name})' if self.name else ''}"

    def help(self) -> str:
        by = {"\n": " by a line end", " ": " by a space"}.get(self.text)
        return Advice(f"replace {self.number}{by}" if by else f"take {self.number} away", self.text)


class ManySigns(Mistake, code="limit-exceeded", example=201 * "RELU\u00a0"):
    """Text that is no program."""

    most: int
    words = "more than {most} characters are neither space nor part of a word"


class NeverClosed(Mistake, code="syntax-error", example="INPUT 8 -> ( RELU"):
    """A bracket without the other one."""

    bracket: str
    words = "this `{bracket}` is never closed"
    advice = "close it with `{closing}`"

    @property
    def closing(self) -> str:
        return {"[": "]", "(": ")", "{": "}"}[self.bracket]


class NestedDeeply(Mistake, code="limit-exceeded", example=f"param a = {{{101 * '-'}1}}"):
    """Brackets or signs in one another, without end."""

    what: str
    most: int
    words = "{what} are nested more than {most} deep"
    advice = "name the inner parts as blocks or params"
