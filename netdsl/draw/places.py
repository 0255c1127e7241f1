"""Where a node stands in the program: the scopes around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from netdsl.graph.outline import Placed


def places(around: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """The scopes that a node stands in, from outside in, each with what is in it: itself, or of a repeat the copy."""
    for one, inner in pairwise(around):
        if one.scope:
            yield one, inner if one.repeat else one


def named(around: Sequence[Placed], number: str | None = None) -> str:
    """The name that the program gives a layer: `conv1`, of a copy `f.2`; another number may be given, or none."""
    copy = around[-1].number
    label = around[-2 if copy else -1].label
    number = str(copy) if number is None and copy else number
    return f"{label}.{number}" if label and number else label
