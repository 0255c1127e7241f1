"""Values that Python gives, as the language has them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from numbers import Integral, Real
from typing import cast

from netdsl.layers.arguments import Value
from netdsl.text.tree import exact

Param = int | float | str | Fraction | Sequence[int]


def value_of(param: Param) -> Value:
    """A param as the language has it: exact. Raises TypeError or ValueError for what no program can say."""
    if isinstance(param, str | Fraction):
        return param
    if isinstance(param, Integral):  # NumPy's too
        return int(param)
    if isinstance(param, Real):
        if not math.isfinite(param):
            raise ValueError(f"a param is a finite number, not {param}")
        return exact(Fraction(str(param)))
    if isinstance(param, Sequence) and not isinstance(param, bytes | bytearray):
        return dims_of(param)
    raise TypeError(f"a param is a number, dims or a word, not {param!r}")


def dims_of(sizes: object) -> tuple[int, ...]:
    """Dims with NumPy's whole numbers as Python's; other numbers are errors of the network. Raises TypeError."""
    if not isinstance(sizes, Iterable) or isinstance(sizes, str | bytes):
        raise TypeError(f"dims are several numbers, such as (224, 224, 3), not {sizes!r}")
    return tuple([int(size) if isinstance(size, Integral) else size for size in cast("Iterable[int]", sizes)])
