"""The chart of the ImageNet challenge: the winners' errors by year as bars, and over them their depth."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Literal, TypeAlias

from netdsl.compare import challenge
from netdsl.compare.entry import Entry
from netdsl.draw import plot
from netdsl.draw.palette import Theme, Tone
from netdsl.draw.plot import Axes, Figure

Origin: TypeAlias = Literal["computed", "published", "given"]

_BAR, _STEP = 34.0, 52.0  # points: a bar's width, and from one to the next
_LEFT, _RIGHT = 12.0, 60.0
_ERRORS, _LAYERS = 170.0, 84.0  # the heights of the two panels
_BETWEEN, _TOP, _BOTTOM = 46.0, 30.0, 56.0  # and the lines of names
_LINE = 11.0  # from line to line
_LETTERS = 16  # of a line of a name, at most
_GAP = 4.0
_LINES = 3

_SAID: dict[Origin, str] = {
    "computed": "depth computed, error from the network’s file",
    "published": "as published",
    "given": "added for comparison",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A network in the chart; `layers` is None where it was no deep network."""

    year: int
    name: str
    top5_error: float
    layers: int | None
    origin: Origin


def shows(entry: Entry) -> bool:
    """Whether there is a bar for a network: it needs a year and an error."""
    return isinstance(entry.year, int) and entry.top5_error is not None


def bars(given: Sequence[Entry]) -> list[Bar]:
    """The winners by year, and networks that the chart `shows`, unless they are winners themselves."""
    found: list[Bar] = []
    known: set[Path] = set()
    for one in challenge.PUBLISHED:
        if one.network:
            known.add(challenge.file(one))
            found.append(_bar(challenge.computed(one), "computed"))
        else:
            found.append(_bar(one, "published"))
    for entry in given:
        if isinstance(entry.year, int) and entry.top5_error is not None and Path(entry.file).resolve() not in known:
            found.append(Bar(entry.year, entry.name, entry.top5_error, entry.depth, "given"))
    return sorted(found, key=lambda bar: bar.year)


def _bar(winner: challenge.Winner, origin: Origin) -> Bar:
    return Bar(winner.year, winner.name, winner.top5_error, winner.layers, origin)


def figure(shown: Sequence[Bar], theme: Theme) -> Figure:
    """The chart. To be called in `look`."""
    across = _STEP * len(shown)
    wide = _LEFT + across + _RIGHT
    base = _BOTTOM + _LINE * _rows(shown)
    high = base + _ERRORS + _BETWEEN + _LAYERS + _TOP
    made = plot.figure(wide, high)
    words = plot.overlay(made)
    panels: list[Axes] = []
    for title, bottom, height in (("top-5 error (%)", base, _ERRORS), ("layers", high - _TOP - _LAYERS, _LAYERS)):
        axes = made.add_axes((_LEFT / wide, bottom / high, across / wide, height / high))
        axes.set(xlim=(0, across), xticks=[], yticks=[])
        axes.spines["left"].set_visible(False)
        words.text(_LEFT, bottom + height + 16, title, va="center")
        panels.append(axes)
    _errors(panels[0], shown, theme)
    _layers(panels[1], shown, theme)
    _names(words, shown, base, theme)
    _key(words, shown, theme)
    return made


def _middle(position: int) -> float:
    """The middle of a bar, from the left of the panels."""
    return _STEP * (position + 0.5)


def _tones(theme: Theme) -> dict[Origin, Tone]:
    """The colours of bars."""
    return {
        "computed": theme.roles["convolution"],
        "published": theme.roles["input"],
        "given": theme.roles["dense"],
    }


