"""Which flows a column shows by what stands above what, and which need an arc at its side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from netdsl.draw.columns.parts import Column, Link, Series, Way, entries, exits, inner, ways


@dataclass(frozen=True)
class Arc:
    """A flow at the side of a series, from leaf to leaf.

    With an `entry`, the first leaf of the series, it leaves just below that: the entry has the same source.
    """

    source: str
    target: str
    series: str
    entry: str = ""


def flows(column: Column) -> tuple[list[Link], list[Arc]]:
    """The straight flows of a column, from a part to the next, and its arcs."""
    neighbours = set(_neighbours(column.series))
    straight = [link for link in column.links if link in neighbours]
    known = ways(column.series)
    drawn = set(straight)
    arcs = [_arc(link, known[link[0]], known[link[1]], drawn) for link in column.links if link not in neighbours]
    return straight, arcs


def _neighbours(series: Series) -> Iterator[Link]:
    """Pairs of leaves with nothing between them, whether or not something flows there."""
    for part, after in pairwise(series.parts):
        yield from ((one.id, other.id) for one in exits(part) for other in entries(after))
    for part in series.parts:
        for within in inner(part):
            yield from _neighbours(within)


def _arc(link: Link, leaving: Way, arriving: Way, straight: set[Link]) -> Arc:
    """The arc of a link, at the innermost series with both its ends, or with its target and what the source enters."""
    source, target = link
    shared = 0
    while shared < min(len(leaving), len(arriving)) and leaving[shared][0].id == arriving[shared][0].id:
        shared += 1
    for series, _ in reversed(arriving[shared:]):
        for leaf in entries(series):
            if (source, leaf.id) in straight:
                return Arc(source, target, series.id, leaf.id)
    return Arc(source, target, leaving[shared - 1][0].id)
