"""Large numbers and sizes as people read and write them: decimal, K 1e3, M 1e6, G 1e9, T 1e12."""

from __future__ import annotations

import re
from decimal import Decimal
from numbers import Integral

_SCALES = {"T": 10**12, "G": 10**9, "M": 10**6, "K": 10**3}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)


def short(count: int) -> str:
    """A large number to three digits: `62.4M`."""
    for letter, scale in _SCALES.items():
        if count >= 0.9995 * scale:
            value = count / scale
            return f"{value:.3g}{letter}" if value < 999.5 else f"{value:.0f}{letter}"
    return str(count)


def size(count: int) -> str:
    """A number of bytes to three digits: `61.0 MB`, `999 B`."""
    for letter, scale in _SCALES.items():
        if count >= 0.9995 * scale:
            value = count / scale
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{digits}f} {letter}B"
    return f"{count} B"


def bytes_of(text: str) -> int:
    """How many bytes `3GB`, `1.5 G` or `600` are, by decimal units. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size: write 3GB, 512MB or a number of bytes")
    return int(Decimal(match[1]) * _SCALES.get(match[2].upper(), 1))


def whole(name: str, given: object, least: int | None = 1) -> int:
    """A whole number that a caller gave for an argument, from the least on, NumPy's too. Raises ValueError."""
    if not isinstance(given, Integral) or (least is not None and given < least):
        raise ValueError(f"{name} is a whole number{'' if least is None else f' from {least}'}, not {given!r}")
    return int(given)
