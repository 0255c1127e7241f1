"""`netdsl draw`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from netdsl import files
from netdsl.cli import common


@click.command("draw")
@click.argument("file")
@click.option("-o", "--output", metavar="OUT", help="The picture: .svg, .png, .pdf, .dot or .html. [default: FILE.svg]")
@click.option("--expand", is_flag=True, help="Draw every copy of a repeat, not one with its number.")
@click.option(
    "--direction",
    type=click.Choice(["TB", "LR"], case_sensitive=False),
    default="TB",
    show_default=True,
    help="From top to bottom, or from left to right.",
)
@common.overriding
def command(
    file: str,
    output: str | None,
    expand: bool,
    direction: Literal["TB", "LR"],
    sets: tuple[str, ...],
    inputs: tuple[str, ...],
    include: tuple[str, ...],
) -> None:
    """Draw a network: layers by their roles, shapes along the edges, blocks as frames, repeats once with their number.

    The format follows the suffix of OUT; without -o it is an svg, named like FILE, in the current folder.
    """
    from netdsl import draw

    target = Path(output or f"{common.locate(file).stem}.svg")
    format = target.suffix[1:].lower()
    if format not in draw.FORMATS:
        known = ", ".join(f".{one}" for one in draw.FORMATS)
        found = f"{target.suffix} is no format of a picture" if target.suffix else "its name has no suffix"
        raise common.UsageError(f"{target}: {found}", f"choose one of {known}")
    shaped = common.network(file, sets, inputs, include)
    try:
        picture = draw.draw(shaped, format, expand=expand, direction=direction)
        files.replace(target, picture)
    except draw.RenderError as error:
        raise common.UsageError(str(error)) from None
    except OSError as error:
        raise common.UsageError(f"{target}: {error.strerror or error}") from None
    click.echo(f"{target}: {shaped.graph.title}")
