"""What a network takes for what: on a terminal, as words, and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import sqrt

from netdsl.draw import plot
from netdsl.draw.palette import Theme, mixed
from netdsl.draw.plot import Axes
from netdsl.text import safe, tabulate
from netdsl.text.fit import clipped, columns, wrapped
from netdsl.text.tabulate import Column, Look
from netdsl.train.evaluation import Evaluation

_MOST = 6
"""Pairs that are told."""
_LONGEST = 16
"""Columns of a name of a class."""
_CELLS = 30
"""Classes up to which a picture has numbers in its cells, and names all of them."""
_CELL, _NARROW, _SIDE, _EDGE, _LEAST = 26.0, 12.0, 480.0, 12.0, 270.0
"""Points of a cell, the least of one with a name, of all cells where they are more, around all, and of a picture."""
_DARK = 0.25
"""The share from which on a cell's number is light."""


@dataclass(frozen=True)
class Mistaken:
    """Examples of a class that are taken for another: how many, and of how many."""

    true: str
    told: str
    count: int
    of: int


def mistaken(found: Evaluation, classes: Sequence[str]) -> Sequence[Mistaken]:
    """The classes that are mistaken for others, most often first."""
    pairs = [
        Mistaken(classes[true], classes[told], count, sum(row))
        for true, row in enumerate(found.confusion)
        for told, count in enumerate(row)
        if count and true != told
    ]
    return sorted(pairs, key=lambda one: -one.count)


def text(found: Evaluation, classes: Sequence[str], look: Look) -> Iterator[str]:
    """The lines of a confusion: a row for each true class where the page is wide enough, and what is mistaken most."""
    names = [clipped(safe.line(name), _LONGEST) for name in classes]
    heads = names if max(map(len, names)) <= 2 else [str(number) for number in range(len(names))]
    rows: list[list[str]] = []
    for number, (name, row) in enumerate(zip(names, found.confusion, strict=True)):
        total = sum(row)
        cells = [str(count) if count else "·" for count in row]
        lead = [name] if heads is names else [str(number), name]
        rows.append([*lead, *cells, f"{100 * (total - row[number]) / total:.1f}%" if total else ""])
    lead = [Column("true", right=True)] if heads is names else [Column("", right=True), Column("true")]
    shown = [*lead, *[Column(head, right=True) for head in heads], Column("error", right=True)]
    widths = [max(columns(cell) for cell in cells) for cells in zip([one.head for one in shown], *rows, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) <= look.width:
        yield from tabulate.text(shown, rows, look)
    pairs = mistaken(found, classes)
    if pairs:
        yield ""
        yield "mistaken most:"
        for one in pairs[:_MOST]:
            share = f"{one.count:,} of {one.of:,} ({100 * one.count / one.of:.1f}%)"
            yield from wrapped(safe.line(f"  {one.true} taken for {one.told}: {share}"), look.width, "    ")


def draw(found: Evaluation, classes: Sequence[str], format: str, theme: Theme, title: str, about: str) -> bytes:
    """A picture of a confusion: a row for each true class, a column for each told.

    Shades are the square roots of shares of a row, in which a few mistakes show. `about` is a second line.
    """
    count = len(classes)
    cell = _CELL if count <= _CELLS else max(_SIDE / count, 1.0)
    side = cell * count
    with plot.look(theme):
        names = [clipped(safe.line(name), _LONGEST) for name in classes]
        ticks = range(0, count, max(1, int(-(-_NARROW // cell))))
        wide = max(plot.extent(names[tick], plot.SMALL)[0] for tick in ticks)
        upright = wide > cell * ticks.step
        left, below = wide + 34, (wide if upright else plot.SMALL) + 34
        width = max(left + side + _EDGE, _LEAST)
        paint = ((title, theme.text), (about, theme.quiet))
        lines = [(line, colour) for told, colour in paint for line in _broken(told, width - 2 * _EDGE)]
        height = below + side + 16 * len(lines) + _EDGE
        figure = plot.figure(width, height)
        axes = figure.add_axes((left / width, below / height, side / width, side / height))
        shares = [[value / max(1, sum(row)) for value in row] for row in found.confusion]
        accent, rgb = theme.roles["convolution"].accent, import_module("matplotlib.colors").to_rgb
        axes.imshow(
            [[rgb(mixed(theme.paper, accent, sqrt(share))) for share in row] for row in shares], interpolation="nearest"
        )
        axes.grid(visible=False)
        axes.set_xticks(list(ticks), [names[tick] for tick in ticks], rotation=90 if upright else 0)
        axes.set_yticks(list(ticks), [names[tick] for tick in ticks])
        axes.set(xlabel="told", ylabel="true")
        axes.tick_params(length=0)
        for place, (line, colour) in enumerate(lines):
            figure.text(_EDGE / width, 1 - (16 * place + _EDGE) / height, line, va="center", color=colour)
        if count <= _CELLS:
            _numbers(axes, found, shares, theme)
        return plot.save(figure, format, title)


def _broken(line: str, room: float) -> Sequence[str]:
    """A line in as many as it needs to fit into a picture; a word that is wider by itself is cut off."""
    made = [""]
    for word in line.split():
        longer = f"{made[-1]} {word}".strip()
        if made[-1] and plot.extent(longer, plot.SIZE)[0] > room:
            made.append("")
            longer = word
        while len(longer) > 1 and plot.extent(longer, plot.SIZE)[0] > room:
            longer = clipped(longer, len(longer) - 1)
        made[-1] = longer
    return made


def _numbers(axes: Axes, found: Evaluation, shares: Sequence[Sequence[float]], theme: Theme) -> None:
    """Write how many examples each cell has."""
    for row, values in enumerate(found.confusion):
        for column, value in enumerate(values):
            if value:
                colour = theme.paper if shares[row][column] > _DARK else theme.text
                size = min(plot.SMALL, 1.6 * _CELL / max(4, len(str(value))))
                axes.text(column, row, str(value), ha="center", va="center", color=colour, fontsize=size)
