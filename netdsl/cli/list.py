"""`netdsl list`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TypedDict

import click

from netdsl import resources
from netdsl.cli import common, stream
from netdsl.graph.build import Overrides
from netdsl.graph.node import ShapedGraph
from netdsl.measure import units
from netdsl.measure.summary import Summary
from netdsl.text import safe, tabulate
from netdsl.text.tabulate import Column, Strong

_GROUPS = ("course", "classic", "mobile", "attention", "segmentation", "signal and video")
"""What `meta group` calls kinds of networks, in the order of the list."""

_COLUMNS = (
    Column("name", fit="whole"),
    Column("title"),
    *(Column(head, right=True) for head in ("year", "params", "MACs", "depth")),
)


@click.command("list")
@common.formats("table", "json")
def command(form: str) -> None:
    """List the bundled networks by groups, with their parameters, MACs and year."""
    networks = rows()
    if form == "json":
        stream.data(safe.json_text(networks))
        return
    stream.page(lambda look: tabulate.framed(_COLUMNS, _cells(networks), look))


class Row(TypedDict):
    """A bundled network and its figures."""

    name: str
    title: str
    group: str
    year: str | int | float | None
    params: int
    macs: int
    depth: int


def rows() -> list[Row]:
    """The bundled networks, one group after the other."""
    loaded = [(path.stem, common.load(str(path), Overrides()).shaped) for path in resources.bundled()]
    found = [_row(name, shaped) for name, shaped in loaded if shaped is not None]
    return sorted(found, key=lambda row: _GROUPS.index(row["group"]) if row["group"] in _GROUPS else len(_GROUPS))


def _row(name: str, shaped: ShapedGraph) -> Row:
    sums, graph = Summary(shaped).totals, shaped.graph
    return {
        "name": name,
        "title": graph.title,
        "group": str(graph.meta.get("group", "others")),
        "year": graph.meta.get("year"),
        "params": sums.params,
        "macs": sums.macs,
        "depth": sums.depth,
    }


def _cells(networks: Sequence[Row]) -> Iterator[Sequence[str]]:
    """The rows of the table, a heading before each group."""
    for number, (group, some) in enumerate(groupby(networks, itemgetter("group"))):
        if number:
            yield [""] * len(_COLUMNS)
        yield [Strong(group), *[""] * (len(_COLUMNS) - 1)]
        for row in some:
            figures = units.short(row["params"]), units.short(row["macs"]), str(row["depth"])
            yield [f"  {row['name']}", row["title"], str(row["year"] or ""), *figures]
