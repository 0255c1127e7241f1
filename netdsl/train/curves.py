"""The course of a training as a picture: losses and errors by epoch, of training and of validation."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from netdsl.draw import plot
from netdsl.draw.palette import THEMES
from netdsl.draw.plot import Axes
from netdsl.text.fit import clipped
from netdsl.train.log import Epoch, percent

_WIDTH, _HEIGHT = 504.0, 220.0  # points: as wide as two columns of a paper
_LEFT, _RIGHT, _BOTTOM, _TOP, _BETWEEN = 44.0, 14.0, 38.0, 30.0, 52.0
_LONGEST = 40  # characters of a title
_EACH = 12
"""Epochs up to which each has its number."""
_DECADE = 20.0
"""Losses that differ by more than this are on a logarithmic scale."""


def svg(epochs: Sequence[Epoch], best: int, title: str) -> bytes:
    """The curves as SVG; the epoch whose weights are kept is marked."""
    colours = THEMES["light"]
    accents = [colours.roles["convolution"].accent, colours.roles["dense"].accent]
    at = [one.epoch for one in epochs]
    with plot.look(colours):
        figure = plot.figure(_WIDTH, _HEIGHT)
        wide = (_WIDTH - _LEFT - _RIGHT - _BETWEEN) / 2
        for index, what in enumerate(("loss", "error")):
            left = _LEFT + index * (wide + _BETWEEN)
            axes = figure.add_axes(
                (left / _WIDTH, _BOTTOM / _HEIGHT, wide / _WIDTH, (_HEIGHT - _BOTTOM - _TOP) / _HEIGHT)
            )
            scale = 100 if what == "error" else 1
            for part, colour in zip(("train", "validation"), accents, strict=True):
                values = [getattr(one, f"{part}_{what}") for one in epochs]
                if None in values:
                    continue
                scaled = [scale * value for value in values]
                marker = "o" if len(at) <= 30 else ""
                axes.plot(at, scaled, color=colour, marker=marker, markersize=3, linewidth=1.4, label=part)
                for one, value in zip(epochs, scaled, strict=True):
                    if one.epoch == best and part == "validation":
                        axes.plot([best], [value], "o", color=colour, markersize=7, fillstyle="none")
            _finish(axes, what, [getattr(one, f"train_{what}") for one in epochs], at[-1])
            if index == 0:
                axes.legend(frameon=False, loc="best")
        chosen = next((one for one in epochs if one.epoch == best), None)
        error = None if chosen is None else chosen.validation_error
        told = "" if error is None else f": validation error {percent(error)} in epoch {best}"
        head = f"{clipped(title, _LONGEST)}{told}"
        plot.overlay(figure).text(_LEFT, _HEIGHT - 8, head, color=colours.text, va="top", weight="bold")
        return plot.save(figure, "svg", title)


def _finish(axes: Axes, what: str, values: Sequence[float], last: int) -> None:
    """Scales and words of one half."""
    ticker = import_module("matplotlib.ticker")
    least, most = min(values), max(values)
    if what == "loss" and least > 0 and most / least > _DECADE:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(_plain))
        axes.yaxis.set_minor_formatter(ticker.NullFormatter())
    elif what == "error":
        axes.set_ylim(0, 1.08 * axes.dataLim.y1 or 1)
        axes.yaxis.set_major_formatter(ticker.PercentFormatter(decimals=None))
    margin = max(0.5, 0.03 * last)
    axes.set_xlim(1 - margin, last + margin)
    some = ticker.MaxNLocator(6, integer=True, steps=(1, 2, 5, 10))
    axes.xaxis.set_major_locator(ticker.FixedLocator(range(1, last + 1)) if last <= _EACH else some)
    axes.set_xlabel("epoch")
    axes.set_ylabel(what)
    axes.grid(axis="y", linewidth=0.5, alpha=0.4)


def _plain(value: float, place: object) -> str:
    return f"{value:g}"
