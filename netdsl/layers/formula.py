"""Arithmetic that keeps how it was written: `(227 − 11 + 2·0)/4 + 1`, which is 55.

Text and value grow together, so that what is shown is what was computed. A formula takes the place of a whole number:
a layer's rules are written once, over ints, and give formulas where they are asked with formulas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce, total_ordering
from operator import mul
from typing import TYPE_CHECKING, Any, TypeVar

from netdsl.layers.arguments import Number, show
from netdsl.text.tree import exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SUM, _PRODUCT, _ATOM = range(3)


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """A formula with numbers in it. `binding` says what needs brackets around it: a sum in a product does.

    It compares, and is counted with, as its value.
    """

    text: str
    value: Number
    binding: int = _ATOM

    def __add__(self, other: Formula | int) -> Formula:
        right = formula(other)
        return Formula(f"{self.text} + {right._after_a_sign()}", exact(self.value + right.value), _SUM)

    def __radd__(self, other: int) -> Formula:
        return formula(other) + self if other else self  # `sum` begins with 0

    def __sub__(self, other: Formula | int) -> Formula:
        right = formula(other)
        text = f"({right.text})" if right.binding == _SUM else right.text
        return Formula(f"{self.text} − {text}", exact(self.value - right.value), _SUM)

    def __mul__(self, other: Formula | int) -> Formula:
        return self.times(formula(other))

    def __rmul__(self, other: int) -> Formula:
        return formula(other) * self

    def times(self, other: Formula, sign: str = "·") -> Formula:
        """The product, with another sign between its factors."""
        return Formula(f"{self._factor()}{sign}{other._factor()}", exact(self.value * other.value), _PRODUCT)

    def __truediv__(self, other: Formula | int) -> Formula:
        right = formula(other)
        text = right.text if right.binding == _ATOM else f"({right.text})"
        return Formula(f"{self._factor()}/{text}", exact(Fraction(self.value) / right.value), _PRODUCT)

    def __floordiv__(self, other: Formula | int) -> Formula:
        return floor(self / other)

    def __mod__(self, other: Formula | int) -> int:
        return int(self) % int(other)

    def __rmod__(self, other: int) -> int:
        return other % int(self)

    def __neg__(self) -> Formula:
        return formula(-self.value)

    def __eq__(self, other: object) -> bool:
        return self.value == (other.value if isinstance(other, Formula) else other)

    def __lt__(self, other: Formula | int) -> bool:
        return self.value < formula(other).value

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __index__(self) -> int:
        return int(self.value)

    def _factor(self) -> str:
        return f"({self.text})" if self.binding == _SUM else self.text

    def _after_a_sign(self) -> str:
        return f"({self.text})" if self.text.startswith("−") else self.text

    @property
    def result(self) -> str:
        """The value as people write it: `34,944`."""
        return formula(self.value).text

    def __str__(self) -> str:
        return self.text if self.text == self.result else f"{self.text} = {self.result}"


def formula(value: Formula | Number) -> Formula:
    """A number as a formula; a formula as it is."""
    if isinstance(value, Formula):
        return value
    value = exact(value)
    text = f"{value:,}" if isinstance(value, int) else show(value)
    return Formula(text.replace("-", "−"), value, _SUM if value < 0 else _PRODUCT if "/" in text else _ATOM)


def product(factors: Iterable[Formula | int]) -> Formula:
    """Factors side by side, `55·55·96`; 1 where there is none."""
    each = [formula(factor) for factor in factors]
    return reduce(lambda a, b: a * b, each) if each else formula(1)


def apart(a: Formula | int, b: Formula | int) -> Formula:
    """Two factors that are counted apart: `34,848 · 55·55`."""
    return formula(a).times(formula(b), " · ")


def total(terms: Iterable[Formula | int]) -> Formula:
    """The sum of some terms; 0 where there is none."""
    each = [formula(term) for term in terms]
    return reduce(lambda a, b: a + b, each) if each else formula(0)


def floor(inner: Formula) -> Formula:
    """Rounded down, with the brackets of it where it is not whole already."""
    down = math.floor(inner.value)
    return inner if down == inner.value else Formula(f"⌊{inner.text}⌋", down)


def ceil(inner: Formula) -> Formula:
    """Rounded up, with the brackets of it where it is not whole already."""
    up = math.ceil(inner.value)
    return inner if up == inner.value else Formula(f"⌈{inner.text}⌉", up)


def largest(terms: Iterable[Formula | int]) -> Formula:
    """The largest of some terms: `max(1, 3, 5)`."""
    each = [formula(term) for term in terms]
    return Formula(f"max({', '.join(term.text for term in each)})", max(term.value for term in each))


# Over any number: of ints these give an int, and of formulas a formula

N = TypeVar("N", int, Formula)


def group(inner: N) -> N:
    """A formula in brackets: `(11·11·3)`."""
    some: Any = inner
    if isinstance(inner, Formula) and inner.binding < _ATOM:
        some = Formula(f"({inner.text})", inner.value)
    return some


def known(number: N) -> N:
    """A number as it is, without how it came about."""
    some: Any = formula(number.value) if isinstance(number, Formula) else number
    return some


def alike(number: int, other: N) -> N:
    """A number that no shape and no argument holds, as another is one."""
    some: Any = formula(number) if isinstance(other, Formula) else number
    return some


def times(factors: Sequence[N]) -> N | int:
    """Factors side by side; 1 where there is none."""
    some: Sequence[Any] = factors
    return reduce(mul, some) if some else 1


def at(each: N, places: N) -> N:
    """What happens at each of some places: `34,848 · 55·55`."""
    some: Any = apart(each, places) if isinstance(each, Formula) else each * places
    return some


def rounded_up(number: N, divisor: N) -> N:
    """A quotient, rounded up."""
    some: Any = ceil(number / divisor) if isinstance(number, Formula) else -(-number // divisor)
    return some


def most(terms: Sequence[N]) -> N:
    """The largest of some terms."""
    some: Any = largest(terms) if any(isinstance(term, Formula) for term in terms) else max(terms)
    return some
