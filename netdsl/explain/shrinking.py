"""Why pooling, why over the whole map (Lin, Chen, Yan 2014, section 3.2), and why a fully connected layer is a
convolution (LeCun)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from netdsl.explain.view import View, percent
from netdsl.layers.answer import Answer, Equation, Line
from netdsl.layers.arguments import LayerError, show
from netdsl.layers.formula import product
from netdsl.layers.shape import Shape
from netdsl.layers.workings import Workings


def answers(view: View, focus: frozenset[int]) -> Iterator[Answer]:
    """Of poolings, global poolings, and fully connected layers; of one of each where there are several."""
    poolings = [index for index in sorted(focus) if view.layer(index).role == "pooling"]
    whole = [index for index in poolings if view.shape(index).positions == 1 < view.taken(index).positions]
    if sliding := [
        one for one in poolings if one not in whole and view.shape(one).positions < view.taken(one).positions
    ]:
        yield from _pooling(view, sliding)
    if whole:
        yield _whole(view, whole[-1])
    dense = [index for index in sorted(focus) if _dense(view, index)]
    if dense:
        yield _convolution(view, max(dense, key=lambda index: view.costs[index].params))


def _dense(view: View, index: int) -> bool:
    """Whether a layer is fully connected: a convolution over the whole map, or over a vector."""
    if view.layer(index).role != "dense" or not view.costs[index].macs:
        return False
    return view.taken(index).rank == 0 or view.layer(index).algebra(view.taken(index)).windowed is not None


def _pooling(view: View, found: list[int]) -> Iterator[Answer]:
    """What the convolution behind a pooling would cost without it: of several, where it would cost most."""
    told = [(index, reader, bare) for index in found for reader, bare in _unpooled(view, index)]
    if not told:
        return
    index, reader, bare = max(told, key=lambda one: view.layer(one[1]).macs(one[2]))
    sizes = [show(shape.spatial) for shape in (view.taken(index), view.shape(index))]
    layer = view.layer(reader)
    without, behind = (Workings(layer, [x]).macs for x in (bare, view.taken(reader)))
    lines = (
        f"{view.path(index)} shrinks {sizes[0]} to {sizes[1]}, with no parameter; "
        f"{view.path(reader)} behind it then works at fewer positions:",
        Equation("without", without, "MACs"),
        Equation("with", behind, "MACs"),
        "And what follows sees more of the image: each step on the smaller map is a larger one on the input.",
    )
    yield Answer("Why pooling?", lines)


def _unpooled(view: View, index: int) -> Iterator[tuple[int, Shape]]:
    """The convolutions that read a pooling, each with the shape that it would read on the map before it."""
    for reader in view.reads(index):
        bare = Shape(view.taken(index).spatial, view.taken(reader).channels)
        if view.layer(reader).role == "convolution":
            with suppress(LayerError):
                view.layer(reader).shape(bare)
                yield reader, bare


def _whole(view: View, index: int) -> Answer:
    """What a fully connected layer over the map would have, where its mean or maximum stands for it."""
    x = view.taken(index)
    reader = view.follows(index)
    map_ = show(x.spatial)
    if reader is not None and _dense(view, reader):
        units = view.shape(reader).channels
        lines: tuple[Line, ...] = (
            f"{view.path(reader)} then reads {x.channels:,} numbers, one for each channel, and not a map of {map_}:",
            Equation("over the map", product([*x.dims, units]), "weights"),
            Equation("here", product([x.channels, units]), "weights", f"{percent(1, x.positions)} of them"),
        )
    else:
        lines = (
            f"It makes one number of each of {x.channels:,} maps, with nothing to learn. A fully connected layer from "
            f"{x} to as many would have",
            Equation("", product([*x.dims, x.channels]), "weights"),
        )
    tail = f"And it takes a map of any size: the network then takes larger {'images' if x.rank == 2 else 'inputs'}."
    return Answer("Why pool the whole map?", (*lines, tail))


def _convolution(view: View, index: int) -> Answer:
    """A fully connected layer as a convolution whose window is the whole map, or 1x1."""
    x, layer, image = view.taken(index), view.layer(index), view.image(index)
    conv, path = layer.algebra(x).windowed, view.path(index)
    if conv is not None:
        lines: list[Line] = [f"{path} is one whose window is the whole map of {show(x.spatial)}: {conv.written}."]
    else:
        units = f"{view.shape(index).channels}"
        lines = [f"{path} is a 1x1 one over a map of one position: CONV {units} 1x1."]
    if (own := Workings(layer, [x]).params) is not None:
        lines.append(Equation("", own, "parameters", "the same, in the same order"))
    if image is not None and image.rank == 2:
        lines.append("Written so, the network takes larger images, and gives a map of scores.")
    return Answer("Is a fully connected layer a convolution?", tuple(lines))
