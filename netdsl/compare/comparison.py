"""Networks side by side, as data: sorted, in ratios, as JSON or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl import files
from netdsl.compare.entry import Entry, entries
from netdsl.graph.node import ShapedGraph
from netdsl.text import safe
from netdsl.text.shown import Page

if TYPE_CHECKING:
    from netdsl.compare.chart import Kind
    from netdsl.draw.picture import Picture

KEYS = tuple(Entry.__dataclass_fields__)
"""The names of what is compared, in JSON and CSV."""

NUMBERS = ("top5_error", "depth", "params", "macs", "flops", "activation_bytes", "weight_bytes")
"""Those that have a ratio."""


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
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow((*KEYS, *(f"relative_{key}" for key in NUMBERS if relative)))
        for one in self.entries:
            ratios = self.ratios(one).values() if relative else ()
            cells = [getattr(one, key) for key in KEYS]
            writer.writerow([*(safe.csv_cell(cell) if isinstance(cell, str) else cell for cell in cells), *ratios])
        return text.getvalue()

    def chart(
        self,
        path: str | PathLike[str] | None = None,
        *,
        kind: Kind = "cost",
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
        from netdsl.compare import table

        return table.text(self)


def _order(value: str | int | float) -> tuple[bool, str | int | float]:
    """Numbers before words, and words without regard to case."""
    return (True, value.casefold()) if isinstance(value, str) else (False, value)


def _ratio(value: float | None, reference: float | None) -> float | None:
    if value is None or reference is None:
        return None
    if reference == 0:
        return 1.0 if value == 0 else None
    return value / reference
