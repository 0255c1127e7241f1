"""What a probe found: as data and JSON, as the table that it prints, as CSV and Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path

from netdsl import files
from netdsl.compile.origin import Remarks
from netdsl.draw import plot
from netdsl.draw.palette import THEMES
from netdsl.draw.picture import Picture
from netdsl.graph.node import ShapedGraph
from netdsl.measure.summary_table import folded
from netdsl.probe import picture
from netdsl.probe.mistakes import Warned
from netdsl.probe.readings import Pull
from netdsl.probe.run import Run
from netdsl.text import render, safe, tabulate
from netdsl.text.fit import wrapped
from netdsl.text.shown import Page
from netdsl.text.tabulate import PLAIN, Column, Look

_LEAST = 30
"""The width that the layers themselves have in a table at least."""


@dataclass(frozen=True, repr=False)
class Probe(Page):
    """How signals and gradients travel through a network, under one init or several."""

    shaped: ShapedGraph
    runs: tuple[Run, ...]
    batch: int
    seed: int
    source: str
    """The data that the examples are of; "" for random ones."""
    lossless: str
    """Why there are no gradients, if there are none."""
    remarks: Remarks
    """What there is to say of weights that were read."""

    @property
    def warnings(self) -> tuple[Warned, ...]:
        """All that keeps it from learning, init by init."""
        return tuple(one for run in self.runs for one in run.warnings)

    @cached_property
    def data(self) -> dict[str, object]:
        """All of it as plain data, in which NaN and infinities are None."""
        return {
            "name": self.shaped.graph.title,
            "file": self.shaped.graph.source.name,
            "batch": self.batch,
            "seed": self.seed,
            "data": self.source or None,
            "lossless": self.lossless or None,
            "runs": [
                {
                    "init": None if run.start.weights else run.start.init,
                    "weights": run.start.weights or None,
                    "loss": _finite(run.readings.loss),
                    "warnings": [render.data(one) | {"path": one.path} for one in run.warnings],
                    "layers": [self._row(run, index) for index in range(len(self.shaped.nodes))],
                }
                for run in self.runs
            ],
        }

    def _row(self, run: Run, index: int) -> dict[str, object]:
        node = self.shaped.nodes[index]
        one, pull = run.readings.signals.get(index), run.readings.pulls.get(index)
        return {
            "path": node.path,
            "kind": node.layer.keyword,
            "signal": one and _finite(one.signal),
            "size": one and _finite(one.size),
            "relative": one and _finite(one.relative),
            "units": one and one.units,
            "dead": one and one.dead,
            "gradient": pull and _finite(pull.gradient),
            "weight": pull and _finite(pull.weight),
            "ratio": pull and _finite(pull.ratio),
        }

    def __str__(self) -> str:
        return "\n".join(self.text())

    def json(self) -> str:
        """The data as JSON."""
        return safe.json_text(self.data)

    def text(self, look: Look = PLAIN, *, every: bool = False) -> Iterator[str]:
        """The table; with `every` layer a row of its own, by its path, and else copies folded as the summary does."""
        yield self._title()
        yield ""
        shown = [
            Column("layer", fit="cut"),
            Column(fit="cut"),
            *(Column(one, right=True, fit="whole") for one in self._heads()),
        ]
        rows = folded(self.shaped, self._cells, self._leaving)
        if every:
            rows = (
                [node.path, node.layer.written, *self._cells(index)] for index, node in enumerate(self.shaped.nodes)
            )
        yield from tabulate.text(shown, rows, look, gap=2, least=_LEAST)
        if self.lossless:
            yield ""
            yield from wrapped(f"no gradient: {safe.line(self.lossless)}", look.width)

    def _title(self) -> str:
        examples = f"{self.batch:,} examples of {self.source}" if self.source else f"{self.batch:,} random examples"
        names = ", ".join(run.name for run in self.runs)
        said = "weights" if self.runs[0].start.weights else "init"
        return safe.line(f"{self.shaped.graph.title}, {said} {names}: {examples}, seed {self.seed}")

    def _heads(self) -> list[str]:
        if len(self.runs) > 1:
            return [run.name for run in self.runs]
        return ["signal", "of size", "dead", *["gradient"] * (not self.lossless)]

    def _cells(self, index: int) -> list[str]:
        run, *others = self.runs
        if others:
            return [self._number(one, index, "signal") for one in self.runs]
        one = run.readings.signals.get(index)
        dead = "" if one is None or not one.dead else "all" if one.dead == one.units else _share(one.dead / one.units)
        gradient = [_gradient(run.readings.pulls.get(index))] * (not self.lossless)
        return [self._number(run, index, "signal"), self._number(run, index, "relative"), dead, *gradient]

    def _leaving(self, nodes: range) -> list[str]:
        """The cells of a scope: what leaves it."""
        read = self.runs[0].readings.signals
        last = max((index for index in nodes if index in read), default=nodes.start)
        cells = self._cells(last)
        return cells if len(self.runs) > 1 else [*cells[:2], *[""] * len(cells[2:])]

    def _number(self, run: Run, index: int, name: str) -> str:
        one = run.readings.signals.get(index)
        return "" if one is None else _short(getattr(one, name))

    def draw(self, path: str | PathLike[str] | None = None, *, format: str = "svg", theme: str = "light") -> Picture:
        """Draw signals by depth and gradients beside them, and write it where a path is given, by its suffix.

        Raises ValueError for a format or theme that there is not, OSError where it cannot be written.
        """
        target = None if path is None else Path(path)
        suffix = format if target is None else target.suffix[1:].lower()
        if wrong := plot.unknown(suffix, theme):
            raise ValueError(wrong)
        made = picture.drawn(self.shaped, self.runs, suffix, THEMES[theme])
        if target is not None:
            files.replace(target, made)
        return made

    def _repr_svg_(self) -> str:
        """Its picture, for notebooks."""
        return self.draw().decode()

    def csv(self) -> Iterator[str]:
        """A line a layer under a heading, init by init."""
        rows = (
            [safe.csv_cell(run.name), *map(_cell, self._row(run, index).values())]
            for run in self.runs
            for index in range(len(self.shaped.nodes))
        )
        heads = self._row(self.runs[0], 0)
        return tabulate.csv(["init", *heads], rows)

    def markdown(self) -> Iterator[str]:
        """Every layer as a row of a Markdown table."""
        shown = [Column("path"), Column("layer"), *(Column(one, right=True) for one in self._heads())]
        rows = (
            [f"`{node.path}`", safe.code(node.layer.written), *self._cells(index)]
            for index, node in enumerate(self.shaped.nodes)
        )
        return tabulate.markdown(shown, rows)


def _short(number: float | None) -> str:
    """A number to two digits: `0.24`, `1.8e-07`."""
    if number is None:
        return ""
    return f"{number:.2g}" if not 100 <= number < 1e5 else f"{number:,.0f}"


def _share(part: float) -> str:
    return f"{part:.0%}" if part >= 0.01 else "<1%"


def _gradient(pull: Pull | None) -> str:
    """The gradient over the weight; weights of zero that have a gradient wake with the first step."""
    return "wakes" if pull and not pull.weight and pull.gradient else _short(pull and pull.ratio)


def _cell(value: object) -> object:
    return "" if value is None else safe.csv_cell(value) if isinstance(value, str) else value


def _finite(number: float | None) -> float | None:
    """A number, unless it is NaN or infinite, which JSON lacks."""
    return number if number is not None and abs(number) < float("inf") else None
