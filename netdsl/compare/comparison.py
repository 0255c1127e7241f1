"""Networks side by side: sorted, in ratios, as a table for the terminal, as Markdown, JSON and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdsl import files
from netdsl.compare.entry import Entry, entries
from netdsl.graph.node import ShapedGraph
from netdsl.measure import units
from netdsl.text import safe, tabulate
from netdsl.text.fit import clipped
from netdsl.text.shown import Page
from netdsl.text.tabulate import PLAIN, Column, Look, Strong

if TYPE_CHECKING:
    from netdsl.compare.chart import ChartKind
    from netdsl.draw.picture import Picture

KEYS = tuple(Entry.__dataclass_fields__)
"""The names of what is compared, in JSON and CSV."""

NUMBERS = ("top5_error", "depth", "params", "macs", "flops", "activation_bytes", "weight_bytes")
"""Those that have a ratio."""

_LEAST = 20  # columns that a name needs at least, if it has as many
_LONGEST = 60  # characters of a name
_GAP = 2


@dataclass(frozen=True, slots=True)
class _Figure:
    """A column of the table: what it shows, and how, in short and exactly."""

    heading: str
    key: str
    short: Callable[[Any], str]
    exact: Callable[[Any], str]
    ratio: bool = True
    """Whether it may show ratios."""
    cost: bool = True
    """Whether the least is the best."""


_FIGURES = (
    _Figure("year", "year", str, str, ratio=False, cost=False),
    _Figure("top-5 error", "top5_error", "{:.3g}%".format, "{:.12g}%".format),
    _Figure("depth", "depth", str, str, cost=False),
    _Figure("params", "params", units.short, "{:,}".format),
    _Figure("MACs", "macs", units.short, "{:,}".format),
    _Figure("activations", "activation_bytes", units.size, "{:,} B".format),
    _Figure("weights", "weight_bytes", units.size, "{:,} B".format),
)


@dataclass(frozen=True, repr=False)
class Comparison(Page):
    """Networks side by side. `reference` is the one that ratios are taken to: the first that was given."""

    entries: tuple[Entry, ...]
    reference: Entry

    @classmethod
    def of(cls, networks: Iterable[ShapedGraph]) -> Comparison:
        """The comparison of one network or more."""
        found = entries(networks)
        return cls(found, found[0])

    def sorted(self, key: str, *, descending: bool = False) -> Comparison:
        """The same, in the order of one of KEYS; what has no value for it comes last. Raises ValueError."""
        if key not in KEYS:
            raise ValueError(f"key is one of {', '.join(KEYS)}, not {key!r}")
        known = [one for one in self.entries if getattr(one, key) is not None]
        unknown = [one for one in self.entries if getattr(one, key) is None]
        known.sort(key=lambda one: _order(getattr(one, key)), reverse=descending)
        return Comparison((*known, *unknown), self.reference)

    def ratios(self, entry: Entry) -> Mapping[str, float | None]:
        """An entry's numbers in units of the reference's; None where one has none, or the reference's is 0."""
        return {key: _ratio(getattr(entry, key), getattr(self.reference, key)) for key in NUMBERS}

    def data(self, *, relative: bool = False) -> list[dict[str, object]]:
        """An object for each network, with all of KEYS; where asked, the ratios too."""
        rows = [asdict(one) for one in self.entries]
        if relative:
            for row, one in zip(rows, self.entries, strict=True):
                row["relative"] = self.ratios(one)
        return rows

    def json(self, *, relative: bool = False) -> str:
        """The data as JSON."""
        return safe.json_text(self.data(relative=relative))

    def csv(self, *, relative: bool = False) -> str:
        """A line a network under a heading; ratios are further columns."""
        heads = (*KEYS, *(f"relative_{key}" for key in NUMBERS if relative))
        rows: list[list[object]] = []
        for one in self.entries:
            cells = [getattr(one, key) for key in KEYS]
            safely = [safe.csv_cell(cell) if isinstance(cell, str) else cell for cell in cells]
            rows.append([*safely, *(self.ratios(one).values() if relative else ())])
        return "".join(f"{line}\n" for line in tabulate.csv(heads, rows))

    def text(self, *, exact: bool = False, relative: bool = False, look: Look = PLAIN) -> str:
        """The table, or several below each other where its columns do not fit side by side.

        With `relative` all rows but the reference's show ratios to it. In colour, the least of each cost is bold.
        """
        names = [clipped(safe.line(one.name), _LONGEST) for one in self.entries]
        table = {one: [self._cell(one, entry, exact, relative) for entry in self.entries] for one in self._figures}
        room = look.width - min(_LEAST, max(map(len, (*names, "network"))))
        parts: list[str] = []
        for figures in _groups(table, room):
            heads = ["\n".join(one.heading.split()) for one in figures]
            columns = [Column("network"), *[Column(head, right=True, fit="whole") for head in heads]]
            rows = zip(names, *map(table.__getitem__, figures), strict=True)
            parts.append("\n".join(tabulate.text(columns, rows, look)))
        return "\n\n".join(parts)

    def markdown(self, *, exact: bool = False, relative: bool = False) -> str:
        """The table in Markdown."""
        figures = self._figures
        cells = [[self._cell(one, entry, exact, relative) for one in figures] for entry in self.entries]
        rows = [[safe.markdown(entry.name), *row] for entry, row in zip(self.entries, cells, strict=True)]
        return "\n".join(
            tabulate.markdown([Column("network"), *[Column(one.heading, right=True) for one in figures]], rows)
        )

    @property
    def _figures(self) -> list[_Figure]:
        """The columns for which any network has a value."""
        return [one for one in _FIGURES if any(getattr(entry, one.key) is not None for entry in self.entries)]

    def _cell(self, figure: _Figure, entry: Entry, exact: bool, relative: bool) -> str:
        """A figure of a network; strong where it costs the least, among networks that do not all cost the same."""
        value = getattr(entry, figure.key)
        if value is None:
            return "–"
        if relative and figure.ratio and entry is not self.reference:
            ratio = self.ratios(entry)[figure.key]
            cell = "–" if ratio is None else _times(ratio)
        else:
            cell = (figure.exact if exact else figure.short)(value)
        values = {getattr(other, figure.key) for other in self.entries} - {None}
        return Strong(cell) if figure.cost and len(values) > 1 and value == min(values) else cell

    def chart(
        self,
        path: str | PathLike[str] | None = None,
        *,
        kind: ChartKind = "cost",
        format: str = "svg",
        theme: str = "light",
    ) -> Picture:
        """Draw a chart, and write it where a path is given; its suffix is then the format.

        netdsl.compare.chart.draw says what there is. Raises ChartError where it cannot be drawn, OSError where it
        cannot be written.
        """
        from netdsl.compare import chart

        target = None if path is None else Path(path)
        drawn = chart.draw(self.entries, kind, format if target is None else target.suffix[1:].lower(), theme)
        if target is not None:
            files.replace(target, drawn.data)
        return drawn.data

    def __str__(self) -> str:
        return self.text()


def _order(value: str | int | float) -> tuple[bool, str | int | float]:
    """Numbers before words, and words without regard to case."""
    return (True, value.casefold()) if isinstance(value, str) else (False, value)


def _ratio(value: float | None, reference: float | None) -> float | None:
    if value is None or reference is None:
        return None
    if reference == 0:
        return 1.0 if value == 0 else None
    return value / reference


def _times(ratio: float) -> str:
    """A ratio to three digits: `×2.22`, `×47.5K`, or below a hundredth `÷1.04K`."""
    if ratio >= 999.5:
        return f"×{units.short(round(ratio))}"
    if 0 < ratio < 0.01:
        return f"÷{units.short(round(1 / ratio))}"
    return f"×{ratio:.3g}"


def _groups(table: Mapping[_Figure, Iterable[str]], room: int) -> list[list[_Figure]]:
    """The columns of each table: as many as fit beside the names, and no column alone."""
    groups: list[list[_Figure]] = [[]]
    left = room
    for figure, cells in table.items():
        wide = _GAP + max(map(len, (*figure.heading.split(), *cells)))
        if wide > left and groups[-1]:
            groups.append([])
            left = room
        groups[-1].append(figure)
        left -= wide
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-1].insert(0, groups[-2].pop())
    return groups
