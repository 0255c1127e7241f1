"""`netdsl draw`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from netdsl.cli import common, stream


@click.command("draw")
@click.argument("names", metavar="FILE...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", help="The picture: .svg, .png, .pdf, .dot or .html. [default: FILE.svg]")
@click.option(
    "--style",
    type=click.Choice(["flow", "columns", "volumes"], case_sensitive=False),
    default="flow",
    show_default=True,
    help="What to show of it.",
)
@click.option(
    "--depth", type=click.IntRange(min=0), help="flow: frame blocks so many deep; deeper ones are a box each."
)
@click.option("--expand", is_flag=True, help="flow: draw every copy of a repeat, not one with its number.")
@click.option(
    "--direction",
    type=click.Choice(["TB", "LR"], case_sensitive=False),
    help="flow: from top to bottom, or from left to right. [default: tb]",
)
@click.option(
    "--theme",
    type=click.Choice(["light", "dark"], case_sensitive=False),
    default="light",
    show_default=True,
    help="The colours, for light or for dark paper.",
)
@common.overriding
def command(
    names: tuple[str, ...],
    output: str | None,
    style: Literal["flow", "columns", "volumes"],
    depth: int | None,
    expand: bool,
    direction: Literal["TB", "LR"] | None,
    theme: str,
    asked: common.Options,
) -> None:
    """Draw a network: layers by their roles, shapes along the edges, blocks as frames, repeats once with their number.

    That is the style flow. The style columns sets networks side by side, volumes shows feature maps to scale.

    The format follows the suffix of OUT; without -o it is an svg, named like FILE, in the current folder.
    """
    from netdsl import draw

    networks = [common.network(name, asked) for name in names]
    target = Path(output or f"{'-'.join(common.stem(name) for name in names)}.svg")
    format = common.format_of(target, draw.FORMATS, "a picture")
    try:
        with common.telling():
            picture = draw.draw(
                networks, format, style=style, expand=expand, depth=depth, direction=direction, theme=theme
            )
    except draw.RenderError as error:
        raise common.UsageError(str(error)) from None
    common.write(target, picture)
    stream.line(f"{target}: {', '.join(shaped.graph.title for shaped in networks)}")
