"""What makes maps larger, or smaller without losing values: UPSAMPLE, PIXELSHUFFLE, PIXELUNSHUFFLE."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Literal

from netdsl.layers import mistakes
from netdsl.layers.arguments import LayerError, Sizes, choice, flag, node, option, positional, show, sizes, whole
from netdsl.layers.base import Window, per_axis, require_axes
from netdsl.layers.formula import known, times
from netdsl.layers.reshape import Moving, one_of, size_of
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn


@dataclass(frozen=True)
class Upsample(Moving):
    """Enlarges the map: by whole factors, to a size, or to the spatial size of another node.

    With `nearest` values are repeated; `bilinear` is linear along each axis, however many. `bicubic` is for two axes:
    cubic convolution of 4x4 neighbours with a = -0.75 (Keys 1981), without antialiasing. The outer edges of the map lie
    on each other; with `aligned` the centres of its outermost values do.

    `UPSAMPLE 2 mode=bilinear` or `UPSAMPLE like=e2`

    FLOPs: none for `nearest`; with k neighbours 2k - 1 for each output: `bilinear` along n axes has 2^n, `bicubic` 16.
    """

    keyword = "UPSAMPLE"

    factor: Sizes | None = positional(sizes(), "by how much it enlarges: one factor, or one for each axis", None)
    to: Sizes | None = option(sizes(), "the size of the output")
    like: str | None = option(node(), "the node whose spatial size it takes")
    mode: str = option(choice("nearest", "bilinear", "bicubic"), "how values between are found", "nearest")
    aligned: bool = flag("put the centres of the outermost values on each other: align_corners")

    def __post_init__(self) -> None:
        given = {"factor": self.factor, "to": self.to, "like": self.like}
        one_of("UPSAMPLE 2, UPSAMPLE to=56x56 or UPSAMPLE like=NAME", given)
        if self.aligned and self.mode == "nearest":
            raise LayerError(mistakes.AlignedNearest(), argument="aligned")

    def shape(self, *inputs: Shape) -> Shape:
        x = inputs[0]
        require_axes("UPSAMPLE", x)
        if self.mode == "bicubic" and x.rank != 2:
            raise LayerError(mistakes.NotTwoAxes(x), argument="mode", inputs=True)
        if self.factor is not None:
            factors = per_axis(self.factor, x, "factor")
            return Shape(tuple([n * size for n, size in zip(factors, x.spatial, strict=True)]), x.channels)
        spatial = size_of("UPSAMPLE", *inputs) if self.to is None else per_axis(self.to, x, "to")
        return Shape(spatial, x.channels)

    def _steps(self, x: Shape, out: Shape) -> list[Fraction]:
        """By how many positions of the input those of the output are apart, along each axis."""
        axes = zip(x.spatial, out.spatial, strict=True)
        if not self.aligned:
            return [Fraction(size, wide) for size, wide in axes]
        return [Fraction(size - 1, wide - 1) if size > 1 and wide > 1 else Fraction(size, wide) for size, wide in axes]

    def enlargement(self, *inputs: Shape) -> tuple[Fraction, ...]:
        return tuple([Fraction(one.denominator) for one in self._steps(inputs[0], self.shape(*inputs))])

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        """As a DECONV's, with a stride where it enlarges by no whole factor: by 5/2 is by 5 with a stride of 2."""
        x, out = inputs[0], self.shape(*inputs)
        found: list[Window] = []
        for size, wide, step in zip(x.spatial, out.spatial, self._steps(x, out), strict=True):
            stride, factor = step.numerator, step.denominator
            if self.aligned and min(size, wide) == 1:
                found.append(Window(factor, stride, before=factor - 1))
            else:
                found.append(self._window(stride, factor))
        return tuple(found)

    def _window(self, stride: int, factor: int) -> Window:
        """What is read of a map enlarged by a factor: what is nearer than one value, or with `bicubic` two."""
        if self.mode == "nearest" or stride == factor:
            return Window(factor, stride, before=factor - 1)
        reach = factor * (2 if self.mode == "bicubic" else 1)
        shift = Fraction(0 if self.aligned else stride - factor, 2)
        before, after = ceil(reach - shift) - 1, ceil(reach + shift) - 1
        return Window(before + after + 1, stride, before=before)

    def reads(self, axis: int, position: int, *inputs: Shape) -> Iterable[int]:
        x, out = inputs[0], self.shape(*inputs)
        size, step = x.spatial[axis], self._steps(x, out)[axis]
        if self.mode == "nearest":
            return (floor(position * step),)
        if self.aligned:
            at = position * step if min(size, out.spatial[axis]) > 1 else Fraction(0)
        else:
            at = (position + Fraction(1, 2)) * step - Fraction(1, 2)
        if self.mode == "bilinear":
            return {min(floor(max(at, 0)), size - 1), min(ceil(max(at, 0)), size - 1)}
        around = range(floor(at) - 1, floor(at) + 3) if at.denominator > 1 else (floor(at),)
        return {min(max(one, 0), size - 1) for one in around}

    def flops(self, *inputs: Shape) -> int:
        shape = self.shape(*inputs)
        neighbours = {"nearest": 0, "bilinear": 2**shape.rank, "bicubic": 4**shape.rank}[self.mode]
        return (2 * neighbours - 1) * known(shape.elements) if neighbours else 0

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import resize

        x = inputs[0]
        mode = ("linear", "bilinear", "trilinear")[x.rank - 1] if self.mode == "bilinear" else self.mode
        if self.factor is not None:
            return resize.enlarge(per_axis(self.factor, x, "factor"), mode, self.aligned)
        if self.to is not None:
            return resize.resize(per_axis(self.to, x, "to"), mode, self.aligned)
        return resize.ResizeLike(mode, self.aligned)


