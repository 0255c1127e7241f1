"""The poolings of Darknet."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from netdsl.interchange import mistakes
from netdsl.interchange.darknet.work import Work
from netdsl.interchange.gathering import Dims, Fault, make, shape_of
from netdsl.layers.arguments import once


def maxpool(work: Work) -> str:
    """[maxpool], along the map, or with maxpool_depth=1 along channels."""
    section = work.section
    if section.whole("maxpool_depth", 0):
        return _deep_pool(work, section.whole("out_channels", 1, 1))
    work.only("antialiasing")
    section.taken.add("out_channels")
    named, dims = _pool(work)
    return work.give(make("MAXPOOL", **named), dims)


def _pool(work: Work) -> tuple[Mapping[str, object], Dims]:
    """Windows with padding of size - 1 in all, the smaller half of it before the map, and what they give."""
    section, dims = work.section, work.map
    stride = section.whole("stride", 1, 1)
    strides = section.whole("stride_y", stride, 1), section.whole("stride_x", stride, 1)
    size = section.whole("size", stride, 1)
    padding = section.whole("padding", size - 1)
    before = padding // 2
    sizes = [(x + padding - size) // s + 1 for x, s in zip(dims[1:], strides, strict=True)]
    if min(sizes) < 1:
        raise Fault(mistakes.Unlike("size", f"{size} is larger than the map, {shape_of(dims)}"), section.at("size"))
    alike = [(x + 2 * before - size) // s + 1 for x, s in zip(dims[1:], strides, strict=True)]
    named: dict[str, object] = {"kernel": size, "padding": before}
    if strides != (size, size):
        named["stride"] = once(strides)
    if alike != sizes:
        named["after"] = padding - before
    return named, (dims[0], *sizes)


def _deep_pool(work: Work, channels: int) -> str:
    """The largest of every so many channels: channels become rows of a map."""
    section, dims = work.section, work.map
    section.taken |= {"size", "stride", "padding"}
    if dims[0] % channels:
        why = f"{dims[0]} channels are no multiple of {channels}"
        raise Fault(mistakes.Unlike("out_channels", why), section.at("out_channels"))
    rows, columns = dims[0] // channels, channels * prod(dims[1:])
    item = work.give(make("RESHAPE", dims=(rows, columns, 1)), (1, rows, columns), "rows")
    item = work.give(make("MAXPOOL", kernel=(rows, 1)), (1, 1, columns), "largest", inputs=(item,))
    return work.give(make("RESHAPE", dims=(*dims[1:], channels)), (channels, *dims[1:]), inputs=(item,))


def local_avgpool(work: Work) -> str:
    """[local_avgpool], whose means are of what lies in the map."""
    named, dims = _pool(work)
    return work.give(make("AVGPOOL", exclude_pad=True, **named), dims)


def avgpool(work: Work) -> str:
    """[avgpool], over the whole map."""
    return work.give(make("AVGPOOL", **{"global": True}), (work.map[0], 1, 1))
