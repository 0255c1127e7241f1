"""`netdsl summary`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from netdsl.cli import common, stream
from netdsl.graph import collector
from netdsl.measure import summary_table
from netdsl.measure.costs import PRECISIONS
from netdsl.measure.summary import Summary
from netdsl.measure.summary_table import COLUMNS, USUAL, LayerColumn
from netdsl.text.suggest import did_you_mean


@click.command("summary")
@click.argument("file")
@common.formats("table", "json", "csv", "markdown", "slides")
@click.option(
    "--columns", metavar="NAME,…", help="Those of a table, csv or markdown, or `all`, as the last two have without it."
)
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Examples that run at once.")
@click.option(
    "--precision",
    type=click.Choice(list(PRECISIONS)),
    default="fp32",
    show_default=True,
    help="What numbers are stored in.",
)
@common.overriding
@collector.paused()
def command(
    file: str,
    form: str,
    columns: str | None,
    batch: int,
    precision: str,
    asked: common.Options,
) -> None:
    """Tell what a network costs, layer by layer: shapes, parameters, MACs, FLOPs, memory, receptive field."""
    if columns is not None and form in ("json", "slides"):
        raise common.UsageError(f"--columns goes with a table, csv or markdown, not with {form}", "leave it out")
    chosen = _columns(columns, USUAL if form == "table" else COLUMNS)
    summary = Summary(common.network(file, asked), batch, precision)
    match form:
        case "json":
            stream.lines(summary.json_lines(), stream.data)
        case "csv":
            stream.lines(summary_table.csv(summary, chosen))
        case "slides":
            from netdsl.measure import slides

            stream.out(slides.text(summary))
        case "markdown":
            stream.lines(summary_table.markdown(summary, chosen))
        case _:
            stream.page(lambda look: summary_table.text(summary, chosen, look))


def _columns(names: str | None, usual: Sequence[LayerColumn]) -> Sequence[LayerColumn]:
    """The columns asked for by names with commas between, or the usual ones. Raises UsageError."""
    if names is None:
        return usual
    known = {column.name: column for column in COLUMNS}
    found: list[LayerColumn] = []
    for name in [name.strip() for name in names.split(",")]:
        if name != "all" and name not in known:
            help = did_you_mean(name, known) or f"all, or some of {', '.join(known)}"
            raise common.UsageError(f"--columns {names}: there is no column {name or 'without a name'}", help)
        found += COLUMNS if name == "all" else [known[name]]
    return list(dict.fromkeys(found))
