"""Mistakes in how statements stand and what stands in them; where fixes are sought by rules, their help is a figure."""

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


class UnexpectedWord(Mistake, code="syntax-error", example="INPUT 8 -> ?"):
    """What may not stand where it does; `wanted` says what may."""

    word: str
    wanted: str
    hint: str
    words = "unexpected {word}{wanted}"


class NothingFollows(Mistake, code="syntax-error", example="INPUT 8 ->"):
    """A statement that is not whole."""

    last: str
    wanted: str
    hint: str
    words = "nothing follows this {last}{wanted}"


class NotLowerCase(Mistake, code="syntax-error", example="INPUT 8 -> Hidden: FC 4"):
    """A name, or the keyword of a statement, with capitals or letters beyond ASCII."""

    what: str
    hint: str
    words = "{what} in lower case"


class NoStatement(Mistake, code="syntax-error", example="def unit(n) = CONV n 3"):
    """A word of another language, or a keyword that is misspelt."""

    word: str
    hint: str
    words = "no statement begins with {word}"


class NothingRepeated(Mistake, code="syntax-error", example="INPUT 8 -> x3 FC 8"):
    """A repeat in front."""

    repeat: str
    hint: str
    words = "nothing stands before the repeat {repeat}"


class RepeatInFront(Mistake, code="syntax-error", example="param n = 3\nINPUT 8 -> n x FC 8"):
    """A repeat by a name, in front."""

    name: str
    hint: str
    words = "the repeat {name} x stands before its element"


class LongLabel(Mistake, code="syntax-error", example="INPUT 8 -> first layer: FC 8"):
    """A label of several words."""

    hint: str
    words = "a label is one word"


class NoLayer(Mistake, code="syntax-error", example="block f() = RELU\nINPUT 8 -> call f()"):
    """A verb before a call."""

    word: str
    hint: str
    words = "{word} is no name of a layer"


class BareArguments(Mistake, code="syntax-error", example="block f(n) = FC n\nINPUT 8 -> f 4"):
    """A call as a layer is written."""

    block: str
    hint: str
    words = "the arguments of block {block} stand in brackets"


class MissingArrow(Mistake, code="syntax-error", example="INPUT 8 -> a: FC 4\na FC 8"):
    """A name and a layer with nothing between them."""

    what: str
    word: str
    hint: str
    words = "{what} is missing before {word}"


class MissingBar(Mistake, code="syntax-error", example="INPUT 8 -> a: FC 4 -> b: FC 4\na b -> ADD"):
    """Names with nothing between them."""

    what: str
    first: str
    second: str
    hint: str
    words = "{what} missing between {first} and {second}"


class NameWithArguments(Mistake, code="syntax-error", example="INPUT 8 -> fc 4"):
    """A layer in lower case."""

    name: str
    hint: str
    words = "the name {name} takes no arguments"


class ManyErrors(Mistake, code="limit-exceeded"):
    most: int
    words = "more than {most:,} errors; no more are sought"
    advice = "mend the first of them"
