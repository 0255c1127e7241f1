"""The parameters of a block: of all numbers that it was found with, those that the others do not follow from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from netdsl.recover.forms import In, Ins, Ref, Value, entering, number

Column: TypeAlias = tuple[Value, ...]
INFLOW = -1
"""What a number follows from that follows from the channels that flow in."""


@dataclass(frozen=True)
class Derived:
    """A number that follows from a parameter: `4*{}` of it."""

    base: int
    """A column, or INFLOW."""
    words: str


@dataclass(frozen=True)
class Solution:
    """The columns that are parameters; all others are constants, or follow from one of these."""

    parameters: tuple[int, ...]
    constants: Mapping[int, Value]
    derived: Mapping[int, Derived]
    usual: Mapping[int, Derived]
    """What parameters mostly are, where they follow from one before: their default."""
    told: float
    """How many arguments a call has in the mean, those at their default left out."""


def solve(
    rows: Sequence[Sequence[Value]], needed: Sequence[int], fields: Sequence[str], output: int | None
) -> Solution:
    """The solution for the columns that are needed; each parameter is the first column that says what it says.

    What a column is of decides what may follow from it: a padding from a kernel, and no number of filters. How many
    channels come out, column `output`, is told, unless it is what flows in.
    """
    inflow = fields.index("in") if "in" in fields else None
    channels = () if inflow is None else tuple([entering(row[inflow]) for row in rows])
    outflow = () if output is None or output == INFLOW else tuple([row[output] for row in rows])
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
        words = relation(channels, values) if size(fields[column]) and all(channels) else ""
        if words and (values != outflow or words == "{}"):
            derived[column] = Derived(INFLOW, words)
            continue
        for base, known in parameters.items():
            if _KINDS.get(fields[base]) == _KINDS.get(fields[column]) and (words := relation(known, values)):
                derived[column] = Derived(base, words)
                break
        else:
            parameters[column] = values
    usual = {column: found for column in parameters if (found := _usual(column, parameters, fields))}
    told = sum(_told(column, parameters, fields, usual) for column in parameters)
    return Solution(tuple(parameters), constants, derived, usual, told)


OPTIONAL = {"kernel", "stride", "padding", "dilation", "groups"}
"""The arguments of layers that a block's call need not say, if they are mostly equal."""


def _usual(column: int, parameters: Mapping[int, Column], fields: Sequence[str]) -> Derived | None:
    """The kernel that a padding mostly is half of."""
    if fields[column] != "padding":
        return None
    halves = {
        base: sum(halved(kernel) == pad for kernel, pad in zip(known, parameters[column], strict=True))
        for base, known in parameters.items()
        if fields[base] == "kernel"
    }
    best = max(halves, key=halves.__getitem__, default=None)
    return Derived(best, "{} // 2") if best is not None and 2 * halves[best] >= len(parameters[best]) else None


def _told(column: int, parameters: Mapping[int, Column], fields: Sequence[str], usual: Mapping[int, Derived]) -> float:
    """In what share of the calls a parameter is said."""
    values = parameters[column]
    if column in usual:
        known = parameters[usual[column].base]
        times = sum(halved(kernel) == pad for kernel, pad in zip(known, values, strict=True))
    elif fields[column] in OPTIONAL:
        times = Counter(values).most_common(1)[0][1]
        if 3 * values.count(1) >= len(values):
            return 1 - values.count(1) / len(values)
    else:
        times = 0
    return 1 - times / len(values) if 2 * times >= len(values) else 1


def size(field: str) -> bool:
    """Whether an argument is a number of channels, or such."""
    return field not in _KINDS


def ratio(row: Sequence[Value], column: int, fields: Sequence[str]) -> Fraction:
    """What part of the channels that flow in a number is; 0 where it is none."""
    value, channels = number(row[column]), entering(row[fields.index("in")]) if "in" in fields else 0
    return Fraction(value) / channels if value and channels else Fraction(0)


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
    if any(isinstance(value, Ref | In | Ins) for value in (*base, *values)):
        return ""
    if len(set(values)) == 1:
        return ""
    for words, rule in _RULES:
        if all(_applied(rule, one) == other for one, other in zip(base, values, strict=True)):
            return words
    if any(isinstance(value, tuple) for value in (*base, *values)):
        return ""
    return _linear([*zip(base, values, strict=True)])  # pyright: ignore[reportArgumentType]


def _half(k: int | Fraction) -> int:
    return k // 2


_RULES: Sequence[tuple[str, Callable[[int | Fraction], int | Fraction]]] = (
    ("{} // 2", _half),
    ("{} - 1", lambda k: k - 1),
    ("{} + 1", lambda k: k + 1),
)


def halved(kernel: Value) -> Value:
    """Half of a kernel, the padding that keeps the size of a map."""
    return _applied(_half, kernel)


def _applied(rule: Callable[[int | Fraction], int | Fraction], value: Value) -> Value:
    if isinstance(value, Ins | Ref):
        return value
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
