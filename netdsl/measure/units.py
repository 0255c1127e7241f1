"""Large numbers and sizes as people read and write them: decimal, K 1e3, M 1e6, G 1e9, T 1e12."""

from __future__ import annotations

import re
from decimal import Decimal

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
        raise ValueError(text)
    return int(Decimal(match[1]) * _SCALES.get(match[2].upper(), 1))
