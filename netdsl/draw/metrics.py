"""How wide text in Helvetica is, so that a viewer with another font keeps it within its box."""

from __future__ import annotations

from netdsl.text.fit import columns

_FIRST = " "
# Thousandths of the font's size for each character from the space to the tilde, from Adobe's font metrics.
_REGULAR = """
    278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556
    278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667
    611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833
    556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584
"""
_BOLD = """
    278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556
    333 333 584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667
    611 722 667 944 667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889
    611 611 611 611 389 556 333 611 556 778 556 556 500 389 280 389 584
"""
_WIDTHS = {False: tuple(map(int, _REGULAR.split())), True: tuple(map(int, _BOLD.split()))}
_OTHERS = {"\u00a0": 278, "·": 278, "×": 584, "−": 549, "…": 1000, "—": 1000}
_BY_COLUMNS = (0, 556, 1000)
"""Of a letter that stands on another, of most, and of a Chinese one or an emoji, which are square."""


def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a line of text, in the units of its size."""
    widths = _WIDTHS[bold]
    total = 0
    for character in text:
        position = ord(character) - ord(_FIRST)
        if 0 <= position < len(widths):
            total += widths[position]
        else:
            total += _OTHERS.get(character, _BY_COLUMNS[columns(character)])
    return total * size / 1000


def fitted(words: str, size: float, room: float) -> str:
    """Bold words on one line, cut to a width; nothing where not even three letters fit."""
    shown = words
    while len(words) > 3 and width(shown, size, bold=True) > room:
        words = words[:-1]
        shown = f"{words.rstrip()}…"
    return shown if width(shown, size, bold=True) <= room else ""
