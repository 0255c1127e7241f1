"""Charts of bubbles: networks by two of their numbers, with areas for a third."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import floor, log10, sqrt

from netdsl.compare import labels
from netdsl.compare.entry import Entry
from netdsl.draw import plot
from netdsl.draw.palette import Theme
from netdsl.draw.plot import Axes, Figure
from netdsl.measure import units
from netdsl.text.fit import clipped

_WIDTH, _HEIGHT = 504.0, 324.0  # points: as wide as two columns of a paper
_LEFT, _RIGHT, _BOTTOM, _TOP = 36.0, 104.0, 40.0, 26.0
_LARGEST = 30.0  # radius
_DOT = 2.5  # the radius of all, where areas show nothing
_MARGIN = 8.0  # between bubbles and the frame
_ENLARGED = 1.2  # where names do not fit, and again
_TRIES = 3  # to enlarge it
_CROWD = 24  # networks, from which on it is larger anyway
_LONGEST = 40  # characters of a name


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis or the areas show: a number of each network, its scale, and how it is written."""

    title: str
    value: Callable[[Entry], float | None]
    written: Callable[[float], str]
    logarithmic: bool = True

    def place(self, value: float) -> float:
        """Where a value stands, along an even scale."""
        return log10(value) if self.logarithmic else value

    def shows(self, entry: Entry) -> bool:
        """Whether a network has a value that it can show."""
        value = self.value(entry)
        return value is not None and (value > 0 or not self.logarithmic)


def _count(value: float) -> str:
    return units.short(round(value)) if value < 1e15 else f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Bubbles:
    """A chart: its axes, and what its areas are."""

    x: Axis
    y: Axis
    area: Axis | None = None

    def shows(self, entry: Entry) -> bool:
        """Whether it has a bubble for a network."""
        return self.x.shows(entry) and self.y.shows(entry)


_MACS = Axis("multiply-adds for one example", lambda one: one.macs, _count)
_PARAMS = Axis("parameters", lambda one: one.params, _count)

COST = Bubbles(_MACS, Axis("top-5 error (%)", lambda one: one.top5_error, "{:g}".format, logarithmic=False), _PARAMS)
"""Error against MACs, with areas for parameters."""

SIZE = Bubbles(_MACS, _PARAMS)
"""Parameters against MACs, a dot each: it needs no error."""


def figure(kind: Bubbles, entries: Sequence[Entry], theme: Theme) -> tuple[Figure, list[bool]]:
    """The chart of networks that it `shows`, one at least, and which of them it names; to be called in `look`.

    It is larger where names need room.
    """
    scale = max(1.0, sqrt(len(entries) / _CROWD))
    made, placed = _drawn(kind, entries, theme, scale)
    for _ in range(_TRIES):
        if not labels.tangles(placed):
            break
        scale *= _ENLARGED
        larger, there = _drawn(kind, entries, theme, scale)
        if labels.tangles(there) < labels.tangles(placed):
            made, placed = larger, there
    return made, [label is not None for label in placed]


def _drawn(
    kind: Bubbles, entries: Sequence[Entry], theme: Theme, scale: float
) -> tuple[Figure, Sequence[labels.Label | None]]:
    """The chart at a scale, and where it has the names."""
    wide, high = _WIDTH * scale, _HEIGHT * scale
    made = plot.figure(wide, high)
    frame = wide - _LEFT - (_RIGHT if kind.area else 1.5 * _LEFT), high - _BOTTOM - _TOP
    axes = made.add_axes((_LEFT / wide, _BOTTOM / high, frame[0] / wide, frame[1] / high))
    areas = [float(kind.area.value(one) or 0) if kind.area else 0.0 for one in entries]
    most = max(areas)
    radii = [_LARGEST * sqrt(area / most) if most else _DOT for area in areas]
    xs = [float(kind.x.value(one) or 0) for one in entries]
    ys = [float(kind.y.value(one) or 0) for one in entries]
    _scale(axes, kind, xs, ys, radii, frame)
    accent = theme.roles["convolution"].accent
    if kind.area:
        sizes = [(2 * radius) ** 2 for radius in radii]
        axes.scatter(xs, ys, sizes, facecolors=[(accent, 0.22)], edgecolors=accent, linewidths=0.9, zorder=2)
    dot = labels.DOT if kind.area else _DOT
    axes.scatter(xs, ys, (2 * dot) ** 2, facecolors=accent, edgecolors="none", zorder=3)
    places = (axes.transData.transform(list(zip(xs, ys, strict=True))) - (_LEFT, _BOTTOM)).tolist()
    bubbles = [labels.Bubble(x, y, radius) for (x, y), radius in zip(places, radii, strict=True)]
    room = labels.Box(4, 4, frame[0] if kind.area else wide - _LEFT - 10, frame[1] + 4)  # fonts differ in width
    names = [clipped(one.name, _LONGEST) for one in entries]
    found = labels.place(bubbles, [plot.extent(name, plot.SIZE) for name in names], room)
    for name, label in zip(names, found, strict=True):
        if label is not None:
            _name(axes, name, label, theme)
    if kind.area and most:
        _legend(made, kind.area, most, theme)
    return made, found


