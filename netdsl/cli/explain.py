"""`netdsl explain`."""

from __future__ import annotations

import sys

import click

from netdsl.cli import common, stream
from netdsl.explain import UnknownPath, explain


@click.command("explain")
@click.argument("file")
@click.argument("path", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
)
@common.overriding
def command(
    file: str,
    path: str | None,
    form: str,
    sets: tuple[str, ...],
    inputs: tuple[str, ...],
    include: tuple[str, ...],
) -> None:
    """Explain a network, or the layer or block at PATH, with its numbers put in.

    What size is its output, how many parameters, how much work and memory, what it sees of the image, and why it is
    as it is: why a 1x1, what three 3x3 save over one 7x7.
    """
    shaped = common.network(file, sets, inputs, include)
    try:
        told = explain(shaped, path)
    except UnknownPath as error:
        raise common.UsageError(str(error), error.help) from None
    match form:
        case "json":
            stream.out(told.json())
        case "markdown":
            stream.out(told.markdown())
        case _:
            colour = stream.colours(sys.stdout)
            stream.out(told.text(colour=colour), styled=colour)
