"""The letters of a PDF or PNG, which carries its fonts: which there are, and what is said of those that there are not.

An SVG or a page is shown by a viewer that brings the fonts and the rules of all scripts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from importlib import util
from pathlib import Path

from netdsl.draw import notice
from netdsl.text import safe

_BROUGHT = ("cp1252", "symbolencoding", "zapfdingbats")
"""What Helvetica, Symbol and ZapfDingbats have, by the names that reportlab gives their encodings."""

_LISTED = 8
"""As many letters are named."""


def beyond(text: str) -> bool:
    """Whether text has letters that no font has which every PDF reader brings; reportlab knows what these have."""
    return not all(map(brought, set(text)))


def brought(letter: str) -> bool:
    """Whether one of those fonts has a letter."""
    return any(letter.encode(code, "ignore") for code in _BROUGHT)


def dejavu() -> tuple[str, str] | None:
    """The files of DejaVu Sans and its bold, which come with matplotlib; None without that."""
    found = util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return None
    fonts = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    return str(fonts / "DejaVuSans.ttf"), str(fonts / "DejaVuSans-Bold.ttf")


def tell(words: Iterable[str], known: Callable[[str], bool], *, shaped: bool) -> None:
    """Warn of letters that a picture lacks, given which its fonts have, and of those that it shows amiss.

    What is written from right to left is in order and joined in a `shaped` picture alone.
    """
    letters = dict.fromkeys(letter for text in words for letter in text)
    missing = [letter for letter in letters if not _needless(letter) and not known(letter)]
    if missing:
        notice.tell(f"no font at hand has {_listed(missing)}: boxes stand in their place, and an .svg has all letters")
    backward = [letter for letter in letters if unicodedata.bidirectional(letter) in ("R", "AL")]
    backward = [letter for letter in backward if letter not in missing]
    if backward and not shaped:
        notice.tell(
            f"letters from right to left are in the wrong order, and not joined, and an .svg has them right: "
            f"{_listed(backward)}"
        )


def _needless(letter: str) -> bool:
    """Whether a letter is seen in others alone."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Zs", "Zl", "Zp") or "\ufe00" <= letter <= "\ufe0f"


def _listed(letters: list[str]) -> str:
    """Letters, the first of many."""
    shown = [f"{safe.line(letter)} (U+{ord(letter):04X})" for letter in letters[:_LISTED]]
    rest = len(letters) - len(shown)
    return f"{', '.join(shown)}" + f" and {rest} more" * (rest > 0)
