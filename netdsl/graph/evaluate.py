"""Expressions to values: exact rationals, dims by element."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from netdsl.graph.fault import Fault
from netdsl.layers.arguments import Number, Value, show
from netdsl.text import tree
from netdsl.text.advice import perhaps
from netdsl.text.mistake import Mistake
from netdsl.text.source import Span
from netdsl.text.suggest import closest, did_you_mean

MAX_MAGNITUDE = 10**40
IN = "in"
"""The name of the channels of what enters a block."""
IN_BLOCKS = "`in` is the channels of what enters a block, and stands in blocks alone"
CHANNELS = frozenset({"c", "cin", "c_in", "channels", "in_ch", "in_channels", "in_planes", "inp", "inplanes", "nin"})
"""What people call that."""
NUMBERED = "`x3 as {name}` makes {name} the number of a copy in what is repeated; a block called there is given it"
_NUMBERS = frozenset({"copy", "i", "idx", "index", "it", "j"})
"""What people call that number."""
MAX_SIZES = 16
"""How many sizes dims may have that something is computed from, or that are made of others."""


class UnknownName(Mistake, code="unknown-name", example="INPUT 8 -> FC {n}"):
    what: str
    hint: str = ""
    words = "there is no {what}"


def suggested(name: str, known: Collection[str]) -> str:
    """What a name that stands for no value is likely meant for; `in` stands for one in blocks alone."""
    if name == IN:
        return IN_BLOCKS
    if name in CHANNELS and IN in known:
        return perhaps("the channels of what enters a block are `in`", IN)
    near = did_you_mean(name, (one for one in known if one != IN))
    return near or (NUMBERED.format(name=name) if name in _NUMBERS else "")


class NothingEnters(Mistake, code="no-input", example="block b() = INPUT 8 -> FC {in}\nb() -> RELU"):
    words = "nothing flows into the block, so that `in` is nothing"
    advice = "call it behind what flows in, or give the number as an argument"


class NoNumber(Mistake, code="invalid-argument", example='param k = "a"\nINPUT 8 -> FC {2 * k}'):
    written: str
    what: str
    words = "{written} is {what}"


class LongValue(Mistake, code="limit-exceeded", example="INPUT 8 -> FC {" + 5 * "999999999 * " + "1}"):
    words = "a value grows beyond 40 digits"


class LongDims(Mistake, code="limit-exceeded", example="INPUT 8 -> FC {2 * " + 20 * "1x" + "1}"):
    most: int
    count: int
    words = "dims that are computed, or computed with, have at most {most} sizes, not {count:,}"


class UnequalRanks(Mistake, code="rank-mismatch", example="INPUT 8x8x3 -> CONV 2 {3x3 + 1x1x1}"):
    first: str
    second: str
    words = "{first} and {second} have different numbers of sizes"


class DivisionByZero(Mistake, code="invalid-argument", example="INPUT 8 -> FC {1 / 0}"):
    words = "division by zero"


class OneValue(Mistake, code="extra-argument", example="INPUT 8 -> FC {floor(1, 2)}"):
    name: str
    words = "{name} takes one value"


class NotWhole(Mistake, code="not-whole", example="INPUT 8 -> RELU x{1 / 2}"):
    what: str
    value: str
    words = "{what} is a whole number, not {value}"


class NoCount(Mistake, code="invalid-argument", example="INPUT 8 -> RELU x{-1}"):
    what: str
    value: str
    words = "{what} is a whole number from 0, not {value}"


class LargeCount(Mistake, code="limit-exceeded", example="INPUT 8 -> RELU @9999"):
    what: str
    most: int
    value: int
    words = "{what} is at most {most:,}, not {value:,}"


class Unknown:
    """The value of what could not be computed, since an error was reported, or a block is read but not called."""


UNKNOWN = Unknown()


@dataclass(slots=True)
class Local:
    """What differs from one place to the next though one thing is written: `in`, or the number of a copy.

    None where nothing flows in. Whether it was read tells whether what is written means the same in both places.
    """

    value: Number | Unknown | None
    read: bool = field(default=False, compare=False)
    told: bool = field(default=False, compare=False)
    """Whether it was reported that nothing flows in."""

    def at(self, span: Span) -> Number | Unknown:
        """Its value where it is read. Raises Fault where there is none."""
        self.read = True
        if self.value is None:
            raise Fault(NothingEnters(), span)
        return self.value


@dataclass(frozen=True, slots=True)
class NodeRef:
    """A node given as an argument: its index, as `Flow` of expand counts them."""

    flow: int


Known: TypeAlias = Value | NodeRef
Environment: TypeAlias = Mapping[str, Known | Unknown | Local]


@dataclass(frozen=True, slots=True)
class Nested(Mapping[str, Known | Unknown | Local]):
    """The values of a block's parameters before those of its file's params, which are not copied."""

    own: Environment
    outer: Environment

    def __getitem__(self, name: str) -> Known | Unknown | Local:
        return self.own[name] if name in self.own else self.outer[name]

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self.outer

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from (name for name in self.outer if name not in self.own)

    def __len__(self) -> int:
        return len(self.own.keys() | self.outer.keys())

    @classmethod
    def of(cls, name: str, value: Local, around: Environment) -> Nested:
        """Some values, and one more that hides another of its name."""
        if isinstance(around, Nested):
            return cls({**around.own, name: value}, around.outer)
        return cls({name: value}, around)


def _normal(value: Number, span: Span) -> Number:
    if isinstance(value, Fraction):
        if abs(value.numerator) > MAX_MAGNITUDE or value.denominator > MAX_MAGNITUDE:
            raise Fault(LongValue(), span)
        return tree.exact(value)
    if abs(value) > MAX_MAGNITUDE:
        raise Fault(LongValue(), span)
    return value


def _divide(a: Number, b: Number) -> Number:
    return Fraction(a) / b


_OPERATORS: dict[str, Callable[[Number, Number], Number]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}
_ROUNDINGS: dict[str, Callable[[Number], Number]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "round": lambda a: math.floor(a + Fraction(1, 2)),
}
_CHOICES: dict[str, Callable[[Number, Number], Number]] = {"min": min, "max": max}
FUNCTIONS = (*_CHOICES, *_ROUNDINGS)
_FOREIGN = {"int": "floor", "trunc": "floor", "ceiling": "ceil", "rint": "round", "abs": "max"}
"""What other languages call a function."""


def _check_sizes(count: int, span: Span) -> None:
    """Raise Fault for dims that are too long to compute with."""
    if count > MAX_SIZES:
        raise Fault(LongDims(MAX_SIZES, count), span)


def _elementwise(operate: Callable[[Number, Number], Number], a: Value, b: Value, span: Span) -> Value:
    if isinstance(a, str) or isinstance(b, str):
        text = a if isinstance(a, str) else b
        raise Fault(NoNumber(f'"{text}"', "a string, which nothing can be computed from"), span)
    try:
        if not isinstance(a, tuple):
            if not isinstance(b, tuple):
                return _normal(operate(a, b), span)
            _check_sizes(len(b), span)
            a = (a,) * len(b)
        _check_sizes(len(a), span)
        if not isinstance(b, tuple):
            b = (b,) * len(a)
        if len(a) != len(b):
            raise Fault(UnequalRanks(show(a), show(b)), span)
        return tuple(_normal(operate(x, y), span) for x, y in zip(a, b, strict=True))
    except ZeroDivisionError:
        raise Fault(DivisionByZero(), span) from None


def evaluate(expression: tree.Expression, environment: Environment) -> Known | Unknown:
    """The value of an expression. Raises Fault at the part that has none."""
    match expression:
        case tree.Literal(value):
            return value
        case tree.Name(name):
            if name in environment:
                value = environment[name]
                return value.at(expression.span) if isinstance(value, Local) else value
            raise Fault(UnknownName(f"parameter {name} here", suggested(name, environment)), expression.span)
        case tree.Braces(items):
            return _braces(items, environment)
        case tree.Parentheses(inner):
            return evaluate(inner, environment)
        case tree.Signed(sign, operand):
            value = compute(operand, environment)
            if isinstance(value, Unknown) or sign == "+":
                return value
            return _elementwise(_OPERATORS["-"], 0, value, expression.span)
        case tree.Arithmetic(first, rest):
            total = compute(first, environment)
            for operator, operand in rest:
                value = compute(operand, environment)
                if isinstance(total, Unknown) or isinstance(value, Unknown):
                    total = UNKNOWN
                else:
                    total = _elementwise(_OPERATORS[operator], total, value, expression.span)
            return total
        case tree.Function(name, arguments):
            return _call(name, [compute(argument, environment) for argument in arguments], expression.span)


def entered(environment: Environment) -> Local:
    """The channels of what entered the block whose values these are; unknown where a parameter took their name."""
    found = environment.get(IN)
    return found if isinstance(found, Local) else Local(UNKNOWN)


def compute(expression: tree.Expression, environment: Environment) -> Value | Unknown:
    """The value of an expression that may not be a node."""
    value = evaluate(expression, environment)
    if isinstance(value, NodeRef):
        raise Fault(NoNumber(expression.span.text, "a node, not a value"), expression.span)
    return value


def _braces(items: tuple[tree.Expression, ...], environment: Environment) -> Known | Unknown:
    if len(items) == 1:
        return evaluate(items[0], environment)
    parts: list[Number] = []
    known = True
    for item in items:
        value = compute(item, environment)
        if isinstance(value, Unknown):
            known = False
        elif isinstance(value, str):
            raise Fault(NoNumber(f'"{value}"', "a string, not a size"), item.span)
        else:
            parts.extend(value if isinstance(value, tuple) else (value,))
            if len(parts) > len(items):
                _check_sizes(len(parts), item.span)
    return tuple(parts) if known else UNKNOWN


def _call(name: str, values: list[Value | Unknown], span: Span) -> Value | Unknown:
    if name not in FUNCTIONS:
        meant = _FOREIGN.get(name) or closest(name, FUNCTIONS)
        at = Span(span.source, span.start, span.start + len(name))
        help = perhaps(f"did you mean {meant}?", meant, at) if meant else f"there are {', '.join(FUNCTIONS)}"
        raise Fault(UnknownName(f"function {name}", help), span)
    known: list[Value] = [value for value in values if not isinstance(value, Unknown)]
    if name in _ROUNDINGS and len(values) > 1:
        raise Fault(OneValue(name), span)
    if len(known) < len(values):
        return UNKNOWN
    first, *rest = known
    if name in _ROUNDINGS:
        rounding = _ROUNDINGS[name]
        return _elementwise(lambda a, _: rounding(a), first, 0, span)
    for value in rest:
        first = _elementwise(_CHOICES[name], first, value, span)
    return first


def whole(value: Value | Unknown, span: Span, what: str, most: int | None = None) -> int | None:
    """A count of something, or None where it is unknown. Raises Fault where it is not a whole number from 0."""
    if isinstance(value, Unknown):
        return None
    if isinstance(value, Fraction):
        raise Fault(NotWhole(what, show(value)), span)
    if not isinstance(value, int) or value < 0:
        raise Fault(NoCount(what, show(value)), span)
    if most is not None and value > most:
        raise Fault(LargeCount(what, most, value), span)
    return value
