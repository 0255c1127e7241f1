"""Text that has to fit: into so many characters, or into so many columns of a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def clipped(text: str, width: int) -> str:
    """A text of so many characters at most, ending in … where it was longer."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def columns(text: str) -> int:
    """How many columns a line takes on a terminal: two for an ideograph, none for what joins the letter before it."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrapped(text: str, width: int | None, indent: str = "") -> list[str]:
    """A text in lines of so many columns, broken between words, those after the first indented; one line for None."""
    if width is None or columns(text) <= width:
        return [text]
    lines: list[str] = []
    line, *words = text.split(" ")
    at = columns(line)
    for word in words:
        wide = columns(word)
        if line.strip() and at + 1 + wide > width:
            lines.append(line)
            line, at = indent + word, columns(indent) + wide
        else:
            line, at = f"{line} {word}", at + 1 + wide
    return [*lines, line]


_LISTED = 20


def listed(words: Sequence[str], last: str = ", ") -> str:
    """`a, b and c`, where ` and ` is what stands before the last. Of many, the first, and how many more there are."""
    if len(words) > _LISTED:
        words, last = [*words[:_LISTED], f"{len(words) - _LISTED:,} more"], " and "
    return last.join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)
