"""The transposed convolution: DECONV."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from netdsl.layers import mistakes
from netdsl.layers.arguments import LayerError, Sizes, check_groups, flag, option, positional, show, sizes, tag, whole
from netdsl.layers.base import Algebra, Layer, Product, Weight, Window, per_axis, require_axes
from netdsl.layers.formula import at, group, known, times
from netdsl.layers.shape import Shape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Deconv(Layer):
    """A transposed convolution: (in − 1)s − 2p + d(k − 1) + 1 + output_pad. It enlarges by its stride.

    `DECONV 128 2x2 s2`

    FLOPs: two for each MAC.
    """

    keyword = "DECONV"
    role = "convolution"
    counts_depth = True

    filters: int = positional(whole(), "channels of the output")
    kernel: Sizes = positional(sizes(), "size of the window")
    stride: Sizes = tag("s", sizes(), "enlargement", (1,))
    padding: Sizes = tag("p", sizes(0), "what is cut from each side", (0,))
    dilation: Sizes = tag("d", sizes(), "step between the cells of the window", (1,))
    groups: int = tag("g", whole(), "parts that are convolved apart", 1)
    nobias: bool = flag("no bias")
    output_pad: Sizes = option(sizes(0), "what is added at the far end", (0,))

    def windows(self, *inputs: Shape) -> tuple[Window, ...]:
        (x,) = inputs
        axes = [per_axis(getattr(self, name), x, name) for name in ("kernel", "padding", "dilation")]
        reaches = [(k, d * (k - 1) - p, d) for k, p, d in zip(*axes, strict=True)]
        return tuple(Window(k, before=pad, after=pad, dilation=d) for k, pad, d in reaches)

    def enlargement(self, *inputs: Shape) -> tuple[Fraction, ...]:
        return tuple(Fraction(size) for size in self._strides(inputs[0]))

    def _strides(self, x: Shape) -> Sizes:
        return per_axis(self.stride, x, "stride")

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        require_axes("DECONV", x)
        check_groups(self.groups, x.channels, self.filters)
        kernel = per_axis(self.kernel, x, "kernel")
        padding = per_axis(self.padding, x, "padding")
        extra = per_axis(self.output_pad, x, "output_pad")
        strides = self._strides(x)
        dilation = per_axis(self.dilation, x, "dilation")
        if any(e >= max(s, d) for e, s, d in zip(extra, strides, dilation, strict=True)):
            raise LayerError(mistakes.LargeOutputPad(), argument="output_pad")
        axes = zip(x.spatial, map(_reach, kernel, dilation), strides, padding, extra, strict=True)
        bare = [(group(size - 1) * s - 2 * p + reach, e) for size, reach, s, p, e in axes]
        spatial = tuple([size + e if e else size for size, e in bare])
        if min(spatial) < 1:
            raise LayerError(mistakes.NothingLeft(show(self.padding), x), argument="padding", inputs=True)
        return Shape(spatial, self.filters)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        kernel = per_axis(self.kernel, x, "kernel")
        made = self.filters if self.groups == 1 else self.filters // self.groups
        weight = Weight("weight", (x.channels, made, *kernel))
        return (weight,) if self.nobias else (weight, Weight("bias", (self.filters,)))

    def macs(self, *inputs: Shape) -> int:
        return at(known(self.weights(*inputs)[0].count), times(inputs[0].spatial))

    def algebra(self, *inputs: Shape) -> Algebra:
        return Algebra(linear=Product(self, "filters" if self.groups == 1 else ""))

    def lower(self, *inputs: Shape) -> nn.Module:
        from netdsl.layers.modules import conv

        (x,) = inputs
        kernel, stride = per_axis(self.kernel, x, "kernel"), self._strides(x)
        padding, extra = per_axis(self.padding, x, "padding"), per_axis(self.output_pad, x, "output_pad")
        dilation, bias = per_axis(self.dilation, x, "dilation"), not self.nobias
        return conv.transposed(
            kernel, stride, padding, extra, x.channels, self.filters, self.groups, bias=bias, dilation=dilation
        )


def _reach(kernel: int, dilation: int) -> int:
    """The span that a window covers: d(k − 1) + 1."""
    return kernel if dilation == 1 else dilation * group(kernel - 1) + 1
