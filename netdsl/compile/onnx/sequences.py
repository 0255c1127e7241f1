"""Layers of sequences in ONNX, with channels last, as their weights have them."""

from __future__ import annotations

from netdsl.compile.onnx.sheet import Value, Writer
from netdsl.layers.sequence import Pick, Positions, Token


def token(layer: Token, write: Writer, x: Value) -> Value:
    """The learned positions for each example of the batch, before the others."""
    last = write.last(x)
    examples = write("Shape", last, start=0, end=1)
    tokens = write("Expand", write.weight("weight"), write("Concat", examples, [layer.count, x.shape.channels], axis=0))
    return write.first(write("Concat", tokens, last, axis=1), 1)


def positions(layer: Positions, write: Writer, x: Value) -> Value:
    """A vector for each position, added."""
    return write.first(write("Add", write.last(x), write.weight("weight")), x.shape.rank)


def pick(layer: Pick, write: Writer, x: Value) -> Value:
    """A Gather of one position."""
    return write("Gather", write.last(x), layer.position, axis=1)
