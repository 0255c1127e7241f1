"""Text that has to fit."""

from __future__ import annotations


def clipped(text: str, width: int) -> str:
    """A text of so many characters at most, ending in … where it was longer."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
