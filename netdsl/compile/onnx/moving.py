"""What moves values about, in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netdsl.compile.onnx.products import flat, pads
from netdsl.compile.onnx.sheet import Value, Writer
from netdsl.layers.channels import Shuffle, Slice
from netdsl.layers.reshape import Crop, Flatten, Pad, Reshape
from netdsl.layers.resize import PixelShuffle, PixelUnshuffle, Upsample
from netdsl.layers.shape import Shape


def flatten(layer: Flatten, write: Writer, x: Value) -> Value:
    """A Flatten."""
    return flat(write, x)


def reshape(layer: Reshape, write: Writer, x: Value) -> Value:
    """A Reshape of each example."""
    shape = layer.shape(x.shape)
    return write.reshape(x, shape.channels, *shape.spatial)


def pad(layer: Pad, write: Writer, x: Value) -> Value:
    """A Pad of the spatial axes."""
    sizes = pads(layer.windows(x.shape))
    rank = x.shape.rank
    return write(
        "Pad", x, [0, 0, *sizes[:rank], 0, 0, *sizes[rank:]], mode={"zero": "constant"}.get(layer.mode, layer.mode)
    )


def crop(layer: Crop, write: Writer, x: Value, *like: Value) -> Value:
    """A Slice of the axes that lose something."""
    windows = layer.windows(x.shape, *[one.shape for one in like])
    cut = [axis for axis, one in enumerate(windows) if one.before or one.after]
    starts = [-windows[axis].before for axis in cut]
    return _slice(
        write, x, starts, [x.shape.spatial[axis] + windows[axis].after for axis in cut], [axis + 2 for axis in cut]
    )


def channels(layer: Slice, write: Writer, x: Value) -> Value:
    """A Slice of the channels."""
    return _slice(write, x, [layer.from_], [layer.to], [1])


def _slice(write: Writer, x: Value, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int]) -> Value:
    return write("Slice", x, starts, ends, axes)


def upsample(layer: Upsample, write: Writer, x: Value, *like: Value) -> Value:
    """A Resize to the size that it has."""
    shape = layer.shape(x.shape, *[one.shape for one in like])
    modes: dict[str, dict[str, Any]] = {
        "nearest": {"mode": "nearest", "nearest_mode": "floor"},
        "bilinear": {"mode": "linear"},
        "bicubic": {"mode": "cubic", "cubic_coeff_a": -0.75},
    }
    places = "align_corners" if layer.aligned else "asymmetric" if layer.mode == "nearest" else "half_pixel"
    how = {"axes": range(2, shape.rank + 2), "coordinate_transformation_mode": places, **modes[layer.mode]}
    return write("Resize", x, None, None, shape.spatial, **how)


def pixel_shuffle(layer: PixelShuffle, write: Writer, x: Value) -> Value:
    """A DepthToSpace of an image; along other axes what it does."""
    shape, rank, factor = layer.shape(x.shape), x.shape.rank, layer.factor
    if rank == 2:
        return write("DepthToSpace", x, blocksize=factor, mode=layer.order.upper())
    inner = layer.order == "crd"
    split = [shape.channels, *[factor] * rank] if inner else [*[factor] * rank, shape.channels]
    first, kept = (2, 1) if inner else (1, rank + 1)
    places = [place for axis in range(rank) for place in (rank + 2 + axis, first + axis)]
    apart = write.transpose(write.reshape(x, *split, *x.shape.spatial), 0, kept, *places)
    return write.reshape(apart, shape.channels, *shape.spatial)


def pixel_unshuffle(layer: PixelUnshuffle, write: Writer, x: Value) -> Value:
    """A SpaceToDepth of an image where its channels lie so; else what it does."""
    shape, factor, channels = layer.shape(x.shape), layer.factor, x.shape.channels
    if layer.order == "darknet":
        larger = Shape(tuple([size * factor for size in x.shape.spatial]), channels // factor**shape.rank)
        apart = _apart(write, write.reshape(x, larger.channels, *larger.spatial), larger, factor, "dcr")
        return write.reshape(apart, shape.channels, *shape.spatial)
    if layer.order == "crd" or not x.moved:
        return _apart(write, x, x.shape, factor, layer.order)
    split = [part for size in shape.spatial for part in (size, factor)]
    parts = [2 + 2 * axis for axis in range(shape.rank)]
    order = [0, *[one - 1 for one in parts], *(reversed(parts) if layer.order == "swin" else parts), len(split) + 1]
    apart = write.transpose(write.reshape(write.last(x), *split, channels), *order)
    return write.first(write.reshape(apart, *shape.spatial, shape.channels), shape.rank)


def _apart(write: Writer, x: Value, shape: Shape, factor: int, order: str) -> Value:
    """A map's values in parts of as many channels, in an order of PIXELUNSHUFFLE."""
    rank = shape.rank
    if rank == 2 and order == "dcr":
        return write("SpaceToDepth", x, blocksize=factor)
    smaller = [size // factor for size in shape.spatial]
    split = [part for size in smaller for part in (size, factor)]
    parts = [3 + 2 * axis for axis in range(rank)]
    channels = {"crd": [1, *parts], "dcr": [*parts, 1], "swin": [*reversed(parts), 1]}[order]
    turned = write.transpose(write.reshape(x, shape.channels, *split), 0, *channels, *[one - 1 for one in parts])
    return write.reshape(turned, shape.channels * factor**rank, *smaller)


def shuffle(layer: Shuffle, write: Writer, x: Value) -> Value:
    """The channels of groups as a table, transposed."""
    groups, channels = layer.groups, x.shape.channels
    table = write.transpose(write.reshape(x, groups, channels // groups, -1), 0, 2, 1, 3)
    return write.reshape(table, channels, *x.shape.spatial)
