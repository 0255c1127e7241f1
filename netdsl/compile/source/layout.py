"""Python laid out as ruff lays it out, in lines of at most 88 characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

WIDTH = 88
"""What ruff keeps to where nothing else is asked."""


@dataclass(frozen=True)
class Brackets:
    """`Conv2d(3, 64, 7)`, or `[1, 2]`: what stands before, the brackets, and items between them."""

    open: str
    items: tuple[Code, ...]
    close: str = ")"


@dataclass(frozen=True)
class Named:
    """`key=value`, or `"key": value` with another sign."""

    name: str
    value: Code


@dataclass(frozen=True)
class Loop:
    """`value for … in …`, alone in brackets."""

    value: Code
    clauses: tuple[str, ...]


@dataclass(frozen=True)
class Sum:
    """`a + b`, or with another sign, as a whole statement's value."""

    terms: tuple[str, ...]
    sign: str


Code: TypeAlias = str | Brackets | Named | Loop | Sum


class Constructed:
    """What a constructor gives, which is no plain value."""

    @property
    def code(self) -> Code:
        """The code that makes it again."""
        raise NotImplementedError


def call(name: str, *items: Code) -> Brackets:
    """`name(…)`."""
    return Brackets(f"{name}(", items)


def flat(code: Code) -> str:
    """Code in one line."""
    match code:
        case str():
            return code
        case Named(name, value):
            return f"{name}{flat(value)}"
        case Loop(value, clauses):
            return " ".join([flat(value), *clauses])
        case Sum(terms, sign):
            return f" {sign} ".join(terms)
        case Brackets(start, items, close):
            comma = "," * (start.endswith("(") and len(start) == 1 and len(items) == 1)
            return f"{start}{', '.join(map(flat, items))}{comma}{close}"


def lines(before: str, code: Code, indent: int = 0, after: str = "") -> list[str]:
    """The lines of code behind some text: one where it fits, else one for all between brackets, or one for each."""
    pad = " " * indent
    one = f"{pad}{before}{flat(code)}{after}"
    while isinstance(code, Named):
        before, code = f"{before}{code.name}", code.value
    if len(one) <= WIDTH:
        return [one]
    if isinstance(code, str):
        first, *rest = _terms(code) if after == "," else [code]
        return (
            [f"{pad}{before}{first}", *[f"{pad}{term}" for term in rest[:-1]], f"{pad}{rest[-1]}{after}"]
            if rest
            else [one]
        )
    if isinstance(code, Loop):
        return [*lines(before, code.value, indent), *[f"{pad}{one}" for one in code.clauses]]
    if isinstance(code, Sum):
        inner = flat(code)
        body = (
            [inner]
            if len(inner) + indent + 4 <= WIDTH
            else [code.terms[0], *[f"{code.sign} {one}" for one in code.terms[1:]]]
        )
        return [f"{pad}{before}(", *[f"{pad}    {line}" for line in body], f"{pad}){after}"]
    if not code.items:
        return [one]
    inner = flat(Brackets("", code.items, ""))
    collection = code.open in ("[", "(", "{") and bool(code.items[1:])
    if len(inner) + indent + 4 <= WIDTH and not collection:
        body = [f"{pad}    {inner}"]
    else:
        comma = "" if isinstance(code.items[0], Loop) else ","
        body = [line for item in code.items for line in lines("", item, indent + 4, comma)]
    return [f"{pad}{before}{code.open}", *body, f"{pad}{code.close}{after}"]


def _terms(text: str) -> list[str]:
    """The terms of a sum, each behind the first with its sign."""
    found, depth = [""], 0
    for word in text.split(" "):
        if word in ("+", "-") and not depth:
            found.append(word)
        else:
            found[-1] += f" {word}" if found[-1] else word
        depth += word.count("(") - word.count(")")
    return found


def literal(value: object) -> Code:
    """A value as Python writes it: numbers, texts, and lists and tuples of these."""
    if isinstance(value, Constructed):
        return value.code
    if isinstance(value, list | tuple):
        start, close = "[]" if isinstance(value, list) else "()"
        return Brackets(start, tuple(map(literal, cast("Sequence[object]", value))), close)
    if isinstance(value, str):
        quoted = repr(value)
        return quoted if '"' in value else f'"{quoted[1:-1]}"'.replace("\\'", "'")
    if isinstance(value, float):
        infinite = {float("inf"): 'float("inf")', float("-inf"): 'float("-inf")'}
        return infinite.get(value, repr(value))
    return repr(value)
