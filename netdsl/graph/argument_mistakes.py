"""What is wrong with the arguments of a layer or a call, and its words."""

from __future__ import annotations

from netdsl.text.mistake import Mistake


class NoFlag(Mistake, code="unknown-option", example="INPUT 8 -> FC 8 no bias"):
    """A word among a layer's arguments that none is called."""

    keyword: str
    flag: str
    hint: str
    words = "{keyword} has no flag {flag}"


class TwoArguments(Mistake, code="unknown-option", example="INPUT 8x8x3 -> CONV 8 3 s 2"):
    """One argument, with a space in it."""

    written: str
    hint: str
    words = "{written} is two arguments here"