@dataclass(frozen=True)
class PixelShuffle(Moving):
    """Turns channels into space: n values of each axis come from n times as many channels (Shi 2016, section 3.2).

    Of C channels C/n^r are left over r axes. With `order=crd`, PyTorch's, those of one output channel lie side by side;
    with `dcr`, TensorFlow's depth_to_space, those of one place in it.

    `PIXELSHUFFLE 2 order=dcr`

    FLOPs: none.
    """

    keyword = "PIXELSHUFFLE"

    factor: int = positional(whole(), "by how much it enlarges each axis")
    order: str = option(choice("crd", "dcr"), "how the channels lie that make one", "crd")

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require_axes("PIXELSHUFFLE", x)
        cells = times([self.factor] * x.rank)
        if x.channels % cells:
            raise LayerError(mistakes.UnevenChannels(self.written, cells, x), argument="factor", inputs=True)
        return Shape(tuple([self.factor * size for size in x.spatial]), x.channels // cells)

    def enlargement(self, *inputs: Shape) -> tuple[Fraction, ...]:
        return (Fraction(self.factor),) * inputs[0].rank

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        return (Window(self.factor, before=self.factor - 1),) * inputs[0].rank

    def reads(self, axis: int, position: int, *inputs: Shape) -> Iterable[int]:
        return (position // self.factor,)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import resize

        return resize.PixelShuffle(self.factor, inputs[0].rank, inner=self.order == "crd")


@dataclass(frozen=True)
class PixelUnshuffle(Moving):
    """Turns space into channels: n values of each axis become n times as many channels, at one n-th of the size.

    With `order=crd`, PyTorch's, those of one input channel lie side by side; with `dcr`, TensorFlow's space_to_depth,
    those of one place in it. `swin` is `dcr` with the last axis first: down, then right, as Swin merges patches (Liu
    2021, section 3.1). `darknet` is that of YOLOv2's reorg layer, which takes the values, as they lie in memory, for a
    map of n times the size and C/n^r channels: an output is of values from all over the map.

    `PIXELUNSHUFFLE 2 order=swin`

    FLOPs: none.
    """

    keyword = "PIXELUNSHUFFLE"

    factor: int = positional(whole(), "by how much it makes each axis smaller")
    order: str = option(choice("crd", "dcr", "swin", "darknet"), "how the channels lie that one makes", "crd")

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require_axes("PIXELUNSHUFFLE", x)
        cells = times([self.factor] * x.rank)
        more = tuple([-size % self.factor for size in x.spatial])
        if any(more):
            larger = tuple([size + some for size, some in zip(x.spatial, more, strict=True)])
            sizes = map(show, ((self.factor,) * x.rank, x.spatial, more, larger))
            raise LayerError(mistakes.UnevenMap(self.written, *sizes), argument="factor", inputs=True)
        if self.order == "darknet" and x.channels % cells:
            raise LayerError(mistakes.UnevenChannels(self.written, cells, x), argument="order", inputs=True)
        return Shape(tuple([size // self.factor for size in x.spatial]), x.channels * cells)

    def windows(self, *inputs: Shape) -> tuple[Window, ...] | Literal["all"]:
        return "all" if self.order == "darknet" else (Window(self.factor, self.factor),) * inputs[0].rank

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import resize

        axes = inputs[0].rank
        if self.order == "darknet":
            return resize.Reorganise(self.factor, axes)
        return resize.PixelUnshuffle(self.factor, axes, self.order)
