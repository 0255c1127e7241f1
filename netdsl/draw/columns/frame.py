"""What is said of a column: its name and figures at its head, the shapes beside its boxes, and the room for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netdsl.draw import metrics, words
from netdsl.draw.columns.layout import SMALL, Layout
from netdsl.draw.columns.parts import Column, Fork, Leaf, Panel, Series, leaves
from netdsl.layers.shape import Shape
from netdsl.measure import units
from netdsl.measure.costs import costs, totals

TITLE_FONT, FACT_FONT = 13.0, 8.0
AWAY = 7.0
"""Between shapes and what is leftmost of a column."""
_LONGEST = 240.0


@dataclass(frozen=True)
class Frame:
    """A column with its words: shapes are those beside leaves, by id; `left` and `right` are the room from the axis."""

    layout: Layout
    title: str
    facts: tuple[str, ...]
    shapes: tuple[tuple[str, str], ...]
    left: float
    right: float


def frame(layout: Layout) -> Frame:
    """A column with its words, and the room that all of it takes."""
    column = layout.column
    shapes = tuple(_shapes(column.series))
    title = metrics.fitted(words.plain(column.shaped.graph.title), TITLE_FONT, _LONGEST)
    facts = (*_facts(column), *[f"{layout.left_out:,} lines not drawn"] * bool(layout.left_out))
    widths = [metrics.width(title, TITLE_FONT, bold=True), *(metrics.width(fact, FACT_FONT) for fact in facts)]
    gutter = max([metrics.width(text, SMALL) for _, text in shapes], default=0.0) + AWAY
    half = max(widths) / 2
    return Frame(layout, title, facts, shapes, max(layout.left + gutter, half), max(layout.right, half))


def _facts(column: Column) -> Iterator[str]:
    """What is said of a network under its name, a line each."""
    meta = column.shaped.graph.meta
    year, error = meta.get("year"), meta.get("top5_error")
    told = [str(year)] * (year is not None) + [f"top-5 error {error}%"] * (error is not None)
    yield metrics.fitted(words.plain(" · ".join(told)), FACT_FONT, _LONGEST)
    sums = totals(column.shaped, costs(column.shaped))
    yield f"{units.short(sums.params)} parameters"
    yield f"{units.short(sums.macs)} MACs"


def _shapes(series: Series) -> Iterator[tuple[str, str]]:
    """Leaves on the axis that give another shape than those below, with the shape."""
    last: Shape | None = None
    for leaf, branches in _axis(series):
        if leaf.shape != last:
            shape = "×".join(map(str, leaf.shape.dims))
            yield leaf.id, f"{branches} × {shape}" if branches > 1 else shape
        last = leaf.shape


def _axis(series: Series) -> Iterator[tuple[Leaf, int]]:
    """The leaves on the axis, and those of the first of several branches that are all alike, with their number."""
    for part in series.parts:
        match part:
            case Leaf():
                yield part, 1
            case Panel():
                yield from _axis(part.inside)
            case Fork(_, branches):
                if part.main is not None:
                    yield from _axis(branches[part.main])
                elif _alike(branches):
                    yield from ((leaf, len(branches)) for leaf in leaves(branches[0]))


def _alike(branches: tuple[Series, ...]) -> bool:
    """Whether branches are chains that give the same shapes."""
    first, *others = [[leaf.shape for leaf in leaves(branch)] for branch in branches]
    chains = all(isinstance(part, Leaf) for branch in branches for part in branch.parts)
    return chains and all(one == first for one in others)