def _scale(
    axes: Axes,
    kind: Bubbles,
    xs: Sequence[float],
    ys: Sequence[float],
    radii: Sequence[float],
    frame: tuple[float, float],
) -> None:
    """The scales: wide enough for every bubble, with few ticks, in units that people read."""
    ticker = import_module("matplotlib.ticker")
    for direction, shown, values, room in (("x", kind.x, xs, frame[0]), ("y", kind.y, ys, frame[1])):
        low, high = _limits([shown.place(value) for value in values], radii, room, from_zero=not shown.logarithmic)
        axis = axes.xaxis if direction == "x" else axes.yaxis
        if shown.logarithmic:
            (axes.set_xscale if direction == "x" else axes.set_yscale)("log")
            subs = (1, 2, 5) if high - low < 3 else (1,)
            axis.set_major_locator(ticker.LogLocator(subs=subs, numticks=12))
            axis.set_minor_locator(ticker.NullLocator())
            low, high = 10**low, 10**high
        else:
            axis.set_major_locator(ticker.MaxNLocator(6, steps=[1, 2, 5, 10]))
        (axes.set_xlim if direction == "x" else axes.set_ylim)(low, high)
        axis.set_major_formatter(ticker.FuncFormatter(_tick(shown)))
    axes.set_xlabel(kind.x.title, labelpad=6)
    axes.annotate(
        kind.y.title, (0, 1), (-_LEFT + 6, 12), xycoords="axes fraction", textcoords="offset points", va="center"
    )


def _tick(axis: Axis) -> Callable[[float, int], str]:
    """How a tick is written; below zero, where only bubbles reach, there is none."""
    return lambda value, _: axis.written(value) if value >= 0 else ""


def _limits(places: Sequence[float], radii: Sequence[float], room: float, *, from_zero: bool) -> tuple[float, float]:
    """The ends of a scale of `room` points on which all bubbles are whole."""
    low, high = (min(0.0, *places) if from_zero else min(places)), max(places)
    least = 5.0 if from_zero else 0.7
    if high - low < least:
        middle = (low + high) / 2
        low, high = (low, low + least) if from_zero else (middle - least / 2, middle + least / 2)
    first, last = low, high
    for _ in range(50):  # each step comes nearer by what bubbles take of the room
        step = (high - low) / room
        edges = [
            (place - (radius + _MARGIN) * step, place + (radius + _MARGIN) * step)
            for place, radius in zip(places, radii, strict=True)
        ]
        low = min(first, *(edge for edge, _ in edges))
        high = max(last, *(edge for _, edge in edges))
    return low, high


def _name(axes: Axes, name: str, label: labels.Label, theme: Theme) -> None:
    """A name at its place, and the line that leads to it."""
    box = label.box
    x = {"left": box.left, "right": box.right, "center": (box.left + box.right) / 2}[label.side]
    at = {"xycoords": "axes points"}
    axes.annotate(name, (x, (box.bottom + box.top) / 2), ha=label.side, va="center_baseline", zorder=5, **at)
    if label.leader is not None:
        line = {"arrowstyle": "-", "color": theme.quiet, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0}
        start, end = label.leader
        axes.annotate("", start, end, textcoords="axes points", arrowprops=line, zorder=4, **at)


def _legend(made: Figure, area: Axis, most: float, theme: Theme) -> None:
    """Circles within each other, right of the frame, each with what its area stands for."""
    circle = import_module("matplotlib.patches").Circle
    axes = plot.overlay(made)
    (_, wide), (_, high) = axes.get_xlim(), axes.get_ylim()
    values = _examples(most)
    radii = [_LARGEST * sqrt(value / most) for value in values]
    x, base = wide - _RIGHT + 10 + radii[0], high - _TOP - 16 - 2 * radii[0]
    axes.text(x - radii[0], high - _TOP, area.title, size=plot.SMALL, color=theme.text, va="center")
    for value, radius in zip(values, radii, strict=True):
        axes.add_patch(circle((x, base + radius), radius, facecolor="none", edgecolor=theme.line, linewidth=0.8))
        top = base + 2 * radius
        axes.plot((x, x + radii[0] + 4), (top, top), color=theme.line, linewidth=0.5)
        axes.text(x + radii[0] + 6, top, area.written(value), size=plot.SMALL - 1, color=theme.text, va="center")


def _examples(most: float) -> list[float]:
    """Round numbers up to the most, each a quarter to a fifth of the one before."""
    power = 10.0 ** floor(log10(most))
    first = max(digit * power for digit in (1, 2, 5) if digit * power <= most)
    values = (first, first / 5 if first > power else first / 4, first / 20)
    return [value for value in values if value >= 1]
