"""Telling a caller how far long work has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is to do, in parts of any size."""


def silent(what: str, done: int, total: int) -> None:
    """Show nothing."""
