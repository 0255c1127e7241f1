"""[local] of Darknet, a convolution with weights of its own at each place."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from netdsl.interchange import mistakes
from netdsl.interchange.darknet.work import Work
from netdsl.interchange.gathering import Fault, make, shape_of
from netdsl.layers.arguments import once

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_CELLS = 121
"""Cells of a window, each of which is a part of the map: 11x11."""


def local(work: Work) -> str:
    """[local]: the windows of all places side by side as channels, and a group of filters for each."""
    section, dims = work.section, work.map
    filters, size, stride = (section.whole(key, 1, 1) for key in ("filters", "size", "stride"))
    pad = section.whole("pad", 0)
    if size * size > MOST_CELLS:
        raise Fault(mistakes.TooMuch("cells of a window", size * size, MOST_CELLS), section.at("size"))
    if pad and (pad, size) != (1, 3):
        raise Fault(mistakes.Unsaid("pad", "Darknet pads by one place alone, and counts places as for size / 2"))
    maps = tuple([(x - (1 if pad else size)) // stride + 1 for x in dims[1:]])
    if min(maps) < 1:
        raise Fault(mistakes.Unlike("size", f"{size} is larger than the map, {shape_of(dims)}"), section.at("size"))
    places, window = prod(maps), dims[0] * size * size
    inputs = work.before
    if pad:
        inputs = work.give(make("PAD", before=1), (dims[0], *(x + 2 for x in dims[1:])), "pad")
    cells = [_cell(work, inputs, (row, column), maps, stride) for row in range(size) for column in range(size)]
    item = cells[0]
    if size > 1:
        item = work.give(make("CONCAT"), (window, *maps), "cells", inputs=tuple(cells))
        item = work.give(make("SHUFFLE", groups=size * size), (window, *maps), "windows", inputs=(item,))
    item = work.give(make("FLATTEN"), (window * places,), "values", inputs=(item,))
    item = work.give(make("SHUFFLE", groups=window), (window * places,), "places", inputs=(item,))
    item = work.give(make("RESHAPE", dims=(1, 1, window * places)), (window * places, 1, 1), "groups", inputs=(item,))
    count = filters * places
    weights: dict[str, NDArray[np.float32]] = {}
    if (file := work.weights) is not None:
        weights["bias"] = file.take(filters, places).T.reshape(-1)
        weights["weight"] = file.take(count, window, 1, 1)
    layer = make("CONV", filters=count, kernel=1, groups=places)
    item = work.give(layer, (count, 1, 1), inputs=(item,), weights=weights)
    work.gathering.count(item, count * (window + 1), count * window)
    item = work.give(make("FLATTEN"), (count,), "filters", inputs=(item,))
    item = work.give(make("SHUFFLE", groups=places), (count,), "channels", inputs=(item,))
    item = work.give(make("RESHAPE", dims=(*maps, filters)), (filters, *maps), "map", inputs=(item,))
    return work.activated(item, "logistic")


def _cell(work: Work, inputs: str, at: tuple[int, int], maps: tuple[int, ...], stride: int) -> str:
    """What the windows of all places have in one cell."""
    channels = work.gathering.dims[inputs][0]
    reach = tuple([(size - 1) * stride + 1 for size in maps])
    layer = make("CROP", size=once(reach), at=at)
    item = work.give(layer, (channels, *reach), "cell", inputs=(inputs,))
    if stride == 1:
        return item
    return work.give(make("MAXPOOL", kernel=1, stride=stride), (channels, *maps), "step", inputs=(item,))
