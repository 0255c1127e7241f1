"""`netdsl list`."""

from __future__ import annotations

import click

from netdsl import resources
from netdsl.cli import common, stream
from netdsl.graph.build import Overrides
from netdsl.measure.summary import Summary
from netdsl.text import safe, tabulate
from netdsl.text.tabulate import Column

_COLUMNS = (
    Column("name"),
    Column("title"),
    *(Column(head, right=True) for head in ("year", "params", "MACs", "depth")),
)


@click.command("list")
@common.formats("table", "json")
def command(form: str) -> None:
    """List the bundled networks, with their parameters, MACs and year."""
    rows: list[dict[str, object]] = []
    for path in resources.bundled():
        loaded = common.load(str(path), Overrides())
        if loaded.shaped is None:
            continue
        sums, graph = Summary(loaded.shaped).totals, loaded.shaped.graph
        row = {"name": path.stem, "title": graph.title, "year": graph.meta.get("year")}
        rows.append({**row, "params": sums.params, "macs": sums.macs, "depth": sums.depth})
    if form == "json":
        stream.data(safe.json_text(rows))
        return
    cells = [
        (str(name), str(title), str(year or ""), f"{params:,}", f"{macs:,}", str(depth))
        for name, title, year, params, macs, depth in map(list, (row.values() for row in rows))
    ]
    stream.page(lambda look: tabulate.framed(_COLUMNS, cells, look))
