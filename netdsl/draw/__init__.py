"""Pictures of networks: `dot` gives Graphviz's text, `draw` a finished picture."""

from __future__ import annotations

from netdsl.draw import digraph, page
from netdsl.draw.digraph import Direction
from netdsl.draw.fold import fold
from netdsl.draw.render import FORMATS as RENDERED
from netdsl.draw.render import RenderError, render
from netdsl.graph.node import ShapedGraph

FORMATS = (*RENDERED, "html")

MOST_BOXES = 2000
"""Beyond this Graphviz takes minutes, and nobody can read what it draws."""


def dot(shaped: ShapedGraph, *, expand: bool = False, direction: Direction = "TB") -> str:
    """A network as DOT text, from top to bottom ("TB") or from left to right ("LR").

    A repeat is drawn once, with the number of its copies; with `expand`, all of them are.
    """
    return digraph.dot(fold(shaped, expand=expand), direction)


def draw(
    shaped: ShapedGraph, format: str, *, expand: bool = False, direction: Direction = "TB", dpi: int = 144
) -> bytes:
    """A network as a picture: svg, png, pdf, dot or html, as the bytes of a file.

    Raises render.RenderError where the picture cannot be made.
    """
    if format not in FORMATS:
        raise RenderError(f"there is no format {format!r}: choose one of {', '.join(FORMATS)}")
    drawing = fold(shaped, expand=expand)
    boxes = sum(1 for _ in drawing.boxes)
    if format != "dot" and boxes > MOST_BOXES:
        way = "draw it with repeats folded" if expand else "write what repeats as a repeat (x10), which is drawn once"
        raise RenderError(f"a picture of {boxes:,} boxes is too large to lay out: {way}, or write a .dot file")
    text = digraph.dot(drawing, direction)
    if format == "html":
        return page.page(shaped.graph.title, render(text, "svg"))
    return render(text, format, dpi=dpi)
