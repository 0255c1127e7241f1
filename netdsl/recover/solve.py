"""The parameters of a block: of all numbers that it was found with, those that the others do not follow from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from netdsl.recover.forms import Ref, Value

Column: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True)
class Derived:
    """A number that follows from a parameter: `4*{}` of it."""

    base: int
    words: str


@dataclass(frozen=True)
class Solution:
    """The columns that are parameters; all others are constants, or follow from one of these."""

    parameters: tuple[int, ...]
    constants: Mapping[int, Value]
    derived: Mapping[int, Derived]


def solve(rows: Sequence[Sequence[Value]], needed: Sequence[int], fields: Sequence[str]) -> Solution:
    """The solution for the columns that are needed; each parameter is the first column that says what it says.

    What a column is of decides what may follow from it: a padding from a kernel, and no number of filters.
    """
    constants: dict[int, Value] = {}
    derived: dict[int, Derived] = {}
    parameters: dict[int, Column] = {}
    for column in needed:
        values = tuple([row[column] for row in rows])
        first = values[0]
        # A block sees no node outside of it, so that each is a parameter.
        if not isinstance(first, Ref) and all(value == first for value in values):
            constants[column] = first
            continue
        for base, known in parameters.items():
            if _KINDS.get(fields[base]) == _KINDS.get(fields[column]) and (words := relation(known, values)):
                derived[column] = Derived(base, words)
                break
        else:
            parameters[column] = values
    return Solution(tuple(parameters), constants, derived)


_KINDS = {
    **dict.fromkeys(("kernel", "stride", "padding", "dilation", "output_pad", "before", "after"), "window"),
    **dict.fromkeys(("rate", "slope", "eps", "momentum", "name", "like"), "other"),
    "count": "count",
}
"""What arguments are of, where that is no size: sizes follow from sizes."""


def relation(base: Column, values: Column) -> str:
    """How values follow from others, with {} for these; "" where they do not."""
    if base == values:
        return "{}"
    if any(isinstance(value, Ref) for value in (*base, *values)):
        return ""
    for words, rule in _RULES:
        if all(_applied(rule, one) == other for one, other in zip(base, values, strict=True)):
            return words
    if any(isinstance(value, tuple) for value in (*base, *values)):
        return ""
    return _linear([*zip(base, values, strict=True)])  # pyright: ignore[reportArgumentType]


_RULES: Sequence[tuple[str, Callable[[int | Fraction], int | Fraction]]] = (
    ("{} // 2", lambda k: k // 2),
    ("{} - 1", lambda k: k - 1),
    ("{} + 1", lambda k: k + 1),
)


def _applied(rule: Callable[[int | Fraction], int | Fraction], value: Value) -> Value:
    if not isinstance(value, tuple):
        return rule(value)
    found = tuple(map(rule, value))
    return found[0] if len(set(found)) == 1 else found


def _linear(pairs: Sequence[tuple[int | Fraction, int | Fraction]]) -> str:
    """The one factor between all pairs, in words."""
    if any(not one or not other for one, other in pairs):
        return ""
    factor = Fraction(pairs[0][1]) / pairs[0][0]
    if any(one * factor != other for one, other in pairs):
        return ""
    if factor.denominator == 1:
        return f"{factor}*{{}}"
    if factor.numerator == 1:
        return f"{{}}/{factor.denominator}"
    few = factor.denominator <= 8 and len(set(pairs)) > 2
    return f"{factor.numerator}*{{}}/{factor.denominator}" if few else ""
