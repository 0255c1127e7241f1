"""The flow of a network: its layers as boxes, blocks as frames around them, edges with their shapes, laid out by
Graphviz."""

from __future__ import annotations

from netdsl.draw.drawing import Drawing
from netdsl.draw.flow import clear, coarse, digraph
from netdsl.draw.flow.digraph import Direction
from netdsl.draw.fold import fold
from netdsl.draw.palette import LIGHT, Theme
from netdsl.draw.render import render
from netdsl.graph.node import ShapedGraph


def dot(
    shaped: ShapedGraph,
    *,
    expand: bool = False,
    depth: int | None = None,
    direction: Direction = "TB",
    theme: Theme = LIGHT,
) -> str:
    """A network as DOT text, from top to bottom ("TB") or from left to right ("LR").

    A repeat is drawn once, with the number of its copies; with `expand`, all of them are. Blocks are frames so many
    deep as `depth` says, and those in them one box each.
    """
    return digraph.dot(fold(shaped, expand=expand, depth=depth), direction, theme)


def picture(shaped: ShapedGraph, *, expand: bool, depth: int | None, direction: Direction, theme: Theme) -> bytes:
    """The picture of a network as an SVG, as dot() has it; coarser, which is told, where that is too much to lay out.

    Raises RenderError.
    """
    return svg(coarse.folded(shaped, expand=expand, depth=depth), direction, theme)


def svg(drawing: Drawing, direction: Direction, theme: Theme) -> bytes:
    """A drawing laid out by Graphviz, lines and words set right. Raises RenderError."""
    return clear.cleared(render(digraph.dot(coarse.thinned(drawing), direction, theme)))
