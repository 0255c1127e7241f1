"""Inputs whose channels seem to stand first, or to be left out: the slips of those who come from PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.graph.node import Node
from netdsl.layers.arguments import show
from netdsl.layers.base import Layer
from netdsl.layers.conv import Conv, DepthwiseConv
from netdsl.layers.pool import Pooling
from netdsl.layers.shape import Shape
from netdsl.layers.source import Input
from netdsl.text.advice import perhaps
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.finding import Related
from netdsl.text.mistake import Mistake

_SIDE = 8
"""The least side of what is taken for an image."""


class ChannelsFirst(Mistake, code="channels-first", example="INPUT 3x32x32 -> CONV 16 3 p1"):
    dims: str
    sizes: str
    channels: int
    hint: str
    words = "INPUT {dims} has {sizes} positions of {channels} channels each"


def warn(nodes: Sequence[Node], shapes: Sequence[Shape | None], report: Report) -> None:
    """Warn of each such input that a window slides over, unless that was an error of its own."""
    readers: dict[int, int] = {}
    failed: set[int] = set()
    for index, node in enumerate(nodes):
        if len(node.inputs) == 1 and _slides(node.layer):
            source = node.inputs[0]
            readers.setdefault(source, index)
            if shapes[index] is None:
                failed.add(source)
    for source, reader in readers.items():
        layer = nodes[source].layer
        if isinstance(layer, Input) and source not in failed and (help := fix(nodes[source])):
            report.add(_diagnostic(nodes[source], nodes[reader], layer, help))


def fix(node: Node) -> str:
    """How to write an input whose dims look like a slip, or ""."""
    layer, written = node.layer, node.site.arguments.get("dims")
    meant = _meant(layer.dims) if isinstance(layer, Input) else ()
    words = f"channels come last: write INPUT {show(meant)}" if meant else ""
    return perhaps(words, show(meant), written) if words and written else words


def _meant(dims: tuple[int, ...]) -> tuple[int, ...]:
    """The dims that were likely meant by 3x32x32 or 28x28: 32x32x3, 28x28x1; () where they may be right."""
    match dims:
        case (1 | 3 | 4 as channels, height, width) if min(height, width) >= _SIDE:
            return height, width, channels
        case (height, width) if height == width >= _SIDE:
            return height, width, 1
        case _:
            return ()


def _slides(layer: Layer) -> bool:
    return isinstance(layer, Conv | DepthwiseConv | Pooling)


def _diagnostic(node: Node, reader: Node, layer: Input, help: str) -> Diagnostic:
    *sizes, channels = layer.dims
    return Diagnostic(
        ChannelsFirst(show(layer.dims), show(tuple(sizes)), channels, help),
        node.site.arguments.get("dims", node.site.span),
        related=(Related(reader.site.span, f"reads {channels} channels"),),
        calls=tuple(node.calls or ()),
    )
