"""Joining convolutions that read the same with the same window."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

from netdsl.graph.node import ShapedGraph
from netdsl.layers.channels import Slice
from netdsl.layers.merge import Concat
from netdsl.optimize.draft import Draft
from netdsl.optimize.fused import Fused, product


def siblings(shaped: ShapedGraph, *, mixed: bool = False) -> ShapedGraph:
    """Convolutions with one window over the same input, or FCs of it, become one that has the filters of all.

    What read one of them reads a SLICE of the channels, or the whole where one CONCAT takes all of them. Each filter
    computes what it did; the input is read once, and one wide matrix product is faster than narrow ones (Inception's
    three 1x1 convolutions). The activations are alike; with `mixed` others are joined too, such as a projection with
    the first convolution of its block, and their activations follow the SLICEs.
    """
    draft = Draft(shaped)
    for source in draft.order:
        groups: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
        for number in sorted(draft.readers[source], key=draft.places.__getitem__):
            if (made := _open(draft, number)) is None:
                continue
            linear = made.base.algebra(draft.shapes[source]).linear
            alike = linear and linear.of(bias=True, filters=1)
            if alike is not None:
                activation = None if mixed else made.activation
                node = draft.nodes[number]
                groups[alike.canonical, activation, node.device, node.training].append(number)
        for group in groups.values():
            if len(group) > 1:
                _join(draft, source, group)
    return draft.graph()


def _open(draft: Draft, number: int) -> Fused | None:
    """The product of a node that reads one input, has its own weights, and is no output."""
    node = draft.nodes[number]
    if len(node.inputs) != 1 or draft.returned(number) or draft.shared(number):
        return None
    return product(node, *draft.input_shapes(number))


def _join(draft: Draft, source: int, group: list[int]) -> None:
    concat = _concat(draft, group)
    if concat is not None:
        group = sorted(group, key=draft.nodes[concat].inputs.index)
    products = [made for made in (_open(draft, number) for number in group) if made]
    activations = {made.activation for made in products}
    (activation,) = activations if len(activations) == 1 else (None,)
    first, x = draft.nodes[group[0]], draft.shapes[source]
    filters = sum(draft.shapes[number].channels for number in group)
    biased = any(weight.name == "bias" for made in products for weight in made.weights(x))
    linear = products[0].base.algebra(x).linear
    base = linear and linear.of(bias=biased, filters=filters)
    assert base is not None
    layer = Fused(base, tuple([chain for made in products for chain in made.chains]), activation=activation)
    joined = draft.insert(min(group, key=draft.places.__getitem__), replace(first, layer=layer))
    if concat is not None and len(activations) == 1:
        _replace_run(draft, concat, group, joined)
        return
    start = 0
    for number, made in zip(group, products, strict=True):
        node, stop = draft.nodes[number], start + draft.shapes[number].channels
        part, start = Slice(start, stop), stop
        own = None if made.activation == activation else made.activation
        path = draft.free(f"{node.path}_{(own or part).keyword.lower()}") if number == group[0] else node.path
        if own is not None:
            cut = draft.free(f"{node.path}_slice")
            at = draft.insert(number, replace(node, path=cut, owner=cut, layer=part, inputs=(joined,)))
            draft.put(number, replace(node, path=path, owner=path, layer=own, inputs=(at,)))
        else:
            draft.put(number, replace(node, path=path, owner=path, layer=part, inputs=(joined,)))


def _concat(draft: Draft, group: list[int]) -> int | None:
    """The CONCAT that takes all of a group one after the other, where nothing else reads them."""
    readers = {reader for number in group for reader in draft.readers[number]}
    if len(readers) != 1:
        return None
    (concat,) = readers
    node = draft.nodes[concat]
    if not isinstance(node.layer, Concat) or not all(draft.alone(number, concat) for number in group):
        return None
    places = sorted(map(node.inputs.index, group))
    return concat if all(b - a == 1 for a, b in pairwise(places)) else None


def _replace_run(draft: Draft, concat: int, group: list[int], joined: int) -> None:
    """Let a CONCAT take the joined one in place of a group, or go where that is all it takes."""
    node = draft.nodes[concat]
    inputs = [joined if one == group[0] else one for one in node.inputs if one not in group[1:]]
    draft.put(concat, replace(node, inputs=tuple(inputs)))
    for number in group:
        draft.drop(number)
    if len(inputs) == 1:
        draft.bypass(concat, joined)
