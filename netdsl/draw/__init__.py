"""Pictures of networks, in several styles: `dot` gives Graphviz's text, `draw` a finished picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from netdsl.draw import page
from netdsl.draw.flow import digraph, dot
from netdsl.draw.flow.digraph import Direction
from netdsl.draw.fold import fold
from netdsl.draw.render import FORMATS as RENDERED
from netdsl.draw.render import RenderError, render
from netdsl.graph.node import ShapedGraph

__all__ = ["FORMATS", "MOST_BOXES", "STYLES", "Direction", "RenderError", "Style", "dot", "draw"]

FORMATS = (*RENDERED, "html")

Style: TypeAlias = Literal["flow"]

STYLES: tuple[Style, ...] = ("flow",)

MOST_BOXES = 2000
"""Beyond this Graphviz takes minutes, and nobody can read what it draws."""


def draw(
    networks: ShapedGraph | Sequence[ShapedGraph],
    format: str,
    *,
    style: Style = "flow",
    expand: bool = False,
    direction: Direction = "TB",
    dpi: int = 144,
) -> bytes:
    """A network as a picture: svg, png, pdf, dot or html, as the bytes of a file.

    Raises render.RenderError where the picture cannot be made.
    """
    if format not in FORMATS:
        raise RenderError(f"there is no format {format!r}: choose one of {', '.join(FORMATS)}")
    shown = (networks,) if isinstance(networks, ShapedGraph) else tuple(networks)
    if len(shown) != 1:
        raise RenderError(f"the style {style} shows one network, not {len(shown)}")
    return _flow(shown[0], format, expand, direction, dpi)


def _flow(shaped: ShapedGraph, format: str, expand: bool, direction: Direction, dpi: int) -> bytes:
    drawing = fold(shaped, expand=expand)
    boxes = sum(1 for _ in drawing.boxes)
    if format != "dot" and boxes > MOST_BOXES:
        way = "draw it with repeats folded" if expand else "write what repeats as a repeat (x10), which is drawn once"
        raise RenderError(f"a picture of {boxes:,} boxes is too large to lay out: {way}, or write a .dot file")
    text = digraph.dot(drawing, direction)
    if format == "html":
        return page.page(shaped.graph.title, render(text, "svg"))
    return render(text, format, dpi=dpi)
