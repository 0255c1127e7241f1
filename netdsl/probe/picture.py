"""The picture of a probe: signals by depth, and beside them the gradients, a line for each init."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from math import exp, floor, log, log10, nan
from statistics import fmean

from netdsl.draw import plot
from netdsl.draw.palette import Theme
from netdsl.draw.picture import Picture
from netdsl.draw.plot import Axes
from netdsl.graph.node import ShapedGraph
from netdsl.probe.run import Run
from netdsl.text.fit import clipped

_PANEL, _HIGH = 290.0, 190.0  # points
_LEFT, _BETWEEN, _RIGHT, _BOTTOM, _TOP = 44.0, 56.0, 16.0, 36.0, 62.0
_DECADES = 2  # that a scale shows at least
_TICKS = 7
_LONGEST = 60  # letters of a title


def drawn(shaped: ShapedGraph, runs: Sequence[Run], format: str, theme: Theme) -> Picture:
    """The picture as the bytes of a file; without gradients, signals alone."""
    depths = _depths(shaped)
    panels = 1 + any(run.readings.pulls for run in runs)
    wide, high = _LEFT + panels * _PANEL + (panels - 1) * _BETWEEN + _RIGHT, _BOTTOM + _HIGH + _TOP
    name = clipped(shaped.graph.title, _LONGEST)
    with plot.look(theme):
        figure = plot.figure(wide, high)
        words = plot.overlay(figure)
        words.text(_LEFT, high - 16, name, weight="bold", va="center")
        _key(words, runs, high - 16, _LEFT + 1.15 * plot.extent(name, plot.SIZE)[0] + 20, theme)
        for number, (head, of) in enumerate(_PANELS[:panels]):
            left = _LEFT + number * (_PANEL + _BETWEEN)
            axes = figure.add_axes((left / wide, _BOTTOM / high, _PANEL / wide, _HIGH / high))
            words.text(left, _BOTTOM + _HIGH + 16, head, va="center")
            lines = [of(shaped, run, depths) for run in runs]
            _scales(axes, [value for line in lines for some in line.values() for value in some], max(depths))
            for at, line in enumerate(lines):
                _line(axes, line, theme.device(at).accent, dots=number == 1)
        return Picture(plot.save(figure, format, f"{name}: signal by depth"))


def _depths(shaped: ShapedGraph) -> Sequence[int]:
    """How many layers such as CONV and FC stand on the longest path to each node, its own among them."""
    found: list[int] = []
    for node in shaped.nodes:
        found.append(max((found[one] for one in node.inputs), default=0) + node.layer.counts_depth)
    return found


Line = Mapping[int, Sequence[float]]
"""The values at each depth."""


def _signals(shaped: ShapedGraph, run: Run, depths: Sequence[int]) -> Line:
    """The signal of the last node at each depth: what goes on from there."""
    return {depths[index]: [one.signal] for index, one in sorted(run.readings.signals.items()) if one.finite}


def _gradients(shaped: ShapedGraph, run: Run, depths: Sequence[int]) -> Line:
    """The gradients over the weights of the layers that depth counts."""
    found: dict[int, list[float]] = {}
    for index, pull in run.readings.pulls.items():
        if shaped.nodes[index].layer.counts_depth and pull.finite and pull.ratio is not None:
            found.setdefault(depths[index], []).append(pull.ratio)
    return found


_PANELS = (("signal: deviation between examples", _signals), ("gradient over weight", _gradients))


def _scales(axes: Axes, values: Sequence[float], deepest: int) -> None:
    """A scale of whole decades, and one of depths."""
    ticker = import_module("matplotlib.ticker")
    seen = [log10(value) for value in values if value > 0] or [0.0]
    low, high = floor(min(seen)), -floor(-max(seen))
    while high - low < _DECADES:
        low, high = low - 1, high + (high - low < _DECADES - 1)
    axes.set_yscale("log")
    axes.set(ylim=(10.0**low / 1.3, 10.0**high * 1.3), xlim=(-0.02 * max(deepest, 1), 1.02 * max(deepest, 1)))
    step = -(-(high - low) // _TICKS)
    axes.yaxis.set_major_locator(ticker.FixedLocator([10.0**power for power in range(low, high + 1, step)]))
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(_tick))
    axes.xaxis.set_major_locator(ticker.MaxNLocator(8, integer=True))
    axes.set_xlabel("depth in layers such as CONV and FC", labelpad=5)


def _tick(value: float, _: int) -> str:
    return f"{value:g}"


def _line(axes: Axes, line: Line, colour: str, *, dots: bool) -> None:
    """The geometric mean at each depth, with dots for all values; it is broken where they are zero."""
    some = {depth: [value for value in values if value > 0] for depth, values in sorted(line.items())}
    means = [exp(fmean(map(log, values))) if values else nan for values in some.values()]
    axes.plot(list(some), means, color=colour, linewidth=1.4, solid_joinstyle="round", zorder=3)
    places = [(depth, value) for depth, values in some.items() for value in values]
    if places and (dots or len(some) < 2):
        axes.scatter(*zip(*places, strict=True), 7, color=colour, linewidths=0, zorder=3)


def _key(words: Axes, runs: Sequence[Run], y: float, x: float, theme: Theme) -> None:
    """Which line is which."""
    for at, run in enumerate(runs):
        name = clipped(run.name, _LONGEST)
        words.plot((x, x + 14), (y, y), color=theme.device(at).accent, linewidth=1.8)
        words.text(x + 18, y, name, size=plot.SMALL, va="center")
        x += 18 + plot.extent(name, plot.SMALL)[0] + 16