def _errors(axes: Axes, shown: Sequence[Bar], theme: Theme) -> None:
    """The bars with their numbers, and behind them the line of the human."""
    most = max(challenge.HUMAN, *(bar.top5_error for bar in shown))
    axes.set_ylim(0, most)
    axes.axhline(challenge.HUMAN, color=theme.line, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    at = (axes.get_xlim()[1] + 4, challenge.HUMAN)
    axes.text(*at, f"human {challenge.HUMAN:g}", size=plot.SMALL, va="center")
    within = 12 / _ERRORS * most  # so high a bar has room for its number
    for position, bar in enumerate(shown):
        tone, x = _tones(theme)[bar.origin], _middle(position)
        look = {"color": tone.fill, "edgecolor": tone.accent, "linewidth": 0.9, "zorder": 2, "clip_on": False}
        axes.bar(x, bar.top5_error, _BAR, **look)
        inside = bar.top5_error >= within
        at, off = (x, bar.top5_error), (0, -4 if inside else 3)
        look = {"ha": "center", "va": "top" if inside else "bottom", "weight": "bold", "zorder": 3}
        axes.annotate(_percent(bar.top5_error), at, off, textcoords="offset points", **look)


def _percent(error: float) -> str:
    """An error to three digits, and to one after the point at least: `16.4`, `3.0`, `2.25`."""
    return max(f"{error:.1f}", f"{error:.3g}", key=len)


def _layers(axes: Axes, shown: Sequence[Bar], theme: Theme) -> None:
    """A dot for each depth, on a stem, with its number."""
    axes.set_ylim(0, max(bar.layers or 1 for bar in shown))
    for position, bar in enumerate(shown):
        x, accent = _middle(position), _tones(theme)[bar.origin].accent
        at, look = (x, bar.layers or 0), {"ha": "center", "va": "bottom", "textcoords": "offset points"}
        if bar.layers is None:
            axes.annotate("shallow", at, (0, 4), size=plot.SMALL, color=theme.quiet, **look)
            continue
        axes.plot((x, x), (0, bar.layers), color=accent, linewidth=1.2, zorder=1)
        axes.scatter([x], [bar.layers], 24, color=accent, zorder=2, clip_on=False)
        axes.annotate(str(bar.layers), at, (0, 5), weight="bold", **look)


def _names(words: Axes, shown: Sequence[Bar], base: float, theme: Theme) -> None:
    """The names under the bars, and under those the years, once for all bars of one."""
    for position, bar in enumerate(shown):
        for row, line in enumerate(_lines(bar.name)):
            place = (_LEFT + _middle(position), base - 13 - row * _LINE)
            words.text(*place, line, size=plot.SMALL, ha="center", va="baseline")
    down = base - 10 - _LINE * _rows(shown)
    position = 0
    for year, group in groupby(bar.year for bar in shown):
        last = position + len(list(group)) - 1
        first, end = _LEFT + _middle(position), _LEFT + _middle(last)
        words.plot((first - _BAR / 2, end + _BAR / 2), (down, down), color=theme.border, linewidth=0.8)
        words.text((first + end) / 2, down - 4, str(year), size=plot.SMALL, ha="center", va="top")
        position = last + 1


def _key(words: Axes, shown: Sequence[Bar], theme: Theme) -> None:
    """What the colours mean, in a line at the bottom."""
    rectangle = import_module("matplotlib.patches").Rectangle
    x = _LEFT + (_STEP - _BAR) / 2
    for origin, said in _SAID.items():
        if any(bar.origin == origin for bar in shown):
            tone = _tones(theme)[origin]
            words.add_patch(rectangle((x, 8), 9, 9, facecolor=tone.fill, edgecolor=tone.accent, linewidth=0.9))
            words.text(x + 14, 12.5, said, size=plot.SMALL, color=theme.quiet, va="center")
            x += 14 + plot.extent(said, plot.SMALL)[0] + 18


def _rows(shown: Sequence[Bar]) -> int:
    """How many lines the longest name takes."""
    return max(len(_lines(bar.name)) for bar in shown)


def _lines(name: str) -> list[str]:
    """A name in lines that leave a gap to the next bar's."""
    lines = [""]
    for letters in range(_LETTERS, 0, -1):
        lines = textwrap.wrap(name, letters, max_lines=_LINES, placeholder="…")
        if all(plot.extent(line, plot.SMALL)[0] <= _STEP - _GAP for line in lines):
            break
    return lines
