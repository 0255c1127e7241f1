"""Folding what scales channels into the products beside it."""

from __future__ import annotations

from dataclasses import replace

from netdsl.graph.node import ShapedGraph
from netdsl.layers.base import Product
from netdsl.layers.norm import Scale
from netdsl.layers.shape import Shape
from netdsl.optimize.draft import Draft
from netdsl.optimize.fused import Fused, product, scaling


def fold(shaped: ShapedGraph) -> ShapedGraph:
    """BN, SCALE, NORMALIZE, TIMES and PLUS become part of the weights of a convolution or an FC before or behind them.

    With a factor f and an offset o for each channel, f·(W·x + b) + o = (f·W)·x + (f·b + o) (Jacob 2018, section 3.2),
    and W·(f·x + o) + b = (W·f)·x + (W·o + b); the latter where no output reads a padding's zeros, which get no offset.
    Several in a row become one. A product that others read too, or whose weights are shared, stays as it is.
    """
    draft = Draft(shaped)
    for number in draft.order:
        node = draft.nodes[number]
        if len(node.inputs) != 1 or not draft.alone(node.inputs[0], number):
            continue
        (source,) = node.inputs
        before = draft.nodes[source]
        if (joint := _behind(draft, source, number)) is not None:
            draft.absorb(source, number, replace(before, layer=joint))
        elif (joint := _before(draft, source, number)) is not None:
            draft.absorb(source, number, replace(node, layer=joint, inputs=before.inputs))
    return draft.graph()


def _behind(draft: Draft, source: int, number: int) -> Fused | None:
    """What a node that scales makes of the product, or the scaling, that it follows."""
    scale = scaling(draft.nodes[number], *draft.input_shapes(number))
    made = _open(draft, source) or scaling(draft.nodes[source], *draft.input_shapes(source))
    return None if scale is None or made is None else _joined(made, scale, made)


def _before(draft: Draft, source: int, number: int) -> Fused | None:
    """What a product makes of a node that scales, right before it."""
    scale = scaling(draft.nodes[source], *draft.input_shapes(source))
    made = _open(draft, number)
    if scale is None or made is None:
        return None
    return None if _offset(scale) and _pads(made, *draft.input_shapes(number)) else _joined(scale, made, made)


def _open(draft: Draft, number: int) -> Fused | None:
    """The product of a node, where its weights are its own and nothing but scaling has joined it yet."""
    made = product(draft.nodes[number], *draft.input_shapes(number))
    return made if made and made.bare and len(made.chains) == 1 and not draft.shared(number) else None


def _joined(first: Fused, second: Fused, base: Fused) -> Fused:
    chain = first.chains[0] + second.chains[0]
    offset = _offset(first) or _offset(second)
    layer = Scale(bias=offset) if base.scales else Product(base.base).of(bias=offset)
    assert layer is not None
    return Fused(layer, (chain,))


def _offset(layer: Fused) -> bool:
    """Whether it adds something to each channel."""
    (chain,) = layer.chains
    return any(weight.name == "bias" for weight in layer.weights(*chain[0].inputs))


def _pads(layer: Fused, x: Shape) -> bool:
    """Whether some outputs read zeros around or between the values of a map."""
    windows = layer.base.windows(x)
    around = windows != "all" and any(window.before or window.after for window in windows)
    return around or any(factor != 1 for factor in layer.base.enlargement(x))
