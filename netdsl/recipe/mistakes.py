"""What is wrong with a recipe, and its words; examples are recipes, and no networks."""

from __future__ import annotations

from netdsl.text.mistake import Mistake


class RecipeMistake(Mistake):
    """One in a recipe."""


class Broken(RecipeMistake, code="syntax-error", example="rate 0.1"):
    why: str
    hint: str = ""
    words = "this is no TOML: {why}"


class TooLong(RecipeMistake, code="limit-exceeded", example="#" * 100_001):
    most: int
    words = "a recipe has at most {most:,} characters"


class UnknownKey(RecipeMistake, code="unknown-option", example="ratee = 0.1"):
    key: str
    hint: str
    words = "a recipe has no key {key}"


class Heading(RecipeMistake, code="unknown-option", example="[optimizer]\nname = 'sgd'"):
    heading: str
    words = "a recipe has no table {heading}"
    advice = "write its keys above all tables, without a heading: rate = 0.01"


class KeyTwice(RecipeMistake, code="duplicate-name", example="rate = 0.1\nrate = 0.01"):
    key: str
    words = "{key} is given twice"
    advice = "keep one of them"


class WordTwice(RecipeMistake, code="duplicate-name", example="augmentation = ['flip', 'flip']"):
    word: str
    words = '"{word}" is given twice'
    advice = "keep one of them"


class WrongKind(RecipeMistake, code="invalid-argument", example='rate = "fast"'):
    """A value of another type."""

    value: str
    noun: str
    hint: str = ""
    words = "{value} is not {noun}"


class OutOfRange(RecipeMistake, code="invalid-argument", example="rate = -0.1"):
    value: str
    noun: str
    hint: str = ""
    words = "{value} is not {noun}"


class UnknownChoice(RecipeMistake, code="invalid-argument", example='optimizer = "adma"'):
    value: str
    choices: str
    hint: str
    words = "{value} is not {choices}"
