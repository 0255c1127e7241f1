"""`netdsl summary`."""

from __future__ import annotations

import click

from netdsl.cli import common
from netdsl.measure.summary import Summary


@click.command("summary")
@click.argument("file")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "markdown"]),
    default="table",
    show_default=True,
)
@common.overriding
def command(file: str, form: str, sets: tuple[str, ...], inputs: tuple[str, ...], include: tuple[str, ...]) -> None:
    """Tell what a network costs, layer by layer: shapes, parameters, MACs, FLOPs, memory, receptive field."""
    summary = Summary(common.network(file, sets, inputs, include))
    match form:
        case "json":
            click.echo(summary.json())
        case "csv":
            click.echo(summary.csv(), nl=False)
        case _:
            from netdsl.measure import table

            click.echo(table.markdown(summary) if form == "markdown" else table.text(summary))
