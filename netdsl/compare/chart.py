"""Charts of networks as the bytes of files: their kinds, formats and themes, and what has no place in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from netdsl.compare import bubbles, winners
from netdsl.compare.entry import Entry
from netdsl.draw import plot
from netdsl.draw.palette import THEMES
from netdsl.draw.picture import Picture

ChartKind: TypeAlias = Literal["cost", "size", "winners"]

KINDS: tuple[ChartKind, ...] = ("cost", "size", "winners")
FORMATS = plot.FORMATS

_BUBBLES: Mapping[ChartKind, bubbles.Bubbles] = {"cost": bubbles.COST, "size": bubbles.SIZE}
_NEEDS: Mapping[ChartKind, str] = {
    "cost": "MACs and a `meta top5_error`",
    "size": "MACs and parameters",
    "winners": "a `meta year` and a `meta top5_error`",
}
_TITLES: Mapping[ChartKind, str] = {
    "cost": "Top-5 error against multiply-adds",
    "size": "Parameters against multiply-adds",
    "winners": "The winners of the ImageNet challenge",
}


class ChartError(ValueError):
    """Why there is no chart, in words for the user."""


@dataclass(frozen=True)
class Chart:
    """A chart as the bytes of a file; the networks that it shows, and those that lack what it `needs`."""

    data: Picture
    shown: tuple[Entry, ...]
    left_out: tuple[Entry, ...]
    unnamed: tuple[Entry, ...]
    """Shown, but without room for their names."""
    needs: str


def suits(kind: ChartKind, entries: Sequence[Entry]) -> bool:
    """Whether there is a chart of a kind with any of some networks."""
    return kind == "winners" or any(_BUBBLES[kind].shows(entry) for entry in entries)


def draw(entries: Sequence[Entry], kind: ChartKind, format: str = "svg", theme: str = "light") -> Chart:
    """A chart of networks.

    `cost` sets top-5 error against MACs, with areas for parameters, `size` parameters against MACs; `winners` shows
    the ImageNet challenge by year, with the networks among its winners. Raises ChartError where a kind, format or
    theme is unknown, or no network has what the chart needs.
    """
    if kind not in KINDS:
        raise ChartError(f"there is no chart {kind!r}: choose one of {', '.join(KINDS)}")
    if wrong := plot.unknown(format, theme):
        raise ChartError(wrong)
    if not suits(kind, entries):
        raise ChartError(f"the chart {kind} needs {_NEEDS[kind]}, and none of the networks has both")
    shows = winners.shows if kind == "winners" else _BUBBLES[kind].shows
    shown = tuple(entry for entry in entries if shows(entry))
    left_out = tuple(entry for entry in entries if not shows(entry))
    colours = THEMES[theme]
    with plot.look(colours):
        if kind == "winners":
            figure, named = winners.figure(winners.bars(shown), colours), [True] * len(shown)
        else:
            figure, named = bubbles.figure(_BUBBLES[kind], shown, colours)
        data = Picture(plot.save(figure, format, _TITLES[kind]))
    unnamed = tuple(entry for entry, name in zip(shown, named, strict=True) if not name)
    return Chart(data, shown, left_out, unnamed, _NEEDS[kind])
