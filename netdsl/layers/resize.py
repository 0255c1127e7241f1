"""What makes maps larger, or smaller without losing values: UPSAMPLE, PIXELSHUFFLE."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING

from netdsl.layers import mistakes
from netdsl.layers.arguments import LayerError, Sizes, choice, node, option, positional, sizes, whole
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

    With `nearest` values are repeated; `bilinear` is linear along each axis, however many, and aligns no corners.

    `UPSAMPLE 2 mode=bilinear` or `UPSAMPLE like=e2`

    FLOPs: none for `nearest`; with 2^n neighbours along n axes 2 · 2^n - 1 for each output (bilinear: 7).
    """

    keyword = "UPSAMPLE"

    factor: Sizes | None = positional(sizes(), "by how much it enlarges: one factor, or one for each axis", None)
    to: Sizes | None = option(sizes(), "the size of the output")
    like: str | None = option(node(), "the node whose spatial size it takes")
    mode: str = option(choice("nearest", "bilinear"), "how values between are found", "nearest")

    def __post_init__(self) -> None:
        given = {"factor": self.factor, "to": self.to, "like": self.like}
        one_of("UPSAMPLE 2, UPSAMPLE to=56x56 or UPSAMPLE like=NAME", given)

    def shape(self, *inputs: Shape) -> Shape:
        x = inputs[0]
        require_axes("UPSAMPLE", x)
        if self.factor is not None:
            factors = per_axis(self.factor, x, "factor")
            return Shape(tuple([n * size for n, size in zip(factors, x.spatial, strict=True)]), x.channels)
        spatial = size_of("UPSAMPLE", *inputs) if self.to is None else per_axis(self.to, x, "to")
        return Shape(spatial, x.channels)

    def enlargement(self, *inputs: Shape) -> tuple[Fraction, ...]:
        x = inputs[0]
        return tuple([Fraction(*axis) for axis in zip(self.shape(*inputs).spatial, x.spatial, strict=True)])

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        """As a DECONV's: `nearest` by n is one with kernel n and stride n, `bilinear` one of 2n with padding n/2.

        Where a factor is not whole, the largest that is read is rounded to whole positions.
        """
        return tuple([_nearest(n) if self.mode == "nearest" else _linear(n) for n in self.enlargement(*inputs)])

    def reads(self, axis: int, position: int, *inputs: Shape) -> Iterable[int]:
        size, scale = inputs[0].spatial[axis], self.enlargement(*inputs)[axis]
        if self.mode == "nearest":
            return (floor(position / scale),)
        at = max((position + Fraction(1, 2)) / scale - Fraction(1, 2), 0)
        return {min(floor(at), size - 1), min(ceil(at), size - 1)}

    def flops(self, *inputs: Shape) -> int:
        shape = self.shape(*inputs)
        return 0 if self.mode == "nearest" else (2 ** (shape.rank + 1) - 1) * known(shape.elements)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import resize

        x = inputs[0]
        mode = "nearest" if self.mode == "nearest" else ("linear", "bilinear", "trilinear")[x.rank - 1]
        if self.factor is not None:
            return resize.enlarge(per_axis(self.factor, x, "factor"), mode)
        if self.to is not None:
            return resize.resize(per_axis(self.to, x, "to"), mode)
        return resize.ResizeLike(mode)


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
            raise LayerError(mistakes.UnevenChannels(self.factor, cells, x), argument="factor", inputs=True)
        return Shape(tuple([self.factor * size for size in x.spatial]), x.channels // cells)

    def enlargement(self, *inputs: Shape) -> tuple[Fraction, ...]:
        return (Fraction(self.factor),) * inputs[0].rank

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        return (_nearest(Fraction(self.factor)),) * inputs[0].rank

    def reads(self, axis: int, position: int, *inputs: Shape) -> Iterable[int]:
        return (position // self.factor,)

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import resize

        return resize.PixelShuffle(self.factor, inputs[0].rank, inner=self.order == "crd")


def _nearest(scale: Fraction) -> Window:
    """Output o reads input floor(o/scale)."""
    size = ceil(scale)
    return Window(size, before=size - 1)


def _linear(scale: Fraction) -> Window:
    """Output o reads the inputs i with |i - ((o + 1/2)/scale - 1/2)| < 1: two, or one that it meets exactly."""
    half = Fraction(1, 2)
    before = ceil(3 * scale / 2 - half) - 1
    after = ceil(scale / 2 + half) - 1
    size = before + after + 1
    return Window(size if scale >= 1 else 2, before=before, after=after)
