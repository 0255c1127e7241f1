"""What is wrong with the arguments of a layer or a call, and its words."""

from __future__ import annotations

from netdsl.text.advice import Advice
from netdsl.text.mistake import Mistake


class NoFlag(Mistake, code="unknown-option", example="INPUT 8 -> FC 8 no bias"):
    keyword: str
    flag: str
    hint: str
    words = "{keyword} has no flag {flag}"


class TwoArguments(Mistake, code="unknown-option", example="INPUT 8x8x3 -> CONV 8 3 s 2"):
    written: str
    hint: str
    words = "{written} is two arguments here"


class NoFlagOrParameter(Mistake, code="unknown-name", example="INPUT 8 -> FC n"):
    keyword: str
    name: str
    hint: str
    words = "there is no parameter {name} here, and {keyword} has no such flag"


class NoOption(Mistake, code="unknown-option", example="INPUT 8x8x3 -> BN s2"):
    keyword: str
    what: str
    hint: str
    words = "{keyword} has no {what}"


class Batch(Mistake, code="invalid-argument", example="INPUT -1 8x8x3 -> RELU"):
    hint: str
    words = "a batch has any size, and is not among an INPUT's dims"


class UnsizedReshape(Mistake, code="invalid-argument", example="INPUT 8 -> RESHAPE -1"):
    hint: str
    words = "a RESHAPE is told its sizes, of which one may be -1, in braces"


class MissingArrow(Mistake, code="unknown-option", example="INPUT 8 FC 4"):
    missing: str
    before: str
    hint: str
    words = "{missing} before {before}"


class Computed(Mistake, code="invalid-argument", example="param n = 4\nINPUT 8 -> FC n-1"):
    written: str
    words = "{written} is two arguments here"

    def help(self) -> str:
        words = f"what is computed stands in braces: {{{self.written}}}"
        return words if "=" in self.written else Advice(words, f"{{{self.written}}}")


class Twice(Mistake, code="extra-argument", example="INPUT 8x8x3 -> CONV 4 3 s2 s2"):
    what: str
    words = "{what} is given twice"
    advice = "keep one of them"


class Missing(Mistake, code="missing-argument", example="INPUT 8x8x3 -> CONV 4"):
    keyword: str
    missing: str
    hint: str
    words = "{keyword} needs {missing}"


class More(Mistake, code="extra-argument", example="INPUT 8 8 3 -> RELU"):
    written: str
    more: str
    keyword: str
    hint: str
    words = "{written} is {more} than {keyword} takes"


class TooMany(Mistake, code="extra-argument", example="INPUT 8x8x3 -> CONV 6 5 2"):
    written: str
    keyword: str
    hint: str
    words = "{written} is one argument too many for {keyword}"
