"""Pictures of networks, in several styles: `dot` gives Graphviz's text, `draw` a finished picture."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Literal, TypeAlias

from netdsl.draw import flow, palette
from netdsl.draw.flow import dot
from netdsl.draw.flow.digraph import Direction
from netdsl.draw.notice import PictureWarning
from netdsl.draw.picture import Picture
from netdsl.draw.render import RenderError, painted
from netdsl.graph.node import ShapedGraph

__all__ = ["FORMATS", "STYLES", "Direction", "Picture", "PictureWarning", "RenderError", "Style", "dot", "draw"]

FORMATS = ("svg", "png", "pdf", "dot", "html")

Style: TypeAlias = Literal["flow", "columns", "volumes"]

STYLES: tuple[Style, ...] = ("flow", "columns", "volumes")

EVERY_BLOCK = 10**6
"""Deeper than blocks can be."""


def draw(
    networks: ShapedGraph | Sequence[ShapedGraph],
    format: str,
    *,
    style: Style = "flow",
    expand: bool = False,
    depth: int | None = None,
    direction: Direction | None = None,
    theme: str = "light",
    dpi: int = 144,
) -> Picture:
    """A network as a picture: svg, png, pdf, dot or html, as the bytes of a file. Only columns show several networks.

    `expand`, `depth` and `direction` ("TB" or "LR") are for the style flow, as in dot(). The theme is light or dark.
    Raises render.RenderError where the picture cannot be made, or the style does not take what it is asked; warns by
    PictureWarning of what it does not show, or where it was made otherwise than asked.
    """
    _ask(format, style, theme, expand=expand, depth=depth, direction=direction)
    shown = [networks] if isinstance(networks, ShapedGraph) else list(networks)
    if len(shown) != 1 and (style != "columns" or not shown):
        raise RenderError(f"the style {style} shows one network, not {len(shown)}: set several side by side as columns")
    colours = palette.THEMES[theme]
    match style:
        case "flow" if format == "html":
            from netdsl.draw import interactive

            opened = EVERY_BLOCK if expand else depth
            return Picture(interactive.page(shown[0], colours, direction=direction or "TB", depth=opened))
        case "flow":
            if format == "dot":
                text = dot(shown[0], expand=expand, depth=depth, direction=direction or "TB", theme=colours)
                return Picture(text.encode())
            picture = flow.picture(shown[0], expand=expand, depth=depth, direction=direction or "TB", theme=colours)
        case "columns":
            from netdsl.draw import columns

            picture = columns.svg(shown, colours)
        case "volumes":
            from netdsl.draw import volumes

            picture = volumes.svg(shown[0], colours)
    if format == "html":
        from netdsl.draw import page

        return Picture(page.page(" · ".join(one.graph.title for one in shown), picture, colours))
    return Picture(painted(picture, format, dpi=dpi))


def _ask(format: str, style: str, theme: str, **options: object) -> None:
    """Raise RenderError for what there is not, or not in this style."""
    for named, one, known in (("format", format, FORMATS), ("style", style, STYLES), ("theme", theme, palette.THEMES)):
        if one not in known:
            raise RenderError(f"there is no {named} {one!r}: choose one of {', '.join(known)}")
    if (depth := options["depth"]) is not None and (not isinstance(depth, Integral) or depth < 0):
        raise RenderError(f"depth is a whole number from 0, not {depth!r}")
    if options["direction"] not in (None, "TB", "LR"):
        raise RenderError(f"there is no direction {options['direction']!r}: choose TB or LR")
    if style == "flow":
        return
    if format == "dot":
        raise RenderError(f"the style {style} is no graph, and has no DOT text: choose svg, png, pdf or html")
    given = [name for name, value in options.items() if value not in (None, False)]
    if given:
        raise RenderError(f"the style {style} takes no {given[0]}: that is for the style flow")
