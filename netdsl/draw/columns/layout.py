"""What a layout is made of: the sizes of boxes and gaps, and the places that they get.

Columns grow upward from y = 0, and x = 0 is a column's axis, on which stands what is in no branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netdsl.draw import metrics
from netdsl.draw.columns.arcs import Arc
from netdsl.draw.columns.parts import Column, Fork, Leaf, Link, Panel, Part, Series, inner
from netdsl.draw.routing import Place

FONT = 9.0
SMALL = 7.5
TINY = 7.0

STRIP = 2.4
"""The height of what stands for a follower at the end of a box."""

ENTRY = 6.0
"""How far below a leaf an arc leaves the line into it."""

BUS = 7.0
"""How far below the branches of a fork the line runs that feeds them."""

RISE = 4.0
"""How far above a leaf a line turns."""


@dataclass(frozen=True)
class Heights:
    """Feet and heights, by the ids of leaves, panels and forks; a fork's foot is where its branches start."""

    y: Mapping[str, float]
    height: Mapping[str, float]
    under: Mapping[str, str]
    """The fork that a leaf is the first of a branch of."""

    def top(self, id: str) -> float:
        """The upper end of something."""
        return self.y[id] + self.height[id]

    def bus(self, id: str) -> float:
        """Where the line runs that feeds a leaf, if it is the first of a branch; otherwise just below the leaf."""
        fork = self.under.get(id)
        return self.y[id] - ENTRY if fork is None else self.y[fork] - BUS


@dataclass(frozen=True)
class Layout:
    """A column in its place: where leaves and panels are by id, and how its lines run."""

    column: Column
    places: Mapping[str, Place]
    fonts: Mapping[str, float]
    lines: Sequence[Sequence[tuple[float, float]]]
    """The corners of each, from source to target."""
    links: Sequence[Link]
    """What each of them joins."""
    towers: Sequence[tuple[int, Place, Series]]
    """The grounds of branches that are on one device, of several."""
    left: float
    """How far it reaches left of its axis."""
    right: float
    left_out: int = 0
    """How many lines there was no way for."""


@dataclass(frozen=True)
class Plan:
    """A column with its flows taken apart, and the row of each leaf among those that all columns share."""

    column: Column
    row: Mapping[str, int]
    straight: Sequence[Link]
    arcs: Sequence[Arc]


def words(layout: Layout) -> Iterator[Place]:
    """Where words stand in a column beside its boxes: names of blocks and outputs, and numbers of copies."""
    pending: list[Part] = list(layout.column.series.parts)
    while pending:
        part = pending.pop()
        pending += [one for series in inner(part) for one in series.parts]
        if isinstance(part, Fork):
            continue
        place = layout.places[part.id]
        if part.copies > 1:
            wide = metrics.width(f"×{part.copies}", FONT, bold=True)
            yield Place(place.right + 4 + wide / 2, place.middle - FONT / 2, wide + 8, FONT)
        if isinstance(part, Panel) and part.name:
            high = min(metrics.width(part.name, SMALL, bold=True), place.height - 4)
            yield Place(place.left + 7.5, place.middle - high / 2, SMALL, high)
        elif isinstance(part, Leaf) and part.outputs:
            wide = max(metrics.width(text, TINY) for text in part.outputs)
            yield Place(place.right + 4 + wide / 2, place.middle, wide, TINY * len(part.outputs) + 2)


def beside(leaf: Leaf) -> float:
    """The room at the right of a leaf that a bracket or the name of an output takes."""
    outputs = max([metrics.width(text, TINY) for text in leaf.outputs], default=-5.0) + 5
    return max(outputs, bracket(leaf.copies))


def bracket(copies: int) -> float:
    """The room that the bracket beside copies takes, with their number."""
    return 9 + metrics.width(f"×{copies}", FONT, bold=True) if copies > 1 else 0.0
