"""`netdsl list`."""

from __future__ import annotations

import click

from netdsl import resources
from netdsl.cli import common, stream
from netdsl.graph.build import Overrides
from netdsl.measure.summary import Summary
from netdsl.text import safe


@click.command("list")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
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
    from netdsl.cli import tables

    stream.out(tables.networks(rows))
